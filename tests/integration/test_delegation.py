"""Who consents for somebody else, end to end: a parent for a child, a finance officer for a company, at real edges.

The hub of the site is honest here; where it is used as one in the wrong hands, the edge still holds.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.artefact import DatasetGrant, parse_artefact
from huilian_protocol.consent import SignedConsent, countersign, parse_signed_consent
from huilian_protocol.delegation import Basis, Delegation, DeviceProof, Link, link_from
from huilian_protocol.errors import HuilianError
from huilian_sdk import Person, new_id
from huilian_sdk.keystore import Keystore

from connectors.kit import sandbox_people
from connectors.kit.sandbox_companies import DEALER
from connectors.kit.sandbox_families import DEMO_CHILD, DEMO_GROWN_CHILD
from deploy.journeys.parties import open_party
from tests.integration.citizens import PURPOSE, RECIPIENT, Citizen, Prepared, authority_key, registered
from tests.integration.raids import until
from tests.integration.taken_over_hub import TakenOverHub, again
from tests.support.sites import HUB, RunningSite

CARD, TAX = "social_insurance.card/v1", "tax.enterprise/v1"
A_MONTH = dt.timedelta(days=30)


@dataclass
class Delegates:
    """A parent, somebody else, a company's keys, and the hub in the wrong hands."""

    hub: TakenOverHub
    parent: Citizen
    other: Citizen
    company: Keystore

    async def guardianship(self, child: Person, guardian: Citizen | None = None, **changes: Any) -> Link:
        """The authority's word, asked for through the hub."""
        asks = guardian or self.parent
        suite, key = await authority_key(asks.hub)
        terms: dict[str, Any] = {
            "grants": [CARD],
            "purposes": [PURPOSE],
            "valid_until": asks.clock.now().replace(microsecond=0) + A_MONTH,
        } | changes
        sealed = asks.person.seal_guardianship(child, key, suite=suite, **terms)
        return link_from(await asks.hub.identity.request_guardianship(sealed))

    def officer(self, delegate: Citizen | None = None, **changes: Any) -> Link:
        """The company's word that an officer may read its tax record."""
        officer = delegate or self.parent
        now = officer.clock.now().replace(microsecond=0)
        made = Delegation(
            id=f"officer-{new_id()[:8]}",
            basis=Basis.COMPANY,
            delegator=self.company.uscc,
            delegate=officer.subject,
            grants=(TAX,),
            purposes=(PURPOSE,),
            valid_from=now,
            valid_until=now + A_MONTH,
        )
        return self.company.sign_delegation(replace(made, **changes), self.company.certificate_pem)

    def passed_on(self, link: Link, giver: Citizen, **changes: Any) -> Link:
        """The delegate's own delegation to the other person."""
        made = replace(
            link.statement,
            id="passed-on",
            basis=Basis.PERSON,
            delegator=giver.subject,
            delegate=self.other.subject,
            depth=1,
            parent=link.statement.sha256,
            identity_commitment=None,
        )
        made = replace(made, **changes)
        return Link(made, DeviceProof(giver.binding, giver.device.sign(made.sha256)))


@pytest_asyncio.fixture
async def delegates(shared_site: RunningSite) -> AsyncIterator[Delegates]:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    async with AsyncExitStack() as stack:
        parent = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_BORROWER))
        other = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_TWO_EMPLOYERS))
        party = await open_party(site, DEALER)
        yield Delegates(TakenOverHub.of(site, place), parent, other, party.keystore)


def child(of: Any = DEMO_CHILD) -> Person:
    return Person.create(of.person.name, of.person.resident_id)


def for_subject(signer: Citizen, subject: Person) -> Citizen:
    """The signer's device with the identity of whom the data is about."""
    return replace(signer, person=subject)


async def consented(
    signer: Citizen, subject: Person, chain: tuple[Link, ...], dataset: str, fields: tuple[str, ...]
) -> tuple[SignedConsent, bytes]:
    """A delegate's consent in force, and the sealed identity of its subject."""
    acting = for_subject(signer, subject)
    answer = await signer.hub.consents.prepare(
        consent_id=new_id(),
        purpose_code=PURPOSE,
        recipient_id=RECIPIENT,
        datasets=[DatasetGrant(dataset, fields, signer.period())],
        max_reads=5,
        data_life_days=30,
        valid_until=signer.clock.now() + dt.timedelta(days=7),
        delegation=chain,
    )
    prepared = Prepared(parse_artefact(answer.artefact), tuple(answer.agency_ids))
    sealed = await acting.sealed(prepared)
    assertion = signer.device.sign(prepared.artefact.sha256)
    granted = await signer.hub.consents.grant(answer.artefact, assertion, sealed)
    return parse_signed_consent(granted.signed_consent), sealed[prepared.agencies[0]]


