"""What the papers of lending say: plain data for `documents`, from the loan's events and the buyer's confirmation.

Everything is derived when it is asked for, so a paper never differs from what the bank reckons with. Reads only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from huilian_loans import CashFlow, annual_percentage_rate, replay
from huilian_loans.documents import read_terms
from huilian_protocol.canonical import sha256_canonical
from huilian_protocol.errors import HuilianError

from documents.account_paper import AccountLine, AccountPaper
from documents.lending_papers import (
    ConfirmationPaper,
    Instalment,
    LoanContract,
    LoanStatement,
    PayoffLetter,
    RegistrationNotice,
    StatementLine,
)
from documents.paper import Paper
from documents.receipt import BEIJING
from hub.accounting.account_statements import AccountStatement
from hub.lending.loans import stored
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.papers.workouts import Listed, workout_paper, workouts_of
from hub.lending.ports import Receivables
from hub.lending.records import registration_record
from hub.lending.registrations.states import RegistrationState
from hub.lending.registrations.stored import Registration
from hub.lending.rules import schedule_of

MOST_DAYS = 366
Receipts = Callable[[str, str], Awaitable[bytes]]
"""Receipt of a record for a reader; raises RECEIPT_PENDING, NOT_FOUND."""


Registered = Callable[[str], Awaitable[Registration | None]]
Account = Callable[[str, date, date], Awaitable[AccountStatement]]
REGISTRY = "动产融资统一登记公示系统"
SANDBOX = "SANDBOX-"
STEPS = {
    RegistrationState.REGISTERED: ("registered", "初始登记"),
    RegistrationState.AMENDED: ("amended", "变更登记"),
    RegistrationState.EXTENDED: ("extended", "展期登记"),
    RegistrationState.OBJECTED: ("objected", "异议登记"),
}


@dataclass(frozen=True)
class Filled:
    """A paper with its receipt, None while that waits for its anchor."""

    paper: Paper
    receipt: bytes | None


class Papers:
    """Papers as their parties ask for them. `caller` is a network number or a USCC."""

    def __init__(
        self, loans: Loans, receivables: Receivables, registered: Registered, receipts: Receipts, account: Account
    ) -> None:
        """`registered` finds the live registration over a receivable, `account` a party's deposit account."""
        self._account = account
        self._registered = registered
        self._loans = loans
        self._receivables = receivables
        self._receipts = receipts

    async def contract(self, caller: str, loan_id: str) -> Filled:
        """融资合同. Raises NOT_FOUND, also for somebody else's loan."""
        return await self._filled(caller, contract_of(await self._loans.get(caller, loan_id)).paper())

    async def statement(self, caller: str, loan_id: str, first_day: date, last_day: date) -> Filled:
        """贷款对账单 over a period, both days included.

        Raises NOT_FOUND, INVALID_ARGUMENT for a period that is none, above MOST_DAYS days, or not over yet.
        """
        if not timedelta(0) <= last_day - first_day < timedelta(MOST_DAYS) or last_day > self._loans.today():
            raise HuilianError("INVALID_ARGUMENT", f"at most {MOST_DAYS} days, none ahead", field="last_day")
        loan = await self._loans.get(caller, loan_id)
        if last_day < loan.events[0].value_date:
            raise HuilianError("INVALID_ARGUMENT", "before the loan was paid out", field="last_day")
        closing = await self._loans.view(loan.record, last_day)
        return await self._filled(caller, statement_of(loan, closing, first_day, last_day).paper())

    async def workout(self, caller: str, loan_id: str, kind: str, sequence: int) -> Filled:
        """贷款重组协议, 债权回购确认书 or 贷款核销证明: of the event `sequence`, of the newest for 0; for the borrower.

        Raises NOT_FOUND, also where nothing of the kind was done.
        """
        loan = await self._loans.get(caller, loan_id)
        return await self._filled(caller, workout_paper(loan, kind, sequence))

    async def of_loan(self, caller: str, loan_id: str) -> list[Listed]:
        """The papers of what was done to a loan of the caller's, beside contract, statement and payoff letter.

        Raises NOT_FOUND.
        """
        return workouts_of(await self._loans.get(caller, loan_id))

    async def payoff(self, caller: str, loan_id: str) -> Filled:
        """结清金额告知书, or 结清证明 for a loan that is closed. Raises NOT_FOUND."""
        loan = await self._loans.get(caller, loan_id)
        owed = loan.owed
        letter = PayoffLetter(
            loan_id=loan_id,
            borrower=loan.record.borrower,
            as_of=loan.as_of,
            fees_fen=int(owed.fees_fen),
            interest_fen=int(owed.interest_fen),
            principal_fen=int(owed.principal_fen),
            written_off_fen=loan.written_off_fen,
        )
        return await self._filled(caller, letter.paper())

    async def confirmation(self, caller: str, receivable_id: str) -> Filled:
        """应收账款确认书. Raises NOT_FOUND for whoever is neither buyer nor supplier, STATE_CONFLICT before it."""
        receivable = await self._receivables.get_receivable(receivable_id)
        if caller not in (receivable.buyer_uscc, receivable.supplier_uscc):
            raise HuilianError("NOT_FOUND", resource="receivable")
        if receivable.confirmed_at is None or receivable.evidence is None:
            raise HuilianError("STATE_CONFLICT", "the buyer has not confirmed it", state=receivable.state)
        paper = ConfirmationPaper(
            receivable_id=receivable_id,
            buyer_uscc=receivable.buyer_uscc,
            supplier_uscc=receivable.supplier_uscc,
            invoice_number=receivable.invoice_number,
            issue_date=receivable.issue_date,
            due_date=receivable.due_date,
            amount_fen=receivable.amount_fen,
            evidence_sha256=sha256_canonical(receivable.evidence).hex(),
            confirmed_at=f"{receivable.confirmed_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）",
        )
        return await self._filled(caller, paper.paper())

    async def registration(self, caller: str, receivable_id: str) -> Filled:
        """动产担保登记告知书 over a receivable, as registered today; for its supplier.

        Raises NOT_FOUND, also for anybody else, and while nothing is registered.
        """
        receivable = await self._receivables.get_receivable(receivable_id)
        registration = await self._registered(receivable_id)
        if caller != receivable.supplier_uscc or registration is None or registration.state not in STEPS:
            raise HuilianError("NOT_FOUND", resource="registration")
        return await self._filled(caller, notice_of(registration, receivable_id).paper())

    async def account(self, caller: str, party: str, first_day: date, last_day: date) -> Filled:
        """账户对账单 of the caller's own deposit account. No record of the log stands behind it: the books do.

        Raises NOT_FOUND, also for another party's, and INVALID_ARGUMENT as `statement_of` of the books does.
        """
        if caller != party:
            raise HuilianError("NOT_FOUND", resource="account")
        made = await self._account(party, first_day, last_day)
        lines = [
            AccountLine(one.booked_on, one.narrative, one.amount_fen, one.balance_fen, one.reference)
            for one in made.movements
        ]
        paper = AccountPaper(party, first_day, last_day, made.opening_fen, made.closing_fen, lines)
        return Filled(paper.paper(), None)

    async def _filled(self, caller: str, paper: Paper) -> Filled:
        try:
            return Filled(paper, await self._receipts(paper.record_id, caller))
        except HuilianError as error:
            if error.code != "RECEIPT_PENDING":
                raise
            return Filled(paper, None)


