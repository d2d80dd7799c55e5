"""Equivocation: one file that proves, to anybody who pins the log's key, that a log showed two histories.

Canonical JSON ``{"type": "huilian-equivocation/v1", "origin", "first", "second", "fork"}`` with two signed checkpoints.
Of one size they convict by their roots alone (``fork`` is null). Of two sizes, ``fork`` names one place with another
leaf in each tree: ``{"index", "first": {"leaf_hash", "proof"}, "second": {…}}`` with inclusion proofs (RFC 9162).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.strict import integer_at, list_at, object_with, text_at
from huilian_protocol.trust import TrustAnchors

from ledger.merkle.checkpoint import Checkpoint, verify_checkpoint
from ledger.merkle.proofs import verify_inclusion
from ledger.verify.pinned import log_keys
from ledger.verify.verdict import Check, CheckFailed, require, run_check

TYPE = "huilian-equivocation/v1"
_MAX_PROOF_HASHES = 64
_MAX_NOTE_CHARS = 16_384
_MAX_SAFE = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Branch:
    """The leaf that one tree has at the fork, with its inclusion proof."""

    leaf_hash: bytes
    proof: tuple[bytes, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"leaf_hash": b64u_encode(self.leaf_hash), "proof": [b64u_encode(item) for item in self.proof]}


def build_equivocation(origin: str, first: str, second: str, fork: tuple[int, Branch, Branch] | None = None) -> bytes:
    """Return the file for two checkpoints of the log `origin`; `fork` (index and both leaves) for different sizes."""
    value: dict[str, Any] = {"type": TYPE, "origin": origin, "first": first, "second": second, "fork": None}
    if fork is not None:
        value["fork"] = {"index": fork[0], "first": fork[1].to_dict(), "second": fork[2].to_dict()}
    return canonicalise(value)


def check_equivocation(data: bytes, trust: TrustAnchors) -> tuple[Check, ...]:
    """Return the checks of such a file; all hold when the log's own signatures contradict each other."""
    parsed: list[Mapping[str, Any]] = []

    def form() -> str:
        value = object_with(parse_canonical(data), ["first", "fork", "origin", "second", "type"], "equivocation")
        require(value["type"] == TYPE, "another type")
        parsed.append(value)
        return "canonical bytes"

    first = run_check("form", form)
    if not first.ok:
        return (first,)
    value = parsed[0]
    signed = run_check("both checkpoints", lambda: _signed(value, trust))
    return (first, signed, run_check("contradiction", lambda: _contradiction(value, trust)))


def _checkpoints(value: Mapping[str, Any], trust: TrustAnchors) -> tuple[Checkpoint, Checkpoint]:
    origin = text_at(dict(value), "origin")
    hub = next((hub for hub in trust.hubs if hub.log_name == origin), None)
    if hub is None:
        raise CheckFailed(f"no key of the log {origin} is pinned")
    keys = log_keys(hub)
    first, second = (text_at(dict(value), name, most=_MAX_NOTE_CHARS) for name in ("first", "second"))
    return verify_checkpoint(first, keys), verify_checkpoint(second, keys)


def _signed(value: Mapping[str, Any], trust: TrustAnchors) -> str:
    first, second = _checkpoints(value, trust)
    return f"{first.origin} signed sizes {first.size} and {second.size}"


def _contradiction(value: Mapping[str, Any], trust: TrustAnchors) -> str:
    first, second = _checkpoints(value, trust)
    if value["fork"] is None:
        require(first.size == second.size, "checkpoints of two sizes need the place where they part")
        require(first.root != second.root, "the two checkpoints agree")
        return f"two roots for size {first.size}"
    fork = object_with(value["fork"], ["first", "index", "second"], "fork")
    index = integer_at(fork, "index", 0, _MAX_SAFE)
    one, other = _branch(fork["first"]), _branch(fork["second"])
    verify_inclusion(one.leaf_hash, index, first.size, one.proof, first.root)
    verify_inclusion(other.leaf_hash, index, second.size, other.proof, second.root)
    require(one.leaf_hash != other.leaf_hash, "both trees have the same leaf there")
    return f"two leaves at index {index}"


def _branch(raw: Any) -> Branch:
    value = object_with(raw, ["leaf_hash", "proof"], "branch")
    proof: Sequence[Any] = list_at(value, "proof", _MAX_PROOF_HASHES)
    return Branch(b64u_decode(text_at(value, "leaf_hash")), tuple(b64u_decode(item) for item in proof))
