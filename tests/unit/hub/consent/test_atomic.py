"""Each multi-step write, broken at each statement, leaves everything as it was and can be done again."""

from __future__ import annotations

from tests.support.breaking import break_at_each_statement
from tests.support.tables import dump
from tests.unit.hub.consent.conftest import CONSENT, Office

TABLES = ("consent_consent", "consent_sealed_subject", "consent_notice", "consent_version")


async def test_a_grant_is_whole_or_nothing(office: Office) -> None:
    consent = await office.prepare()
    before, breaks = await dump(office.database, *TABLES), 0
    async for _ in break_at_each_statement(office.database, lambda: office.grant(consent)):
        breaks += 1
        assert await dump(office.database, *TABLES) == before
    assert breaks >= 5 and await office.state() == "GRANTED"


async def test_a_revocation_is_whole_or_nothing(office: Office) -> None:
    await office.granted()
    before, breaks = await dump(office.database, *TABLES), 0
    async for _ in break_at_each_statement(office.database, lambda: office.revoke()):
        breaks += 1
        assert await dump(office.database, *TABLES) == before
    after = await dump(office.database, *TABLES)
    assert breaks >= 5 and await office.state() == "REVOKED"
    assert len(after["consent_notice"]) == 1 and CONSENT in after["consent_notice"][0]
