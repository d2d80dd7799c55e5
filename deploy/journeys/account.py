"""Opening an account: documents uploaded and handed in, the result at once, one visit booked and held.

Every call has a fixed request id, so that a step which was cut off is simply repeated.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian_sdk import Call, Huilian, sign_opening

from connectors.authorities.business_registry.sandbox import legal_person_of
from deploy.journeys.parties import Party
from deploy.journeys.step import Unexpected

CHINA = dt.timezone(dt.timedelta(hours=8))
APPLICATION = "opening-0001"
ACCOUNT_NUMBER = "6222990000000001"
# Fixed, as the request ids are: the same submission again is the same request.
_SALT = hashlib.sha256(b"sandbox opening").digest()
_LOOK_AHEAD_DAYS = 30


async def open_account(client: Huilian, operator: Huilian, party: Party) -> pb.Opening:
    """Upload what is needed, hand it in signed by the legal person, book the first visit that is free, and hold it."""
    await client.openings.start(application_id=APPLICATION, call=Call("opening-start"))
    needed = [one for one in await client.openings.requirements() if not one.of_signers_only]
    files = {one.kind: _file(party, one) for one in needed}
    for one in needed:
        call = Call(f"opening-upload-{one.kind}")
        await client.openings.upload(APPLICATION, one.kind, files[one.kind], "application/pdf", call=call)
    opening = await _submit(client, party, files)
    if opening.state == pb.OPENING_STATE_PASSED:
        day, branch, slot = await _first_free(client, operator)
        opening = await client.openings.book(APPLICATION, branch, day, slot, call=Call("opening-book"))
    if opening.state == pb.OPENING_STATE_BOOKED:
        evening = dt.datetime.combine(dt.date.fromisoformat(opening.visit.day), dt.time(18), CHINA)
        await operator.sandbox.move_clock(evening, call=Call("opening-clock"))
    elif opening.state != pb.OPENING_STATE_OPENED:
        raise Unexpected(f"not passed: {[reason.code for reason in opening.reasons]}")
    return await _hold_visit(operator)


async def _hold_visit(operator: Huilian) -> pb.Opening:
    """The operator looks at a document and at the originals, and opens the account."""
    shown = await operator.openings.read_document(
        APPLICATION, pb.OPENING_DOCUMENT_KIND_BUSINESS_LICENCE, call=Call("opening-read")
    )
    if hashlib.sha256(shown.content).digest() != shown.document.sha256:
        raise Unexpected("another document than was handed in")
    opened = await operator.openings.open_account(APPLICATION, ACCOUNT_NUMBER, call=Call("opening-complete"))
    if opened.state != pb.OPENING_STATE_OPENED:
        raise Unexpected(f"not opened: {[reason.code for reason in opened.reasons]}")
    return opened


async def _submit(client: Huilian, party: Party, files: dict[pb.OpeningDocumentKind.ValueType, bytes]) -> pb.Opening:
    # Repeated, the application is a submission further on, and the signature would be another one.
    seen = await client.openings.get(APPLICATION)
    if seen.next_submission > 1:
        return seen
    commitment = hashlib.sha256(_SALT + legal_person_of(party.company).encode()).digest()
    return await client.openings.submit(
        APPLICATION,
        sign_opening(party.legal_person_key, seen, files),
        legal_person_commitment=commitment,
        salt=_SALT,
    )


async def _first_free(client: Huilian, operator: Huilian) -> tuple[dt.date, str, str]:
    today = (await operator.sandbox.now()).astimezone(CHINA).date()
    for ahead in range(1, _LOOK_AHEAD_DAYS):
        day = today + dt.timedelta(days=ahead)
        for branch in await client.openings.slots(day):
            for slot in branch.slots:
                if slot.free:
                    return day, branch.branch_code, slot.slot
    raise Unexpected("no branch has room for a month")


def _file(party: Party, needed: pb.OpeningRequirement) -> bytes:
    text = f"SANDBOX {needed.name_en} of {party.company.name_en}"
    return f"%PDF-1.4\n% {text}\n%%EOF\n".encode()
