"""Comparing the chain's anchors of this hub with the log and with what the database remembers of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ledger.anchor.contract import AnchoredEvent
from ledger.anchor.transaction import InvalidTransaction, decode
from ledger.contract import calls
from ledger.fsck.findings import Report
from ledger.fsck.source import StoredAnchor

_Fault = Callable[[str, object, object], None]


def check_anchors(
    events: Sequence[AnchoredEvent],
    anchors: Sequence[StoredAnchor],
    known: frozenset[str],
    size: int,
    roots: Mapping[int, bytes],
    report: Report,
) -> None:
    """Compare every event with the root at its size (`roots`), and every stored anchor with its event."""
    report.anchors = len(events)
    for event in events:
        _check_event(event, known, size, roots, report)
    mined = {event.size: event for event in events}
    for anchor in anchors:
        _check_anchor(anchor, mined.get(anchor.size), report)


def _check_event(
    event: AnchoredEvent, known: frozenset[str], size: int, roots: Mapping[int, bytes], report: Report
) -> None:
    row = event.transaction_hash
    if event.size > size:
        report.add(
            "chain", row, event.size, "anchored more than the log has: rolled back?", f"at most {size}", event.size
        )
    elif event.size in roots and roots[event.size] != event.root:
        report.add("chain", row, event.size, "anchored root: a split view", roots[event.size], event.root)
    if row not in known:
        what = "anchored by a transaction that the database does not know"
        report.add("chain", row, event.size, what, "a row in ledger_transaction", "no row")


def _check_anchor(anchor: StoredAnchor, event: AnchoredEvent | None, report: Report) -> None:
    def fault(what: str, expected: object, found: object) -> None:
        report.add("ledger_anchor", anchor.size, anchor.size, what, expected, found)

    if not anchor.state:
        fault("its transaction", anchor.purpose, "no row in ledger_transaction")
    elif anchor.state != "SUCCEEDED":
        fault("state of its transaction", "SUCCEEDED", anchor.state)
    if event is None:
        fault("the chain does not have it: a chain that forgot?", f"an Anchored event of size {anchor.size}", "none")
    elif anchor.state:
        _check_place(anchor, event, fault)


def _check_place(anchor: StoredAnchor, event: AnchoredEvent, fault: _Fault) -> None:
    pairs = {
        "transaction hash": (event.transaction_hash, anchor.transaction_hash),
        "block number": (event.block_number, anchor.block_number),
        "block hash": (event.block_hash, anchor.block_hash),
        "call in the raw transaction": (calls.anchor(event.root, event.size), _call_of(anchor.raw)),
    }
    for what, (expected, found) in pairs.items():
        if expected != found:
            fault(what, expected, found)


def _call_of(raw: bytes) -> bytes | str:
    try:
        return decode(raw).transaction.data
    except InvalidTransaction as error:
        return str(error)
