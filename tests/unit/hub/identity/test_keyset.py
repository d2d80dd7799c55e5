"""The published keys: what anybody may ask costs the identity authority nothing."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import Suite, generate_keypair, key_id

from hub.identity import keyset
from hub.identity.keyset import KeyPublisher


class Authority:
    """The port `SealingAuthority`."""

    def __init__(self) -> None:
        self.asked, self.answer = 0, ("xwing", b"key-1")
        self.away = False

    async def sealing_key(self) -> tuple[str, bytes]:
        self.asked += 1
        if self.away:
            raise HuilianError("PROVIDER_UNAVAILABLE")
        return self.answer


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def publisher(authority: Authority) -> KeyPublisher:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return KeyPublisher("hub", lambda: [key], lambda: "vkey", {}, authority)


async def published(publisher: KeyPublisher) -> bytes:
    [key] = (await publisher.key_set()).sealing_keys
    return key.public_key


async def test_many_questions_ask_the_authority_once(authority: Authority, publisher: KeyPublisher) -> None:
    assert [await published(publisher) for _ in range(10)] == [b"key-1"] * 10
    assert authority.asked == 1


async def test_a_new_key_is_heard_of_and_an_old_one_outlives_an_outage(
    authority: Authority, publisher: KeyPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "FRESH_S", 0.0)
    assert await published(publisher) == b"key-1"
    authority.answer = ("xwing", b"key-2")
    assert await published(publisher) == b"key-2"
    authority.away = True
    assert [await published(publisher) for _ in range(3)] == [b"key-2"] * 3
    assert authority.asked == 3, "an authority that is away is left alone for a while"


async def test_every_key_is_published_and_an_older_one_is_found_by_its_id(authority: Authority) -> None:
    present, retired = (keyset.SealingKey("bank", Suite.X25519, generate_keypair(Suite.X25519).public) for _ in "12")
    signing = [ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(3)]
    publisher = KeyPublisher("hub", lambda: signing, lambda: "vkey", {"bank": lambda: [present, retired]}, authority)
    told = await publisher.key_set()
    assert [key.public_key for key in told.sealing_keys] == [present.public_key, retired.public_key, b"key-1"]
    assert json.loads(told.signing_keys_jwks) == keys_to_jwks(signing)
    assert publisher.recipient("bank") == present
    assert publisher.recipient("bank", key_id(retired.public_key)) == retired
    for asked, code in ((("bank", "never"), "RECIPIENT_KEY_MISMATCH"), (("nobody", None), "NOT_FOUND")):
        with pytest.raises(HuilianError, match=code):
            publisher.recipient(*asked)


@pytest.mark.parametrize("answer", [None, ("rot13", b"key")])
async def test_a_key_that_was_never_told_is_not_made_up(
    authority: Authority, publisher: KeyPublisher, answer: tuple[str, bytes] | None
) -> None:
    authority.away, authority.answer = answer is None, answer or authority.answer
    with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
        await publisher.key_set()
