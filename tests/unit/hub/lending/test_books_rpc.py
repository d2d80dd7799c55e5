"""The books on the wire: chart, trial balance, journals, day close."""

from __future__ import annotations

from datetime import timedelta

from huilian.accounting.v1 import accounting_service_pb2 as pb
from huilian.common.v1 import common_pb2

from hub.accounting.chart import chart
from hub.accounting.rpc import AccountingServicer
from hub.platform.business_day import business_date
from hub.platform.callers import Role
from hub.platform.idempotency import Idempotency
from hub.platform.policy import allowed_roles
from tests.unit.hub.lending.world import LendingWorld, refused

SERVICE = "/huilian.accounting.v1.AccountingService/"


def servicer(world: LendingWorld) -> AccountingServicer:
    idempotency = Idempotency(world.database, world.clock)
    return AccountingServicer(world.database, world.closes, world.service.day_close.ask, idempotency)


async def test_a_day_is_closed_and_seen(world: LendingWorld) -> None:
    await world.disbursed()
    world.clock.advance(timedelta(days=2))
    served, day = servicer(world), (business_date(world.clock.now()) - timedelta(days=1)).isoformat()
    request = pb.CloseDayRequest(request_id="close-day-1", business_day=day)
    assert (await served.CloseDay(request, None)).day_close.state == "CLOSING"
    assert (await served.CloseDay(request, None)).day_close.state == "CLOSING"
    await world.settle_outbox()
    close = (await served.GetDayClose(pb.GetDayCloseRequest(business_day=day), None)).day_close
    assert (close.state, close.loans) == ("CLOSED", 1)
    assert close.debit_fen == close.credit_fen > 0
    by_code = {one.code: one for one in (await served.ListAccounts(pb.ListAccountsRequest(), None)).accounts}
    assert list(by_code) == [entry.code for entry in chart().values()]
    assert by_code["1132"].debit_fen == by_code["6011.02"].credit_fen == close.accrued_fen > 0
    balance = await served.GetTrialBalance(pb.GetTrialBalanceRequest(), None)
    assert (balance.difference_fen, balance.debit_fen) == (0, close.debit_fen)
    await refused("INVALID_ARGUMENT", served.GetDayClose(pb.GetDayCloseRequest(business_day="2026-02-30"), None))
    await refused("NOT_FOUND", served.GetDayClose(pb.GetDayCloseRequest(business_day="2020-01-01"), None))


async def test_journals_come_in_pages(world: LendingWorld) -> None:
    await world.disbursed()
    for number in range(3):
        await world.fund(f"party-{number}", 5)
    served, seen, token = servicer(world), [], ""
    while True:
        asked = pb.ListJournalsRequest(page=common_pb2.PageRequest(page_size=2, page_token=token))
        answer = await served.ListJournals(asked, None)
        seen += list(answer.journals)
        token = answer.page.next_page_token
        if not token:
            break
    assert len({one.journal_id for one in seen}) == len(seen) >= 4
    assert all(sum(x.debit_fen - x.credit_fen for x in one.lines) == 0 for one in seen)
    assert {"1303", "2011"} <= {line.code for one in seen for line in one.lines}


def test_supervisors_read_what_names_nobody() -> None:
    for method in ("ListAccounts", "GetTrialBalance", "GetDayClose"):
        assert allowed_roles(SERVICE + method) == {Role.OPERATOR, Role.SUPERVISOR}
    for method in ("ListJournals", "CloseDay"):
        assert allowed_roles(SERVICE + method) == {Role.OPERATOR}
