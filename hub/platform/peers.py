"""Who is at the other end of an mTLS connection, by the common name of its certificate.

A partner's certificate names its USCC; a service's says what it is: "connector.housing_fund",
"channel.mini_program_api", "operator.desk", "supervisor.bureau", "hub.<origin>". The site's CA signs nothing else, so
the name can be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from huilian_protocol.canonical import b64u_encode
from stdnum.cn import uscc

from hub.platform.callers import ANONYMOUS, Caller, Role

REMEMBERED_PEERS = 1_024
_SERVICES = {
    "connector": Role.CONNECTOR,
    "channel": Role.CHANNEL,
    "operator": Role.OPERATOR,
    "supervisor": Role.SUPERVISOR,
    "hub": Role.HUB,
}


@dataclass(frozen=True, slots=True)
class Peer:
    """The caller that the certificate alone makes, and its RFC 8705 thumbprint (empty without a certificate)."""

    caller: Caller
    certificate: str


NOBODY = Peer(ANONYMOUS, "")


def peer_of(auth_context: Mapping[str, Iterable[bytes]]) -> Peer:
    """The peer of one connection from gRPC's authentication context."""
    pem = _first(auth_context, "x509_pem_cert")
    return _read(pem, _first(auth_context, "x509_common_name")) if pem else NOBODY


@lru_cache(REMEMBERED_PEERS)
def _read(pem: bytes, common_name: bytes) -> Peer:
    """A connection shows the same certificate on each call; reading it takes longer than all else in admission."""
    certificate = x509.load_pem_x509_certificate(pem)
    thumbprint = b64u_encode(certificate.fingerprint(hashes.SHA256()))
    return Peer(caller_of(common_name.decode("utf-8", "replace")), thumbprint)


def caller_of(common_name: str) -> Caller:
    """The caller that a certificate's common name stands for; ANONYMOUS for a name that means nothing here."""
    if uscc.is_valid(common_name) and uscc.compact(common_name) == common_name:
        return Caller(common_name, Role.ENTERPRISE)
    role = _SERVICES.get(common_name.partition(".")[0])
    return ANONYMOUS if role is None or "." not in common_name else Caller(common_name, role)


def hub_origin(caller_id: str) -> str:
    """The origin of the hub whose certificate has this name."""
    return caller_id.partition(".")[2]


def _first(auth_context: Mapping[str, Iterable[bytes]], key: str) -> bytes:
    return next(iter(auth_context.get(key, ())), b"")
