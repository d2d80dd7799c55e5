"""Damaged checkpoints and anchor transactions in receipts that the hub signs as if they were good."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import coincurve
import rlp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import (
    b64u_decode,
    b64u_encode,
    parse_canonical,
)
from huilian_protocol.keccak import keccak256
from huilian_protocol.recovery import ORDER

from ledger.merkle.checkpoint import LogSigner
from tests.soak.lying_hub import RECEIPTS, signed
from tests.soak.mutators import mutate_bytes
from tests.unit.ledger import receipt_world

ODD_NAMES = (
    "witness", "", "a b", "a+b", "a\u0085b", "a\u00a0b", "a\ufeffb", "a\u001cb", "证人", "a\u200bb", "\U0001f600",
)  # fmt: skip


def odd_checkpoint(rng: random.Random) -> bytes:
    """Another note under the log's own signature, or other lines around it."""
    value = parse_canonical(rng.choice(RECEIPTS))
    name, note = receipt_world.SIGNER.verifier.name, value["checkpoint"]
    line = note.splitlines()[-1]
    ways: list[Callable[[], str]] = [
        lambda: note + f"— {rng.choice(ODD_NAMES)} AAAAAAA=\n",
        lambda: note + f"— {rng.choice(ODD_NAMES)} {rng.choice(['AAAAAAA', 'AA==', 'AB==', '====', 'A A=', 'äää='])}\n",
        lambda: note + line + "\n",
        lambda: note.replace("\n\n", rng.choice(["\n", "\n\n\n", "\r\n\n", "\n\n\n\n"])),
        lambda: note[: rng.randrange(len(note))],
        lambda: note + rng.choice(["\n", " ", "\n\n", "x"]),
        lambda: _note([name, rng.choice(["3", "03", "4", "18446744073709551619", "3 ", "٣", "9" * 21]), _root(note)]),
        lambda: _note([name, "3", _root(note), *rng.choice([["more"], ["a", "b"], [""], ["a", ""]])]),
        lambda: _note([rng.choice(["other", name + "x", ""]), "3", _root(note)]),
        lambda: _note([name, "3", rng.choice([_root(note)[:-1], "AAAA", "", _root(note) + "="])]),
    ]
    return signed({**value, "checkpoint": rng.choice(ways)()})


def _root(note: str) -> str:
    return note.splitlines()[2]


def _note(lines: list[str]) -> str:
    """A note with any body, properly signed by the log's key."""
    body = "".join(f"{line}\n" for line in lines)
    signer: LogSigner = receipt_world.SIGNER
    verifier, key = signer.verifier, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    signature = verifier.key_id + key.sign(body.encode())
    return f"{body}\n— {verifier.name} {b64(signature)}\n"


def b64(data: bytes) -> str:
    return b64u_encode(data).translate(str.maketrans("-_", "+/")) + "=" * (-len(data) % 3)


# --- the anchor's transaction


def odd_transaction(rng: random.Random) -> bytes:
    """Another transaction, with its right hash, under the hub's signature."""
    value = parse_canonical(rng.choice(RECEIPTS))
    root, size = b64u_decode(value["anchor"]["root"]), value["tree_size"]
    changes: dict[str, Any] = rng.choice(
        [
            {},
            {"chain_id": rng.choice([1, 0, 1338, 2**40])},
            {"nonce": rng.choice([0, 127, 128, 2**60])},
            {"to": rng.choice([b"", b"\x01" * 20, b"\xab" * 19])},
            {"value": rng.choice([0, 1, 10**18])},
            {"data": rng.choice([b"", rng.randbytes(68), rng.randbytes(80), b"\x00" * 300])},
        ]
    )
    key = rng.choice([receipt_world.CHAIN_KEY, receipt_world.CHAIN_KEY, coincurve.PrivateKey(b"\x09" * 32)])
    raw = receipt_world.transaction(root, size + rng.choice([0, 0, 1]), key, **changes)
    if rng.random() < 0.6:
        raw = _odd_rlp(rng, raw)
    anchor = {**value["anchor"], "raw_transaction": "0x" + raw.hex(), "tx_hash": "0x" + keccak256(raw).hex()}
    if rng.random() < 0.2:
        anchor["contract"] = anchor["contract"].upper().replace("0X", "0x")
    return signed({**value, "anchor": anchor})


def _odd_rlp(rng: random.Random, raw: bytes) -> bytes:
    """Bytes that are hardly RLP, or RLP of something else."""
    fields: list[Any] = list(rlp.decode(raw))
    at = rng.randrange(len(fields))
    ways: list[Callable[[], bytes]] = [
        lambda: mutate_bytes(rng, raw) or b"\x00",
        lambda: rlp.encode([*fields[:at], b"\x00" + fields[at], *fields[at + 1 :]]),
        lambda: rlp.encode([*fields[:at], [fields[at]], *fields[at + 1 :]]),
        lambda: rlp.encode([*fields[:at], *fields[at + 1 :]]),
        lambda: rlp.encode([*fields, b"\x01"]),
        lambda: rlp.encode(
            [
                *fields[:6],
                _word(_other_parity(fields[6])),
                fields[7],
                _word(ORDER - int.from_bytes(fields[8])),
            ]
        ),
        lambda: rlp.encode([*fields[:6], _word(_other_parity(fields[6])), *fields[7:]]),
        lambda: rlp.encode([*fields[:7], _word(rng.choice([0, 1, ORDER, ORDER + 1, 2**256 - 1])), fields[8]]),
        lambda: b"\xf9" + len(raw).to_bytes(2) + raw[2:],
        lambda: b"\x02" + raw,
        lambda: rlp.encode(raw),
        lambda: rng.choice(
            [b"\xff" * 9, b"\xc0", b"\xf8", b"\xf8\x00", b"\xbf" + b"\xff" * 8, b"\xc1\x81", b"\xc2\x81\x01"]
        ),
    ]
    return rng.choice(ways)()


def _other_parity(v: bytes) -> int:
    number = int.from_bytes(v)
    return number + 1 if number % 2 else number - 1


def _word(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
