"""Receivables and their confirmation: ``hub.receivables``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import receivable_service_pb2 as pb
from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.errors import HuilianError

from huilian_sdk._calls import Call, Calls
from huilian_sdk._errors import typed
from huilian_sdk._pages import Pages

_SERVICE = "huilian.receivables.v1.ReceivableService"


class ConfirmationSigner(Protocol):
    """Signs confirmations with the enterprise's own key; :class:`huilian_sdk.Keystore` is one."""

    def sign_confirmation(self, message: ReceivableConfirmation) -> bytes:
        """The 65-byte signature over ``message``."""
        ...


@dataclass(frozen=True, slots=True)
class Receivables:
    """Trade documents, receivables that rest on them, and the core enterprise's confirmation."""

    calls: Calls

    async def sync(self, *, from_start: bool = False, call: Call | None = None) -> pb.SyncTradeDocumentsResponse:
        """Pull new trade documents from the caller's ERP connector, or all of them again, and match them."""
        request = pb.SyncTradeDocumentsRequest(from_start=from_start)
        return await self.calls.unary(_SERVICE, request, pb.SyncTradeDocumentsResponse, call)

    async def get(self, receivable_id: str, *, call: Call | None = None) -> pb.Receivable:
        """One receivable of the caller."""
        request = pb.GetReceivableRequest(receivable_id=receivable_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetReceivableResponse, call)).receivable

    def list(self) -> Pages[pb.Receivable]:
        """The caller's receivables, as buyer or as supplier."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Receivable], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListReceivablesRequest(page=page), pb.ListReceivablesResponse)
            return [*answer.receivables], answer.page

        return Pages(fetch)

    def purchase_orders(self) -> Pages[pb.PurchaseOrder]:
        """Orders that buyers placed with the caller."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.PurchaseOrder], common_pb2.PageResponse]:
            request = pb.ListPurchaseOrdersRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListPurchaseOrdersResponse)
            return [*answer.purchase_orders], answer.page

        return Pages(fetch)

    def findings(self) -> Pages[pb.Finding]:
        """What the fraud rules found in invoices; for operators of the hub."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Finding], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListFindingsRequest(page=page), pb.ListFindingsResponse)
            return [*answer.findings], answer.page

        return Pages(fetch)

    async def release_finding(self, receivable_id: str, rule: str, note: str, *, call: Call | None = None) -> None:
        """Let an invoice pass that a rule held up, and say why; for operators of the hub."""
        request = pb.ReleaseFindingRequest(receivable_id=receivable_id, rule=rule, note=note)
        await self.calls.unary(_SERVICE, request, pb.ReleaseFindingResponse, call)

    async def prepare_confirmation(self, receivable_id: str, *, call: Call | None = None) -> ReceivableConfirmation:
        """What the core enterprise is asked to sign."""
        request = pb.PrepareConfirmationRequest(receivable_id=receivable_id)
        answer = await self.calls.unary(_SERVICE, request, pb.PrepareConfirmationResponse, call)
        return from_message(answer.confirmation)

    async def submit_confirmation(
        self, confirmation: ReceivableConfirmation, signature: bytes, *, call: Call | None = None
    ) -> pb.Receivable:
        """Hand in a signed confirmation."""
        request = pb.ConfirmReceivableRequest(confirmation=to_message(confirmation), signature=signature)
        return (await self.calls.unary(_SERVICE, request, pb.ConfirmReceivableResponse, call)).receivable

    async def confirm(
        self, receivable_id: str, signer: ConfirmationSigner, *, call: Call | None = None
    ) -> pb.Receivable:
        """Fetch what is to be confirmed, check that it is this receivable, sign it and hand it in.

        An enterprise that wants to compare it with its own books first uses :meth:`prepare_confirmation`. Raises
        :class:`HuilianError` CONFIRMATION_MISMATCH if the hub offers something else for signing.
        """
        asked, message = await self.get(receivable_id), await self.prepare_confirmation(receivable_id)
        _check_offered(asked, message)
        return await self.submit_confirmation(message, signer.sign_confirmation(message), call=call)

    async def dispute(
        self, receivable_id: str, ground: pb.DisputeGround.ValueType, statement: str = "", *, call: Call | None = None
    ) -> pb.Receivable:
        """The buyer disputes what it is said to owe; a loan on it is called in."""
        request = pb.DisputeReceivableRequest(receivable_id=receivable_id, ground=ground, statement=statement)
        return (await self.calls.unary(_SERVICE, request, pb.DisputeReceivableResponse, call)).receivable

    async def disputes(self, receivable_id: str) -> Sequence[pb.Dispute]:
        """What the buyer said in each dispute of a receivable, and who ended it; the oldest first."""
        request = pb.ListDisputesRequest(receivable_id=receivable_id)
        return (await self.calls.unary(_SERVICE, request, pb.ListDisputesResponse)).disputes

    async def reinstate(self, receivable_id: str, *, call: Call | None = None) -> pb.Receivable:
        """Buyer or supplier end a dispute or a dilution: matched anew, to be confirmed anew."""
        request = pb.ReinstateReceivableRequest(receivable_id=receivable_id)
        return (await self.calls.unary(_SERVICE, request, pb.ReinstateReceivableResponse, call)).receivable

    async def give_up(self, receivable_id: str, *, call: Call | None = None) -> pb.Receivable:
        """The supplier gives up a disputed or diluted receivable."""
        request = pb.GiveUpReceivableRequest(receivable_id=receivable_id)
        return (await self.calls.unary(_SERVICE, request, pb.GiveUpReceivableResponse, call)).receivable


def from_message(message: pb.ReceivableConfirmation) -> ReceivableConfirmation:
    """The confirmation of a wire message. Raises ``ValueError`` if its date is malformed."""
    return ReceivableConfirmation(
        receivable_id=message.receivable_id,
        invoice_id=message.invoice_id,
        buyer_uscc=message.buyer_uscc,
        supplier_uscc=message.supplier_uscc,
        amount_fen=message.amount_fen,
        currency=message.currency,
        due_date=date.fromisoformat(message.due_date),
        evidence_hash=message.evidence_hash,
        confirmed_at=message.confirmed_at,
        chain_id=message.chain_id,
        verifying_contract=message.verifying_contract,
    )


def to_message(confirmation: ReceivableConfirmation) -> pb.ReceivableConfirmation:
    """The wire message of a confirmation."""
    return pb.ReceivableConfirmation(
        receivable_id=confirmation.receivable_id,
        invoice_id=confirmation.invoice_id,
        buyer_uscc=confirmation.buyer_uscc,
        supplier_uscc=confirmation.supplier_uscc,
        amount_fen=confirmation.amount_fen,
        currency=confirmation.currency,
        due_date=confirmation.due_date.isoformat(),
        evidence_hash=confirmation.evidence_hash,
        confirmed_at=confirmation.confirmed_at,
        chain_id=confirmation.chain_id,
        verifying_contract=confirmation.verifying_contract,
    )


def _check_offered(asked: pb.Receivable, offered: ReceivableConfirmation) -> None:
    pairs = {
        "receivable_id": (asked.receivable_id, offered.receivable_id),
        "buyer_uscc": (asked.buyer_uscc, offered.buyer_uscc),
        "supplier_uscc": (asked.supplier_uscc, offered.supplier_uscc),
        "amount_fen": (asked.amount.amount_fen, offered.amount_fen),
        "due_date": (asked.due_date, offered.due_date.isoformat()),
        "evidence_hash": (asked.evidence_hash, offered.evidence_hash),
    }
    for name, (shown, to_sign) in pairs.items():
        if shown != to_sign:
            raise typed(HuilianError("CONFIRMATION_MISMATCH", field=name))
