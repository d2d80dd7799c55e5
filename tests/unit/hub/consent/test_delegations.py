"""Consents of delegates at the hub: what a chain must be, and what its end ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise
from huilian_protocol.delegation import Basis, Delegation, DeviceProof, Link, chain_to
from huilian_protocol.errors import HuilianError

from hub.consent.delegations import Ended
from hub.consent.revocations import Change, Notice
from hub.consent.service import Consent
from tests.support.breaking import break_at_each_statement
from tests.support.consents import Citizen
from tests.support.tables import dump
from tests.unit.hub.consent.conftest import CONSENT, DATASETS, Office

TABLES = ("consent_consent", "consent_notice", "consent_delegation_revocation")


@dataclass
class Family:
    """The person whose data it is, the delegate, and whom the delegate passes it on to."""

    office: Office
    owner: Citizen
    delegate: Citizen
    third: Citizen

    def link(self, signer: Citizen | None = None, **changes: Any) -> Link:
        """A delegation from the owner to the delegate, or as changed."""
        now = self.office.clock.now().replace(microsecond=0)
        made = Delegation(
            id="delegation-1",
            basis=Basis.PERSON,
            delegator=self.owner.subject,
            delegate=self.delegate.subject,
            grants=tuple(sorted(DATASETS)),
            purposes=("LOAN_APPLICATION",),
            valid_from=now,
            valid_until=now + timedelta(days=60),
        )
        made, by = replace(made, **changes), signer or self.owner
        return Link(made, DeviceProof(by.binding, by.device.sign(made.sha256)))

    def passed_on(self, root: Link, **changes: Any) -> tuple[Link, ...]:
        """The root and what the delegate makes of it."""
        more = {
            "id": "delegation-2",
            "delegator": self.delegate.subject,
            "delegate": self.third.subject,
            "parent": root.statement.sha256,
        }
        return (root, self.link(self.delegate, **(more | changes)))

    async def prepare(self, chain: tuple[Link, ...], by: Citizen, consent_id: str = CONSENT) -> Consent:
        """The draft that a delegate asks for."""
        service, terms = self.office.service, self.office.terms
        raw = canonicalise(chain_to(chain))
        return await self.office.do(lambda: service.prepare(by.subject, consent_id, terms, DATASETS, delegation=raw))

    async def grant(self, draft: Consent, by: Citizen) -> Consent:
        """Signed by the delegate's device."""
        assertion = by.device.sign(draft.artefact.sha256)
        return await self.office.grant(draft, assertion=assertion, subject=by.subject)

    async def granted(self, chain: tuple[Link, ...], by: Citizen, consent_id: str = CONSENT) -> Consent:
        """A delegate's consent in force."""
        return await self.grant(await self.prepare(chain, by, consent_id), by)

    def revoke(self, chain: tuple[Link, ...], by: Citizen) -> Callable[[], Awaitable[Ended]]:
        """The use case that takes the last link back."""
        raw = canonicalise(chain_to(chain))
        return lambda: self.office.do(lambda: self.office.service.life.revoke_delegation(by.subject, raw))

    async def state(self, consent_id: str = CONSENT) -> str:
        """Where it stands, as the owner sees it."""
        return await self.office.state(consent_id)


@pytest.fixture
def family(office: Office) -> Family:
    world = office.world
    delegate = world.citizen(2, "李四", "110105199003077513")
    third = world.citizen(3, "王五", "110105199003077513")
    return Family(office, office.citizen, delegate, third)


async def code_of(attempt: Awaitable[object]) -> str:
    with pytest.raises(HuilianError) as caught:
        await attempt
    return caught.value.code


async def test_both_parties_see_a_delegates_consent_and_either_stops_it(family: Family) -> None:
    await family.granted((family.link(),), family.delegate)
    for party in (family.owner, family.delegate):
        shown = await family.office.service.get(party.subject, CONSENT)
        assert (shown.artefact.subject, shown.artefact.signer) == (family.owner.subject, family.delegate.subject)
    assert await code_of(family.office.service.get(family.third.subject, CONSENT)) == "NOT_FOUND"
    await family.office.revoke(CONSENT)
    assert await family.state() == "REVOKED"


BAD: dict[str, Callable[[Family], tuple[Link, ...]]] = {
    "too deep": lambda family: family.passed_on(family.link(depth=1)),
    "wider": lambda family: family.passed_on(family.link(depth=2, grants=tuple(sorted(DATASETS))[:1])),
    "another purpose": lambda family: family.passed_on(family.link(depth=2), purposes=("PERSONAL_INQUIRY",)),
    "another signer's": lambda family: (family.link(family.third), *family.passed_on(family.link(depth=2))[1:]),
    "forged": lambda family: family.passed_on(family.link(family.third, depth=2)),
    "not to this delegate": lambda family: (family.link(),),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_chain_that_does_not_hold_prepares_nothing(family: Family, name: str) -> None:
    assert await code_of(family.prepare(BAD[name](family), family.third)) == "DELEGATION_INVALID"
    assert await code_of(family.office.service.get(family.owner.subject, CONSENT)) == "NOT_FOUND"


async def test_a_draft_does_not_outlive_its_delegation(family: Family) -> None:
    until = family.office.clock.now().replace(microsecond=0) + timedelta(days=40)
    draft = await family.prepare((family.link(valid_until=until),), family.delegate)
    family.office.clock.advance(timedelta(days=25))
    await family.grant(draft, family.delegate)
    other = (family.link(valid_until=family.office.clock.now() + timedelta(days=1)),)
    assert await code_of(family.prepare(other, family.delegate, "consent-00000002")) == "DELEGATION_INVALID"


async def test_taking_a_delegation_back_ends_what_lies_under_it_and_nothing_else(family: Family) -> None:
    root = family.link(depth=2)
    chain = family.passed_on(root)
    await family.granted((root,), family.delegate, "consent-00000001")
    await family.granted(chain, family.third, "consent-00000002")
    draft = await family.prepare(chain, family.third, "consent-00000003")
    stranger = family.office.world.citizen(9)
    assert await code_of(family.revoke(chain, stranger)()) == "NOT_FOUND"
    ended = await family.revoke(chain, family.delegate)()
    assert ended.consent_ids == ("consent-00000002",)
    assert [await family.state(f"consent-0000000{number}") for number in (1, 2)] == ["GRANTED", "REVOKED"]
    assert await code_of(family.grant(draft, family.third)) == "DELEGATION_INVALID"
    assert await code_of(family.prepare(chain, family.third, "consent-00000004")) == "DELEGATION_INVALID"
    notices = [Notice.of(row) for row in await family.office.service._store.notices_after(0, 10)]
    assert [notice.change for notice in notices] == [Change.DELEGATION_REVOKED, Change.REVOKED]
    assert notices[0].artefact_sha256 == chain[-1].statement.sha256
    # The root takes the rest with it.
    assert (await family.revoke((root,), family.owner)()).consent_ids == ("consent-00000001",)


async def test_taking_a_delegation_back_is_whole_or_nothing(family: Family) -> None:
    chain = (family.link(),)
    for number in (1, 2):
        await family.granted(chain, family.delegate, f"consent-0000000{number}")
    before, breaks = await dump(family.office.database, *TABLES), 0
    work = family.revoke(chain, family.owner)
    async for _ in break_at_each_statement(family.office.database, work):
        breaks += 1
        assert await dump(family.office.database, *TABLES) == before
    assert breaks >= 8
    assert [await family.state(f"consent-0000000{number}") for number in (1, 2)] == ["REVOKED", "REVOKED"]
