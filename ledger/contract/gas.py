"""`python -m ledger.contract.gas [--check]`: what each call of the contract costs, as docs/gas.md tells it.

Measured on the embedded chain, whose gas is that of other nodes (tests compare). Hashes are the same in every run.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import coincurve
from huilian_protocol.clock import FixedClock

from ledger.anchor.transaction import Transaction, address_of, contract_address
from ledger.contract import calls
from ledger.contract.calls import Claim
from ledger.embedded_chain.chain import EmbeddedChain
from ledger.embedded_chain.journal import Genesis, Journal

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "gas.md"
BATCHES = (1, 10, 100, 1_000, 10_000)
PRINTS, CLAIMS_PER_CALL = 2, 128
# A beat under cover (hub.ledger.cover.rules): claims in its batch, claims that older batches give up, and their size.
BEAT_CLAIMS, BEAT_RELEASES, BEAT_PRINTS = 16, 10, 8
_CHAIN_ID, _NOW = 1, 1_800_000_000
_ADMIN, _HUB, _NEXT = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))
_CONTRACT = contract_address(address_of(_ADMIN), 0)


class _Meter:
    """A fresh chain with the contract and one hub; every call succeeds or it stops."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / "gas.sqlite")
        genesis = Genesis(_CHAIN_ID, _NOW, {address_of(key): 10**24 for key in (_ADMIN, _HUB, _NEXT)})
        self._chain = EmbeddedChain(self._journal, genesis, FixedClock(datetime.fromtimestamp(_NOW, UTC)))
        self.deployment = self.gas(_ADMIN, calls.creation_code(), to=b"")
        self.enrol = self.gas(_ADMIN, calls.enrol(address_of(_HUB)))

    def gas(self, key: coincurve.PrivateKey, data: bytes, to: bytes = bytes.fromhex(_CONTRACT[2:])) -> int:
        nonce = self._chain.machine.nonce(address_of(key))
        self._chain.submit(Transaction(_CHAIN_ID, nonce, 0, 30_000_000, to, 0, data).sign(key))
        outcome = self._chain.head.outcome
        if outcome is None or outcome.failure:
            raise RuntimeError(f"a call was refused: {outcome}")
        return outcome.gas_used

    def claims(self, first: int, count: int) -> tuple[int, int, int]:
        """Gas of reserving, financing and releasing so many claims in one call each."""
        batch = [_claim(number) for number in range(first, first + count)]
        reserve = self.gas(_HUB, calls.reserve_batch(batch, _NOW + 600))
        return reserve, self.gas(_HUB, calls.finance_batch(batch)), self.gas(_HUB, calls.release_batch(batch))

    def beat(self, key: coincurve.PrivateKey) -> tuple[int, int, int]:
        """Gas of what a hub under cover sends at every beat: reserving, financing, releasing."""
        batch = [_claim(number, BEAT_PRINTS) for number in range(BEAT_CLAIMS)]
        reserve = self.gas(key, calls.reserve_batch(batch, _NOW + 600))
        finance = self.gas(key, calls.finance_batch(batch))
        return reserve, finance, self.gas(key, calls.release_batch(batch[:BEAT_RELEASES]))

    def close(self) -> None:
        self._journal.close()


def _claim(number: int, size: int = PRINTS) -> Claim:
    prints = [hashlib.sha256(f"{number}/{which}".encode()).digest() for which in range(size)]
    return prints, hashlib.sha256(f"owner {number}".encode()).digest()[: calls.COMMITMENT_BYTES]


def gas_table() -> str:
    """Return docs/gas.md."""
    with tempfile.TemporaryDirectory() as folder:
        meter = _Meter(Path(folder))
        try:
            tables = [*_per_call(meter), "", *_per_confirmation(meter), "", *_per_beat(meter)]
            return "\n".join([*_INTRODUCTION, *tables, ""])
        finally:
            meter.close()


_INTRODUCTION = (
    "# Gas",
    "",
    "Written by `python -m ledger.contract.gas`; a test compares. A claim here has two fingerprints, as an invoice",
    "does. A confirmation needs its place in an anchored log; one that is financed needs `reserve` and `finance` too.",
    "",
)


