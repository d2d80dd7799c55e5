"""Record commitments: salted SHA-256 over canonical JSON."""

from __future__ import annotations

import hashlib

import pytest
from huilian_protocol.record import commit_record


def test_the_commitment_is_the_hash_of_salt_and_record() -> None:
    expected = hashlib.sha256(bytes(32) + b'{"a":1,"b":"\xe5\x80\xbc"}').digest()
    assert commit_record({"b": "值", "a": 1}, bytes(32)) == expected


def test_another_salt_or_record_gives_another_commitment() -> None:
    salts, records = (bytes(32), b"\x01" * 32), ({"a": 1}, {"a": 2})
    assert len({commit_record(record, salt) for salt in salts for record in records}) == 4


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_the_salt_has_32_bytes(salt: bytes) -> None:
    with pytest.raises(ValueError):
        commit_record({"a": 1}, salt)
