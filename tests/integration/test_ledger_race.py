"""Two hub processes race for the same invoices on one chain, and everything is killed with -9 along the way."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import address_of
from ledger.contract import calls
from ledger.registry.fingerprints import fingerprints
from tests.integration.ledger_chain import ADMIN, HUB, OTHER_HUB, ROOT, ChainProcess
from tests.integration.ledger_hub_process import CONSORTIUM_KEY, invoice

INVOICES = 12
KEYS = {2: address_of(HUB), 3: address_of(OTHER_HUB)}
NUMBERS = {2: 1, 3: 2}


class _Hub:
    """One hub process that can be killed and started again on its database."""

    def __init__(self, folder: Path, url: str, contract: str, key_number: int) -> None:
        self.key_number = key_number
        path = str(folder / f"hub{key_number}.sqlite")
        self._arguments = [path, url, contract, str(key_number), str(INVOICES)]
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.integration.ledger_hub_process", *self._arguments]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def decisions(self) -> dict[str, str]:
        out, err = self.process.communicate(timeout=90)
        assert self.process.returncode == 0, err
        decided: dict[str, str] = json.loads(out.splitlines()[-1])
        return decided


@pytest.mark.parametrize("seed", [1])
def test_every_invoice_has_one_winner_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chain = ChainProcess(tmp_path / "chain.sqlite")
    chain.start()
    contract = asyncio.run(deploy_contract(chain.url, ADMIN, KEYS.values()))
    hubs = [_Hub(tmp_path, chain.url, contract, number) for number in KEYS]
    try:
        for _ in range(5):
            time.sleep(chance.uniform(0.6, 1.4))
            victim = chance.choice([*hubs, None])
            if victim is None:
                port = chain.port
                chain.kill()
                chain.start(port)
            elif victim.process.poll() is None:
                victim.kill()
                victim.start()
        decided = {hub.key_number: hub.decisions() for hub in hubs}
        _check_one_winner(chain, contract, decided)
    finally:
        for hub in hubs:
            hub.process.kill()
        chain.kill()


def _check_one_winner(chain: ChainProcess, contract: str, decided: dict[int, dict[str, str]]) -> None:
    for number in range(INVOICES):
        states = {key_number: states[f"claim-{number}"] for key_number, states in decided.items()}
        assert sorted(states.values()) == ["FINANCED", "REFUSED"]
        winner = next(key_number for key_number, state in states.items() if state == "FINANCED")
        prints = fingerprints(invoice(number), CONSORTIUM_KEY)
        answer = chain.call("eth_call", {"to": contract, "data": "0x" + calls.locks(prints).hex()}, "latest")
        locks = calls.decode_locks(bytes.fromhex(answer[2:]))
        assert {lock.owner for lock in locks} == {NUMBERS[winner]}
        assert {lock.state for lock in locks} == {calls.LockState.FINANCED}
