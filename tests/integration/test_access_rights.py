"""A person's rights over the wire: told of reads, a proof that none is missing, and everything destroyed."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from huilian.exchange.v1 import notice_service_pb2 as notice_pb
from huilian_protocol.access_export import parse_export
from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Call, Huilian

from connectors.kit import sandbox_people
from ledger.verify import verify_bytes
from tests.integration import hub_state
from tests.integration.citizens import FIELDS, HOUSING_FUND, Citizen, anybody, registered
from tests.support.sites import HUB, RunningSite

PATIENCE_S = 30.0


async def test_a_person_is_told_proves_what_was_read_and_leaves(shared_site: RunningSite) -> None:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    # Somebody whom no other test knows: this person leaves for good.
    person = [one for one in sandbox_people.population().values() if one.kind == "ordinary"][-1]
    trust = TrustAnchors.load(site.trust_file)
    async with registered(site, place, person) as citizen:
        began = citizen.clock.now() - timedelta(hours=1)
        consent = await citizen.granted()
        for number in range(3):
            await _fetch(citizen, consent.consent_id, f"rights-read-{number}")
        with pytest.raises(HuilianError):
            await _fetch(citizen, consent.consent_id, "rights-read-9", "balance_fen")
        notices = await _told(citizen, 3)
        assert {item.dataset_id for notice in notices for item in notice.items} == {HOUSING_FUND}
        stated = await citizen.hub.exchange.access_statement(began)
        assert stated.record_count == 4
        export = await _export(citizen, stated.statement_id)
        verdict = verify_bytes(export, trust, citizen.clock.now())
        assert verdict.ok, [check for check in verdict.checks if not check.ok]
        assert len(parse_export(export).edge_counts) == 1
        _what_is_hidden_is_named(export, trust)
        async with anybody(site, place) as stranger:
            receipt = await _leave(citizen, stranger)
        assert verify_bytes(receipt, trust, citizen.clock.now()).ok
        # What was proven before stays proven.
        assert verify_bytes(export, trust, citizen.clock.now()).ok
        with pytest.raises(HuilianError) as refusal:
            await citizen.hub.consents.get(consent.consent_id)
        assert refusal.value.code == "UNAUTHENTICATED"
        kept = hub_state.dump(place.folder / "hub.sqlite")
        assert not [row for row in kept["consent_consent"] if citizen.subject in row]


async def _fetch(citizen: Citizen, consent_id: str, request_id: str, *more: str) -> None:
    await citizen.hub.exchange.fetch(
        consent_id=consent_id,
        dataset_id=HOUSING_FUND,
        fields=[*FIELDS, *more],
        period=citizen.period(),
        call=Call(request_id),
    )


async def _told(citizen: Citizen, count: int) -> list[notice_pb.Notice]:
    """Notices come within moments."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            notices = [notice async for notice in citizen.hub.notices.list()]
            if len(notices) >= count:
                return notices
            await asyncio.sleep(0.1)


async def _export(citizen: Citizen, statement_id: str) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await citizen.hub.exchange.export_access_records(statement_id)
            except HuilianError as error:
                assert error.code == "RECEIPT_PENDING"
                await asyncio.sleep(0.1)


def _what_is_hidden_is_named(export: bytes, trust: TrustAnchors) -> None:
    value = parse_canonical(export)
    del value["records"][1]
    checks = verify_bytes(canonicalise(value), trust, datetime.now(UTC)).checks
    failed = [check for check in checks if not check.ok]
    assert "missing: 2" in {check.reason for check in failed}


async def _leave(citizen: Citizen, stranger: Huilian) -> bytes:
    erasure_id = "rights-erasure-0001"
    prepared = await citizen.hub.privacy.prepare_erasure(erasure_id)
    signed = citizen.device.sign(hashlib.sha256(prepared.order).digest())
    done = await citizen.hub.privacy.erase_my_data(erasure_id, signed)
    assert (done.erasure_id, list(done.retained)) == (erasure_id, [])
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await stranger.privacy.erasure_receipt(erasure_id)
            except HuilianError as error:
                assert error.code == "RECEIPT_PENDING"
                await asyncio.sleep(0.1)
