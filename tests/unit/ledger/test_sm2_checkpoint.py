"""The SM2 profile of checkpoints, and what happens where its library is not installed."""

from __future__ import annotations

import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.merkle import sm2
from ledger.merkle.checkpoint import InvalidCheckpoint, LogKeys, LogSigner, verify_checkpoint
from ledger.merkle.note import KeyKind, MlDsa65Signer, NoteKey, Sm2Signer

LOG, ROOT = "hub.example/log", bytes(range(32))
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(32))
SIGNER = LogSigner(LOG, ED25519, [MlDsa65Signer(LOG, bytes(32)), Sm2Signer(LOG, b"\x05" * 32)])


def test_three_kinds_of_signature_verify_together() -> None:
    pinned = LogKeys.from_vkeys([([key.vkey() for key in SIGNER.keys.epochs[0].keys], None)])
    assert pinned == SIGNER.keys
    assert verify_checkpoint(SIGNER.sign(9, ROOT), pinned).size == 9


@pytest.mark.parametrize("line", [4, 5, 6])
def test_none_of_the_three_can_be_left_out(line: int) -> None:
    lines = SIGNER.sign(9, ROOT).split("\n")
    del lines[line]
    with pytest.raises(InvalidCheckpoint, match="exactly one signature by each"):
        verify_checkpoint("\n".join(lines), SIGNER.keys)


def test_an_sm2_signature_over_something_else_is_refused() -> None:
    mine, other = (SIGNER.sign(size, ROOT).split("\n") for size in (9, 10))
    with pytest.raises(InvalidCheckpoint, match="is wrong"):
        verify_checkpoint("\n".join([*mine[:6], other[6], ""]), SIGNER.keys)


@pytest.mark.parametrize("key", [b"\x04" + bytes(64), b"\x05" + bytes(64), b"\x04" + b"\xff" * 64])
def test_a_point_off_the_curve_verifies_nothing(key: bytes) -> None:
    assert not NoteKey(LOG, key, KeyKind.SM2).verifies(bytes(64), "text\n")
    assert not NoteKey(LOG, key, KeyKind.SM2).verifies(b"\x01" * 64, "text\n")


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    note, keys = SIGNER.sign(9, ROOT), SIGNER.keys
    monkeypatch.setitem(sys.modules, "tongsuopy.crypto.asymciphers", None)
    with pytest.raises(sm2.Sm2Missing, match="extra `sm`"):
        Sm2Signer(LOG, b"\x05" * 32)
    with pytest.raises(InvalidCheckpoint, match="extra `sm`"):
        verify_checkpoint(note, keys)
