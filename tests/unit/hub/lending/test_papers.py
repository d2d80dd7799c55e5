"""A party gets its own papers, filled from what the bank reckons with; for everybody else they do not exist."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from functools import partial

import pytest
from huilian.lending.v1 import document_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from pypdf import PdfReader

from documents.paper import paper_pdf, yuan
from documents.pool import RenderingPool
from hub.accounting.account_statements import statement_of
from hub.lending.loans.stored import BUY_BACK, CHARGE_OFF, RESTRUCTURE
from hub.lending.papers.content import Papers, contract_of
from hub.lending.papers.rpc import DocumentServicer
from hub.platform.callers import Caller, Role, set_current_caller
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending import test_workouts as workouts
from tests.unit.hub.lending.test_clearing import receivable_id
from tests.unit.hub.lending.test_financing import INTEREST, PRINCIPAL
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE


class Receipts:
    """The log's receipts: pending until the test says otherwise; asked for by record and reader."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, record_id: str, reader: str) -> bytes:
        self.asked.append((record_id, reader))
        if record_id not in self.known:
            raise HuilianError("RECEIPT_PENDING")
        return self.known[record_id]


@pytest.fixture
def receipts() -> Receipts:
    return Receipts()


@pytest.fixture
def papers(world: LendingWorld, receipts: Receipts) -> Papers:
    return Papers(
        world.service.loans,
        world.trade.service,
        world.service.registered,
        receipts,
        partial(statement_of, world.database),
    )


@pytest.fixture
async def pool() -> AsyncIterator[RenderingPool]:
    async with RenderingPool() as made:
        yield made


async def test_a_contract_says_what_was_signed(world: LendingWorld, papers: Papers, receipts: Receipts) -> None:
    financing = await world.disbursed()
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    contract = contract_of(loan)
    assert contract.apr == financing.quote.apr
    assert contract.total_cost_fen == financing.quote.cost_fen
    assert [(line.principal_fen, line.interest_fen) for line in contract.schedule] == [(PRINCIPAL, INTEREST)]
    receipts.known["loan-disbursed:financing-1"] = b"{}"
    assert (await papers.contract(SUPPLIER, "financing-1")).receipt == b"{}"
    assert receipts.asked == [("loan-disbursed:financing-1", SUPPLIER)]


async def test_papers_are_for_their_parties_only(world: LendingWorld, papers: Papers) -> None:
    await world.disbursed()
    name, today = await receivable_id(world), world.service.loans.today()
    for stranger in (BUYER, SECOND_TIER):
        await refused("NOT_FOUND", papers.contract(stranger, "financing-1"))
        await refused("NOT_FOUND", papers.payoff(stranger, "financing-1"))
        await refused("NOT_FOUND", papers.statement(stranger, "financing-1", today, today))
    await refused("NOT_FOUND", papers.confirmation(SECOND_TIER, name))
    for party in (BUYER, SUPPLIER):
        assert (await papers.confirmation(party, name)).paper.number == name


async def test_a_statement_adds_up_and_ends_at_the_payoff(world: LendingWorld, papers: Papers) -> None:
    await world.disbursed()
    first = world.service.loans.today()
    world.clock.advance(timedelta(days=5))
    await world.repay(SUPPLIER, 10_000, "financing-1")
    last = world.service.loans.today()
    filled = await papers.statement(SUPPLIER, "financing-1", first + timedelta(days=1), last)
    summary, detail = filled.paper.sections
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    assert dict(summary.rows)["期初本金余额"] == "¥ 450.00"
    assert dict(summary.rows)["期末本金余额"] == f"¥ {loan.owed.principal_fen / 100:,.2f}"
    assert [line[1] for line in detail.lines] == ["还款"]
    letter = await papers.payoff(SUPPLIER, "financing-1")
    assert dict(letter.paper.sections[0].rows)["结清金额合计"] == f"¥ {loan.owed.total_fen / 100:,.2f}"


