"""A supplier issues its invoice with the tax authority's sandbox, and gets the number that goes into the ERP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import grpc
from huilian.receivables.v1 import tax_authority_service_pb2 as pb
from huilian.receivables.v1 import tax_authority_service_pb2_grpc as pb_grpc

from connectors.core_enterprise.tryton.sandbox import Goods
from connectors.core_enterprise.tryton.sandbox_setup import VAT_RATE
from deploy.site import Site

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Trade:
    """What an invoice is over; the total in fen, with tax. `code` and `number` are those of an older invoice."""

    seller_uscc: str
    buyer_uscc: str
    issue_date: dt.date
    total_fen: int
    tax_fen: int = 0
    code: str = ""
    number: str = ""


def priced(seller_uscc: str, buyer_uscc: str, issue_date: dt.date, goods: Sequence[Goods]) -> Trade:
    """An invoice over goods with value added tax, rounded as the sandbox's ERP rounds: each line, then the tax."""
    lines = (item.quantity * item.unit_price_fen for item in goods)
    net_fen = sum(int(line.quantize(Decimal(1), ROUND_HALF_UP)) for line in lines)
    tax_fen = int((net_fen * VAT_RATE).quantize(Decimal(1), ROUND_HALF_UP))
    return Trade(seller_uscc, buyer_uscc, issue_date, net_fen + tax_fen, tax_fen)


async def issue_invoice(site: Site, trade: Trade, request_id: str) -> str:
    """The 20 digits of the issued invoice (code and number of an older one); the same when the request comes again."""
    target = f"127.0.0.1:{site.port('tax_authority')}"
    async with grpc.aio.secure_channel(target, site.operator_credentials()) as channel:
        answer = await pb_grpc.TaxAuthorityServiceStub(channel).IssueInvoice(
            pb.IssueInvoiceRequest(
                request_id=request_id,
                seller_uscc=trade.seller_uscc,
                buyer_uscc=trade.buyer_uscc,
                issue_date=trade.issue_date.isoformat(),
                total_fen=trade.total_fen,
                tax_fen=trade.tax_fen,
                invoice_code=trade.code,
                invoice_number=trade.number,
            ),
            timeout=DEADLINE_S,
        )
    number: str = answer.invoice.invoice_number
    return number
