"""My papers as PDF files: contract, statement, payoff letter of a loan, confirmation of a receivable."""

from __future__ import annotations

from datetime import date

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import document_service_pb2 as pb

from mini_program_api.base import Screen
from mini_program_api.forms import ObjectId


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
        web.view("/api/v1/receivables/{receivable_id}/confirmation.pdf", ConfirmationScreen),
        web.view("/api/v1/receivables/{receivable_id}/registration-notice.pdf", RegistrationNoticeScreen),
    ]