async def test_a_period_that_is_none_is_refused(world: LendingWorld, papers: Papers) -> None:
    await world.disbursed()
    today = world.service.loans.today()
    for first, last in [
        (today, today - timedelta(days=1)),
        (today, today + timedelta(days=1)),
        (today - timedelta(days=366), today),
        (date(2020, 1, 1), date(2020, 1, 2)),
    ]:
        await refused("INVALID_ARGUMENT", papers.statement(SUPPLIER, "financing-1", first, last))


async def test_on_the_wire_a_pdf_with_a_plain_name(world: LendingWorld, papers: Papers, pool: RenderingPool) -> None:
    await world.disbursed()
    servicer = DocumentServicer(papers, pool, world.clock, "https://verify.example/")
    set_current_caller(Caller(SUPPLIER, Role.ENTERPRISE))
    request = pb.GetDocumentRequest(kind=pb.DOCUMENT_KIND_LOAN_CONTRACT, object_id="financing-1")
    answer = await servicer.GetDocument(request, None)
    assert (answer.file_name, answer.has_receipt) == ("loan-contract-financing-1.pdf", False)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.pdf)).pages)
    assert "融资合同" in re.sub(r"\s+", "", text)
    set_current_caller(Caller(BUYER, Role.ENTERPRISE))
    await refused("NOT_FOUND", servicer.GetDocument(request, None))


async def test_a_notice_says_what_is_registered_today(
    world: LendingWorld, papers: Papers, receipts: Receipts, pool: RenderingPool
) -> None:
    await world.held()
    name = await receivable_id(world)
    await refused("NOT_FOUND", papers.registration(SUPPLIER, name))
    world.names[SUPPLIER] = "沙盒通达精密零件有限公司"
    await world.offered()
    await world.signed()
    await world.settle_outbox()
    registration = await world.service.registered(name)
    assert registration is not None
    receipts.known[f"registration-registered:{registration.claim_id}"] = b"{}"
    filled = await papers.registration(SUPPLIER, name)
    assert filled.receipt == b"{}"
    rows = dict(filled.paper.sections[0].rows)
    assert rows["登记证明编号"].startswith("SANDBOX-") and rows["登记系统"].endswith("（沙箱）")
    assert rows["担保人"] == f"沙盒通达精密零件有限公司 {SUPPLIER}" and rows["担保财产金额"] == yuan(50_020)
    assert "初始登记" in rows["业务种类"]
    for stranger in (BUYER, SECOND_TIER):
        await refused("NOT_FOUND", papers.registration(stranger, name))
    world.names[SUPPLIER] = "沙盒通达重工有限公司"
    await world.service.registrations.queue_looks()
    await world.settle_outbox()
    amended = await papers.registration(SUPPLIER, name)
    rows = dict(amended.paper.sections[0].rows)
    assert "变更登记" in rows["业务种类"] and rows["担保人"].startswith("沙盒通达重工")
    assert amended.receipt is None and receipts.asked[-1][0].startswith("registration-amended:")


async def test_an_account_over_a_period_is_for_its_owner(world: LendingWorld, papers: Papers) -> None:
    await world.disbursed()
    today = world.service.loans.today()
    filled = await papers.account(SUPPLIER, SUPPLIER, today, today)
    facts = dict(filled.paper.sections[0].rows)
    assert facts["期初余额"] == "¥ 0.00"
    assert facts["期末余额"] == yuan(await world.balance(SUPPLIER))
    assert len(filled.paper.sections[1].lines) == 1
    assert filled.receipt is None and filled.paper.record_id == ""
    await refused("NOT_FOUND", papers.account(SUPPLIER, BUYER, today, today))
    assert paper_pdf(filled.paper, None, "https://verify.example/", world.clock.now()).startswith(b"%PDF")