def _per_call(meter: _Meter) -> list[str]:
    root = hashlib.sha256(b"root").digest()
    first, later = meter.gas(_HUB, calls.anchor(root, 1)), meter.gas(_HUB, calls.anchor(root, 2))
    one, many = meter.claims(10**6, 1), meter.claims(2 * 10**6, CLAIMS_PER_CALL)
    rows = [("deployment", meter.deployment), ("enrol", meter.enrol), ("anchor, first", first), ("anchor", later)]
    for name, single, batch in zip(("reserve", "finance", "release"), one, many, strict=True):
        rows += [(f"{name}, 1 claim", single), (f"{name}, {CLAIMS_PER_CALL} claims", batch)]
    rows += [
        ("announce_key", meter.gas(_HUB, calls.announce_key(address_of(_NEXT)))),
        ("accept_key", meter.gas(_NEXT, calls.accept_key(1))),
        ("vote (carries, one hub)", meter.gas(_NEXT, calls.vote(0))),
        ("vote (ends the pause)", meter.gas(_NEXT, calls.vote(1))),
    ]
    return ["| call | gas |", "| --- | ---: |", *(f"| {name} | {gas:,} |" for name, gas in rows)]


@dataclass(frozen=True, slots=True)
class PerConfirmation:
    """Gas of one confirmation among so many under one anchor: of its place, and with the locks of its invoice."""

    batch: int
    anchored: float
    locked: float


def gas_per_confirmation() -> list[PerConfirmation]:
    """Measure it on a fresh chain, for every size of `BATCHES`."""
    with tempfile.TemporaryDirectory() as folder:
        meter = _Meter(Path(folder))
        try:
            for size in (1, 2):
                meter.gas(_HUB, calls.anchor(bytes([size]) * 32, size))
            return _measured(meter, _HUB)
        finally:
            meter.close()


def _measured(meter: _Meter, key: coincurve.PrivateKey) -> list[PerConfirmation]:
    anchor = meter.gas(key, calls.anchor(hashlib.sha256(b"more").digest(), 3))
    full, found = _locked(meter, key, CLAIMS_PER_CALL, 3 * 10**6), []
    for number, batch in enumerate(BATCHES, 4):
        calls_full, rest = divmod(batch, CLAIMS_PER_CALL)
        locked = calls_full * full + (_locked(meter, key, rest, number * 10**6) if rest else 0)
        found.append(PerConfirmation(batch, anchor / batch, (anchor + locked) / batch))
    return found


def _per_confirmation(meter: _Meter) -> list[str]:
    lines = ["| confirmations per anchor | anchored | anchored and locked |", "| ---: | ---: | ---: |"]
    # The key changed above; the hub goes on with the next one in the table's second half.
    for one in _measured(meter, _NEXT):
        lines.append(f"| {one.batch:,} | {one.anchored:,.0f} | {one.locked:,.0f} |")
    return lines


def _per_beat(meter: _Meter) -> list[str]:
    reserve, finance, release = meter.beat(_NEXT)
    return [
        f"A hub under cover sends at each beat, with {BEAT_PRINTS} fingerprints for each claim, real or not:",
        "",
        "| at each beat | gas |",
        "| --- | ---: |",
        f"| reserve, {BEAT_CLAIMS} claims | {reserve:,} |",
        f"| finance, {BEAT_CLAIMS} claims | {finance:,} |",
        f"| release, {BEAT_RELEASES} claims of older batches | {release:,} |",
        f"| together | {reserve + finance + release:,} |",
    ]


def _locked(meter: _Meter, key: coincurve.PrivateKey, count: int, first: int) -> int:
    batch = [_claim(number) for number in range(first, first + count)]
    return meter.gas(key, calls.reserve_batch(batch, _NOW + 600)) + meter.gas(key, calls.finance_batch(batch))


def main(arguments: Sequence[str]) -> int:
    """Write the table; with --check only compare it. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ledger.contract.gas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when the table is stale")
    table = gas_table()
    if parser.parse_args(arguments).check:
        return 0 if OUTPUT.read_text() == table else 1
    OUTPUT.write_text(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
