"""What a lying hub tells of a certificate's past, and what somebody says of a log that showed two histories."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical
from huilian_protocol.provenance import build_provenance

from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.hashing import leaf_hash
from ledger.verify.equivocation import Branch, build_equivocation
from tests.soak.lying_hub import RECEIPTS, log, mutated, signed
from tests.soak.mutators import mutate
from tests.unit.ledger import naive_tree, receipt_world
from tests.unit.ledger.receipt_world import SIGNER, Parts
from tests.unit.protocol import world

_STRANGER = LogSigner(SIGNER.verifier.name, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
_OTHER_LOG = LogSigner("other.example/log", Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
_SECOND, _THIRD = "91310000MA1K000022", "91310000MA1K000033"
_ODD_FEN: tuple[Any, ...] = (0, -1, 1, 2**53 - 1, True, "40", None, [40], {"fen": 40})
_ODD_TEXTS: tuple[Any, ...] = ("", "c", "c4", 5, None, [], {}, "x" * 257)


# --- provenance


def _chain() -> list[Parts]:
    """Confirmed, issued, split twice, passed on, returned."""
    confirmed = receipt_world.confirmed()
    stated = world.confirmation().to_dict()
    common = {
        "receivable_id": stated["receivableId"],
        "issuer_uscc": stated["buyerUscc"],
        "due_date": stated["dueDate"],
        "currency": stated["currency"],
    }
    supplier = stated["supplierUscc"]
    contents: list[tuple[str, dict[str, Any]]] = [
        ("issued", {"certificate_id": "c", "parent_id": None, "amount_fen": 100, "holder_uscc": supplier}),
        ("split", {"certificate_id": "c", "amount_fen": 100, "holder_uscc": supplier, "parts": _parts(c1=40, c2=60)}),
        ("split", {"certificate_id": "c1", "amount_fen": 40, "holder_uscc": supplier, "parts": _parts(c3=15, c4=25)}),
        ("transferred", _passed("c5", "c4", _SECOND, supplier)),
        ("transferred", _passed("c6", "c5", _THIRD, _SECOND)),
        ("returned", _passed("c7", "c6", _SECOND, _SECOND)),
    ]
    made = [receipt_world.record(f"certificate.{kind}", {**common, **content}, {}) for kind, content in contents]
    return [confirmed, *(Parts(record, {}) for record in made)]


def _parts(**amounts: int) -> list[dict[str, Any]]:
    return [{"certificate_id": name, "amount_fen": fen} for name, fen in amounts.items()]


def _passed(made: str, out_of: str, holder: str, by: str) -> dict[str, Any]:
    return {"certificate_id": made, "parent_id": out_of, "amount_fen": 25, "holder_uscc": holder, "offered_by": by}


_ENDS = ("c", "c1", "c4", "c5", "c6", "c7")
"""The certificate at the end of the chain's first 2, 3 … steps."""


def _file(rng: random.Random, parts: list[Parts], length: int, receipts: list[bytes] | None = None) -> bytes:
    steps = receipts or [log(rng, one) for one in parts[:length]]
    return build_provenance(rng.choice([_ENDS[length - 2]] * 4 + ["c2", "c3"]), steps)


def good_provenance() -> bytes:
    """The whole chain as it is."""
    rng = random.Random(1)
    return build_provenance(_ENDS[-1], [log(rng, one) for one in _chain()])


def provenance(rng: random.Random) -> bytes:
    """A good chain of any length; mostly one of its records says something else, and the hub signed that."""
    parts, length = _chain(), rng.randint(2, 7)
    if rng.random() < 0.7:
        at = rng.randrange(length)
        content = parts[at].record["content"]
        key = rng.choice(sorted(content))
        if key == "parts" and rng.random() < 0.8:
            odd: Any = _odd_parts(rng, content[key])
        else:
            odd = rng.choice(_ODD_FEN if key.endswith(("fen", "Fen")) else _ODD_TEXTS)
        parts[at].record["content"] = {**content, key: odd}
        if rng.random() < 0.2:
            del parts[at].record["content"][key]
    return _file(rng, parts, length)


def _odd_parts(rng: random.Random, parts: list[dict[str, Any]]) -> list[Any]:
    one, other = parts
    half = [{**one, "amount_fen": one["amount_fen"] - 1}, {**other, "amount_fen": other["amount_fen"] + 1}]
    whole = {"certificate_id": "c9", "amount_fen": 2**53 - 1}
    odd: list[list[Any]] = [[one], [one, one], [*parts, one], half, [*parts, whole, whole], [], [one, 5], parts[::-1]]
    return rng.choice(odd)


