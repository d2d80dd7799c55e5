"""The sealed identity: strict to read, silent when printed."""

from __future__ import annotations

import pytest
from huilian_protocol.binding import commit_identity
from huilian_protocol.identity import Identity

from tests.unit.protocol.world import NAME, RESIDENT_ID, SALT

PERSON = Identity(NAME, RESIDENT_ID, SALT)


def test_an_identity_reads_back() -> None:
    assert Identity.from_bytes(PERSON.to_bytes()) == PERSON
    assert PERSON.commitment() == commit_identity(NAME, RESIDENT_ID, SALT)


def test_printing_an_identity_shows_nothing() -> None:
    assert repr(PERSON) == "Identity()"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        PERSON.to_bytes() + b" ",
        PERSON.to_bytes().replace(b'"name"', b'"nome"'),
        Identity("", RESIDENT_ID, SALT).to_bytes(),
        Identity(NAME, RESIDENT_ID, SALT[1:]).to_bytes(),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        Identity.from_bytes(data)
