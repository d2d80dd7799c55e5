"""Who an mTLS certificate makes its holder, also when it is shown again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from huilian_protocol.canonical import b64u_encode

from deploy.pki import SitePki
from hub.platform.callers import ANONYMOUS, Caller, Role
from hub.platform.peers import NOBODY, Peer, peer_of

USCC = "91449900MA0H00010W"


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        (USCC, Caller(USCC, Role.ENTERPRISE)),
        ("connector.tax", Caller("connector.tax", Role.CONNECTOR)),
        ("operator", ANONYMOUS),
    ],
)
def test_each_call_of_a_connection_has_the_same_peer(tmp_path: Path, name: str, caller: Caller) -> None:
    peer = _peer(SitePki(tmp_path, datetime.now(UTC)), name)
    assert peer.caller == caller
    assert peer == _peer(SitePki(tmp_path, datetime.now(UTC)), name)


def test_two_certificates_of_one_name_are_two_peers(tmp_path: Path) -> None:
    one, other = (SitePki(tmp_path / folder, datetime.now(UTC)) for folder in ("one", "other"))
    mine, theirs = _peer(one, USCC), _peer(other, USCC)
    assert mine.caller == theirs.caller
    assert mine.certificate == _thumbprint(one, USCC) != theirs.certificate


def test_without_a_certificate_it_is_nobody() -> None:
    assert peer_of({"x509_common_name": [USCC.encode()]}) == NOBODY


def _peer(pki: SitePki, name: str) -> Peer:
    return peer_of({"x509_pem_cert": [pki.issue(name).certificate.read_bytes()], "x509_common_name": [name.encode()]})


def _thumbprint(pki: SitePki, name: str) -> str:
    certificate = x509.load_pem_x509_certificate(pki.issue(name).certificate.read_bytes())
    return b64u_encode(certificate.fingerprint(hashes.SHA256()))
