"""The same transactions on three EVMs: the embedded chain, py-evm, and a real node process (anvil)."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from eth.abc import MiningChainAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.shanghai import ShanghaiVM
from huilian_protocol.clock import FixedClock

from ledger.anchor.transaction import decode
from ledger.embedded_chain.chain import EmbeddedChain
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.methods import Methods
from tests.integration.ledger_chain import CHAIN_ID, FUNDED

NOW = 1_800_000_000
BLOCK_GAS = 30_000_000
BALANCE = 10**24
ANVIL = Path(__file__).parent / "anvil"
MISSING = (
    "no node to test against: run `npm ci --prefix tests/integration/anvil` (npm comes with Node.js 20)"
    " or put `anvil` of Foundry on the PATH"
)


@dataclass(frozen=True)
class Outcome:
    """What a transaction did: status 1 or 0, gas used, and its events as (address, topics, data)."""

    status: int
    gas: int
    logs: tuple[tuple[str, tuple[str, ...], str], ...]
    created: str | None


class Node(Protocol):
    """One EVM that mines each transaction in a block of its own."""

    def send(self, raw: bytes, timestamp: int) -> Outcome:
        """Mine a transaction at a time."""


class Embedded:
    """The embedded chain, in this process."""

    def __init__(self, folder: Path) -> None:
        self._clock = FixedClock(datetime.fromtimestamp(NOW, UTC))
        self._journal = Journal(folder / "chain.sqlite")
        genesis = Genesis(CHAIN_ID, NOW, dict.fromkeys(FUNDED, BALANCE))
        self._methods = Methods(EmbeddedChain(self._journal, genesis, self._clock))

    def send(self, raw: bytes, timestamp: int) -> Outcome:
        """See `Node`."""
        self._clock.advance(datetime.fromtimestamp(timestamp, UTC) - self._clock.now())
        sent = self._methods.answer("eth_sendRawTransaction", ["0x" + raw.hex()])
        return from_json(self._methods.answer("eth_getTransactionReceipt", [sent]))

    def balance(self, address: str) -> int:
        """Return a balance in wei."""
        return int(self._methods.answer("eth_getBalance", [address]), 16)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


class PyEvm:
    """py-evm, in this process."""

    def __init__(self) -> None:
        chain = MiningChain.configure(vm_configuration=((0, ShanghaiVM),), chain_id=CHAIN_ID)
        account: dict[str, Any] = {"balance": BALANCE, "nonce": 0, "code": b"", "storage": {}}
        funded: Any = {bytes.fromhex(address[2:]): account for address in FUNDED}
        parameters: Any = {"gas_limit": BLOCK_GAS, "timestamp": NOW, "difficulty": 0}
        self._chain: MiningChainAPI = chain.from_genesis(AtomicDB(), parameters, funded)

    def send(self, raw: bytes, timestamp: int) -> Outcome:
        """See `Node`."""
        transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
        # The transaction must see the time, so the pending header gets it before, not only the mined block.
        parent = self._chain.get_canonical_head()
        self._chain.header = self._chain.create_header_from_parent(parent, timestamp=timestamp)
        _, receipt, computation = self._chain.apply_transaction(transaction)
        self._chain.mine_block(timestamp=timestamp)
        logs = tuple(
            ("0x" + log.address.hex(), tuple(f"0x{topic:064x}" for topic in log.topics), "0x" + log.data.hex())
            for log in receipt.logs
        )
        status = int.from_bytes(receipt.state_root)
        created = "0x" + computation.msg.storage_address.hex() if status and not decode(raw).transaction.to else None
        return Outcome(status, receipt.gas_used, logs, created)


class Anvil:
    """A node process that can be killed, and started again on a state that it told before."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *options: str, port: int = 0) -> None:
        """Start and wait until it listens."""
        common = ["--chain-id", str(CHAIN_ID), "--hardfork", "shanghai", "--gas-limit", str(BLOCK_GAS)]
        common += ["--base-fee", "0", "--accounts", "1", "--port", str(port)]
        self._process = subprocess.Popen(
            [*anvil_command(), *common, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"NO_COLOR": "1"},
        )
        self.url = _listening(self._process)
        # It tells of every call, and would stop once nobody reads that.
        threading.Thread(target=deque, args=(self._process.stdout, 0), daemon=True).start()

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def save(self, state: Path) -> None:
        """Write what the node holds, its history included, but not what waits to be mined."""
        state.write_bytes(gzip.decompress(bytes.fromhex(self.call("anvil_dumpState", True)[2:])))

    def restart(self, state: Path, *options: str, away_s: float = 0.0) -> None:
        """kill -9, and start again on what was saved: blocks since then, and all that waited to be mined, are gone."""
        port = int(self.url.rpartition(":")[2])
        self.kill()
        time.sleep(away_s)
        self.start("--load-state", str(state), *options, port=port)

    def send(self, raw: bytes, timestamp: int) -> Outcome:
        """See `Node`."""
        self.call("evm_setNextBlockTimestamp", timestamp)
        sent = self.call("eth_sendRawTransaction", "0x" + raw.hex())
        for _ in range(1_000):
            if receipt := self.call("eth_getTransactionReceipt", sent):
                return from_json(receipt)
            time.sleep(0.002)
        raise TimeoutError("the node did not mine a transaction")

    def balance(self, address: str) -> int:
        """Return a balance in wei."""
        return int(self.call("eth_getBalance", address, "latest"), 16)

    def call(self, method: str, *params: object) -> Any:
        """Return a JSON-RPC result; ValueError with the node's text otherwise."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.loads(response.read())
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']['message']}")
        return answer["result"]


def anvil_command() -> list[str]:
    """Return how to start the node; the test fails with what to install when there is none."""
    # The package's own program for this machine; its wrapper would need Node.js on the PATH, too.
    installed = sorted(ANVIL.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    found = str(installed[0]) if installed else shutil.which("anvil")
    if found is None:
        pytest.fail(MISSING)
    return [found]


@contextmanager
def anvil(timestamp: int = NOW) -> Iterator[Anvil]:
    """Start a node on a free port, one block for each transaction, and stop it."""
    node = Anvil()
    try:
        node.start("--timestamp", str(timestamp))
        for address in FUNDED:
            node.call("anvil_setBalance", address, hex(BALANCE))
        yield node
    finally:
        node.kill()


def _listening(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    told = []
    for line in process.stdout:
        told.append(line)
        if match := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
            return f"http://{match[1]}"
    pytest.fail(f"the node did not start: {''.join(told)}\n{MISSING}")


def from_json(receipt: dict[str, Any]) -> Outcome:
    """Read a receipt in JSON-RPC form."""
    logs = tuple((log["address"].lower(), tuple(log["topics"]), log["data"]) for log in receipt["logs"])
    created = receipt.get("contractAddress")
    status = int(receipt["status"], 16)
    # Some nodes name the address of a creation that failed, too.
    return Outcome(status, int(receipt["gasUsed"], 16), logs, created.lower() if created and status else None)
