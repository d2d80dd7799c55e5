"""A hub that was taken over, with its real keys and certificate, against the edges: zero leaks, each refusal coded.

Whatever the hub holds is used against the person: the signed consent, the sealed subject, the hub's own signing key,
its transport certificate. What it does not hold are the person's device key and the identity authority's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from huilian_protocol.errors import HuilianError

from connectors.kit import sandbox_people
from tests.integration import forged_reads, hub_state, stale_reads
from tests.integration.citizens import FIELDS, HOUSING_FUND, registered
from tests.integration.raids import AGENCY, Raid, in_force
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite


@pytest_asyncio.fixture
async def raid(shared_site: RunningSite) -> AsyncIterator[Raid]:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    async with AsyncExitStack() as stack:
        citizen = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_BORROWER))
        other = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_TWO_EMPLOYERS))
        consent, sealed = await in_force(citizen)
        yield Raid(TakenOverHub.of(site, place), citizen, other, consent, sealed)


async def test_the_bank_reads_what_was_granted_and_only_that(raid: Raid) -> None:
    """Else the refusals below would prove nothing."""
    read = raid.good()
    payload = raid.hub.open(raid.consent.artefact, read, await raid.hub.send(AGENCY, read))
    assert (payload["status"], sorted(payload["data"])) == ("present", sorted(FIELDS))


RAIDS: dict[str, tuple[str, Callable[[Raid], Awaitable[Read]]]] = {
    "more fields": ("FIELD_NOT_GRANTED", forged_reads.more_fields),
    "a longer period": ("PERIOD_NOT_GRANTED", forged_reads.longer_period),
    "another recipient's key": ("RECIPIENT_KEY_MISMATCH", forged_reads.another_recipient),
    "another person": ("SUBJECT_MISMATCH", forged_reads.another_person),
    "another person's sealed identity": ("SEALED_DATA_INVALID", forged_reads.another_persons_sealed_identity),
    "another person's consent": ("SEALED_DATA_INVALID", forged_reads.another_persons_consent),
    "a consent for another agency": ("FIELD_NOT_GRANTED", forged_reads.consent_for_another_agency),
    "a device key enrolled by the hub": ("BINDING_INVALID", forged_reads.key_enrolled_by_the_hub),
    "the real binding, another device": ("ASSERTION_INVALID", forged_reads.real_binding_with_another_device),
    "signed by the hub alone": ("ARTEFACT_TAMPERED", forged_reads.signed_by_the_hub_alone),
    "attested by the hub alone": ("EVIDENCE_LEVEL_TOO_LOW", forged_reads.attested_by_the_hub_alone),
    "a consent widened by the hub": ("ARTEFACT_TAMPERED", forged_reads.widened_consent),
    "a recipient changed by the hub": ("ARTEFACT_TAMPERED", forged_reads.recipient_changed_in_the_consent),
    "a weaker key of the same bank": ("RECIPIENT_KEY_MISMATCH", forged_reads.weaker_key_of_the_same_bank),
    "the stronger key taken out": ("RECIPIENT_KEY_MISMATCH", forged_reads.stronger_key_taken_out),
    "taken out of a statement that the hub signed": (
        "RECIPIENT_KEY_MISMATCH",
        forged_reads.stronger_key_taken_out_of_a_statement_of_the_hubs_own,
    ),
    "taken out by an older statement of the root": (
        "RECIPIENT_KEY_MISMATCH",
        forged_reads.stronger_key_taken_out_by_an_older_statement_of_the_root,
    ),
    "no countersignature": ("COUNTERSIGNATURE_INVALID", forged_reads.without_countersignature),
    "expired": ("CONSENT_EXPIRED", stale_reads.expired),
    "over quota": ("CONSENT_EXHAUSTED", stale_reads.over_quota),
    "a request id with other fields": ("REQUEST_ID_REUSED", stale_reads.request_id_with_other_fields),
    "after revocation": ("CONSENT_REVOKED", stale_reads.revoked),
    "while paused": ("CONSENT_PAUSED", stale_reads.paused),
    "resumed by the word about another consent": (
        "CONSENT_PAUSED",
        stale_reads.resumed_by_another_consents_word,
    ),
    "an older version": ("STATE_CONFLICT", stale_reads.an_older_version),
    "an amendment of the hub's own": ("ARTEFACT_TAMPERED", forged_reads.widened_by_an_amendment_of_the_hubs_own),
    "beyond its purpose": ("PURPOSE_LIMIT_EXCEEDED", forged_reads.beyond_its_purpose),
    "a delegation forged by the hub": ("DELEGATION_INVALID", forged_reads.delegation_forged_by_the_hub),
    "a replay after revocation": ("CONSENT_REVOKED", stale_reads.revoked_and_repeated),
}


@pytest.mark.parametrize("name", RAIDS)
async def test_the_edge_refuses_whatever_the_hub_says(raid: Raid, name: str) -> None:
    code, prepare = RAIDS[name]
    read = await prepare(raid)
    before = hub_state.dump(raid.edge_memory)
    with pytest.raises(HuilianError) as refusal:
        await raid.hub.send(AGENCY, read)
    assert refusal.value.code == code
    assert hub_state.difference(before, hub_state.dump(raid.edge_memory)) == {}, "the edge counted it"


async def test_a_replay_gives_the_same_sealed_answer_and_asks_nobody(raid: Raid) -> None:
    read = raid.good()
    first = await raid.hub.send(AGENCY, read)
    before = hub_state.dump(raid.edge_memory)
    assert (await raid.hub.send(AGENCY, read)).envelope == first.envelope
    assert hub_state.difference(before, hub_state.dump(raid.edge_memory)) == {}


async def test_only_hubs_may_ask(raid: Raid) -> None:
    with pytest.raises(HuilianError) as refusal:
        await raid.hub.send(AGENCY, raid.good(), certificate="channel.mini_program_api")
    assert refusal.value.code == "PERMISSION_DENIED"


async def test_the_hub_itself_refuses_first(raid: Raid) -> None:
    """The same read through the front door is refused by the hub, and both refusals are for the same reason."""
    with pytest.raises(HuilianError) as refusal:
        await raid.citizen.hub.exchange.fetch(
            consent_id=raid.consent.artefact.id,
            dataset_id=HOUSING_FUND,
            fields=[*FIELDS, "balance_fen"],
            period=raid.citizen.period(),
        )
    assert refusal.value.code == RAIDS["more fields"][0]
