"""What the bank paid on a buyer's payables is posted in the buyer's ERP, and both ledgers are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from huilian.accounting.v1 import reconciliation_service_pb2 as reconciliation
from huilian.lending.v1 import erp_ledger_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.case_rules import CaseState, Proposal, Resolution
from hub.accounting.matching import Outcome, Reason
from hub.accounting.rpc_reconciliation import ReconciliationServicer
from hub.lending.erp import desk, stored
from hub.lending.erp.desk import ErpComparison
from hub.lending.erp.rpc import ErpLedgerServicer
from hub.lending.erp.rules import ErpEntry, ErpPayment, ErpPaymentState, compare
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.test_clearing import AMOUNT, DUE, receivable_id
from tests.unit.hub.lending.test_part_payments import pay
from tests.unit.hub.lending.world import BUYER, LendingWorld, move_to, refused

PART = 20_000


async def paid_in_two(world: LendingWorld) -> None:
    """A part by the buyer, the rest by the clearing at the due date; the buyer has an ERP."""
    world.erps.buyers.add(BUYER)
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await pay(world, PART)
    await world.service.tick()


async def payments(world: LendingWorld) -> list[ErpPayment]:
    page = await world.service.erp_payments.page(BUYER, 50, "")
    return sorted(page.items, key=lambda one: one.amount_fen)


async def compared(world: LendingWorld) -> ErpComparison:
    ledger = await world.service.erp_payments.pull(BUYER)
    return await world.run(lambda: world.service.erp_payments.take_in(ledger))


async def test_paid_then_posted_then_the_ledgers_agree(world: LendingWorld) -> None:
    await paid_in_two(world)
    before = await payments(world)
    assert [(one.payment_id, one.amount_fen, one.state) for one in before] == [
        ("payment-1", PART, ErpPaymentState.PENDING),
        (f"clear:{await receivable_id(world)}", AMOUNT - PART, ErpPaymentState.PENDING),
    ]
    missing = await compared(world)
    assert {case.difference.kind for case in missing.cases} == {Outcome.MISSING_IN_ERP}
    assert len(missing.cases) == 2
    await world.settle_outbox()
    assert {one.state for one in await payments(world)} == {ErpPaymentState.POSTED}
    assert [entry.debit_fen for entry in world.erps.entries] == [PART, AMOUNT - PART]
    agreed = await compared(world)
    assert (agreed.compared, agreed.tried_again, agreed.cases) == (2, 0, ())
    ended = [await world.cases.get(case.case_id) for case in missing.cases]
    assert {(case.state, case.resolution) for case in ended} == {(CaseState.CLOSED, Resolution.ARRIVED)}


async def test_an_answer_that_gets_lost_posts_nothing_twice(world: LendingWorld) -> None:
    world.erps.lose_answers = True
    await paid_in_two(world)
    await world.settle_outbox()
    assert {one.state for one in await payments(world)} == {ErpPaymentState.PENDING}
    world.erps.lose_answers = False
    world.clock.advance(timedelta(minutes=5))
    await world.settle_outbox()
    assert len(world.erps.entries) == 2 < world.erps.calls
    assert (await compared(world)).cases == ()


async def test_a_refusal_is_a_case_and_is_tried_again(world: LendingWorld) -> None:
    world.erps.refusal = HuilianError("STATE_CONFLICT", state="ERP_REFUSED")
    await paid_in_two(world)
    await world.settle_outbox()
    assert {(one.state, one.reason) for one in await payments(world)} == {(ErpPaymentState.REFUSED, "ERP_REFUSED")}
    outcome = await compared(world)
    assert (outcome.tried_again, len(outcome.cases)) == (2, 2)
    await world.settle_outbox()
    world.erps.refusal = None
    assert (await compared(world)).tried_again == 2
    await world.settle_outbox()
    assert (await compared(world)).cases == ()


async def test_whatever_else_stands_there_is_a_case(world: LendingWorld) -> None:
    await paid_in_two(world)
    await world.settle_outbox()
    part, rest = await payments(world)
    world.erps.post(part.invoice_document_id, part.payment_id, -PART, part)  # taken back
    world.erps.post(part.invoice_document_id, "", 777, part)  # paid around the bank
    cases = {case.difference.kind: case for case in (await compared(world)).cases}
    assert {kind: case.difference.reason for kind, case in cases.items()} == {
        Outcome.AMBIGUOUS: Reason.AMOUNT_DIFFERS,
        Outcome.UNKNOWN_ENTRY: Reason.NOTHING_LIKE_IT,
    }
    stranger = cases[Outcome.UNKNOWN_ENTRY].case_id
    noted = Proposal(Resolution.NOTED, "买方线下支付，已与其财务确认")
    await world.run(lambda: world.cases.propose("operator.one", stranger, noted))
    await refused(
        "PERMISSION_DENIED", world.run(lambda: world.cases.decide("operator.one", stranger, "x", approve=True))
    )
    await world.run(lambda: world.cases.decide("operator.two", stranger, "同意", approve=True))
    # Closed by people, it is not opened again by the same finding; what nobody settled stays.
    assert [case.difference.item_id for case in (await compared(world)).cases] == [part.payment_id]
    assert rest.payment_id != part.payment_id


async def test_what_never_agreed_is_compared_however_old_it_is(
    world: LendingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "NEWEST_PAYMENTS", 1)
    await paid_in_two(world)
    await world.settle_outbox()
    part, rest = await payments(world)
    world.erps.post(part.invoice_document_id, part.payment_id, -PART, part)  # taken back
    newer = replace(part, payment_id="payment-2", invoice_document_id="invoice-99", created_at=world.clock.now())
    newer = replace(newer, created_at=newer.created_at + timedelta(hours=1))
    await world.run(lambda: stored.add(newer))
    world.erps.post(newer.invoice_document_id, newer.payment_id, newer.amount_fen, newer)
    for _ in range(2):
        found = await compared(world)
        assert (found.compared, [case.difference.item_id for case in found.cases]) == (3, [part.payment_id])
    world.erps.post(part.invoice_document_id, part.payment_id, PART, part)
    settled = await compared(world)
    assert (settled.compared, settled.cases) == (3, ())
    assert (await compared(world)).compared == 1, "the ledgers agreed on what is old"
    assert rest.invoice_document_id == part.invoice_document_id


async def test_a_payment_that_breaks_leaves_nothing_for_the_erp(world: LendingWorld) -> None:
    world.erps.buyers.add(BUYER)
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    async for _ in break_at_each_statement(world.database, lambda: pay(world, PART), most=400):
        assert await payments(world) == []
    await world.settle_outbox()
    (payment,) = await payments(world)
    assert payment.state is ErpPaymentState.POSTED


async def test_operators_see_and_compare(world: LendingWorld) -> None:
    await paid_in_two(world)
    await world.settle_outbox()
    idempotency = Idempotency(world.database, world.clock)
    served = ErpLedgerServicer(world.service.erp_payments, idempotency)
    set_current_caller(Caller("operator.one", Role.OPERATOR))
    listed = await served.ListErpPayments(pb.ListErpPaymentsRequest(buyer_uscc=BUYER), None)
    assert {one.state for one in listed.payments} == {pb.ERP_PAYMENT_STATE_POSTED}
    world.erps.entries.pop()
    request = pb.ReconcileErpLedgerRequest(request_id="compare-1", buyer_uscc=BUYER)
    answer = await served.ReconcileErpLedger(request, None)
    assert (answer.compared_payments, len(answer.open_case_ids)) == (2, 1)
    assert await served.ReconcileErpLedger(request, None) == answer
    unknown = pb.ReconcileErpLedgerRequest(request_id="compare-2", buyer_uscc="91449900MA0H00099X")
    await refused("NOT_FOUND", served.ReconcileErpLedger(unknown, None))
    await served_as_a_case(world, answer.open_case_ids[0])


async def served_as_a_case(world: LendingWorld, case_id: str) -> None:
    """The same service shows it that shows differences with the bank; an ERP's account is nobody's of ours."""
    served = ReconciliationServicer(None, world.cases, Idempotency(world.database, world.clock))  # type: ignore[arg-type]
    case = (await served.GetCase(reconciliation.GetCaseRequest(case_id=case_id), None)).case
    assert (case.source, case.kind) == (reconciliation.CASE_SOURCE_ERP, reconciliation.CASE_KIND_MISSING_IN_ERP)
    by_journal = reconciliation.CaseProposal(
        resolution=reconciliation.CASE_RESOLUTION_COMPENSATED,
        contra=reconciliation.CONTRA_ACCOUNT_CLEARING,
        reason="x",
    )
    request = reconciliation.ProposeResolutionRequest(request_id="propose-1", case_id=case_id, proposal=by_journal)
    await refused("INVALID_ARGUMENT", served.ProposeResolution(request, None))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_one_change_in_the_erp_is_one_difference(amounts: list[int], data: st.DataObject) -> None:
    """Honest ledgers agree; one entry dropped, doubled, changed or invented is exactly that difference."""
    owed = [payment(f"p{number}", fen) for number, fen in enumerate(amounts)]
    entries = [entry(f"e{number}", one.payment_id, one.amount_fen) for number, one in enumerate(owed)]
    assert compare(BUYER, owed, [*entries, entry("i", "", 0, credit_fen=99)]) == []
    at = data.draw(st.integers(0, len(owed) - 1))
    doubled, other = entry("x", owed[at].payment_id, owed[at].amount_fen), entry("x", owed[at].payment_id, 10)
    changes = {
        (Outcome.MISSING_IN_ERP, owed[at].payment_id): entries[:at] + entries[at + 1 :],
        (Outcome.AMBIGUOUS, owed[at].payment_id): data.draw(
            st.sampled_from([[*entries, doubled], [*entries[:at], other, *entries[at + 1 :]]])
        ),
        (Outcome.UNKNOWN_ENTRY, "x"): [*entries, entry("x", data.draw(st.sampled_from(["", "nobody's"])), 5)],
    }
    for expected, changed in changes.items():
        assert [(one.kind, one.item_id) for one in compare(BUYER, owed, changed)] == [expected]


def payment(payment_id: str, amount_fen: int) -> ErpPayment:
    day, state = DUE.date(), ErpPaymentState.POSTED
    return ErpPayment(payment_id, "r", BUYER, "invoice-1", amount_fen, day, state, "1", "", 1, DUE)


def entry(entry_id: str, payment_id: str, debit_fen: int, credit_fen: int = 0) -> ErpEntry:
    return ErpEntry(entry_id, "invoice-1", payment_id, DUE.date(), debit_fen, credit_fen)
