"""Borrowing as a dealer, on what was bought: consent to the sales data, apply, sign. Draw and repay are the loans'."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import dealer_loan_service_pb2 as pb
from huilian.receivables.v1 import sales_service_pb2 as sales_pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Fen, Form, ObjectId, PageSize, PageToken, Reason, reasons_of, time_text
from mini_program_api.screens.financings import Quote, quote_of

STATES = {value: name.removeprefix("DEALER_LOAN_STATE_") for name, value in pb.DealerLoanState.items()}
Uscc = Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")]


class DealerLoanForm(Form):
    """What to borrow on purchases from a core enterprise."""

    loan_id: ObjectId
    core_uscc: Uscc
    amount_fen: Fen
    term_days: Annotated[int, Field(ge=1, le=365, strict=True)]


class SalesConsentForm(Form):
    """Whether the bank may use the sales data."""

    granted: bool


class SalesConsent(BaseModel):
    """Who consents; both have to."""

    core_enterprise: bool
    dealer: bool


class DealerLoan(BaseModel):
    """One application; REFERRED waits for a person of the bank."""

    loan_id: str
    state: str
    core_uscc: str
    dealer_uscc: str
    limit_fen: int
    quote: Quote
    reasons: list[Reason]
    offer_expires_at: str


class DealerLoans(BaseModel):
    """A page of applications."""

    dealer_loans: list[DealerLoan]
    next_page_token: str


class SalesConsentScreen(Screen):
    """/api/v1/core-enterprises/{core_uscc}/sales-consent"""

    async def get(self, core_uscc: Uscc, /) -> r200[SalesConsent]:
        """Whether the core enterprise and I consent.

        Tags: dealer
        """
        return answer(_consent(await self.hub.dealer_loans.consent(core_uscc)))

    async def post(self, core_uscc: Uscc, /, body: SalesConsentForm) -> r200[SalesConsent]:
        """Consent to the use of what was sold to me, or not any longer.

        Tags: dealer
        """
        call = self.call()
        consent = await self.hub.dealer_loans.set_consent(core_uscc, granted=body.granted, call=call)
        return answer(_consent(consent), call)


class DealerLoansScreen(Screen):
    """/api/v1/dealer-loans"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[DealerLoans]:
        """My applications.

        Tags: dealer
        """
        page = await self.hub.dealer_loans.list().page(page_token=page_token, page_size=page_size)
        shown = [_loan(item) for item in page.items]
        return answer(DealerLoans(dealer_loans=shown, next_page_token=page.next_page_token))

    async def post(self, body: DealerLoanForm) -> r201[DealerLoan]:
        """Apply. The answer is an offer, a rejection with its reasons, or that a person will decide.

        Tags: dealer
        """
        call = self.call()
        made = await self.hub.dealer_loans.apply(
            body.core_uscc, body.amount_fen, body.term_days, loan_id=body.loan_id, call=call
        )
        return answer(_loan(made), call, status=201)


class DealerLoanScreen(Screen):
    """GET /api/v1/dealer-loans/{loan_id}"""

    async def get(self, loan_id: ObjectId, /) -> r200[DealerLoan]:
        """One of my applications.

        Tags: dealer
        """
        return answer(_loan(await self.hub.dealer_loans.get(loan_id)))


class SignatureScreen(Screen):
    """POST /api/v1/dealer-loans/{loan_id}/signature"""

    async def post(self, loan_id: ObjectId, /) -> r200[DealerLoan]:
        """Sign the offer. The money is paid out at once.

        Tags: dealer
        """
        call = self.call()
        return answer(_loan(await self.hub.dealer_loans.sign(loan_id, call=call)), call)


class WithdrawalScreen(Screen):
    """POST /api/v1/dealer-loans/{loan_id}/withdrawal"""

    async def post(self, loan_id: ObjectId, /) -> r200[DealerLoan]:
        """Withdraw before signing.

        Tags: dealer
        """
        call = self.call()
        return answer(_loan(await self.hub.dealer_loans.withdraw(loan_id, call=call)), call)


def _consent(item: sales_pb.SalesConsent) -> SalesConsent:
    return SalesConsent(core_enterprise=item.core_enterprise, dealer=item.dealer)


def _loan(item: pb.DealerLoan) -> DealerLoan:
    return DealerLoan(
        loan_id=item.loan_id,
        state=STATES[item.state],
        core_uscc=item.core_uscc,
        dealer_uscc=item.dealer_uscc,
        limit_fen=item.limit.amount_fen,
        quote=quote_of(item.quote),
        reasons=reasons_of(item.reasons),
        offer_expires_at=time_text(item.offer_expire_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/dealer-loans/{loan_id}"
    return [
        web.view("/api/v1/core-enterprises/{core_uscc}/sales-consent", SalesConsentScreen),
        web.view("/api/v1/dealer-loans", DealerLoansScreen),
        web.view(one, DealerLoanScreen),
        web.view(f"{one}/signature", SignatureScreen),
        web.view(f"{one}/withdrawal", WithdrawalScreen),
    ]
