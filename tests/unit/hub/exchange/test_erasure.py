"""A person who leaves: everything gone in one transaction, every old proof good, nothing that comes back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
import pytest_asyncio
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.erasure import erasure_order, verify_certificate
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.record import commit_record
from huilian_protocol.webauthn import Assertion

from hub.consent.store import ConsentRow
from hub.erasures import erasure_service
from hub.identity.erasure import ErasureService
from hub.identity.service import IdentityService
from hub.identity.store import IdentityStore
from hub.ledger.log.store import LeafRow
from hub.ledger.rules import unpack_body
from hub.lending.loans.store import LoanRow
from hub.platform.admission import person_mark
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.vault import SubjectVault
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.tables import dump
from tests.unit.hub.exchange.conftest import CONSENT, Exchange
from tests.unit.hub.exchange.test_canary import everything_kept
from tests.unit.hub.exchange.test_in_flight import read_held_back

pytestmark = ON_SQLITE

ORIGIN, ERASURE = "hub-a.huilian.example", "erasure-0123456789abcdef"
# Where the pseudonym stays: tombstones, and whose the unreadable records were.
TOMBSTONES = {
    ("ledger_leaf", "subject"),
    ("platform_subject_key", "subject"),
    ("platform_stored_answer", "id"),
    ("platform_stored_answer", "subject"),
    ("identity_erasure", "subject"),
}


@dataclass
class Office:
    """The exchange with a person who has the right to leave."""

    exchange: Exchange
    erasure: ErasureService
    store: IdentityStore
    idempotency: Idempotency

    @property
    def subject(self) -> str:
        return self.exchange.citizen.subject

    def signed(self, erasure_id: str = ERASURE) -> Assertion:
        order = erasure_order(self.subject, ORIGIN, erasure_id)
        return self.exchange.citizen.device.sign(hashlib.sha256(order).digest())

    async def erase(self, erasure_id: str = ERASURE) -> str:
        return (await self.erasure.erase(self.subject, erasure_id, self.signed(erasure_id))).certificate


@pytest_asyncio.fixture
async def office(exchange: Exchange) -> AsyncIterator[Office]:
    store = IdentityStore(exchange.database)
    world, clock = exchange.world, exchange.clock
    persons = IdentityService(store, None, world.trust, clock)  # type: ignore[arg-type]  # nobody registers here
    async with exchange.database.transaction():
        await store.save_person(exchange.citizen.subject, world.bindings[exchange.citizen.subject], clock.now())
    erasure = erasure_service(
        database=exchange.database,
        clock=clock,
        store=store,
        persons=persons,
        consents=exchange.consents,
        ledger=exchange.service._access_log._ledger,
        vault=exchange.vault,
        trust=world.trust,
        signing_key=lambda: world.hub_key,
        origin=ORIGIN,
    )
    yield Office(exchange, erasure, store, Idempotency(exchange.database, clock, exchange.vault))


async def tables(database: Database) -> list[str]:
    if database.dialect == "sqlite":
        rows = await database.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        rows = await database.fetch("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    return sorted(row["name"] for row in rows if not row["name"].startswith("sqlite_"))


async def lived(office: Office) -> None:
    """A consent, a delivered read, a refusal and an answer that was remembered."""
    exchange = office.exchange
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.service.events.drain()
    await exchange.service.notices.set_digest(office.subject, False)
    await exchange.refused(2, fields=("opened_month",))
    set_current_caller(Caller(office.subject, Role.CITIZEN))
    request = consent_pb.RevokeConsentRequest(request_id="request-answered-1", consent_id=CONSENT)
    consent = consent_pb.Consent(consent_id=CONSENT, signed_consent=b"readable")
    answer = consent_pb.RevokeConsentResponse(consent=consent)
    async with exchange.database.transaction():
        await office.idempotency.remember("RevokeConsent", request, answer)
        again = await office.idempotency.replay("RevokeConsent", request, consent_pb.RevokeConsentResponse)
    assert again == answer


async def test_after_an_erasure_no_table_has_anything_left_to_read(office: Office) -> None:
    """The inventory: every column of every table, whatever domain it belongs to."""
    exchange, database = office.exchange, office.exchange.database
    await lived(office)
    artefact = (await exchange.consents.find(CONSENT)).artefact_bytes
    binding = exchange.world.bindings[office.subject]
    traces = [CONSENT.encode(), artefact, binding.encode(), exchange.citizen.name.encode(), b"readable"]
    traces += [b64u_encode(artefact).encode(), b"housing_fund.account/v1"]
    before = {name: await database.fetch(f"SELECT * FROM {name}") for name in await tables(database)}
    assert _leaks(before, traces, office.subject), "the search itself works"
    await office.erase()
    after = {name: await database.fetch(f"SELECT * FROM {name}") for name in await tables(database)}
    # A consent's random id stays: the edges are told for good that it was revoked, and the log knows its records.
    ids = {("consent_notice", "consent_id"), ("ledger_leaf", "record_id")}
    assert set(_leaks(after, [CONSENT.encode()], office.subject)) <= ids
    # A dataset's name stays where it counts everybody's reads and says nothing of anybody's.
    after.pop("exchange_tally")
    assert _leaks(after, traces[1:], office.subject) == []
    await _nothing_opens(office, after)


def _leaks(content: dict[str, list[dict[str, object]]], traces: list[bytes], subject: str) -> list[tuple[str, str]]:
    found = []
    for table, rows in content.items():
        for column, value in ((column, value) for row in rows for column, value in row.items()):
            data = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
            named = subject.encode() in data and (table, column) not in TOMBSTONES
            if named or any(trace in data for trace in traces):
                found.append((table, column))
    return sorted(set(found))


async def _nothing_opens(office: Office, content: dict[str, list[dict[str, object]]]) -> None:
    """No stored bytes open with anything that the hub still has."""
    for rows in content.values():
        for value in (value for row in rows for value in row.values() if isinstance(value, (bytes, memoryview))):
            with pytest.raises(HuilianError) as refusal:
                await office.exchange.vault.decrypt_for_subject(office.subject, bytes(value))
            assert refusal.value.code == "NOT_FOUND"


@ON_BOTH
async def test_old_records_stay_provable_although_nobody_can_read_them(office: Office) -> None:
    exchange = office.exchange
    await lived(office)
    rows = await LeafRow.filter(subject=office.subject)
    bodies = [await exchange.vault.decrypt_for_subject(office.subject, bytes(row.body)) for row in rows]
    await office.erase()
    for row, body in zip(rows, bodies, strict=True):
        record, salt, _ = unpack_body(body)
        kept = await LeafRow.get(record_id=row.record_id)
        assert bytes(kept.commitment) == commit_record(record, salt)
    with pytest.raises(HuilianError):
        await exchange.records()


async def test_the_certificate_says_what_was_erased_and_nothing_about_whom(office: Office) -> None:
    await lived(office)
    certificate = await office.erase()
    key = office.exchange.world.hub_key.public_key()
    content = verify_certificate(certificate, {thumbprint(key): key}, office.subject)
    assert (content["records"], content["retained"], content["hub"]) == (2, [], ORIGIN)
    with pytest.raises(HuilianError):
        verify_certificate(certificate, {thumbprint(key): key}, "somebody-else")
    leaf = await LeafRow.get(record_id=f"erasure:{ERASURE}")
    assert leaf.subject is None and unpack_body(bytes(leaf.body))[0]["content"] == content


@ON_BOTH
async def test_erasing_again_gives_the_same_certificate_and_changes_nothing(office: Office) -> None:
    await lived(office)
    first = await office.erase()
    names = await tables(office.exchange.database)
    before = await dump(office.exchange.database, *names)
    assert await office.erase() == first
    assert await office.erase("another-id-of-16-chars") == first
    assert await dump(office.exchange.database, *names) == before


@ON_BOTH
async def test_an_erasure_broken_anywhere_is_whole_or_not_at_all(office: Office) -> None:
    await lived(office)
    names = await tables(office.exchange.database)
    before = await dump(office.exchange.database, *names)
    async for _ in break_at_each_statement(office.exchange.database, office.erase):
        assert await dump(office.exchange.database, *names) == before
    assert await ConsentRow.all().count() == 0


async def test_only_the_persons_own_device_orders_it(office: Office) -> None:
    await lived(office)
    stranger = office.exchange.world.citizen(7).device
    for assertion in (stranger.sign(bytes(32)), office.signed("another-id-of-16-chars")):
        with pytest.raises(HuilianError) as refusal:
            await office.erasure.erase(office.subject, ERASURE, assertion)
        assert refusal.value.code == "ASSERTION_INVALID"
    assert len(await office.exchange.records()) == 2


@ON_BOTH
async def test_every_edge_hears_of_it_and_every_token_ends(office: Office) -> None:
    await lived(office)
    await office.erase()
    revoked = await office.exchange.database.fetch("SELECT consent_id FROM consent_notice")
    assert [row["consent_id"] for row in revoked] == [CONSENT]
    assert await office.store.is_revoked(person_mark(office.subject))
    assert await office.exchange.refused(3) == "NOT_FOUND"


async def test_nothing_is_written_about_a_person_who_left(office: Office) -> None:
    await lived(office)
    await office.erase()
    names = await tables(office.exchange.database)
    before = await dump(office.exchange.database, *names)
    with pytest.raises(HuilianError):
        await office.exchange.grant("consent-00000002")
    request = consent_pb.RevokeConsentRequest(request_id="request-answered-2", consent_id=CONSENT)
    with pytest.raises(HuilianError):
        async with office.exchange.database.transaction():
            await office.idempotency.remember("RevokeConsent", request, consent_pb.RevokeConsentResponse())
    left = await dump(office.exchange.database, *names)
    assert {name for name in names if left[name] != before[name]} <= {"consent_consent"}


async def test_a_read_that_is_under_way_finds_nothing_to_come_back_to(office: Office) -> None:
    exchange = office.exchange
    await exchange.grant()
    async with read_held_back(exchange) as (under_way, held):
        await office.erase()
        held.release.set()
        with pytest.raises(HuilianError) as refusal:
            await under_way
    assert refusal.value.code == "NOT_FOUND"
    assert await dump(exchange.database, "exchange_read", "exchange_quota") == {
        "exchange_read": [],
        "exchange_quota": [],
    }


@ON_BOTH
async def test_an_open_loan_forbids_it_and_a_closed_one_is_kept_with_its_reason(office: Office) -> None:
    clock = office.exchange.clock
    await LoanRow.create(
        loan_id="loan-00000001",
        borrower=office.subject,
        is_person=True,
        product_id="flash-loan",
        revolving=False,
        limit_fen=100,
        terms={},
        maturity=date(2026, 6, 1),
        closed=False,
        created_at=clock.now(),
    )
    for attempt in (office.erase(), _prepared(office)):
        with pytest.raises(HuilianError) as refusal:
            await attempt  # type: ignore[misc]
        assert (refusal.value.code, refusal.value.params["state"]) == ("STATE_CONFLICT", "LOAN_OPEN")
    await LoanRow.filter(loan_id="loan-00000001").update(closed=True)
    _, retained = await _prepared(office)
    assert [item.code for item in retained] == ["AML_LOAN_RECORDS"]
    assert retained[0].until > clock.now() + timedelta(days=3_650)
    done = await office.erasure.erase(office.subject, ERASURE, office.signed())
    assert done.retained == retained
    assert await LoanRow.filter(borrower=office.subject).count() == 1


async def _prepared(office: Office) -> tuple[bytes, tuple[object, ...]]:
    async with office.exchange.database.transaction():
        return await office.erasure.prepare(office.subject, ERASURE)  # type: ignore[return-value]


@ON_BOTH
async def test_memory_of_another_process_is_cleared_within_a_second(office: Office) -> None:
    """The second process on the same database: its own connection, vault, token memory and what it remembers."""
    exchange = office.exchange
    await lived(office)
    other = _second_process(office)
    cleared = asyncio.Event()
    other.when_erased(cleared.set)
    stop = asyncio.Event()
    await other.look()
    cleared.clear()
    runner = asyncio.create_task(other.run(stop))
    began = time.monotonic()
    await office.erase()
    await asyncio.wait_for(cleared.wait(), 5.0)
    elapsed = time.monotonic() - began
    stop.set()
    await runner
    assert elapsed < 5.0
    second_store = IdentityStore(exchange.database)
    assert await second_store.is_revoked(person_mark(office.subject))


def _second_process(office: Office) -> ErasureService:
    exchange = office.exchange
    vault = SubjectVault(exchange.database, exchange.vault._wrapping, os.urandom, exchange.clock)
    return erasure_service(
        database=exchange.database,
        clock=exchange.clock,
        store=IdentityStore(exchange.database),
        persons=office.erasure._persons,
        consents=exchange.consents,
        ledger=exchange.service._access_log._ledger,
        vault=vault,
        trust=exchange.world.trust,
        signing_key=lambda: exchange.world.hub_key,
        origin=ORIGIN,
    )


async def test_raw_pages_of_sqlite_keep_nothing_either(office: Office) -> None:
    exchange = office.exchange
    if exchange.database.dialect != "sqlite":
        return
    await lived(office)
    artefact = (await exchange.consents.find(CONSENT)).artefact_bytes
    terms = artefact[artefact.index(b'"purpose"') :][:80]
    assert terms in await everything_kept(exchange)
    await office.erase()
    assert terms not in await everything_kept(exchange)