async def read_by(signer: Citizen, consent: SignedConsent) -> bytes:
    """Read through the hub, as the delegate."""
    grant = consent.artefact.datasets[0]
    call = {"consent_id": consent.artefact.id, "dataset_id": grant.id, "fields": grant.fields, "period": grant.period}
    delivered: bytes = (await signer.hub.exchange.fetch(**call)).envelope
    return delivered


CARD_FIELDS = ("card_number", "issued_month")
TAX_FIELDS = ("credit_grade", "enterprise_name", "uscc")


async def test_a_parent_reads_the_childs_card_and_nobody_else_does(delegates: Delegates) -> None:
    ward = child()
    link = await delegates.guardianship(ward)
    consent, sealed = await consented(delegates.parent, ward, (link,), CARD, CARD_FIELDS)
    assert consent.artefact.subject not in {delegates.parent.subject, delegates.other.subject}
    assert await read_by(delegates.parent, consent)
    many = await delegates.parent.hub.exchange.fetch_many(consent_id=consent.artefact.id)
    assert [part.WhichOneof("outcome") for part in many.answers] == ["delivery"]
    read = delegates.hub.read(consent, sealed)
    payload = delegates.hub.open(consent.artefact, read, await delegates.hub.send("social_insurance", read))
    assert payload["status"] == "present"
    assert payload["data"]["issued_month"] == "2017-05"
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await read_by(delegates.other, consent)


async def test_the_authority_gives_its_word_to_guardians_of_minors_only(delegates: Delegates) -> None:
    with pytest.raises(HuilianError) as strange:
        await delegates.guardianship(child(), delegates.other)
    with pytest.raises(HuilianError) as grown:
        await delegates.guardianship(child(DEMO_GROWN_CHILD))
    with pytest.raises(HuilianError) as long:
        await delegates.guardianship(child(), valid_until=delegates.parent.clock.now() + dt.timedelta(days=800))
    # Somebody else's word is of no use to the parent: the hub hands a statement to its delegate only.
    suite, key = await authority_key(delegates.parent.hub)
    stolen = delegates.parent.person.seal_guardianship(
        child(), key, suite=suite, grants=[CARD], purposes=[PURPOSE], valid_until=_soon(delegates.parent)
    )
    with pytest.raises(HuilianError) as forwarded:
        await delegates.other.hub.identity.request_guardianship(stolen)
    assert {error.value.code for error in (strange, grown, long, forwarded)} == {"DELEGATION_INVALID"}


def _soon(citizen: Citizen) -> dt.datetime:
    return citizen.clock.now().replace(microsecond=0) + A_MONTH


async def test_a_finance_officer_reads_the_companys_tax_record(delegates: Delegates) -> None:
    company = Person.company(delegates.company.name, delegates.company.uscc)
    officer, chain = delegates.other, (delegates.officer(delegates.other),)
    consent, sealed = await consented(officer, company, chain, TAX, TAX_FIELDS)
    assert consent.artefact.subject == DEALER.uscc
    assert await read_by(officer, consent)
    read = delegates.hub.read(consent, sealed)
    payload = delegates.hub.open(consent.artefact, read, await delegates.hub.send("tax", read))
    assert payload["data"] == {"credit_grade": "M", "enterprise_name": DEALER.name_zh, "uscc": DEALER.uscc}


async def test_another_companys_name_is_refused_by_the_edge(delegates: Delegates) -> None:
    officer, chain = delegates.other, (delegates.officer(delegates.other),)
    stranger = Person.company("沙盒另一家有限公司", DEALER.uscc)
    consent, sealed = await consented(officer, stranger, chain, TAX, TAX_FIELDS)
    with pytest.raises(HuilianError, match="SUBJECT_MISMATCH"):
        await delegates.hub.send("tax", delegates.hub.read(consent, sealed))


async def test_a_companys_consent_reads_no_personal_dataset(delegates: Delegates) -> None:
    income = "tax.personal_income/v1"
    company = Person.company(delegates.company.name, delegates.company.uscc)
    chain = (delegates.officer(delegates.other, grants=(income,)),)
    consent, sealed = await consented(delegates.other, company, chain, income, ("annual_income_fen",))
    with pytest.raises(HuilianError, match="SUBJECT_MISMATCH"):
        await delegates.hub.send("tax", delegates.hub.read(consent, sealed))


