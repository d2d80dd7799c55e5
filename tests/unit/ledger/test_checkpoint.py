"""Signed checkpoints: round trip, a published example of the key format, and refusals."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.checkpoint import InvalidCheckpoint, LogSigner, verify_checkpoint
from ledger.merkle.note import NoteKey

SIGNER = LogSigner("hub.bank.example/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROOT = bytes(range(32))
NOTE = SIGNER.sign(7, ROOT)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_what_is_read(size: int, root: bytes) -> None:
    checkpoint = verify_checkpoint(SIGNER.sign(size, root), SIGNER.verifier)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("hub.bank.example/log", size, root)


def test_note_has_the_layout_of_c2sp() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == ["hub.bank.example/log", "7", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith("— hub.bank.example/log ")
    assert len(base64.b64decode(lines[4].split(" ")[2])) == 4 + 64
    assert lines[5:] == [""]


def test_key_id_of_the_go_checksum_database() -> None:
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    verifier = NoteKey.from_vkey(vkey)
    assert verifier.name == "sum.golang.org"
    assert verifier.key_id.hex() == "033de0ae"
    assert verifier.vkey() == vkey


@given(st.integers(0, len(NOTE.encode()) * 8 - 1))
def test_any_wrong_bit_is_refused(bit: int) -> None:
    data = bytearray(NOTE.encode())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidCheckpoint):
        verify_checkpoint(data.decode("utf-8", "surrogateescape"), SIGNER.verifier)


def test_lines_of_witnesses_are_allowed() -> None:
    witness = LogSigner("witness.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    line = witness.sign(7, ROOT).split("\n")[4]
    assert verify_checkpoint(f"{NOTE}{line}\n", SIGNER.verifier).size == 7


def test_another_key_or_log_is_refused() -> None:
    other = LogSigner("hub.bank.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(InvalidCheckpoint, match="exactly one signature"):
        verify_checkpoint(other.sign(7, ROOT), SIGNER.verifier)
    with pytest.raises(InvalidCheckpoint, match="of the log"):
        verify_checkpoint(LogSigner("other", Ed25519PrivateKey.generate()).sign(7, ROOT), SIGNER.verifier)


@pytest.mark.parametrize(
    "note",
    ["", "\n\n", "x", NOTE[:-1], NOTE.replace("\n7\n", "\n07\n"), NOTE + NOTE.split("\n")[4] + "\n", "a" * 20_000],
    ids=["empty", "blank", "word", "cut", "leading zero", "signed twice", "too long"],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        verify_checkpoint(note, SIGNER.verifier)


@pytest.mark.parametrize("vkey", ["", "a+b+c", SIGNER.verifier.vkey() + "A", "x" + SIGNER.verifier.vkey()])
def test_malformed_verifier_keys_are_refused(vkey: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        NoteKey.from_vkey(vkey)


@pytest.mark.parametrize("origin", ["", "a b", "a+b"])
def test_a_log_cannot_have_a_name_that_breaks_the_note(origin: str) -> None:
    with pytest.raises(ValueError, match="name"):
        LogSigner(origin, Ed25519PrivateKey.generate())
