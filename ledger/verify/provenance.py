"""The checks of a certificate's provenance: every receipt stands, and together they are one chain."""

from __future__ import annotations

from huilian_protocol.provenance import Provenance, check_chain, parse_provenance
from huilian_protocol.receipt import parse_receipt
from huilian_protocol.trust import TrustAnchors

from ledger.verify.receipt import check_receipt
from ledger.verify.verdict import Check, require, run_check


def check_provenance(data: bytes, trust: TrustAnchors) -> tuple[Check, ...]:
    """Return all checks of such a file; when its form is wrong, that one only."""
    parsed: list[Provenance] = []

    def form() -> str:
        parsed.append(parse_provenance(data))
        return f"canonical bytes with {len(parsed[0].steps)} receipts"

    first = run_check("form", form)
    if not first.ok:
        return (first,)
    steps = parsed[0].steps
    receipts = (
        Check(f"step {number}: {check.name}", check.ok, check.reason)
        for number, step in enumerate(steps, start=1)
        for check in check_receipt(step, trust)
    )
    return (
        first,
        *receipts,
        run_check("one log", lambda: _one_log(steps)),
        run_check("chain", lambda: _chain(parsed[0])),
    )


def _one_log(steps: tuple[bytes, ...]) -> str:
    """A chain is told by one hub: records of two hubs say nothing about each other's certificates."""
    keys = {parse_receipt(step).hub_key_id for step in steps}
    logs = {parse_receipt(step).checkpoint.partition("\n")[0] for step in steps}
    require(len(logs) == 1, "the receipts are of several logs")
    return f"all receipts are of the log {logs.pop()}, by {len(keys)} key(s)"


def _chain(provenance: Provenance) -> str:
    holder, amount_fen = check_chain(
        provenance.certificate_id, [parse_receipt(step).record for step in provenance.steps]
    )
    return f"{provenance.certificate_id}: {amount_fen} fen, made for {holder}, conserved from the buyer's confirmation"
