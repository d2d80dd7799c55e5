"""Borrowing on a purchase order: which orders there are, what they fetch, and what delivered goods took over."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import order_loan_service_pb2 as pb
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId, PageSize, PageToken, Reason, reasons_of, time_text
from mini_program_api.screens.financings import Quote, quote_of

STATES = {value: name.removeprefix("ORDER_LOAN_STATE_") for name, value in pb.OrderLoanState.items()}
Uscc = Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")]
DocumentId = Annotated[str, Field(min_length=1, max_length=200)]
TermDays = Annotated[int, Field(ge=1, le=365)]


class OrderLoanForm(Form):
    """What to borrow on; an amount of 0 asks for the most that the product gives."""

    loan_id: ObjectId
    buyer_uscc: Uscc
    order_document_id: DocumentId
    term_days: Annotated[int, Field(ge=1, le=365, strict=True)]
    amount_fen: int = Field(default=0, ge=0, le=10**15, strict=True)


class PurchaseOrderLine(BaseModel):
    """What was ordered, and what of it is not billed yet; fen without tax."""

    line_id: str
    item_name: str
    quantity: str
    unit_code: str
    ordered_fen: int
    open_fen: int


class PurchaseOrder(BaseModel):
    """An order that a buyer placed."""

    order_document_id: str
    order_number: str
    buyer_uscc: str
    issue_date: str
    in_force: bool
    lines: list[PurchaseOrderLine]


class PurchaseOrders(BaseModel):
    """A page of orders."""

    purchase_orders: list[PurchaseOrder]
    next_page_token: str


class OrderLoanLine(BaseModel):
    """A line under the loan: goods and the principal that follows them, in fen."""

    line_id: str
    ordered_fen: int
    principal_fen: int
    delivered_fen: int
    cancelled_fen: int
    converted_fen: int
    called_fen: int


class Conversion(BaseModel):
    """What a receivable took over."""

    receivable_id: str
    state: str
    receivable_loan_id: str
    principal_fen: int
    lent_fen: int


class OrderLoan(BaseModel):
    """One order loan; `called_fen` is to be repaid now."""

    loan_id: str
    state: str
    buyer_uscc: str
    order_document_id: str
    order_number: str
    quote: Quote
    converted_rate: str
    reasons: list[Reason]
    offer_expires_at: str
    outstanding_fen: int
    called_fen: int
    lines: list[OrderLoanLine]
    conversions: list[Conversion]


class OrderLoans(BaseModel):
    """A page of order loans."""

    order_loans: list[OrderLoan]
    next_page_token: str


class PurchaseOrdersScreen(Screen):
    """GET /api/v1/purchase-orders"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[PurchaseOrders]:
        """Orders that buyers placed with me.

        Tags: supplier
        """
        page = await self.hub.receivables.purchase_orders().page(page_token=page_token, page_size=page_size)
        shown = [_order(item) for item in page.items]
        return answer(PurchaseOrders(purchase_orders=shown, next_page_token=page.next_page_token))


class OrderQuoteScreen(Screen):
    """GET /api/v1/order-quote"""

    async def get(self, buyer_uscc: Uscc, order_document_id: DocumentId, term_days: TermDays) -> r200[Quote]:
        """What the most that an order fetches would cost. Nothing is blocked.

        Tags: supplier
        """
        return answer(quote_of(await self.hub.order_loans.quote(buyer_uscc, order_document_id, term_days)))


