"""The enterprises of the supplier journey: their keys, their certificates, their clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from huilian_protocol.clock import SandboxClock
from huilian_protocol.errors import HuilianError
from huilian_sdk import ClientCertificate, ClientSigner, Huilian, Keystore

from connectors.kit.sandbox_companies import SandboxCompany
from deploy.pki import TlsFiles
from deploy.site import HubPlace, Site

# The sandbox's keystores protect play money; a real enterprise chooses its own password.
SANDBOX_PASSWORD = "sandbox-only"  # noqa: S105


@dataclass(frozen=True)
class Party:
    """An enterprise with its open keystore, made and certified on first use and kept in the site's folder."""

    company: SandboxCompany
    keystore: Keystore

    @property
    def uscc(self) -> str:
        """Its unified social credit code."""
        return self.company.uscc


async def open_party(site: Site, company: SandboxCompany) -> Party:
    """The enterprise's keys; the CA certifies a new confirmation key."""
    path = site.folder / "keystores" / f"{company.key}.json"
    if path.exists():
        return Party(company, Keystore.load(path, SANDBOX_PASSWORD))
    fresh = Keystore.generate(company.uscc, company.name_zh)
    target = f"127.0.0.1:{site.port('certificate_authority')}"
    async with grpc.aio.secure_channel(target, site.operator_credentials()) as channel:
        stub = authority_service_pb2_grpc.CertificateAuthorityServiceStub(channel)
        answer = await stub.IssueCertificate(
            pb.IssueCertificateRequest(signing_request_pem=fresh.signing_request_pem()), timeout=10
        )
    keystore = fresh.with_certificate(answer.certificate_pem)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keystore.save(path, SANDBOX_PASSWORD)
    return Party(company, keystore)


def client_of(site: Site, hub: HubPlace, party: Party) -> Huilian:
    """The enterprise's SDK client over mTLS, signed in by its token key."""
    clock = SandboxClock(site.clock_file)
    signer = ClientSigner(party.uscc, party.keystore.token_key, hub.origin, clock)
    return _connect(hub, site.pki.issue(party.uscc), clock, signer)


def operator_of(site: Site, hub: HubPlace) -> Huilian:
    """The bank operator's client: its certificate alone says who it is."""
    return _connect(hub, site.pki.issue("operator.desk"), SandboxClock(site.clock_file), None)


def _connect(hub: HubPlace, files: TlsFiles, clock: SandboxClock, signer: ClientSigner | None) -> Huilian:
    certificate = ClientCertificate(files.certificate.read_bytes(), files.key.read_bytes())
    return Huilian.connect(
        f"127.0.0.1:{hub.partner_port}",
        root_certificates_pem=Path(files.ca).read_bytes(),
        client_certificate=certificate,
        signer=signer,
        clock=clock,
    )


async def register_enterprises(site: Site, hub: HubPlace, parties: Sequence[Party]) -> list[str]:
    """The operator registers enterprises at a hub; those that are registered already stay as they are."""
    registered = []
    async with operator_of(site, hub) as operator:
        for party in parties:
            try:
                enterprise = await operator.identity.register_enterprise(
                    uscc=party.uscc,
                    name=party.company.name_zh,
                    confirmation_certificate_pem=party.keystore.certificate_pem,
                    token_public_jwk=party.keystore.token_public_jwk,
                )
            except HuilianError as error:
                if error.code != "ALREADY_EXISTS":
                    raise
                enterprise = await operator.identity.enterprise(party.uscc)
            registered.append(enterprise.uscc)
    return registered
