"""`python -m ledger.contract [--check]`: recompile the contract, or check that the committed output is current."""

from __future__ import annotations

import argparse
import sys

from ledger.contract.compiler import OUTPUT, compile_contract


def main() -> int:
    """Write the compiled contract; with --check only compare it. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ledger.contract", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when the committed output is stale")
    arguments = parser.parse_args()
    compiled = compile_contract()
    if arguments.check:
        current = OUTPUT.read_text() == compiled
        print(f"{OUTPUT.name}: {'current' if current else 'stale; run python -m ledger.contract'}")
        return 0 if current else 1
    OUTPUT.write_text(compiled)
    print(f"wrote {OUTPUT.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
