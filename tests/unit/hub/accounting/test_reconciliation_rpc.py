"""The reconciliation on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huilian.accounting.v1 import reconciliation_service_pb2 as pb
from huilian_protocol.clock import FixedClock

from hub.accounting.rpc_reconciliation import ReconciliationServicer
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.policy import allowed_roles
from tests.support.statements import Movement, Stated
from tests.unit.hub.accounting.reconciliation_world import DAY, LAST, ONE, TWO, Bank

SERVICE = "/huilian.accounting.v1.ReconciliationService/"
NUMBER = "NUMBER-0"


@contextmanager
def operator(name: str) -> Iterator[None]:
    set_current_caller(Caller(name, Role.OPERATOR))
    yield
    set_current_caller(ANONYMOUS)


async def test_from_a_statement_to_a_day_that_is_reconciled(database: Database, clock: FixedClock) -> None:
    bank = Bank(database, clock)
    await bank.open()
    await bank.move("fund", DAY, 1_000)
    served = ReconciliationServicer(bank.reconciliation, bank.cases, Idempotency(database, clock))
    document = Stated(1, DAY, LAST, 0, [Movement(DAY, 1_000), Movement(DAY, -25)], number=NUMBER).document()
    with operator(ONE):
        request = pb.ImportStatementRequest(request_id="import-1", camt053=document)
        statement = (await served.ImportStatement(request, None)).statement
        assert (await served.ImportStatement(request, None)).statement == statement
        assert (statement.closing_fen, statement.entries, statement.imported_by) == (975, 2, ONE)
        listed = await served.ListStatements(pb.ListStatementsRequest(account_number=NUMBER), None)
        assert list(listed.statements) == [statement]
        asked = pb.ListCasesRequest(state=pb.CASE_STATE_OPEN, source=pb.CASE_SOURCE_BANK)
        (case,) = (await served.ListCases(asked, None)).cases
        assert (case.kind, case.amount_fen) == (pb.CASE_KIND_UNKNOWN_ENTRY, -25)
        fee = pb.CaseProposal(
            resolution=pb.CASE_RESOLUTION_COMPENSATED, contra=pb.CONTRA_ACCOUNT_FEE_EXPENSE, reason="他行收费"
        )
        proposed = pb.ProposeResolutionRequest(request_id="propose-1", case_id=case.case_id, proposal=fee)
        assert (await served.ProposeResolution(proposed, None)).case.proposal == fee
    with operator(TWO):
        decided = pb.DecideResolutionRequest(request_id="decide-1", case_id=case.case_id, approve=True, note="同意")
        assert (await served.DecideResolution(decided, None)).case.decided_by == TWO
        seen = (await served.GetCase(pb.GetCaseRequest(case_id=case.case_id), None)).case
        assert (seen.state, seen.resolution) == (pb.CASE_STATE_CLOSED, pb.CASE_RESOLUTION_COMPENSATED)
        assert [event.step for event in seen.events] == ["OPENED", "PROPOSED", "CLOSED"]
        span = pb.ListReconciledDaysRequest(account_number=NUMBER, from_day=DAY.isoformat(), to_day=DAY.isoformat())
        assert (await served.ListReconciledDays(span, None)).days[0].is_reconciled
        proof = await served.GetReconciliation(pb.GetReconciliationRequest(account_number=NUMBER), None)
        assert (proof.bank_fen, proof.book_fen, proof.unexplained_fen) == (975, 975, 0)


def test_supervisors_read_what_names_nobody() -> None:
    for method in ("GetReconciliation", "ListReconciledDays"):
        assert allowed_roles(SERVICE + method) == {Role.OPERATOR, Role.SUPERVISOR}
    for method in ("ImportStatement", "ListStatements", "ListCases", "ProposeResolution", "DecideResolution"):
        assert allowed_roles(SERVICE + method) == {Role.OPERATOR}
