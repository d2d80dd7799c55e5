"""huilian.accounting.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from huilian.accounting.v1 import accounting_service_pb2 as pb
from huilian.accounting.v1 import accounting_service_pb2_grpc
from huilian.common.v1 import common_pb2
from huilian_protocol.errors import HuilianError

from hub.accounting import journals
from hub.accounting.account_statements import AccountStatement, statement_of
from hub.accounting.chart import ChartEntry
from hub.accounting.closing import Closes, DayClose
from hub.platform.callers import Role, current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE

Ask = Callable[[date], Awaitable[DayClose]]


class AccountingServicer(accounting_service_pb2_grpc.AccountingServiceServicer):
    """Serves the bank's operators, and supervisors what names nobody."""

    def __init__(self, database: Database, closes: Closes, ask: Ask, idempotency: Idempotency) -> None:
        """`ask` begins the close of a day inside the caller's transaction."""
        self._database, self._closes, self._ask, self._idempotency = database, closes, ask, idempotency

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Any) -> pb.ListAccountsResponse:
        """The chart with its sums."""
        sums = await journals.sums_by_entry(self._database)
        return pb.ListAccountsResponse(accounts=[_account(entry, *fen) for entry, fen in sums])

    async def GetTrialBalance(self, request: pb.GetTrialBalanceRequest, context: Any) -> pb.GetTrialBalanceResponse:
        """All debits and credits."""
        sums = [fen for _, fen in await journals.sums_by_entry(self._database)]
        debit_fen, credit_fen = sum(one[0] for one in sums), sum(one[1] for one in sums)
        return pb.GetTrialBalanceResponse(
            debit_fen=debit_fen, credit_fen=credit_fen, difference_fen=debit_fen - credit_fen
        )

    async def ListJournals(self, request: pb.ListJournalsRequest, context: Any) -> pb.ListJournalsResponse:
        """One page of journals."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await journals.page(request.page.page_token, size)
        return pb.ListJournalsResponse(
            journals=[_journal(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def CloseDay(self, request: pb.CloseDayRequest, context: Any) -> pb.CloseDayResponse:
        """Begin the close of a day."""
        day = _day(request.business_day)

        async def use_case() -> pb.CloseDayResponse:
            return pb.CloseDayResponse(day_close=_close(await self._ask(day)))

        return await self._idempotency.run("CloseDay", request, pb.CloseDayResponse, use_case)

    async def GetDayClose(self, request: pb.GetDayCloseRequest, context: Any) -> pb.GetDayCloseResponse:
        """How far it came."""
        return pb.GetDayCloseResponse(day_close=_close(await self._closes.get(_day(request.business_day))))

    async def GetAccountStatement(
        self, request: pb.GetAccountStatementRequest, context: Any
    ) -> pb.GetAccountStatementResponse:
        """A party's account; anybody but an operator sees their own only."""
        caller = current_caller()
        if caller.role is not Role.OPERATOR and caller.id != request.party_id:
            raise HuilianError("NOT_FOUND", resource="account")
        first_day, last_day = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
        return _statement(await statement_of(self._database, request.party_id, first_day, last_day))


def _statement(made: AccountStatement) -> pb.GetAccountStatementResponse:
    return pb.GetAccountStatementResponse(
        opening_fen=made.opening_fen,
        closing_fen=made.closing_fen,
        movements=[
            pb.AccountMovement(
                booked_date=one.booked_on.isoformat(),
                value_date=one.value_date.isoformat(),
                narrative=one.narrative,
                reference=one.reference,
                amount_fen=one.amount_fen,
                balance_fen=one.balance_fen,
            )
            for one in made.movements
        ],
    )


def _account(entry: ChartEntry, debit_fen: int, credit_fen: int) -> pb.ChartAccount:
    return pb.ChartAccount(
        code=entry.code,
        name_zh=entry.name_zh,
        name_en=entry.name_en,
        account_class=pb.AccountClass.Value(f"ACCOUNT_CLASS_{entry.account_class}"),
        debit_fen=debit_fen,
        credit_fen=credit_fen,
    )


def _journal(one: journals.StoredJournal) -> pb.Journal:
    return pb.Journal(
        journal_id=one.journal_id,
        value_date=one.value_date.isoformat(),
        booked_date=one.booked_on.isoformat(),
        narrative=one.narrative,
        lines=[
            pb.JournalLine(code=code, account_id=line.account_id, debit_fen=line.debit_fen, credit_fen=line.credit_fen)
            for code, line in one.lines
        ],
    )


def _close(close: DayClose) -> pb.DayClose:
    message = pb.DayClose(
        business_day=close.business_day.isoformat(),
        state=close.state,
        batches=close.batches,
        loans=close.loans,
        accrued_fen=close.accrued_fen,
        debit_fen=close.debit_fen,
        credit_fen=close.credit_fen,
    )
    if close.closed_at is not None:
        message.closed_time.FromDatetime(close.closed_at)
    return message


def _day(text: str, field: str = "business_day") -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
