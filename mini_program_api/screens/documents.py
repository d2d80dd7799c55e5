"""My papers as PDF files: contract, statement, payoff letter of a loan, confirmation of a receivable."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import document_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import ObjectId

_FILES = {
    pb.DOCUMENT_KIND_LOAN_CONTRACT: "contract",
    pb.DOCUMENT_KIND_LOAN_STATEMENT: "statement",
    pb.DOCUMENT_KIND_PAYOFF_LETTER: "payoff-letter",
    pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT: "restructuring-agreement",
    pb.DOCUMENT_KIND_BUY_BACK_NOTICE: "buy-back-notice",
    pb.DOCUMENT_KIND_CHARGE_OFF_CERTIFICATE: "charge-off-certificate",
}


class ContractScreen(Screen):
    """GET /api/v1/loans/{loan_id}/contract.pdf"""

    async def get(self, loan_id: ObjectId, /) -> r200:
        """The contract of one of my loans.

        Tags: citizen
        """
        return _file(await self.hub.documents.loan_contract(loan_id))


class StatementScreen(Screen):
    """GET /api/v1/loans/{loan_id}/statement.pdf"""

    async def get(self, loan_id: ObjectId, /, first_day: date, last_day: date) -> r200:
        """One of my loans over a period, both days included.

        Tags: citizen
        """
        return _file(await self.hub.documents.loan_statement(loan_id, first_day, last_day))


class PayoffLetterScreen(Screen):
    """GET /api/v1/loans/{loan_id}/payoff-letter.pdf"""

    async def get(self, loan_id: ObjectId, /) -> r200:
        """What closes one of my loans today, or that nothing is owed.

        Tags: citizen
        """
        return _file(await self.hub.documents.payoff_letter(loan_id))


class LoanPaper(BaseModel):
    """A paper that one of my loans has; `day` and `sequence` where something was done to the loan."""

    title_zh: str
    title_en: str
    day: str
    sequence: int
    href: str


class LoanPapers(BaseModel):
    """All papers of a loan."""

    papers: list[LoanPaper]


class LoanPapersScreen(Screen):
    """GET /api/v1/loans/{loan_id}/papers"""

    async def get(self, loan_id: ObjectId, /) -> r200[LoanPapers]:
        """Which papers one of my loans has, and where they are.

        Tags: citizen
        """
        papers = [_listed(loan_id, one) for one in await self.hub.documents.of_loan(loan_id)]
        return answer(LoanPapers(papers=papers))


class RestructuringScreen(Screen):
    """GET /api/v1/loans/{loan_id}/restructuring-agreement.pdf"""

    async def get(self, loan_id: ObjectId, /, sequence: Annotated[int, Field(ge=0)] = 0) -> r200:
        """The terms that one of my loans was restructured to; the newest without a sequence.

        Tags: citizen
        """
        return _file(await self.hub.documents.restructuring_agreement(loan_id, sequence=sequence))


class BuyBackScreen(Screen):
    """GET /api/v1/loans/{loan_id}/buy-back-notice.pdf"""

    async def get(self, loan_id: ObjectId, /) -> r200:
        """What was paid to buy back what secured one of my loans.

        Tags: citizen
        """
        return _file(await self.hub.documents.buy_back_notice(loan_id))


class ChargeOffScreen(Screen):
    """GET /api/v1/loans/{loan_id}/charge-off-certificate.pdf"""

    async def get(self, loan_id: ObjectId, /) -> r200:
        """What the bank gave up of one of my loans, and what of it is not recovered.

        Tags: citizen
        """
        return _file(await self.hub.documents.charge_off_certificate(loan_id))


class ConfirmationScreen(Screen):
    """GET /api/v1/receivables/{receivable_id}/confirmation.pdf"""

    async def get(self, receivable_id: ObjectId, /) -> r200:
        """What the buyer confirmed of a receivable that I owe or own.

        Tags: supplier
        """
        return _file(await self.hub.documents.confirmation(receivable_id))


class RegistrationNoticeScreen(Screen):
    """GET /api/v1/receivables/{receivable_id}/registration-notice.pdf"""

    async def get(self, receivable_id: ObjectId, /) -> r200:
        """What stands at the register of movable assets over a receivable that I supplied.

        Tags: supplier
        """
        return _file(await self.hub.documents.registration_notice(receivable_id))


def _listed(loan_id: str, one: pb.LoanDocument) -> LoanPaper:
    file, query = _FILES[one.kind], f"?sequence={one.sequence}"
    # A statement wants the days of its period; only an agreement may be one of several.
    asks = query if one.kind == pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT else ""
    return LoanPaper(
        title_zh=one.title_zh,
        title_en=one.title_en,
        day=one.day,
        sequence=one.sequence,
        href=f"/api/v1/loans/{loan_id}/{file}.pdf{asks}",
    )


def _file(document: pb.GetDocumentResponse) -> web.Response:
    """A file to keep; its name says kind and object, nothing personal."""
    headers = {
        "Content-Disposition": f'attachment; filename="{document.file_name}"',
        # A paper changes with the day and with its receipt.
        "Cache-Control": "no-store",
    }
    return web.Response(body=document.pdf, headers=headers, content_type="application/pdf")


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/loans/{loan_id}/contract.pdf", ContractScreen),
        web.view("/api/v1/loans/{loan_id}/statement.pdf", StatementScreen),
        web.view("/api/v1/loans/{loan_id}/payoff-letter.pdf", PayoffLetterScreen),
        web.view("/api/v1/loans/{loan_id}/papers", LoanPapersScreen),
        web.view("/api/v1/loans/{loan_id}/restructuring-agreement.pdf", RestructuringScreen),
        web.view("/api/v1/loans/{loan_id}/buy-back-notice.pdf", BuyBackScreen),
        web.view("/api/v1/loans/{loan_id}/charge-off-certificate.pdf", ChargeOffScreen),
        web.view("/api/v1/receivables/{receivable_id}/confirmation.pdf", ConfirmationScreen),
        web.view("/api/v1/receivables/{receivable_id}/registration-notice.pdf", RegistrationNoticeScreen),
    ]
