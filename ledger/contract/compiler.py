"""Compiling the ledger contract, byte for byte the same on every machine."""

from __future__ import annotations

import json
from pathlib import Path

import vyper

SOURCE = Path(__file__).with_name("huilian_ledger.vy")
OUTPUT = Path(__file__).with_name("huilian_ledger.json")


def compile_contract() -> str:
    """Return the committed form of the compiled contract: JSON with compiler, ABI and creation bytecode."""
    # The compiler is pinned by the source's pragma; naming the file without its folder keeps paths out of the output.
    compiled = vyper.compile_code(SOURCE.read_text(), contract_path=SOURCE.name, output_formats=["abi", "bytecode"])
    artefact = {
        "contract": SOURCE.stem,
        "compiler": f"vyper {vyper.__version__}",
        "evm_version": "paris",
        "abi": compiled["abi"],
        "bytecode": compiled["bytecode"],
    }
    return json.dumps(artefact, indent=1, sort_keys=True) + "\n"
