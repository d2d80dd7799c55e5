"""A hub in the wrong hands: it calls edges directly, with everything that the real hub holds."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.artefact import Artefact, Period
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.sealing import KeyPair, SealingKey, open_sealed, payload_info
from huilian_protocol.status import from_rpc_error
from huilian_protocol.webauthn import Assertion
from huilian_sdk import new_id

from deploy.site import HubPlace, Site
from hub.keys import BANK_RECIPIENT
from hub.platform.vault import KeyVault, Wrapping


@dataclass(frozen=True)
class Read:
    """One wanted read in the shape that an edge takes. `consent` may be anything."""

    consent: bytes
    dataset: str
    fields: tuple[str, ...]
    period: Period
    sealed_subject: bytes
    recipient_key: bytes
    request_id: str

    def message(self) -> pb.ReadRequest:
        """The wire form."""
        return pb.ReadRequest(
            request_id=self.request_id,
            signed_consent=self.consent,
            dataset_id=self.dataset,
            fields=self.fields,
            period=common_pb2.MonthPeriod(from_month=self.period.from_month, to_month=self.period.to_month),
            sealed_subject=self.sealed_subject,
            recipient_public_key=self.recipient_key,
        )


@dataclass(frozen=True)
class TakenOverHub:
    """The hub's signing key, its transport certificate, and the key of the bank that lends."""

    site: Site
    place: HubPlace
    signing_key: ec.EllipticCurvePrivateKey
    bank_key: KeyPair
    bank_keys: tuple[SealingKey, ...]

    @classmethod
    def of(cls, site: Site, place: HubPlace) -> TakenOverHub:
        """Whoever holds the hub's state folder holds its keys."""
        master = bytes.fromhex((place.folder / "master.key").read_text("ascii").strip())
        vault = KeyVault(place.folder / "keys", Wrapping(master, os.urandom), os.urandom)
        return cls(
            site, place, vault.signing_key(), vault.sealing_key(BANK_RECIPIENT), vault.sealing_keys(BANK_RECIPIENT)
        )

    def read(self, consent: SignedConsent, sealed_subject: bytes) -> Read:
        """A read of everything that the consent grants of its first dataset."""
        grant = consent.artefact.datasets[0]
        return Read(
            consent.to_bytes(), grant.id, grant.fields, grant.period, sealed_subject, self.bank_key.public, new_id()
        )

    def forged(self, artefact: Artefact, binding: str, assertion: Assertion) -> SignedConsent:
        """Any three parts with the hub's real countersignature."""
        return SignedConsent(artefact, binding, assertion, countersign(self.signing_key, artefact, binding, assertion))

    async def send(self, agency: str, read: Read, certificate: str = "") -> pb.ReadResponse:
        """Call the edge over mTLS, as the hub unless another certificate is named. Raises HuilianError."""
        async with self._edge(agency, certificate or self.place.certificate) as stub:
            try:
                answer: pb.ReadResponse = await stub.Read(read.message(), timeout=10)
            except grpc.RpcError as error:
                raise from_rpc_error(error) from error
            return answer

    def open(self, artefact: Artefact, read: Read, answer: pb.ReadResponse) -> dict[str, Any]:
        """What the bank reads."""
        info = payload_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            dataset=read.dataset,
            fields=read.fields,
            recipient=artefact.recipient.id,
            request_id=read.request_id,
        )
        payload: dict[str, Any] = parse_canonical(open_sealed(answer.envelope, self.bank_key.private, info))
        return payload

    @asynccontextmanager
    async def _edge(
        self, agency: str, certificate: str
    ) -> AsyncIterator[connector_service_pb2_grpc.ConnectorServiceStub]:
        files = self.site.pki.issue(certificate)
        credentials = grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        async with grpc.aio.secure_channel(f"127.0.0.1:{self.site.port(agency)}", credentials) as channel:
            yield connector_service_pb2_grpc.ConnectorServiceStub(channel)


def again(read: Read, **changes: Any) -> Read:
    """The read with members replaced, under a request id of its own unless one is given."""
    return replace(read, **{"request_id": new_id(), **changes})
