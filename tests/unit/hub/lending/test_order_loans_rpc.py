"""Order loans on the wire: from the list of orders to money, and what delivered goods take over."""

from __future__ import annotations

import itertools
from typing import Any

from huilian.lending.v1 import order_loan_service_pb2 as pb
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb

from hub.lending.rpc import OrderLoanServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.rpc import ReceivableServicer
from tests.unit.hub.lending.test_order_loans import LOAN, MOST_FEN, delivered, ordered
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, refused


async def test_from_the_list_of_orders_to_money(world: LendingWorld) -> None:
    idempotency = Idempotency(world.database, world.clock)
    servicers = [OrderLoanServicer(world.service, idempotency), ReceivableServicer(world.trade.service, idempotency)]
    numbers = itertools.count(1)

    async def call(request: Any, caller: str = SUPPLIER) -> Any:
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = f"request-{next(numbers)}"
        set_current_caller(Caller(caller, Role.ENTERPRISE))
        name = type(request).__name__.removesuffix("Request")
        servicer = next(item for item in servicers if name in type(item).__dict__)
        answer = await getattr(servicer, name)(type(request).FromString(request.SerializeToString()), None)
        return type(answer).FromString(answer.SerializeToString())

    await ordered(world)
    (order,) = (await call(receivable_pb.ListPurchaseOrdersRequest())).purchase_orders
    assert (order.order_number, order.in_force, order.lines[0].open.amount_fen) == ("NO-purchase-1", True, 125_050)
    assert not (await call(receivable_pb.ListPurchaseOrdersRequest(), BUYER)).purchase_orders
    named = {"buyer_uscc": order.buyer_uscc, "order_document_id": order.order_document_id, "term_days": 60}
    quoted = (await call(pb.QuoteOrderLoanRequest(**named))).quote
    apply = pb.ApplyForOrderLoanRequest(request_id="request-a", loan_id=LOAN, **named)
    offered = await call(apply)
    assert (offered.order_loan.state, offered.order_loan.quote) == (pb.ORDER_LOAN_STATE_OFFERED, quoted)
    assert await call(apply) == offered
    signed = (await call(pb.SignOrderLoanRequest(loan_id=LOAN))).order_loan
    assert signed.state == pb.ORDER_LOAN_STATE_SIGNED
    await refused("STATE_CONFLICT", call(pb.WithdrawOrderLoanRequest(loan_id=LOAN)))
    await world.settle_outbox()
    await delivered(world, steel="40")
    loan = (await call(pb.GetOrderLoanRequest(loan_id=LOAN))).order_loan
    assert loan.state == pb.ORDER_LOAN_STATE_CONVERTING
    assert loan.outstanding_principal.amount_fen == MOST_FEN - loan.conversions[0].principal.amount_fen
    assert list((await call(pb.ListOrderLoansRequest())).order_loans) == [loan]
    await refused("NOT_FOUND", call(pb.GetOrderLoanRequest(loan_id=LOAN), BUYER))
