"""The suite sm: the standards' own examples, odd keys and ciphertexts, and what happens without its library."""

from __future__ import annotations

import builtins
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from huilian_protocol import sm
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, open_sealed, seal

# GB/T 32918.5 annex C.
PRIVATE = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
PUBLIC = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
C1_X = bytes.fromhex("04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73")
C1_Y = bytes.fromhex("e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0")
C3 = bytes.fromhex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766")
C2 = bytes.fromhex("21886ca989ca9c7d58087307ca93092d651efa")
INFO = b'{"use":"test"}'


def test_the_public_key_of_the_standard() -> None:
    assert sm.public_of(PRIVATE) == PUBLIC
    sm.check_public(PUBLIC)


def test_the_ciphertext_of_the_standard_opens() -> None:
    encoded = sm._to_der(b"\x04" + C1_X + C1_Y + C3 + C2)
    assert sm._sm2(sm._private(PRIVATE), "decrypt", encoded) == b"encryption standard"
    assert sm._from_der(encoded) == b"\x04" + C1_X + C1_Y + C3 + C2


@pytest.mark.parametrize("data", [b"", b"abc", b"abcd" * 16, os.urandom(1000)])
def test_sm3_agrees_with_another_implementation(data: bytes) -> None:
    other = hashes.Hash(hashes.SM3())
    other.update(data)
    assert sm._sm3(data) == other.finalize()


def test_sm3_of_the_standard() -> None:
    assert sm._sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.parametrize(
    "public",
    [b"", PUBLIC[:-1], b"\x03" + PUBLIC[1:33], bytes(65), PUBLIC[:-1] + b"\x14", b"\x04" + b"\xff" * 64],
)
def test_what_is_no_point_is_no_key(public: bytes) -> None:
    with pytest.raises(ValueError):
        sm.check_public(public)
    with pytest.raises(ValueError):
        seal(Suite.SM, public, {"use": "test"}, b"secret")


@pytest.mark.parametrize("private", [b"", bytes(32), b"\xff" * 32, bytes(31), sm._ORDER.to_bytes(32)])
def test_what_is_no_scalar_is_no_private_key(private: bytes) -> None:
    with pytest.raises(ValueError):
        sm.public_of(private)


@pytest.mark.parametrize("sealed", [b"", b"\0", b"\0\0", b"\xff\xff" + bytes(400), b"\0\x10" + bytes(16) + bytes(30)])
def test_what_is_no_ciphertext_is_refused(sealed: bytes) -> None:
    with pytest.raises(ValueError):
        sm.open_with(PRIVATE, INFO, sealed)


def test_two_envelopes_of_one_text_have_nothing_in_common() -> None:
    first, second = (sm.seal_to(PUBLIC, INFO, b"secret") for _ in range(2))
    assert len(first) == len(second) == 129 + len(b"secret") + 16
    assert first[:129] != second[:129]
    assert first[-22:] != second[-22:]


def test_without_its_library_the_suite_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = generate_keypair(Suite.SM)
    envelope = seal(Suite.SM, pair.public, {"use": "test"}, b"secret")
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("tongsuopy"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(sm, "_loaded", [])
    monkeypatch.setattr(builtins, "__import__", without)
    for use in (
        lambda: seal(Suite.SM, pair.public, {"use": "test"}, b"secret"),
        lambda: open_sealed(envelope, pair.private, {"use": "test"}),
        lambda: generate_keypair(Suite.SM),
        lambda: Suite.SM.require(),
    ):
        with pytest.raises(HuilianError, match=r"extra huilian\[sm\]"):
            use()
    assert SealingKey.from_dict(SealingKey(Suite.SM, pair.public).to_dict()).public_key == pair.public
    assert Suite.XWING.require() is Suite.XWING
