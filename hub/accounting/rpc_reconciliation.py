"""The reconciliation on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from datetime import date
from typing import Any

from huilian.accounting.v1 import reconciliation_service_pb2 as pb
from huilian.accounting.v1 import reconciliation_service_pb2_grpc
from huilian.common.v1 import common_pb2
from huilian_protocol.errors import HuilianError

from hub.accounting.case_rules import Case, CaseState, Contra, Proposal, Resolution, Source
from hub.accounting.cases import Cases
from hub.accounting.reconciliation import Reconciliation
from hub.accounting.stored_reconciliation import Imported
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.platform.timestamps import timestamp


class ReconciliationServicer(reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Serves the bank's operators, and supervisors what names nobody."""

    def __init__(self, reconciliation: Reconciliation, cases: Cases, idempotency: Idempotency) -> None:
        self._reconciliation, self._cases, self._idempotency = reconciliation, cases, idempotency

    async def ImportStatement(self, request: pb.ImportStatementRequest, context: Any) -> pb.ImportStatementResponse:
        """Take in a message's statements."""

        async def use_case() -> pb.ImportStatementResponse:
            imported = await self._reconciliation.import_statements(current_caller().id, request.camt053)
            statements = [_statement(one) for one in imported]
            return pb.ImportStatementResponse(statement=statements[0], statements=statements)

        return await self._idempotency.run("ImportStatement", request, pb.ImportStatementResponse, use_case)

    async def ListStatements(self, request: pb.ListStatementsRequest, context: Any) -> pb.ListStatementsResponse:
        """One page of statements."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._reconciliation.statements(request.account_number, size, request.page.page_token)
        return pb.ListStatementsResponse(
            statements=[_statement(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def GetReconciliation(
        self, request: pb.GetReconciliationRequest, context: Any
    ) -> pb.GetReconciliationResponse:
        """Why bank and books differ."""
        proof = await self._reconciliation.proof(request.account_number)
        return pb.GetReconciliationResponse(
            bank_fen=proof.bank_fen,
            book_fen=proof.book_fen,
            baseline_fen=proof.baseline_fen,
            unmatched_entries_fen=proof.unmatched_entries_fen,
            open_bookings_fen=proof.open_bookings_fen,
            unexplained_fen=proof.unexplained_fen,
        )

    async def ListReconciledDays(
        self, request: pb.ListReconciledDaysRequest, context: Any
    ) -> pb.ListReconciledDaysResponse:
        """Day by day."""
        first, last = _day(request.from_day, "from_day"), _day(request.to_day, "to_day")
        days = await self._reconciliation.days(request.account_number, first, last)
        return pb.ListReconciledDaysResponse(
            days=[
                pb.ReconciledDay(
                    day=one.day.isoformat(),
                    is_covered=one.is_covered,
                    open_cases=one.open_cases,
                    is_reconciled=one.is_reconciled,
                )
                for one in days
            ]
        )

    async def ListCases(self, request: pb.ListCasesRequest, context: Any) -> pb.ListCasesResponse:
        """One page of cases."""
        state = CaseState(_name(pb.CaseState, request.state)) if request.state else None
        source = Source(_name(pb.CaseSource, request.source)) if request.source else None
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._cases.page(state, source, size, request.page.page_token)
        return pb.ListCasesResponse(
            cases=[_case(one) for one in page.items], page=common_pb2.PageResponse(next_page_token=page.next_token)
        )

    async def GetCase(self, request: pb.GetCaseRequest, context: Any) -> pb.GetCaseResponse:
        """One case."""
        return pb.GetCaseResponse(case=_case(await self._cases.get(request.case_id)))

    async def ProposeResolution(
        self, request: pb.ProposeResolutionRequest, context: Any
    ) -> pb.ProposeResolutionResponse:
        """One operator's word."""

        async def use_case() -> pb.ProposeResolutionResponse:
            case = await self._cases.propose(current_caller().id, request.case_id, _proposal(request.proposal))
            return pb.ProposeResolutionResponse(case=_case(case))

        return await self._idempotency.run("ProposeResolution", request, pb.ProposeResolutionResponse, use_case)

    async def DecideResolution(self, request: pb.DecideResolutionRequest, context: Any) -> pb.DecideResolutionResponse:
        """Another operator's decision."""

        async def use_case() -> pb.DecideResolutionResponse:
            operator = current_caller().id
            case = await self._cases.decide(operator, request.case_id, request.note, approve=request.approve)
            return pb.DecideResolutionResponse(case=_case(case))

        return await self._idempotency.run("DecideResolution", request, pb.DecideResolutionResponse, use_case)


def _statement(one: Imported) -> pb.BankStatement:
    return pb.BankStatement(
        statement_id=one.statement_id,
        account_id=one.account_id,
        sequence=one.sequence,
        from_date=one.from_date.isoformat(),
        to_date=one.to_date.isoformat(),
        opening_fen=one.opening_fen,
        closing_fen=one.closing_fen,
        entries=one.entries,
        baseline_fen=one.baseline_fen,
        imported_by=one.imported_by,
        import_time=timestamp(one.created_at),
    )


def _case(one: Case) -> pb.ReconciliationCase:
    return pb.ReconciliationCase(
        case_id=one.case_id,
        source=pb.CaseSource.Value(f"CASE_SOURCE_{one.difference.source}"),
        kind=pb.CaseKind.Value(f"CASE_KIND_{one.difference.kind}"),
        state=pb.CaseState.Value(f"CASE_STATE_{one.state}"),
        reason=one.difference.reason,
        account_id=one.difference.account_id,
        item_id=one.difference.item_id,
        item_date=one.difference.item_date.isoformat(),
        amount_fen=one.difference.amount_fen,
        candidate_ids=one.difference.candidates,
        proposal=None if one.proposal is None else _proposal_message(one.proposal),
        proposed_by=one.proposed_by or "",
        decided_by=one.decided_by or "",
        resolution=_resolution(one.resolution),
        open_time=timestamp(one.created_at),
        close_time=timestamp(one.closed_at),
        events=[
            pb.CaseEvent(step=event.step, actor=event.actor, note=event.note, event_time=timestamp(event.created_at))
            for event in one.events
        ],
    )


def _proposal_message(one: Proposal) -> pb.CaseProposal:
    return pb.CaseProposal(
        resolution=_resolution(one.resolution),
        journal_ids=one.journal_ids,
        contra=pb.ContraAccount.Value(f"CONTRA_ACCOUNT_{one.contra or 'UNSPECIFIED'}"),
        party_id=one.party,
        reason=one.reason,
    )


def _proposal(message: pb.CaseProposal) -> Proposal:
    resolution = Resolution(_name(pb.CaseResolution, message.resolution))
    contra = Contra(_name(pb.ContraAccount, message.contra)) if message.contra else None
    return Proposal(resolution, message.reason, tuple(message.journal_ids), contra, message.party_id)


def _resolution(one: Resolution) -> pb.CaseResolution.ValueType:
    return pb.CaseResolution.Value(f"CASE_RESOLUTION_{one}") if one else pb.CASE_RESOLUTION_UNSPECIFIED


def _name(enum: Any, value: int) -> str:
    """The name of an enum's value without the enum's own."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return str(enum.Name(value)).removeprefix(prefix)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
