"""Consents of a person who leaves: all are revoked, so that every edge hears of it, and then forgotten."""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.artefact import parse_artefact
from tortoise.expressions import Q

from hub.consent.service import ConsentService, forget_artefacts
from hub.consent.states import State
from hub.consent.store import ConsentRow, NoticeRow, SealedSubjectRow, VersionRow, version_id
from hub.platform.database import Database
from hub.platform.erasure import Retention

_LIVE = [State.GRANTED, State.PAUSED]


class ConsentErasure:
    """The consent domain's part (implements `hub.platform.erasure.Holder`)."""

    def __init__(self, database: Database, consents: ConsentService) -> None:
        self._database, self._consents = database, consents

    forget: Callable[[], None] = staticmethod(forget_artefacts)

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """Nothing: what a consent allowed stays provable by the commitments in the log."""
        return ()

    async def erase(self, subject: str) -> None:
        """Revoke what is in force, then delete every consent with the identities sealed for it."""
        ids = await consent_ids(subject)
        await self._database.lock_all(("consent", consent_id) for consent_id in ids)
        # Also what the person signed for somebody else: a delegate who left can stop nothing any more.
        theirs = Q(subject=subject) | Q(signer=subject)
        for row in await ConsentRow.filter(theirs, state__in=_LIVE).order_by("id"):
            if (await self._consents.find(row.id)).state in _LIVE:
                await self._consents.revoke(subject, row.id)
        for row in await ConsentRow.filter(subject=subject):
            sealed = [f"{row.id}/{agency}" for agency in row.agencies]
            await SealedSubjectRow.filter(id__in=sealed).delete()
            artefact = parse_artefact(bytes(row.artefact))
            await VersionRow.filter(
                id__in=[version_id(row.id, number) for number in range(1, artefact.version + 2)]
            ).delete()
        # Edges still hear that the consents were revoked; whose device once resumed one is forgotten.
        await NoticeRow.filter(consent_id__in=ids, resumption__isnull=False).update(resumption=None)
        await ConsentRow.filter(subject=subject).delete()


async def consent_ids(subject: str) -> list[str]:
    """Ids of every consent of a person."""
    return [row.id for row in await ConsentRow.filter(subject=subject).order_by("id").only("id")]
