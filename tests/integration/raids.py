"""A person with a consent in force, and the hub in the wrong hands: what the forbidden reads start from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huilian_protocol.consent import SignedConsent, parse_signed_consent

from tests.integration import hub_state
from tests.integration.citizens import Citizen
from tests.integration.taken_over_hub import Read, TakenOverHub, again

AGENCY = "housing_fund"
REVOCATION_PATIENCE_S = 5.0


@dataclass
class Raid:
    """A person with a consent in force, another person, and the hub in the wrong hands."""

    hub: TakenOverHub
    citizen: Citizen
    other: Citizen
    consent: SignedConsent
    sealed_subject: bytes

    @property
    def edge_memory(self) -> Path:
        """What the edge counts in."""
        return self.hub.site.folder / AGENCY / "edge.sqlite3"

    def good(self) -> Read:
        """The read that the person allowed."""
        return self.hub.read(self.consent, self.sealed_subject)

    def forged(self, consent: SignedConsent) -> Read:
        """The same read under another consent."""
        return again(self.good(), consent=consent.to_bytes())


async def in_force(citizen: Citizen, **terms: object) -> tuple[SignedConsent, bytes]:
    """A consent in force and the person's identity as the hub holds it for the agency."""
    prepared = await citizen.prepare(**terms)  # type: ignore[arg-type]
    granted = await citizen.sign(prepared)
    return parse_signed_consent(granted.signed_consent), (await citizen.sealed(prepared))[AGENCY]


async def until_cursor(raid: Raid, cursor: int) -> None:
    """Until the edge has followed the hub's notices this far."""
    await until(lambda: any(row[1] >= cursor for row in hub_state.dump(raid.edge_memory)["feed"]))


async def until_heard(raid: Raid) -> None:
    """Until the edge knows that the consent is revoked."""
    await until_told(raid, "revocation", raid.consent.artefact.id)


async def until_told(raid: Raid, table: str, consent_id: str, column: str = "", value: int = 0) -> None:
    """Until the edge has written the consent into a table, with this value."""

    def is_told() -> bool:
        rows = [row for row in hub_state.dump(raid.edge_memory)[table] if row[0] == consent_id]
        return bool(rows) and (not column or rows[0][1] == value)

    await until(is_told)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what an edge hears in a moment. Raises AssertionError when it does not."""
    deadline = time.monotonic() + REVOCATION_PATIENCE_S
    while time.monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the edge has not heard of it")
