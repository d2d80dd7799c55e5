"""Where a certificate comes from, in one file: from the confirmation over issue, splits and transfers to a holder.

The file is canonical JSON, ``huilian-provenance/v1``: the certificate's id and the receipts of its own branch in order,
the confirmation first. Of a split it discloses to the holder what conservation needs, the parts' ids and amounts at
that moment, and never what became of the other parts or who holds them (docs/decisions: a branch, not the tree).
:func:`check_chain` says whether records are such a chain; that each receipt stands is ``ledger.verify``'s work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.receipt import MAX_RECEIPT_BYTES
from huilian_protocol.strict import integer_at, list_at, object_with, text_at

__all__ = [
    "MAX_PROVENANCE_BYTES",
    "MAX_STEPS",
    "TYPE",
    "Provenance",
    "build_provenance",
    "check_chain",
    "parse_provenance",
]

TYPE = "huilian-provenance/v1"
MAX_STEPS = 200
MAX_PARTS = 10_000
_MAX_SAFE = 2**53 - 1
MAX_PROVENANCE_BYTES = 8 * 1024 * 1024
CONFIRMED, ISSUED, SPLIT = "receivable.confirmed", "certificate.issued", "certificate.split"
TRANSFERRED, RETURNED = "certificate.transferred", "certificate.returned"


@dataclass(frozen=True, slots=True)
class Provenance:
    """A parsed file; ``steps`` are the canonical receipts, the confirmation's first."""

    certificate_id: str
    steps: tuple[bytes, ...]


def build_provenance(certificate_id: str, steps: Sequence[bytes]) -> bytes:
    """The canonical file."""
    if not 2 <= len(steps) <= MAX_STEPS:
        raise ValueError(f"2 to {MAX_STEPS} steps")
    receipts = [b64u_encode(step) for step in steps]
    return canonicalise({"type": TYPE, "certificate_id": certificate_id, "steps": receipts})


def parse_provenance(data: bytes) -> Provenance:
    """The file behind canonical bytes. Raises ``ValueError`` for anything else."""
    if len(data) > MAX_PROVENANCE_BYTES:
        raise ValueError("the file is too large")
    value = object_with(parse_canonical(data), ("certificate_id", "steps", "type"), "provenance")
    if value["type"] != TYPE:
        raise ValueError(f"type {TYPE} expected")
    listed = list_at(value, "steps", MAX_STEPS)
    if len(listed) < 2 or not all(isinstance(step, str) for step in listed):
        raise ValueError("at least two receipts")
    steps = tuple(b64u_decode(step) for step in listed)
    if any(len(step) > MAX_RECEIPT_BYTES for step in steps):
        raise ValueError("a receipt is too large")
    return Provenance(text_at(value, "certificate_id", 64), steps)


def check_chain(certificate_id: str, records: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """Holder and amount (fen) of the certificate at the end of a chain of records (``type`` and ``content``).

    Raises ``ValueError`` naming the first link that does not hold: another receivable, issuer or due date, an amount
    that grew, parts that are not their parent, a certificate that nobody made; and for what is no text or integer
    where one is expected. ``KeyError`` and ``TypeError`` say that something is missing altogether.
    """
    first, issued, *later = records
    _require(first["type"] == CONFIRMED and issued["type"] == ISSUED, "a confirmation and an issue come first")
    confirmed, root = first["content"], issued["content"]
    for name, stated, why in _ISSUED_AS_CONFIRMED:
        _require(text_at(root, name) == text_at(confirmed, stated), why)
    amount = _fen(root, "amount_fen")
    _require(amount <= _fen(confirmed, "amountFen"), "issued for more than was confirmed")
    _require(root["parent_id"] is None, "the first certificate has no parent")
    holder = text_at(root, "holder_uscc")
    current: dict[str, Any] = {"id": text_at(root, "certificate_id"), "amount": amount, "holder": holder}
    for index, record in enumerate(later):
        _same(root, record["content"])
        if record["type"] == SPLIT:
            following = later[index + 1]["content"] if index + 1 < len(later) else None
            _split(current, record["content"], following, certificate_id)
        else:
            _pass_on(current, record)
    _require(current["id"] == certificate_id, "the chain ends at another certificate")
    return str(current["holder"]), int(current["amount"])


_ISSUED_AS_CONFIRMED = (
    ("receivable_id", "receivableId", "issued over another receivable"),
    ("issuer_uscc", "buyerUscc", "issued by somebody else than the buyer who confirmed"),
    ("holder_uscc", "supplierUscc", "issued to somebody else than the supplier"),
    ("due_date", "dueDate", "another due date than was confirmed"),
)


def _fen(content: Mapping[str, Any], name: str) -> int:
    return integer_at(dict(content), name, 1, _MAX_SAFE)


def _same(root: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    for name in ("receivable_id", "issuer_uscc", "due_date", "currency"):
        _require(text_at(dict(content), name) == text_at(dict(root), name), f"{name} changed on the way")


def _split(
    current: dict[str, Any], content: Mapping[str, Any], following: Mapping[str, Any] | None, certificate_id: str
) -> None:
    """Spend the current certificate into parts and go on with the one that the chain goes on with."""
    _require(text_at(dict(content), "certificate_id") == current["id"], "a split of another certificate")
    _require(_fen(content, "amount_fen") == current["amount"], "a split of another amount")
    _require(text_at(dict(content), "holder_uscc") == current["holder"], "split by somebody who did not hold it")
    listed = list_at(dict(content), "parts", MAX_PARTS, least=2)
    parts = {text_at(part, "certificate_id"): _fen(part, "amount_fen") for part in listed}
    _require(len(parts) == len(listed), "a part appears twice")
    _require(sum(parts.values()) == current["amount"], "the parts are not the whole")
    if following is None:
        chosen = certificate_id
    else:
        chosen = text_at(dict(following), "certificate_id" if "parts" in following else "parent_id")
    _require(chosen in parts, "the chain goes on with a certificate that the split did not make")
    current |= {"id": chosen, "amount": parts[chosen]}


def _pass_on(current: dict[str, Any], record: Mapping[str, Any]) -> None:
    """A transfer by the holder to another, or the return of an offer to whoever made it."""
    content = dict(record["content"])
    _require(record["type"] in (TRANSFERRED, RETURNED), f"{record['type']} makes no certificate")
    _require(text_at(content, "parent_id") == current["id"], "made out of another certificate")
    _require(_fen(content, "amount_fen") == current["amount"], "the amount changed on the way")
    if record["type"] == TRANSFERRED:
        offered = text_at(content, "offered_by")
        _require(offered == current["holder"], "passed on by somebody who did not hold it")
    current |= {"id": text_at(content, "certificate_id"), "holder": text_at(content, "holder_uscc")}


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
