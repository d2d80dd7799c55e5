"""The tax authority's process: `python -m connectors.authorities.tax_authority.sandbox`. SANDBOX.

Serves `TaxAuthorityService` over mTLS. Its invoices are invented and say nothing about anybody's taxes.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

from huilian.receivables.v1 import tax_authority_service_pb2 as pb
from huilian.receivables.v1 import tax_authority_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from pydantic import Field

from connectors.authorities.tax_authority.register import InvoiceRegister, InvoiceState, NewInvoice, TaxInvoice
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer
from connectors.kit.settings import TlsSettings


class AuthoritySettings(TlsSettings):
    """The tax authority's process."""

    state_dir: Path = Field(description="folder for the register of invoices")


class TaxAuthorityServicer(tax_authority_service_pb2_grpc.TaxAuthorityServiceServicer):
    """huilian.receivables.v1.TaxAuthorityService: proto in, proto out."""

    def __init__(self, register: InvoiceRegister) -> None:
        self._register = register

    async def LookUpInvoice(self, request: pb.LookUpInvoiceRequest, context: Any) -> pb.LookUpInvoiceResponse:
        """What is recorded."""
        found = self._register.look_up(request.invoice_number)
        return pb.LookUpInvoiceResponse(found=found is not None, invoice=_message(found) if found else None)

    async def IssueInvoice(self, request: pb.IssueInvoiceRequest, context: Any) -> pb.IssueInvoiceResponse:
        """A new invoice."""
        if bool(request.invoice_code) != bool(request.invoice_number):
            raise HuilianError("INVALID_ARGUMENT", "code and number come together", field="invoice_code")
        wanted = NewInvoice(
            request_id=request.request_id,
            seller_uscc=request.seller_uscc,
            buyer_uscc=request.buyer_uscc,
            issue_date=_day(request.issue_date),
            total_fen=request.total_fen,
            tax_fen=request.tax_fen,
            number=request.invoice_code + request.invoice_number,
        )
        return pb.IssueInvoiceResponse(invoice=_message(self._register.issue(wanted)))

    async def OffsetInvoice(self, request: pb.OffsetInvoiceRequest, context: Any) -> pb.OffsetInvoiceResponse:
        """Red-letter."""
        ended = self._register.end(request.invoice_number, request.seller_uscc, InvoiceState.RED_OFFSET)
        return pb.OffsetInvoiceResponse(invoice=_message(ended))

    async def CancelInvoice(self, request: pb.CancelInvoiceRequest, context: Any) -> pb.CancelInvoiceResponse:
        """Cancelled."""
        ended = self._register.end(request.invoice_number, request.seller_uscc, InvoiceState.CANCELLED)
        return pb.CancelInvoiceResponse(invoice=_message(ended))


def _message(invoice: TaxInvoice) -> pb.TaxInvoice:
    return pb.TaxInvoice(
        invoice_number=invoice.invoice_number,
        state=pb.TaxInvoiceState.Value(f"TAX_INVOICE_STATE_{invoice.state}"),
        seller_uscc=invoice.seller_uscc,
        buyer_uscc=invoice.buyer_uscc,
        issue_date=invoice.issue_date.isoformat(),
        total_fen=invoice.total_fen,
        tax_fen=invoice.tax_fen,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field="issue_date") from error


def build(settings: AuthoritySettings) -> EdgeServer:
    """The server, ready to start."""
    server = EdgeServer(settings)
    register = InvoiceRegister(settings.state_dir / "invoices.sqlite3")
    tax_authority_service_pb2_grpc.add_TaxAuthorityServiceServicer_to_server(
        TaxAuthorityServicer(register), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(AuthoritySettings.from_environment()).serve()


if __name__ == "__main__":
    sys.exit(run_process("tax_authority", run))
