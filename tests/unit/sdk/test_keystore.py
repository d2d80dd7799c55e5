"""The enterprise's keys: encrypted at rest, silent when printed, signing only for their owner."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from huilian_protocol.canonical import canonicalise
from huilian_protocol.confirmation import verify_confirmation
from huilian_sdk import HuilianError, InvalidInputError, Keystore, RefusedError
from huilian_sdk import keystore as module

from tests.unit.protocol.world import BUYER_USCC, CA_PEM, SUPPLIER_USCC, certificate, confirmation

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrypt at its real cost takes half a second; one test below keeps it."""
    monkeypatch.setattr(module, "SCRYPT_N", 2**8)


@pytest.fixture
def keystore() -> Keystore:
    fresh = Keystore.generate(BUYER_USCC, "沙盒核心制造有限公司")
    return fresh.with_certificate(certificate(public_key=fresh.confirmation_public_key))


def test_a_keystore_reads_back(keystore: Keystore, tmp_path: Path) -> None:
    keystore.save(tmp_path / "keys.json", PASSWORD)
    opened = Keystore.load(tmp_path / "keys.json", PASSWORD)
    assert (opened.uscc, opened.name, opened.certificate_pem) == (BUYER_USCC, keystore.name, keystore.certificate_pem)
    assert opened.token_public_jwk == keystore.token_public_jwk
    assert opened.sign_confirmation(confirmation()) == keystore.sign_confirmation(confirmation())


def test_the_password_is_stretched_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert module.SCRYPT_N == 2**17
    Keystore.generate(BUYER_USCC, "企业").save(tmp_path / "keys.json", PASSWORD)
    assert Keystore.load(tmp_path / "keys.json", PASSWORD).uscc == BUYER_USCC


def test_only_the_owner_can_read_the_file(keystore: Keystore, tmp_path: Path) -> None:
    keystore.save(tmp_path / "keys.json", PASSWORD)
    keystore.save(tmp_path / "keys.json", PASSWORD)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_secrets_are_nowhere_in_clear(keystore: Keystore, tmp_path: Path) -> None:
    keystore.save(tmp_path / "keys.json", PASSWORD)
    written = (tmp_path / "keys.json").read_text("utf-8")
    for secret in json.loads(keystore._secrets()).values():
        assert secret not in written
    assert repr(keystore) == str(keystore) == f"Keystore({BUYER_USCC})"


def test_a_wrong_password_or_a_changed_file_is_refused(keystore: Keystore, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keystore.save(path, PASSWORD)
    with pytest.raises(ValueError, match="password"):
        Keystore.load(path, "wrong")
    whole = json.loads(path.read_text("utf-8"))
    for name in whole:
        value = whole[name]
        changed = "B" + value[1:] if value[0] != "B" else "C" + value[1:]
        path.write_bytes(canonicalise(whole | {name: changed}))
        with pytest.raises(ValueError):
            Keystore.load(path, PASSWORD)


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 2_000_000])
def test_what_is_no_keystore_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(ValueError):
        Keystore.load(tmp_path / "keys.json", PASSWORD)


def test_a_password_is_needed(keystore: Keystore, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        keystore.save(tmp_path / "keys.json", "")
    assert list(tmp_path.iterdir()) == []


def test_its_signature_verifies_with_its_certificate(keystore: Keystore) -> None:
    message = confirmation()
    signature = keystore.sign_confirmation(message)
    assert verify_confirmation(message, signature, keystore.certificate_pem, CA_PEM).uscc == BUYER_USCC


def test_it_signs_only_as_the_buyer(keystore: Keystore) -> None:
    with pytest.raises(RefusedError) as caught:
        keystore.sign_confirmation(confirmation(buyer_uscc=SUPPLIER_USCC))
    assert caught.value.code == "CONFIRMATION_MISMATCH"


def test_the_signing_request_names_the_enterprise(keystore: Keystore) -> None:
    request = x509.load_pem_x509_csr(keystore.signing_request_pem().encode())
    assert request.is_signature_valid
    assert request.public_key() == keystore.confirmation_public_key
    names = {name.oid: name.value for name in request.subject}
    assert names == {NameOID.COMMON_NAME: keystore.name, NameOID.SERIAL_NUMBER: BUYER_USCC}


def test_a_certificate_for_another_key_is_refused(keystore: Keystore) -> None:
    with pytest.raises(ValueError, match="another key"):
        keystore.with_certificate(certificate())


@pytest.mark.parametrize("uscc", ["", "x", "91350100M000100Y44", "91350100M000100Y4"])
def test_a_malformed_uscc_is_refused(uscc: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Keystore.generate(uscc, "企业")
    assert isinstance(caught.value, HuilianError) and caught.value.code == "USCC_MALFORMED"


def test_keys_come_from_the_given_randomness() -> None:
    made = [Keystore.generate(BUYER_USCC, "企业", random_bytes=lambda size: bytes([7]) * size) for _ in range(2)]
    assert made[0].token_public_jwk == made[1].token_public_jwk
    assert made[0].token_public_jwk != Keystore.generate(BUYER_USCC, "企业").token_public_jwk
