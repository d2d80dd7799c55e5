"""Consented reads through a real edge: what is delivered, what is refused, by whom, and what is recorded of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from huilian_protocol.artefact import Period
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, generate_keypair

from connectors.kit.consent_status import Notice
from connectors.kit.sandbox_server import Fault
from hub.exchange.books import Wanted
from hub.exchange.rules import Read
from hub.exchange.store import ReadRow
from tests.support.consents import LENDING
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, YEAR, Exchange

pytestmark = ON_SQLITE


@ON_BOTH
async def test_the_recipient_and_nobody_else_opens_exactly_the_granted_fields(exchange: Exchange) -> None:
    await exchange.grant()
    delivery = await exchange.fetch()
    payload = exchange.opened(delivery)
    assert payload["status"] == "present" and set(payload["data"]) == set(FIELDS)
    assert payload["data"]["balance_fen"] > 0
    [access] = await exchange.records()
    assert access.id == delivery.access_record_id
    assert (access.content["outcome"], access.content["recipient"]) == ("DELIVERED", LENDING)
    assert (access.content["fields"], access.content["requested_by"]) == (list(FIELDS), LENDING)


async def test_fewer_fields_and_months_than_granted_may_be_read(exchange: Exchange) -> None:
    await exchange.grant()
    delivery = await exchange.fetch(fields=("balance_fen",), period=Period("2026-01", "2026-02"))
    assert set(exchange.opened(delivery, fields=("balance_fen",))["data"]) == {"balance_fen"}


async def test_the_person_may_ask_but_nothing_more_than_the_recipient_gets_it(exchange: Exchange) -> None:
    await exchange.grant()
    delivery = await exchange.fetch(by=exchange.citizen.subject)
    assert exchange.opened(delivery)["status"] == "present"
    [access] = await exchange.records()
    assert access.content["requested_by"] == exchange.citizen.subject


async def test_a_repeated_request_gets_the_first_answer_and_counts_once(exchange: Exchange) -> None:
    await exchange.grant()
    first, second = await exchange.fetch(), await exchange.fetch()
    assert first == second
    assert (exchange.edge.upstream.faults.queries, await exchange.used()) == (1, 1)
    assert await exchange.outcomes() == ["DELIVERED"]


async def test_a_request_id_stands_for_one_input(exchange: Exchange) -> None:
    await exchange.grant()
    first = await exchange.fetch()
    assert await exchange.refused(fields=("balance_fen",)) == "REQUEST_ID_REUSED"
    assert await exchange.fetch() == first
    assert await exchange.outcomes() == ["DELIVERED", "REFUSED:REQUEST_ID_REUSED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fields": (*FIELDS, "opened_month")}, "FIELD_NOT_GRANTED"),
        ({"dataset": "tax.personal_income/v1"}, "FIELD_NOT_GRANTED"),
        ({"period": Period("2025-02", "2026-02")}, "PERIOD_NOT_GRANTED"),
        ({"period": Period("2026-02", "2025-03")}, "PERIOD_NOT_GRANTED"),
    ],
)
async def test_what_was_not_granted_never_leaves_the_hub(
    exchange: Exchange, change: dict[str, object], code: str
) -> None:
    await exchange.grant()
    assert await exchange.refused(**change) == code
    assert await exchange.refused(**change) == code
    assert (exchange.edge.upstream.faults.queries, await exchange.used()) == (0, 0)
    [access] = await exchange.records()
    assert (access.content["outcome"], access.content["refused_by"]) == (f"REFUSED:{code}", "hub")


async def test_a_stranger_learns_nothing_and_the_person_learns_of_it(exchange: Exchange) -> None:
    await exchange.grant()
    stranger = exchange.world.citizen(2).subject
    assert await exchange.refused(by="bank.convenience") == "NOT_FOUND"
    assert await exchange.refused(by=stranger) == "NOT_FOUND"
    assert await exchange.refused(consent_id="consent-00000009") == "NOT_FOUND"
    records = await exchange.records()
    assert [item.content["outcome"] for item in records] == ["REFUSED:NOT_FOUND"] * 2
    assert {item.content["requested_by"] for item in records} == {"somebody-else"}
    assert (exchange.edge.upstream.faults.queries, await exchange.used()) == (0, 0)


async def test_an_answer_that_is_kept_no_longer_is_a_recorded_refusal(exchange: Exchange) -> None:
    await exchange.grant(data_life_days=1)
    await exchange.fetch()
    exchange.clock.advance(timedelta(days=2))
    await exchange.service.forget_answers()
    assert await exchange.refused() == "REPLAYED_REQUEST"
    assert await exchange.outcomes() == ["DELIVERED", "REFUSED:REPLAYED_REQUEST"]


async def test_a_read_whose_process_died_gets_its_record(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    wanted = Read("request-00000001", CONSENT, DATASET, FIELDS, YEAR)
    offer = await exchange.service.catalogue.offer(DATASET)
    await exchange.service._books.admit(Wanted(LENDING, wanted, offer))
    assert await exchange.service.end_abandoned() == 0
    exchange.clock.advance(timedelta(minutes=5))
    assert await exchange.service.end_abandoned() == 1
    assert await exchange.service.end_abandoned() == 0
    [access] = await exchange.records()
    assert (access.content["outcome"], access.content["refused_by"]) == ("REFUSED:UNAVAILABLE", "hub")
    assert (access.content["request_id"], access.content["fields"]) == ("request-00000001", list(FIELDS))
    await exchange.fetch()
    assert await exchange.outcomes() == ["REFUSED:UNAVAILABLE", "DELIVERED"]


@ON_BOTH
async def test_after_revocation_the_hub_refuses_and_gives_no_old_answer(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.revoke()
    assert await exchange.refused(2) == "CONSENT_REVOKED"
    assert await exchange.refused(1) == "CONSENT_REVOKED"
    assert await exchange.outcomes() == ["DELIVERED", "REFUSED:CONSENT_REVOKED", "REFUSED:CONSENT_REVOKED"]
    assert exchange.edge.upstream.faults.queries == 1
    assert [row.envelope for row in await ReadRow.filter(phase="DELIVERED")] == [None]


async def test_the_edge_refuses_by_itself_what_the_hub_forwards(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.edge.service.learn(Notice(1, CONSENT, exchange.clock.now()))
    assert await exchange.refused() == "CONSENT_REVOKED"
    [access] = await exchange.records()
    assert (access.content["outcome"], access.content["refused_by"]) == ("REFUSED:CONSENT_REVOKED", "edge")
    assert (exchange.edge.upstream.faults.queries, await exchange.used()) == (0, 0)


@ON_BOTH
async def test_an_edge_without_fresh_revocations_refuses_and_may_be_asked_again(exchange: Exchange) -> None:
    await exchange.grant(valid_until=exchange.clock.now() + timedelta(days=90))
    exchange.edge.copy._as_of = None
    assert await exchange.refused() == "REVOCATIONS_STALE"
    exchange.edge.copy.confirm(exchange.clock.now())
    assert exchange.opened(await exchange.fetch())["status"] == "present"
    assert await exchange.outcomes() == ["REFUSED:REVOCATIONS_STALE", "DELIVERED"]


@ON_BOTH
async def test_a_consent_ends_at_its_last_second(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.clock.advance(timedelta(days=30, seconds=-1))
    await exchange.fetch(1)
    exchange.clock.advance(timedelta(seconds=1))
    assert await exchange.refused(2) == "CONSENT_EXPIRED"


@ON_BOTH
async def test_a_prepared_consent_allows_nothing(exchange: Exchange) -> None:
    consent = await exchange.grant()
    async with exchange.database.transaction():
        await exchange.database.execute("UPDATE consent_consent SET state = 'REQUESTED', signed = NULL")
    assert consent.signed is not None
    assert await exchange.refused() == "STATE_CONFLICT"


async def test_a_consent_for_an_old_key_of_the_recipient_is_refused(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.world.recipients[LENDING] = generate_keypair(Suite.XWING)
    assert await exchange.refused() == "RECIPIENT_KEY_MISMATCH"
    assert exchange.edge.upstream.faults.queries == 0


async def test_the_last_read_exhausts_the_consent(exchange: Exchange) -> None:
    await exchange.grant(max_reads=2)
    await exchange.fetch(1)
    assert (await exchange.consents.find(CONSENT)).state == "GRANTED"
    await exchange.fetch(2)
    assert (await exchange.consents.find(CONSENT)).state == "EXHAUSTED"
    assert await exchange.refused(3) == "CONSENT_EXHAUSTED"
    assert exchange.opened(await exchange.fetch(1))["status"] == "present"


@ON_BOTH
async def test_fifty_at_once_under_ten_reads_deliver_exactly_ten(exchange: Exchange) -> None:
    await exchange.grant(max_reads=10)
    outcomes = await asyncio.gather(
        *(asyncio.create_task(exchange.fetch(number)) for number in range(50)), return_exceptions=True
    )
    codes = [getattr(outcome, "code", "DELIVERED") for outcome in outcomes]
    assert codes.count("DELIVERED") == 10 and codes.count("CONSENT_EXHAUSTED") == 40
    assert exchange.edge.upstream.faults.queries == 10
    assert exchange.edge.service._store.used_reads(CONSENT, DATASET) == await exchange.used() == 10
    assert (await exchange.consents.find(CONSENT)).state == "EXHAUSTED"
    assert sorted(await exchange.outcomes()) == ["DELIVERED"] * 10 + ["REFUSED:CONSENT_EXHAUSTED"] * 40


@ON_BOTH
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.DOWN, "PROVIDER_UNAVAILABLE"),
        (Fault.GARBAGE, "PROVIDER_FAULT"),
        (Fault.WRONG_PERSON, "PROVIDER_FAULT"),
        (Fault.BROKEN_SCHEMA, "PROVIDER_FAULT"),
    ],
)
async def test_an_agency_that_fails_costs_no_read_and_the_same_request_may_be_tried_again(
    exchange: Exchange, fault: Fault, code: str
) -> None:
    await exchange.grant(max_reads=1)
    exchange.edge.upstream.faults.active = fault
    assert await exchange.refused() == code
    assert await exchange.used() == 0
    exchange.edge.upstream.faults.active = None
    assert exchange.opened(await exchange.fetch())["status"] == "present"
    assert await exchange.outcomes() == [f"REFUSED:{code}", "DELIVERED"]


@ON_BOTH
async def test_only_what_may_have_been_lost_on_the_way_is_asked_twice(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.edge.upstream.faults.active = Fault.DOWN
    await exchange.refused(1)
    assert exchange.edge.upstream.faults.queries == 2
    exchange.edge.upstream.faults.active = Fault.GARBAGE
    await exchange.refused(2)
    assert exchange.edge.upstream.faults.queries == 3


@ON_BOTH
async def test_an_abandoned_request_is_taken_up_after_its_time_under_the_same_read(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    await exchange.fetch()
    row = await ReadRow.get()
    row.phase, row.envelope, row.access_record_id = "RUNNING", None, None
    row.running_until = exchange.clock.now() + timedelta(seconds=30)
    await row.save()
    assert await exchange.refused() == "UNAVAILABLE"
    async with exchange.database.transaction():
        await exchange.database.execute("UPDATE consent_consent SET state = 'GRANTED'")
    exchange.clock.advance(timedelta(minutes=1))
    assert exchange.opened(await exchange.fetch())["status"] == "present"
    assert (await exchange.used(), exchange.edge.upstream.faults.queries) == (1, 1)


async def test_the_list_pages_and_is_the_persons_own(exchange: Exchange) -> None:
    await exchange.grant()
    for number in range(3):
        await exchange.fetch(number)
    first = await exchange.service.access_records(exchange.citizen.subject, "", 2)
    rest = await exchange.service.access_records(exchange.citizen.subject, first.next_token, 2)
    assert [len(first.records), len(rest.records), rest.next_token] == [2, 1, ""]
    assert len({access.content["request_id"] for access in first.records + rest.records}) == 3
    stranger = await exchange.service.access_records(exchange.world.citizen(2).subject, "", 2)
    assert stranger.records == ()


async def test_a_destroyed_key_takes_the_records_with_it(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch()
    await exchange.vault.destroy_subject_key(exchange.citizen.subject)
    with pytest.raises(HuilianError) as gone:
        await exchange.records()
    assert gone.value.code == "NOT_FOUND"


async def test_a_sealed_answer_is_kept_no_longer_than_the_granted_data_life(exchange: Exchange) -> None:
    await exchange.grant(data_life_days=2, valid_until=exchange.clock.now() + timedelta(days=30))
    await exchange.fetch()
    exchange.clock.advance(timedelta(days=2, seconds=-1))
    assert await exchange.service.forget_answers() == 0
    exchange.clock.advance(timedelta(seconds=1))
    assert await exchange.service.forget_answers() == 1
    assert await exchange.service.forget_answers() == 0
    assert await exchange.refused() == "REPLAYED_REQUEST"
    assert await exchange.outcomes() == ["DELIVERED", "REFUSED:REPLAYED_REQUEST"]
    assert exchange.opened(await exchange.fetch(2), 2)["status"] == "present"


@ON_BOTH
async def test_forgetting_goes_on_until_the_process_stops(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch()
    exchange.clock.advance(timedelta(days=31))
    stop = asyncio.Event()
    running = asyncio.create_task(exchange.service.run(stop))
    async with asyncio.timeout(5):
        while await ReadRow.filter(envelope__isnull=False).exists():  # noqa: ASYNC110  a table rings no bell
            await asyncio.sleep(0.01)
        stop.set()
        await running


async def test_nobody_signs_for_a_suite_in_which_the_data_owner_seals_nothing(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(exchange.edge.upstream.manifest.__dict__, "suites", (Suite.X25519,))
    [described] = await exchange.service.catalogue.descriptions()
    assert list(described.recipient_suites) == ["x25519"]
    with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
        await exchange.grant()
