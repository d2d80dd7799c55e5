"""The bank's books: ``hub.accounting``. For operators; supervisors may read what names nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian.accounting.v1 import accounting_service_pb2 as pb
from huilian.common.v1 import common_pb2

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.accounting.v1.AccountingService"


@dataclass(frozen=True, slots=True)
class Accounting:
    """Chart, trial balance, journals and the close of business days. Amounts are fen."""

    calls: Calls

    async def accounts(self, *, call: Call | None = None) -> list[pb.ChartAccount]:
        """Every line of the chart of accounts with its sums."""
        return [*(await self.calls.unary(_SERVICE, pb.ListAccountsRequest(), pb.ListAccountsResponse, call)).accounts]

    async def trial_balance(self, *, call: Call | None = None) -> pb.GetTrialBalanceResponse:
        """All debits and all credits; their difference is always 0."""
        return await self.calls.unary(_SERVICE, pb.GetTrialBalanceRequest(), pb.GetTrialBalanceResponse, call)

    def journals(self) -> Pages[pb.Journal]:
        """Journals in the order of their ids."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Journal], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListJournalsRequest(page=page), pb.ListJournalsResponse)
            return [*answer.journals], answer.page

        return Pages(fetch)

    async def account_statement(
        self, party_id: str, first_day: date, last_day: date, *, call: Call | None = None
    ) -> pb.GetAccountStatementResponse:
        """A party's deposit account over a period; parties see their own."""
        request = pb.GetAccountStatementRequest(
            party_id=party_id, first_day=first_day.isoformat(), last_day=last_day.isoformat()
        )
        return await self.calls.unary(_SERVICE, request, pb.GetAccountStatementResponse, call)

    async def close_day(self, business_day: date, *, call: Call | None = None) -> pb.DayClose:
        """Begin the close of a business day that is over; the hub carries it out."""
        request = pb.CloseDayRequest(business_day=business_day.isoformat())
        return (await self.calls.unary(_SERVICE, request, pb.CloseDayResponse, call)).day_close

    async def day_close(self, business_day: date, *, call: Call | None = None) -> pb.DayClose:
        """How far the close of a day came."""
        request = pb.GetDayCloseRequest(business_day=business_day.isoformat())
        return (await self.calls.unary(_SERVICE, request, pb.GetDayCloseResponse, call)).day_close
