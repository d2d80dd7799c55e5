"""The enterprises of the supplier journey: their keys, their certificates, their clients."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from huilian.onboarding.v1 import onboarding_service_pb2 as onboarding_pb
from huilian_protocol.clock import SandboxClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import EnterpriseVerification, sign_statement
from huilian_sdk import ClientCertificate, ClientSigner, Huilian, Keystore

from connectors.authorities.business_registry.sandbox import legal_person_of
from connectors.kit.sandbox_companies import SandboxCompany
from deploy.journeys.step import Unexpected
from deploy.pki import TlsFiles
from deploy.site import HubPlace, Site

# The sandbox's keystores protect play money; a real enterprise chooses its own password.
SANDBOX_PASSWORD = "sandbox-only"  # noqa: S105
SALT_BYTES = 32


@dataclass(frozen=True)
class Party:
    """An enterprise with its open keystore, made and certified on first use and kept in the site's folder."""

    company: SandboxCompany
    keystore: Keystore
    legal_person_key: ec.EllipticCurvePrivateKey

    @property
    def uscc(self) -> str:
        """Its unified social credit code."""
        return self.company.uscc


async def open_party(site: Site, company: SandboxCompany) -> Party:
    """The enterprise's keys; the CA certifies a new confirmation key."""
    path = site.folder / "keystores" / f"{company.key}.json"
    legal_person_key = _legal_person_key(path.with_suffix(".legal-person.pem"))
    if path.exists():
        return Party(company, Keystore.load(path, SANDBOX_PASSWORD), legal_person_key)
    fresh = Keystore.generate(company.uscc, company.name_zh)
    target = f"127.0.0.1:{site.port('certificate_authority')}"
    async with grpc.aio.secure_channel(target, site.operator_credentials()) as channel:
        stub = authority_service_pb2_grpc.CertificateAuthorityServiceStub(channel)
        answer = await stub.IssueCertificate(
            pb.IssueCertificateRequest(signing_request_pem=fresh.signing_request_pem()), timeout=10
        )
    keystore = fresh.with_certificate(answer.certificate_pem)
    keystore.save(path, SANDBOX_PASSWORD)
    return Party(company, keystore, legal_person_key)


def _legal_person_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The legal person's own key; a real one is on that person's device."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = SANDBOX_PASSWORD.encode()
    if not path.exists():
        protection = serialization.BestAvailableEncryption(password)
        fresh = ec.generate_private_key(ec.SECP256R1())
        path.touch(mode=0o600)
        path.write_bytes(fresh.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection))
    key = serialization.load_pem_private_key(path.read_bytes(), password)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "we wrote it"
    return key


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
    """The operator registers enterprises at a hub and has the business registry asked for them; those that are
    registered already stay as they are.
    """
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
            await verify_enterprise(operator, party, SandboxClock(site.clock_file))
            registered.append(enterprise.uscc)
    return registered


async def verify_enterprise(client: Huilian, party: Party, clock: SandboxClock) -> None:
    """Have an enterprise compared with the business registry: until it agrees, nothing can be signed for it.

    The legal person's key signs that it is the legal person's.
    """
    salt = os.urandom(SALT_BYTES)
    name = legal_person_of(party.company)
    statement = EnterpriseVerification(
        party.uscc,
        party.company.name_zh,
        hashlib.sha256(salt + name.encode()).digest(),
        party.legal_person_key.public_key(),
        clock.now().replace(microsecond=0),
    )
    signature = sign_statement(party.legal_person_key, statement)
    found = await client.onboarding.verify(statement, signature, salt=salt)
    if found.state != onboarding_pb.VERIFICATION_STATE_VERIFIED:
        raise Unexpected(f"{party.uscc} is not verified: {[reason.code for reason in found.reasons]}")
