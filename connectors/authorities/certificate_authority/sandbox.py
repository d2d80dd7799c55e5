"""The certificate authority's process: `python -m connectors.authorities.certificate_authority.sandbox`. SANDBOX.

Serves `CertificateAuthorityService` over mTLS.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cryptography.x509 import random_serial_number
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from pydantic import Field

from connectors.authorities.certificate_authority.issuer import CertificateIssuer, load_authority
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer, make_clock
from connectors.kit.settings import TlsSettings


class AuthoritySettings(TlsSettings):
    """The certificate authority's process."""

    state_dir: Path = Field(description="folder for the CA's key, certificate and register of holders")


class CertificateAuthorityServicer(authority_service_pb2_grpc.CertificateAuthorityServiceServicer):
    """huilian.identity.v1.CertificateAuthorityService: proto in, proto out."""

    def __init__(self, issuer: CertificateIssuer) -> None:
        self._issuer = issuer

    async def GetCertificateAuthority(
        self, request: pb.GetCertificateAuthorityRequest, context: Any
    ) -> pb.GetCertificateAuthorityResponse:
        """The CA's own certificate."""
        return pb.GetCertificateAuthorityResponse(ca_certificate_pem=self._issuer.authority.certificate_pem)

    async def IssueCertificate(self, request: pb.IssueCertificateRequest, context: Any) -> pb.IssueCertificateResponse:
        """Certify a confirmation key."""
        return pb.IssueCertificateResponse(certificate_pem=self._issuer.issue(request.signing_request_pem))


def build(settings: AuthoritySettings) -> EdgeServer:
    """The server, ready to start."""
    server, clock = EdgeServer(settings), make_clock(settings)
    authority = load_authority(settings.state_dir, clock, random_serial_number)
    issuer = CertificateIssuer(authority, settings.state_dir / "holders.sqlite3", clock, random_serial_number)
    authority_service_pb2_grpc.add_CertificateAuthorityServiceServicer_to_server(
        CertificateAuthorityServicer(issuer), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(AuthoritySettings.from_environment()).serve()


if __name__ == "__main__":
    sys.exit(run_process("certificate_authority", run))