BAD_CHAINS = ("expired", "too deep", "wider", "longer", "forged", "another signer's", "another company's")


def bad_chain(delegates: Delegates, name: str) -> tuple[Link, ...]:
    """A chain that ends at the other person and does not hold."""
    parent, other = delegates.parent, delegates.other
    now = parent.clock.now().replace(microsecond=0)
    deep = delegates.officer(parent, depth=2)
    company = delegates.officer(other)
    match name:
        case "expired":
            return (delegates.officer(other, valid_from=now - A_MONTH, valid_until=now - dt.timedelta(seconds=1)),)
        case "too deep":
            root = delegates.officer(parent)
            return (root, delegates.passed_on(root, parent))
        case "wider":
            return (deep, delegates.passed_on(deep, parent, grants=("housing_fund.account/v1", TAX)))
        case "longer":
            return (deep, delegates.passed_on(deep, parent, valid_until=deep.statement.valid_until + A_MONTH))
        case "forged":
            return (replace(company, statement=replace(company.statement, grants=("housing_fund.account/v1", TAX))),)
        case "another signer's":
            made = delegates.passed_on(deep, parent).statement
            return (deep, Link(made, DeviceProof(other.binding, other.device.sign(made.sha256))))
    own = Keystore.generate(delegates.company.uscc, delegates.company.name)
    return (own.sign_delegation(company.statement, delegates.company.certificate_pem),)


@pytest.mark.parametrize("name", BAD_CHAINS)
async def test_a_chain_that_does_not_hold_is_refused_by_hub_and_edge(delegates: Delegates, name: str) -> None:
    company = Person.company(delegates.company.name, delegates.company.uscc)
    good, sealed = await consented(delegates.other, company, (delegates.officer(delegates.other),), TAX, TAX_FIELDS)
    chain = bad_chain(delegates, name)
    with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
        await consented(delegates.other, company, chain, TAX, TAX_FIELDS)
    # The hub in the wrong hands countersigns all the same; the person's device did sign.
    parts = (good.artefact, good.binding, good.assertion)
    forged = SignedConsent(*parts, countersign(delegates.hub.signing_key, *parts, chain), chain)
    with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
        await delegates.hub.send("tax", again(delegates.hub.read(good, sealed), consent=forged.to_bytes()))


async def test_a_delegation_that_is_taken_back_ends_what_was_consented_under_it(delegates: Delegates) -> None:
    company = Person.company(delegates.company.name, delegates.company.uscc)
    root = delegates.officer(delegates.parent, depth=2)
    chain = (root, delegates.passed_on(root, delegates.parent))
    consent, _ = await consented(delegates.other, company, chain, TAX, TAX_FIELDS)
    kept, _ = await consented(delegates.parent, company, (root,), TAX, TAX_FIELDS)
    ended = await delegates.parent.hub.consents.revoke_delegation(chain)
    assert list(ended.consent_ids) == [consent.artefact.id]
    assert await read_by(delegates.parent, kept), "the delegation before it stands"
    with pytest.raises(HuilianError, match="CONSENT_REVOKED"):
        await read_by(delegates.other, consent)
    with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
        await consented(delegates.other, company, chain, TAX, TAX_FIELDS)
    with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
        await delegates.parent.hub.consents.revoke_delegation(chain)
    # A hub that goes on under a new consent of its own making is refused by the edge's own list.
    later = replace(consent.artefact, id=new_id())
    device = delegates.other.device
    parts = (later, consent.binding, device.sign(later.sha256))
    forged = SignedConsent(*parts, countersign(delegates.hub.signing_key, *parts, chain), chain)
    acting = for_subject(delegates.other, company)
    resealed = (await acting.sealed(Prepared(later, ("tax",))))["tax"]
    await until(lambda: _edge_knows(delegates, ended.delegation_sha256))
    with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
        await delegates.hub.send("tax", again(delegates.hub.read(consent, resealed), consent=forged.to_bytes()))


def _edge_knows(delegates: Delegates, statement: bytes) -> bool:
    path = delegates.hub.site.folder / "tax" / "edge.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as edge:
        known = "SELECT 1 FROM delegation_revocation WHERE statement_sha256 = ?"
        return edge.execute(known, (statement,)).fetchone() is not None
