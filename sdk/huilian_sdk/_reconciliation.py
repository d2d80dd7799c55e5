"""The books against the bank's statements and buyers' ERPs: ``hub.reconciliation``. For the bank's operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian.accounting.v1 import reconciliation_service_pb2 as pb
from huilian.common.v1 import common_pb2
from huilian.lending.v1 import erp_ledger_service_pb2 as erp

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.accounting.v1.ReconciliationService"
_ERP = "huilian.lending.v1.ErpLedgerService"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Statements, days, and cases: one operator proposes what a difference is, another decides. Amounts are fen."""

    calls: Calls

    async def import_statement(self, camt053: bytes, *, call: Call | None = None) -> list[pb.BankStatement]:
        """Take in a camt.053 message, all its statements or none; the same statement again changes nothing."""
        request = pb.ImportStatementRequest(camt053=camt053)
        return [*(await self.calls.unary(_SERVICE, request, pb.ImportStatementResponse, call)).statements]

    def statements(self, account_number: str) -> Pages[pb.BankStatement]:
        """Statements of one account, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.BankStatement], common_pb2.PageResponse]:
            request = pb.ListStatementsRequest(account_number=account_number, page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListStatementsResponse)
            return [*answer.statements], answer.page

        return Pages(fetch)

    async def get(self, account_number: str, *, call: Call | None = None) -> pb.GetReconciliationResponse:
        """Why bank and books of one account differ."""
        request = pb.GetReconciliationRequest(account_number=account_number)
        return await self.calls.unary(_SERVICE, request, pb.GetReconciliationResponse, call)

    async def days(
        self, account_number: str, from_day: date, to_day: date, *, call: Call | None = None
    ) -> list[pb.ReconciledDay]:
        """Which days are reconciled, both ends included."""
        request = pb.ListReconciledDaysRequest(
            account_number=account_number, from_day=from_day.isoformat(), to_day=to_day.isoformat()
        )
        return [*(await self.calls.unary(_SERVICE, request, pb.ListReconciledDaysResponse, call)).days]

    def cases(
        self,
        state: pb.CaseState.ValueType = pb.CASE_STATE_UNSPECIFIED,
        source: pb.CaseSource.ValueType = pb.CASE_SOURCE_UNSPECIFIED,
    ) -> Pages[pb.ReconciliationCase]:
        """Differences, newest first; of any state and source where none is named."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.ReconciliationCase], common_pb2.PageResponse]:
            request = pb.ListCasesRequest(state=state, source=source, page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListCasesResponse)
            return [*answer.cases], answer.page

        return Pages(fetch)

    async def case(self, case_id: str, *, call: Call | None = None) -> pb.ReconciliationCase:
        """One case with everything that happened to it."""
        request = pb.GetCaseRequest(case_id=case_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetCaseResponse, call)).case

    async def propose(
        self, case_id: str, proposal: pb.CaseProposal, *, call: Call | None = None
    ) -> pb.ReconciliationCase:
        """Say what a difference is."""
        request = pb.ProposeResolutionRequest(case_id=case_id, proposal=proposal)
        return (await self.calls.unary(_SERVICE, request, pb.ProposeResolutionResponse, call)).case

    async def decide(
        self, case_id: str, note: str, *, approve: bool, call: Call | None = None
    ) -> pb.ReconciliationCase:
        """Carry out what another operator proposed, or open the case again."""
        request = pb.DecideResolutionRequest(case_id=case_id, approve=approve, note=note)
        return (await self.calls.unary(_SERVICE, request, pb.DecideResolutionResponse, call)).case

    def erp_payments(self, buyer_uscc: str = "") -> Pages[erp.ErpPayment]:
        """What the bank paid on payables, and how far it came into the buyers' ERPs, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[erp.ErpPayment], common_pb2.PageResponse]:
            request = erp.ListErpPaymentsRequest(buyer_uscc=buyer_uscc, page=page)
            answer = await self.calls.unary(_ERP, request, erp.ListErpPaymentsResponse)
            return [*answer.payments], answer.page

        return Pages(fetch)

    async def reconcile_erp(self, buyer_uscc: str, *, call: Call | None = None) -> erp.ReconcileErpLedgerResponse:
        """Compare what the bank paid with the general ledger of a buyer's ERP."""
        request = erp.ReconcileErpLedgerRequest(buyer_uscc=buyer_uscc)
        return await self.calls.unary(_ERP, request, erp.ReconcileErpLedgerResponse, call)
