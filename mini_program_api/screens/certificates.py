"""Receivable certificates (应收账款电子凭证): hold, accept or refuse, split, pass on."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.receivables.v1 import certificate_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Fen, Form, ObjectId, PageSize, PageToken

STATES = {value: name.removeprefix("CERTIFICATE_STATE_") for name, value in pb.CertificateState.items()}


class Part(Form):
    """One child of a split, under an id that the caller makes."""

    certificate_id: ObjectId
    amount_fen: Fen


class SplitForm(Form):
    """Children whose amounts add up to the certificate's."""

    parts: list[Part] = Field(min_length=2, max_length=50)


class TransferForm(Form):
    """Who gets it, and the id of the certificate that they will hold."""

    receiver_uscc: str = Field(min_length=1, max_length=64)
    new_certificate_id: ObjectId


class Certificate(BaseModel):
    """One certificate; amount in fen."""

    certificate_id: str
    state: str
    receivable_id: str
    parent_certificate_id: str
    issuer_uscc: str
    holder_uscc: str
    offered_by_uscc: str
    amount_fen: int
    due_date: str
    financing_id: str


class Certificates(BaseModel):
    """Some certificates; a page of them where a list goes on."""

    certificates: list[Certificate]
    next_page_token: str = ""


class CertificatesScreen(Screen):
    """GET /api/v1/certificates"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Certificates]:
        """The certificates that I issued or hold.

        Tags: supplier
        """
        page = await self.hub.certificates.list().page(page_token=page_token, page_size=page_size)
        shown = [certificate_of(item) for item in page.items]
        return answer(Certificates(certificates=shown, next_page_token=page.next_page_token))


class CertificateScreen(Screen):
    """GET /api/v1/certificates/{certificate_id}"""

    async def get(self, certificate_id: ObjectId, /) -> r200[Certificate]:
        """One certificate.

        Tags: supplier
        """
        return answer(certificate_of(await self.hub.certificates.get(certificate_id)))


class AcceptanceScreen(Screen):
    """POST /api/v1/certificates/{certificate_id}/acceptance"""

    async def post(self, certificate_id: ObjectId, /) -> r200[Certificate]:
        """Accept what was issued or passed on to me.

        Tags: supplier
        """
        call = self.call()
        return answer(certificate_of(await self.hub.certificates.accept(certificate_id, call=call)), call)


class RefusalScreen(Screen):
    """POST /api/v1/certificates/{certificate_id}/refusal"""

    async def post(self, certificate_id: ObjectId, /) -> r200[Certificate]:
        """Refuse it: nobody can be made to take a certificate (银发〔2025〕77号).

        Tags: supplier
        """
        call = self.call()
        return answer(certificate_of(await self.hub.certificates.refuse(certificate_id, call=call)), call)


class SplitScreen(Screen):
    """POST /api/v1/certificates/{certificate_id}/split"""

    async def post(self, certificate_id: ObjectId, /, body: SplitForm) -> r200[Certificates]:
        """Split it. The parent is consumed.

        Tags: supplier
        """
        call = self.call()
        parts = {part.certificate_id: part.amount_fen for part in body.parts}
        children = await self.hub.certificates.split(certificate_id, parts, call=call)
        return answer(Certificates(certificates=[certificate_of(child) for child in children]), call)


class TransferScreen(Screen):
    """POST /api/v1/certificates/{certificate_id}/transfer"""

    async def post(self, certificate_id: ObjectId, /, body: TransferForm) -> r200[Certificate]:
        """Pass it on to another enterprise, who must accept it.

        Tags: supplier
        """
        call = self.call()
        passed = await self.hub.certificates.transfer(
            certificate_id, body.receiver_uscc, new_certificate_id=body.new_certificate_id, call=call
        )
        return answer(certificate_of(passed), call)


def certificate_of(item: pb.ReceivableCertificate) -> Certificate:
    """A certificate as a screen shows it."""
    return Certificate(
        certificate_id=item.certificate_id,
        state=STATES[item.state],
        receivable_id=item.receivable_id,
        parent_certificate_id=item.parent_certificate_id,
        issuer_uscc=item.issuer_uscc,
        holder_uscc=item.holder_uscc,
        offered_by_uscc=item.offered_by_uscc,
        amount_fen=item.amount.amount_fen,
        due_date=item.due_date,
        financing_id=item.financing_id,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/certificates/{certificate_id}"
    return [
        web.view("/api/v1/certificates", CertificatesScreen),
        web.view(one, CertificateScreen),
        web.view(f"{one}/acceptance", AcceptanceScreen),
        web.view(f"{one}/refusal", RefusalScreen),
        web.view(f"{one}/split", SplitScreen),
        web.view(f"{one}/transfer", TransferScreen),
    ]