def notice_of(registration: Registration, receivable_id: str) -> RegistrationNotice:
    """What the register shows of a live registration, and which record of ours says so."""
    event, step = STEPS[registration.state]
    if registration.state is RegistrationState.REGISTERED and registration.attempt > 1:
        event, step = "outranked" if registration.outranked else "renewed", "重新登记"
    assert registration.registered_at is not None and registration.expires_on is not None, "it is live"
    invoice, names = registration.invoice, registration.names
    return RegistrationNotice(
        registration_id=registration.number,
        record_id=registration_record(event, registration),
        kind=f"应收账款担保 · {step}",
        registry=f"{REGISTRY}（沙箱）" if registration.number.startswith(SANDBOX) else REGISTRY,
        secured_party="本行",
        debtor=f"{names.grantor} {invoice.seller_uscc}".strip(),
        receivable_id=receivable_id,
        amount_fen=invoice.amount_fen,
        registered_at=f"{registration.registered_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）",
        expires_on=registration.expires_on,
    )


def contract_of(loan: Loan) -> LoanContract:
    """The contract as it was signed: the first draw, its schedule and what it costs by it."""
    record, first = loan.record, loan.events[0]
    fee_fen = next((event.amount_fen for event in loan.events[1:2] if event.kind == stored.FEE), 0)
    schedule = schedule_of(record.terms, first.amount_fen, first.value_date)
    flows = [
        CashFlow(first.value_date, first.amount_fen - fee_fen),
        *(CashFlow(line.due_date, -line.total_fen) for line in schedule),
    ]
    return LoanContract(
        loan_id=record.loan_id,
        borrower=record.borrower,
        product_id=record.product_id,
        principal_fen=first.amount_fen,
        annual_rate=Decimal(record.terms["annual_rate"]),
        apr=annual_percentage_rate(flows),
        fee_fen=fee_fen,
        total_cost_fen=sum(line.total_fen for line in schedule) + fee_fen - first.amount_fen,
        day_count=str(record.terms["day_count"]),
        penalty_multiplier=read_terms(record.terms).penalty_multiplier,
        value_date=first.value_date,
        maturity=date.fromisoformat(record.terms["maturity"]),
        certificate_id=record.certificate_id or "",
        schedule=[Instalment(line.due_date, line.principal_fen, line.interest_fen, line.fee_fen) for line in schedule],
    )


def statement_of(loan: Loan, closing: Loan, first_day: date, last_day: date) -> LoanStatement:
    """What happened to the principal in a period; an event that was reversed later never was."""
    history = replay(read_terms(loan.record.terms), stored.engine_events(list(loan.events)))
    booked = {event.sequence: event for event in loan.events}
    before = [item for item in history if item.event.value_date < first_day]
    lines = [
        StatementLine(
            day=item.event.value_date,
            kind=booked[item.event.sequence].kind,
            amount_fen=booked[item.event.sequence].amount_fen,
            fees_fen=int(item.paid.fees_fen),
            interest_fen=int(item.paid.interest_fen),
            principal_fen=int(item.paid.principal_fen),
            balance_fen=int(item.position.principal_fen),
        )
        for item in history
        if first_day <= item.event.value_date <= last_day
    ]
    return LoanStatement(
        loan_id=loan.record.loan_id,
        borrower=loan.record.borrower,
        first_day=first_day,
        last_day=last_day,
        opening_fen=int(before[-1].position.principal_fen) if before else 0,
        closing_fen=int(closing.owed.principal_fen),
        accrued_interest_fen=int(closing.owed.interest_fen + closing.owed.fees_fen),
        lines=lines,
    )
