"""The client of the register of movable assets: one gRPC channel over mTLS, a deadline, faults told apart."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, date
from typing import Any

import grpc
from huilian.registry.v1 import registry_service_pb2 as pb
from huilian.registry.v1 import registry_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.lending.ports import PartyNames, RegisteredEntry
from hub.platform.transactions import forbid_transaction
from ledger.registry.invoices import InvoiceIdentity

DEADLINE_S = 5.0
# The register's word about a registration is passed on; anything else means that it could not be asked.
_ABOUT_THE_REGISTRATION = frozenset({"NOT_FOUND", "STATE_CONFLICT", "REQUEST_ID_REUSED", "PERMISSION_DENIED"})


class GrpcRegistry:
    """See `ports.Registry`. Without a channel every call says that the register is away."""

    def __init__(self, channel: grpc.aio.Channel | None, own_name: str) -> None:
        """`own_name` is the common name of our certificate: whose registrations are ours."""
        self._stub: Any = registry_service_pb2_grpc.MovableAssetRegistryServiceStub(channel) if channel else None
        self._own_name = own_name

    async def search(self, invoice: InvoiceIdentity) -> list[RegisteredEntry]:
        """See `ports.Registry`."""
        request = pb.SearchRegistrationsRequest(receivable=_receivable(invoice))
        found = await self._ask("SearchRegistrations", request)
        return [self._entry(item) for item in found.registrations]

    async def register(
        self, registration_id: str, invoice: InvoiceIdentity, expires_on: date, names: PartyNames
    ) -> RegisteredEntry:
        """See `ports.Registry`."""
        receivable = _receivable(invoice)
        receivable.grantor_name, receivable.debtor_name = names.grantor, names.debtor
        request = pb.RegisterRequest(
            registration_id=registration_id, receivable=receivable, expires_on=expires_on.isoformat()
        )
        return self._entry((await self._ask("Register", request)).registration)

    async def look(self, registration_id: str) -> RegisteredEntry:
        """See `ports.Registry`."""
        request = pb.GetRegistrationRequest(registration_id=registration_id)
        return self._entry((await self._ask("GetRegistration", request)).registration)

    async def extend(self, registration_id: str, expires_on: date) -> RegisteredEntry:
        """See `ports.Registry`."""
        request = pb.ExtendRegistrationRequest(registration_id=registration_id, expires_on=expires_on.isoformat())
        return self._entry((await self._ask("ExtendRegistration", request)).registration)

    async def amend(self, registration_id: str, amount_fen: int, names: PartyNames) -> RegisteredEntry:
        """See `ports.Registry`."""
        request = pb.AmendRegistrationRequest(
            registration_id=registration_id,
            amount_fen=amount_fen,
            grantor_name=names.grantor,
            debtor_name=names.debtor,
        )
        return self._entry((await self._ask("AmendRegistration", request)).registration)

    async def deregister(self, registration_id: str) -> None:
        """See `ports.Registry`."""
        await self._ask("DeregisterRegistration", pb.DeregisterRegistrationRequest(registration_id=registration_id))

    async def _ask(self, method: str, request: Any) -> Any:
        forbid_transaction("a call to the register of movable assets")
        if self._stub is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "not configured", provider="movable_asset_registry")
        answer: Awaitable[Any] = getattr(self._stub, method)(request, timeout=DEADLINE_S)
        try:
            return await answer
        except grpc.RpcError as error:
            stated = from_rpc_error(error)
            if stated.code in _ABOUT_THE_REGISTRATION:
                raise stated from error
            raise HuilianError("PROVIDER_UNAVAILABLE", stated.code, provider="movable_asset_registry") from error

    def _entry(self, item: pb.Registration) -> RegisteredEntry:
        return RegisteredEntry(
            registration_id=item.registration_id,
            number=item.registration_number,
            secured_party=item.secured_party,
            is_ours=item.secured_party == self._own_name,
            registered_at=item.registered_time.ToDatetime(tzinfo=UTC),
            expires_on=date.fromisoformat(item.expires_on),
            status=pb.RegistrationStatus.Name(item.status).removeprefix("REGISTRATION_STATUS_"),
            amount_fen=item.receivable.amount_fen,
            objection=item.objection,
            names=PartyNames(item.receivable.grantor_name, item.receivable.debtor_name),
        )


def _receivable(invoice: InvoiceIdentity) -> pb.RegisteredReceivable:
    return pb.RegisteredReceivable(
        grantor_uscc=invoice.seller_uscc,
        debtor_uscc=invoice.buyer_uscc,
        document_number=invoice.invoice_number,
        amount_fen=invoice.amount_fen,
    )
