"""The register's process: `python -m connectors.authorities.movable_asset_registry.sandbox`. SANDBOX.

Serves `MovableAssetRegistryService` over mTLS; the caller's common name is the secured party.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.registry.v1 import registry_service_pb2 as pb
from huilian.registry.v1 import registry_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from pydantic import Field

from connectors.authorities.movable_asset_registry.register import Entry, MovableAssetRegister, Status
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer, make_clock
from connectors.kit.settings import TlsSettings

# The register sets the time itself.
_NEVER = datetime.min.replace(tzinfo=UTC)


class RegistrySettings(TlsSettings):
    """The register's process."""

    state_dir: Path = Field(description="folder for the register")


class MovableAssetRegistryServicer(registry_service_pb2_grpc.MovableAssetRegistryServiceServicer):
    """huilian.registry.v1.MovableAssetRegistryService: proto in, proto out."""

    def __init__(self, register: MovableAssetRegister) -> None:
        self._register = register

    async def SearchRegistrations(
        self, request: pb.SearchRegistrationsRequest, context: Any
    ) -> pb.SearchRegistrationsResponse:
        """What is registered over a receivable."""
        wanted = request.receivable
        found = self._register.search(wanted.grantor_uscc, wanted.debtor_uscc, wanted.document_number)
        return pb.SearchRegistrationsResponse(registrations=[_message(entry) for entry in found])

    async def GetRegistration(self, request: pb.GetRegistrationRequest, context: Any) -> pb.GetRegistrationResponse:
        """One registration."""
        return pb.GetRegistrationResponse(registration=_message(self._register.get(request.registration_id)))

    async def Register(self, request: pb.RegisterRequest, context: Any) -> pb.RegisterResponse:
        """Add a registration of the caller."""
        receivable = request.receivable
        wanted = Entry(
            registration_id=request.registration_id,
            number="",
            secured_party=_party(context),
            grantor_uscc=receivable.grantor_uscc,
            debtor_uscc=receivable.debtor_uscc,
            document_number=receivable.document_number,
            amount_fen=receivable.amount_fen,
            status=Status.REGISTERED,
            registered_at=_NEVER,
            expires_on=_date(request.expires_on),
            grantor_name=receivable.grantor_name,
            debtor_name=receivable.debtor_name,
        )
        return pb.RegisterResponse(registration=_message(self._register.register(wanted)))

    async def AmendRegistration(
        self, request: pb.AmendRegistrationRequest, context: Any
    ) -> pb.AmendRegistrationResponse:
        """Another amount, other names."""
        names = (request.grantor_name, request.debtor_name)
        entry = self._register.amend(_party(context), request.registration_id, request.amount_fen, *names)
        return pb.AmendRegistrationResponse(registration=_message(entry))

    async def ExtendRegistration(
        self, request: pb.ExtendRegistrationRequest, context: Any
    ) -> pb.ExtendRegistrationResponse:
        """A later end."""
        entry = self._register.extend(_party(context), request.registration_id, _date(request.expires_on))
        return pb.ExtendRegistrationResponse(registration=_message(entry))

    async def ObjectToRegistration(
        self, request: pb.ObjectToRegistrationRequest, context: Any
    ) -> pb.ObjectToRegistrationResponse:
        """The grantor objects."""
        entry = self._register.object_to(request.registration_id, request.statement)
        return pb.ObjectToRegistrationResponse(registration=_message(entry))

    async def DeregisterRegistration(
        self, request: pb.DeregisterRegistrationRequest, context: Any
    ) -> pb.DeregisterRegistrationResponse:
        """End a registration of the caller."""
        entry = self._register.deregister(_party(context), request.registration_id)
        return pb.DeregisterRegistrationResponse(registration=_message(entry))


def _message(entry: Entry) -> pb.Registration:
    registered = Timestamp()
    registered.FromDatetime(entry.registered_at)
    return pb.Registration(
        registration_id=entry.registration_id,
        registration_number=entry.number,
        secured_party=entry.secured_party,
        receivable=pb.RegisteredReceivable(
            grantor_uscc=entry.grantor_uscc,
            debtor_uscc=entry.debtor_uscc,
            document_number=entry.document_number,
            amount_fen=entry.amount_fen,
            grantor_name=entry.grantor_name,
            debtor_name=entry.debtor_name,
        ),
        status=pb.RegistrationStatus.Value(f"REGISTRATION_STATUS_{entry.status}"),
        registered_time=registered,
        expires_on=entry.expires_on.isoformat(),
        objection=entry.objection,
    )


def _party(context: Any) -> str:
    names = context.auth_context().get("x509_common_name", ())
    if not names:
        raise HuilianError("UNAUTHENTICATED")
    return bytes(names[0]).decode("utf-8")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field="expires_on") from error


def build(settings: RegistrySettings) -> EdgeServer:
    """The server, ready to start."""
    server, clock = EdgeServer(settings), make_clock(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    register = MovableAssetRegister(settings.state_dir / "registrations.sqlite3", clock)
    registry_service_pb2_grpc.add_MovableAssetRegistryServiceServicer_to_server(
        MovableAssetRegistryServicer(register), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(RegistrySettings.from_environment()).serve()


if __name__ == "__main__":
    sys.exit(run_process("movable_asset_registry", run))