async def test_a_restructuring_agreement_is_what_the_engine_will_ask_for(
    world: LendingWorld, papers: Papers, receipts: Receipts
) -> None:
    before = await workouts.overdue(world)
    await refused("NOT_FOUND", papers.workout(SUPPLIER, workouts.LOAN, RESTRUCTURE, 0))
    until = date(2026, 8, 20)
    await workouts.restructured(world, "0.03", until, workouts.PLAN)
    (listed,) = await papers.of_loan(SUPPLIER, workouts.LOAN)
    receipts.known[f"loan-restructured:{workouts.LOAN}:{listed.sequence}"] = b"{}"
    filled = await papers.workout(SUPPLIER, workouts.LOAN, RESTRUCTURE, listed.sequence)
    assert filled.receipt == b"{}"
    agreed, schedule, _ = filled.paper.sections
    rows = dict(agreed.rows)
    assert rows["重组日所欠 · 合计"] == yuan(int(before.owed.total_fen))
    assert rows["到期日"] == "2026-04-05 变更为 2026-08-20" and rows["还款方式"] == "等额本息"
    loan = await world.service.loans.get(SUPPLIER, workouts.LOAN)
    assert rows["借款人签署的条款摘要"] == loan.events[-1].content["signed_terms"]
    assert [line[1] for line in schedule.lines] == [f"2026-0{month}-20" for month in (5, 6, 7, 8)]
    # Paid line by line on its day, the loan is closed: not a fen more or less.
    await world.fund(SUPPLIER, 10_000_000)
    for _, day, *_, total in schedule.lines:
        move_to(world.clock, at_noon(*map(int, day.split("-"))))
        fen = int(total.removeprefix("¥ ").replace(",", "").replace(".", ""))
        loan = await world.repay(SUPPLIER, fen, workouts.LOAN)
    assert loan.owed.total_fen == 0 and loan.record.closed
    again = await papers.workout(SUPPLIER, workouts.LOAN, RESTRUCTURE, 0)
    assert again.paper == filled.paper
    for stranger in (BUYER, SECOND_TIER):
        await refused("NOT_FOUND", papers.workout(stranger, workouts.LOAN, RESTRUCTURE, 0))
        await refused("NOT_FOUND", papers.of_loan(stranger, workouts.LOAN))


async def test_a_buy_back_is_confirmed_at_the_payoff_of_its_day(world: LendingWorld, papers: Papers) -> None:
    before = await workouts.overdue(world)
    await world.fund(BUYER, 10_000_000)
    await workouts.do(world, lambda desk: desk.buy_back(workouts.LOAN, BUYER))
    rows = dict((await papers.workout(SUPPLIER, workouts.LOAN, BUY_BACK, 0)).paper.sections[0].rows)
    assert (rows["回购方（付款人）"], rows["回购标的（凭证编号）"]) == (BUYER, "certificate-1")
    assert rows["回购价款 · 合计"] == yuan(int(before.owed.total_fen))


async def test_a_charge_off_is_certified_with_what_came_back_since(
    world: LendingWorld, papers: Papers, pool: RenderingPool
) -> None:
    before = await workouts.overdue(world)
    await workouts.do(world, lambda desk: desk.charge_off(workouts.LOAN))
    await world.fund(SUPPLIER, 10_000)
    await workouts.do(world, lambda desk: desk.recover(workouts.LOAN, SUPPLIER, 10_000))
    rows = dict((await papers.workout(SUPPLIER, workouts.LOAN, CHARGE_OFF, 0)).paper.sections[0].rows)
    assert rows["核销金额 · 合计"] == yuan(int(before.owed.total_fen))
    assert rows["核销后已收回"] == yuan(10_000)
    assert rows["截至 2026-04-20 尚未收回"] == yuan(int(before.owed.total_fen) - 10_000)
    servicer = DocumentServicer(papers, pool, world.clock, "https://verify.example/")
    set_current_caller(Caller(SUPPLIER, Role.ENTERPRISE))
    listed = await servicer.ListLoanDocuments(pb.ListLoanDocumentsRequest(loan_id=workouts.LOAN), None)
    assert [one.title_zh for one in listed.documents][-1] == "贷款核销证明" and len(listed.documents) == 4
    last = listed.documents[-1]
    request = pb.GetDocumentRequest(kind=last.kind, object_id=workouts.LOAN, sequence=last.sequence)
    answer = await servicer.GetDocument(request, None)
    assert answer.file_name == f"charge-off-certificate-{workouts.LOAN}.pdf" and answer.pdf.startswith(b"%PDF")
    request.sequence = 99
    await refused("NOT_FOUND", servicer.GetDocument(request, None))