def provenance_shuffled(rng: random.Random) -> bytes:
    """Steps missing, doubled, exchanged, of another log, or no receipts."""
    parts, length = _chain(), rng.randint(3, 7)
    receipts = [log(rng, one) for one in parts[:length]]
    at, to = rng.randrange(length), rng.randrange(length)
    ways: list[Callable[[], object]] = [
        lambda: receipts.pop(at),
        lambda: receipts.insert(at, receipts[to]),
        lambda: receipts.__setitem__(slice(None), rng.sample(receipts, length)),
        lambda: receipts.__setitem__(at, rng.choice(RECEIPTS)),
        lambda: receipts.__setitem__(at, _of_other_log(receipts[at])),
        lambda: receipts.__setitem__(at, mutate(rng, receipts[at], receipts[to])),
    ]
    rng.choice(ways)()
    return _file(rng, parts, length, receipts)


def _of_other_log(receipt: bytes) -> bytes:
    value = parse_canonical(receipt)
    root = receipt_world.naive_tree.root([bytes(32)])
    return signed({**value, "checkpoint": _OTHER_LOG.sign(value["tree_size"], root)})


def provenance_damaged(rng: random.Random) -> bytes:
    """The file itself damaged."""
    one, other = (_file(rng, _chain(), length) for length in (2, 3))
    if rng.random() < 0.5:
        return mutate(rng, one, other)
    value = parse_canonical(one)
    odd = rng.choice(
        [{"steps": []}, {"steps": value["steps"][:1]}, {"steps": [5, 6]}, {"certificate_id": "x" * 65}, {"more": 1}]
    )
    return canonicalise({**value, **odd})


# --- equivocation


def _views(rng: random.Random) -> tuple[list[bytes], list[bytes], int]:
    """The leaves of two histories, and the place where they part."""
    shared = [rng.randbytes(32) for _ in range(rng.randint(0, 6))]
    one, other = ([*shared, *(rng.randbytes(32) for _ in range(rng.randint(1, 4)))] for _ in range(2))
    return one, other, len(shared)


def _note(rng: random.Random, leaves: list[bytes]) -> str:
    signer = rng.choice([SIGNER] * 8 + [_STRANGER, _OTHER_LOG])
    return signer.sign(rng.choice([len(leaves)] * 12 + [0, 2**63, 2**64 - 1, 2**64]), naive_tree.root(leaves))


def _branch(leaves: list[bytes], index: int) -> Branch:
    return Branch(leaf_hash(leaves[index]), tuple(naive_tree.path(index, leaves)))


def equivocation(rng: random.Random) -> bytes:
    """Two checkpoints that contradict each other, or do not quite; with a fork, or without one."""
    one, other, index = _views(rng)
    if rng.random() < 0.15:
        other = one
    at = index if rng.random() < 0.8 else rng.randrange(min(len(one), len(other)))
    fork = (at, _branch(one, at), _branch(other, at)) if rng.random() < 0.7 else None
    origin = rng.choice([SIGNER.verifier.name] * 9 + ["nobody.example/log"])
    return build_equivocation(origin, _note(rng, one), _note(rng, other), fork)


def equivocation_damaged(rng: random.Random) -> bytes:
    """Any part of such a file damaged; nobody signs it as a whole, so that is as good as any other file."""
    one, other = equivocation(rng), equivocation(rng)
    if rng.random() < 0.3:
        return mutate(rng, one, other)
    value = parse_canonical(one)
    if value["fork"] and rng.random() < 0.5:
        value["fork"] |= rng.choice(
            [{"index": 2**53 - 1}, {"index": True}, {"first": value["fork"]["second"]}, _odd_branch(rng)]
        )
        return canonicalise(value)
    return canonicalise(mutated(rng, value, parse_canonical(other)))


def _odd_branch(rng: random.Random) -> dict[str, Any]:
    return {
        "first": {"leaf_hash": rng.choice(["", "AAAA", b64u_encode(bytes(32)), 5]), "proof": rng.choice([[], [5], "x"])}
    }


FILES: tuple[Callable[[random.Random], bytes], ...] = (
    provenance,
    provenance_shuffled,
    provenance_damaged,
    equivocation,
    equivocation_damaged,
)
