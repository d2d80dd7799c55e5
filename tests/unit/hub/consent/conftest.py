"""A consent service on a real database, with one person who has a device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

import pytest
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.clock import FixedClock
from huilian_protocol.purposes import PurposeList
from huilian_protocol.webauthn import Assertion

from hub.consent.rules import Dataset, Terms
from hub.consent.service import Consent, ConsentService
from hub.platform.database import Database
from tests.support.consents import LENDING, Citizen, RecordingLedger, World

T = TypeVar("T")
CONSENT = "consent-00000001"
DATASETS = {
    "housing_fund.account/v1": Dataset("housing_fund.account/v1", "housing_fund", frozenset({"balance_fen", "status"})),
    "tax.personal_income/v1": Dataset("tax.personal_income/v1", "tax", frozenset({"income_fen"})),
}


@dataclass
class Office:
    """The service with everything around it."""

    service: ConsentService
    database: Database
    clock: FixedClock
    ledger: RecordingLedger
    world: World
    citizen: Citizen
    terms: Terms

    async def do(self, use_case: Callable[[], Awaitable[T]]) -> T:
        """One use case in one transaction, as the wire runs it."""
        async with self.database.transaction():
            return await use_case()

    async def prepare(self, consent_id: str = CONSENT, **changes: object) -> Consent:
        """A prepared artefact of the usual terms."""
        terms = replace(self.terms, **changes)  # type: ignore[arg-type]
        return await self.do(lambda: self.service.prepare(self.citizen.subject, consent_id, terms, DATASETS))

    async def grant(
        self,
        consent: Consent,
        *,
        artefact: bytes | None = None,
        assertion: Assertion | None = None,
        subjects: dict[str, bytes] | None = None,
        subject: str | None = None,
    ) -> Consent:
        """Grant it as the person would, or with one part exchanged."""
        signed = assertion or self.citizen.device.sign(consent.artefact.sha256)
        sealed = (
            {agency: f"sealed to {agency}".encode() for agency in consent.agencies} if subjects is None else subjects
        )
        caller = subject or self.citizen.subject
        return await self.do(lambda: self.service.grant(caller, artefact or consent.artefact_bytes, signed, sealed))

    async def revoke(self, consent_id: str = CONSENT, subject: str | None = None) -> Consent:
        """Revoke it."""
        return await self.do(lambda: self.service.revoke(subject or self.citizen.subject, consent_id))

    async def granted(self, consent_id: str = CONSENT, **changes: object) -> Consent:
        """A granted consent of the usual terms."""
        return await self.grant(await self.prepare(consent_id, **changes))

    async def state(self, consent_id: str = CONSENT) -> str:
        """Where it stands."""
        return (await self.service.get(self.citizen.subject, consent_id)).state


@pytest.fixture
def office(database: Database, clock: FixedClock) -> Office:
    world, ledger = World(), RecordingLedger()
    citizen = world.citizen()
    service = ConsentService(
        database=database,
        clock=clock,
        purposes=PurposeList.published(),
        persons=world,
        recipients=world,
        ledger=ledger,
        trust=world.trust,
        signing_key=lambda: world.hub_key,
    )
    terms = Terms(
        purpose="LOAN_APPLICATION",
        recipient=LENDING,
        datasets=(
            DatasetGrant("housing_fund.account/v1", ("balance_fen", "status"), Period("2025-03", "2026-02")),
            DatasetGrant("tax.personal_income/v1", ("income_fen",), Period("2025-01", "2025-12")),
        ),
        max_reads=3,
        data_life_days=30,
        valid_until=clock.now() + timedelta(days=30),
    )
    return Office(service, database, clock, ledger, world, citizen, terms)