class OrderLoansScreen(Screen):
    """/api/v1/order-loans"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[OrderLoans]:
        """My order loans.

        Tags: supplier
        """
        page = await self.hub.order_loans.list().page(page_token=page_token, page_size=page_size)
        shown = [_order_loan(item) for item in page.items]
        return answer(OrderLoans(order_loans=shown, next_page_token=page.next_page_token))

    async def post(self, body: OrderLoanForm) -> r201[OrderLoan]:
        """Apply. The answer is an offer or a rejection, each with its reasons.

        Tags: supplier
        """
        call = self.call()
        made = await self.hub.order_loans.apply(
            body.buyer_uscc,
            body.order_document_id,
            body.term_days,
            amount_fen=body.amount_fen,
            loan_id=body.loan_id,
            call=call,
        )
        return answer(_order_loan(made), call, status=201)


class OrderLoanScreen(Screen):
    """GET /api/v1/order-loans/{loan_id}"""

    async def get(self, loan_id: ObjectId, /) -> r200[OrderLoan]:
        """One of my order loans.

        Tags: supplier
        """
        return answer(_order_loan(await self.hub.order_loans.get(loan_id)))


class SignatureScreen(Screen):
    """POST /api/v1/order-loans/{loan_id}/signature"""

    async def post(self, loan_id: ObjectId, /) -> r200[OrderLoan]:
        """Sign the offer. The claim on the order is locked on the chain before the money leaves.

        Tags: supplier
        """
        call = self.call()
        return answer(_order_loan(await self.hub.order_loans.sign(loan_id, call=call)), call)


class WithdrawalScreen(Screen):
    """POST /api/v1/order-loans/{loan_id}/withdrawal"""

    async def post(self, loan_id: ObjectId, /) -> r200[OrderLoan]:
        """Withdraw before signing.

        Tags: supplier
        """
        call = self.call()
        return answer(_order_loan(await self.hub.order_loans.withdraw(loan_id, call=call)), call)


def _order(item: receivable_pb.PurchaseOrder) -> PurchaseOrder:
    return PurchaseOrder(
        order_document_id=item.order_document_id,
        order_number=item.order_number,
        buyer_uscc=item.buyer_uscc,
        issue_date=item.issue_date,
        in_force=item.in_force,
        lines=[
            PurchaseOrderLine(
                line_id=line.line_id,
                item_name=line.item_name,
                quantity=line.quantity,
                unit_code=line.unit_code,
                ordered_fen=line.ordered.amount_fen,
                open_fen=line.open.amount_fen,
            )
            for line in item.lines
        ],
    )


def _order_loan(item: pb.OrderLoan) -> OrderLoan:
    return OrderLoan(
        loan_id=item.loan_id,
        state=STATES[item.state],
        buyer_uscc=item.buyer_uscc,
        order_document_id=item.order_document_id,
        order_number=item.order_number,
        quote=quote_of(item.quote),
        converted_rate=item.converted_rate,
        reasons=reasons_of(item.reasons),
        offer_expires_at=time_text(item.offer_expire_time),
        outstanding_fen=item.outstanding_principal.amount_fen,
        called_fen=item.called_principal.amount_fen,
        lines=[_line(line) for line in item.lines],
        conversions=[_conversion(conversion) for conversion in item.conversions],
    )


def _line(line: pb.OrderLoanLine) -> OrderLoanLine:
    return OrderLoanLine(
        line_id=line.line_id,
        ordered_fen=line.ordered.amount_fen,
        principal_fen=line.principal.amount_fen,
        delivered_fen=line.delivered.amount_fen,
        cancelled_fen=line.cancelled.amount_fen,
        converted_fen=line.converted.amount_fen,
        called_fen=line.called.amount_fen,
    )


def _conversion(conversion: pb.OrderLoanConversion) -> Conversion:
    return Conversion(
        receivable_id=conversion.receivable_id,
        state=conversion.state,
        receivable_loan_id=conversion.receivable_loan_id,
        principal_fen=conversion.principal.amount_fen,
        lent_fen=conversion.lent.amount_fen,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/order-loans/{loan_id}"
    return [
        web.view("/api/v1/purchase-orders", PurchaseOrdersScreen),
        web.view("/api/v1/order-quote", OrderQuoteScreen),
        web.view("/api/v1/order-loans", OrderLoansScreen),
        web.view(one, OrderLoanScreen),
        web.view(f"{one}/signature", SignatureScreen),
        web.view(f"{one}/withdrawal", WithdrawalScreen),
    ]
