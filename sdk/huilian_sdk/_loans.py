"""Flash loans to persons, and all loans after disbursement: ``hub.loans``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian.lending.v1 import restructuring_service_pb2 as restructuring_pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian_protocol.webauthn import Assertion

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages
from huilian_sdk._tokens import assertion_message

_FLASH = "huilian.lending.v1.FlashLoanService"
_LOANS = "huilian.lending.v1.LoanService"
_RESTRUCTURINGS = "huilian.lending.v1.RestructuringService"


@dataclass(frozen=True, slots=True)
class Loans:
    """Apply, sign, draw, repay and pay off. Amounts are fen, terms are days."""

    calls: Calls

    async def preview_evidence(self, consent_id: str, *, call: Call | None = None) -> Sequence[pb.EvidenceItem]:
        """Exactly the data on which the bank will decide."""
        request = pb.PreviewEvidenceRequest(consent_id=consent_id)
        return (await self.calls.unary(_FLASH, request, pb.PreviewEvidenceResponse, call)).items

    async def apply(
        self,
        *,
        consent_id: str,
        amount_fen: int,
        term_days: int,
        application_id: str = "",
        call: Call | None = None,
    ) -> pb.FlashLoanApplication:
        """Apply for a flash loan; answered with an offer or a rejection with reasons."""
        request = pb.ApplyForFlashLoanRequest(
            application_id=self.calls.object_id(application_id, call),
            consent_id=consent_id,
            amount_fen=amount_fen,
            term_days=term_days,
        )
        return (await self.calls.unary(_FLASH, request, pb.ApplyForFlashLoanResponse, call)).application

    async def sign(
        self, application_id: str, assertion: Assertion, *, call: Call | None = None
    ) -> pb.FlashLoanApplication:
        """Sign the contract: the device's assertion over its challenge. The money is disbursed at once."""
        request = pb.SignFlashLoanRequest(application_id=application_id, assertion=assertion_message(assertion))
        return (await self.calls.unary(_FLASH, request, pb.SignFlashLoanResponse, call)).application

    async def application(self, application_id: str, *, call: Call | None = None) -> pb.FlashLoanApplication:
        """One application of the caller."""
        request = pb.GetFlashLoanApplicationRequest(application_id=application_id)
        return (await self.calls.unary(_FLASH, request, pb.GetFlashLoanApplicationResponse, call)).application

    async def get(self, loan_id: str, *, call: Call | None = None) -> pb.Loan:
        """One loan of the caller with its events."""
        return (await self.calls.unary(_LOANS, pb.GetLoanRequest(loan_id=loan_id), pb.GetLoanResponse, call)).loan

    def list(self) -> Pages[pb.Loan]:
        """The caller's loans."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Loan], common_pb2.PageResponse]:
            answer = await self.calls.unary(_LOANS, pb.ListLoansRequest(page=page), pb.ListLoansResponse)
            return [*answer.loans], answer.page

        return Pages(fetch)

    async def draw(self, loan_id: str, amount_fen: int, *, call: Call | None = None) -> pb.Loan:
        """Draw again within the limit of a revolving loan."""
        request = pb.DrawLoanRequest(loan_id=loan_id, amount_fen=amount_fen)
        return (await self.calls.unary(_LOANS, request, pb.DrawLoanResponse, call)).loan

    async def repay(self, loan_id: str, amount_fen: int, *, call: Call | None = None) -> pb.Loan:
        """Repay a part or all of a loan."""
        request = pb.RepayLoanRequest(loan_id=loan_id, amount_fen=amount_fen)
        return (await self.calls.unary(_LOANS, request, pb.RepayLoanResponse, call)).loan

    async def restructurings(self, loan_id: str, *, call: Call | None = None) -> Sequence[workout_pb.Restructuring]:
        """Other terms that the bank offered for a loan, the newest first."""
        request = restructuring_pb.ListRestructuringsRequest(loan_id=loan_id)
        answer = await self.calls.unary(_RESTRUCTURINGS, request, restructuring_pb.ListRestructuringsResponse, call)
        return answer.restructurings

    async def sign_restructuring(
        self, loan_id: str, number: int, assertion: Assertion | None = None, *, call: Call | None = None
    ) -> pb.Loan:
        """Agree to other terms, which take effect at once.

        Read what you sign from the offer's ``terms`` (``huilian_protocol.restructuring.read_restructuring``). A person
        signs its challenge; an enterprise with signers first hands in a mandate to FINANCE the principal whose object
        is its ``act_id`` (``hub.onboarding.authorise``).
        """
        request = restructuring_pb.SignRestructuringRequest(
            loan_id=loan_id, number=number, assertion=assertion_message(assertion) if assertion else None
        )
        answer = await self.calls.unary(_RESTRUCTURINGS, request, restructuring_pb.SignRestructuringResponse, call)
        return answer.loan

    async def payoff(
        self, loan_id: str, *, as_of: date | None = None, call: Call | None = None
    ) -> pb.QuotePayoffResponse:
        """The exact amount that closes the loan on ``as_of``, the hub's today by default."""
        request = pb.QuotePayoffRequest(loan_id=loan_id, as_of_date=as_of.isoformat() if as_of else "")
        return await self.calls.unary(_LOANS, request, pb.QuotePayoffResponse, call)
