"""Tokens: fetched by the signer, shared, renewed in time and after a refusal, never leaked into token calls."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import sandbox_service_pb2
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian_protocol.client_assertion import verify_client_assertion
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwks_to_keys, keys_to_jwks
from huilian_protocol.webauthn import Assertion, verify_assertion
from huilian_sdk import AuthenticationError, ClientSigner, DeviceSigner, SoftwareAuthenticator, UnavailableError

from tests.unit.protocol.world import DEVICE, HUB, ORIGIN, RP_ID
from tests.unit.sdk.fake_hub import Asked, FakeHub, failure

CHALLENGE = "huilian.identity.v1.TokenService/CreateChallenge"
ISSUE = "huilian.identity.v1.TokenService/IssueToken"
BALANCE = "huilian.common.v1.SandboxService/GetAccount"
KEY_SET = "huilian.identity.v1.IdentityService/GetKeySet"
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
USCC = "91350100M000100Y43"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def hub(clock: FixedClock) -> FakeHub:
    fake = FakeHub()
    numbers = iter(range(1, 100))

    def issue(asked: Asked) -> pb.IssueTokenResponse:
        expires = Timestamp()
        expires.FromDatetime(clock.now() + timedelta(minutes=10))
        return pb.IssueTokenResponse(access_token=f"token-{next(numbers)}", expire_time=expires)

    fake.on(CHALLENGE, pb.CreateChallengeResponse(challenge=bytes(32)))
    fake.on(ISSUE, issue)
    fake.on(BALANCE, sandbox_service_pb2.GetAccountResponse(balance_fen=5))
    return fake


def signer(clock: FixedClock) -> ClientSigner:
    return ClientSigner(USCC, HUB, "hub.huilian.example", clock)


def used(hub: FakeHub) -> list[str]:
    """The bearer tokens of the balance calls, in order."""
    return [asked.metadata.get("authorization", "-") for asked in hub.asked if asked.path == f"/{BALANCE}"]


def issued(hub: FakeHub) -> list[Any]:
    return [asked.request for asked in hub.asked if asked.path == f"/{ISSUE}"]


async def test_a_token_is_fetched_once_and_shared(hub: FakeHub, clock: FixedClock) -> None:
    client = hub.client(signer=signer(clock), clock=clock)
    await asyncio.gather(*(client.sandbox.balance(USCC) for _ in range(5)))
    assert used(hub) == ["Bearer token-1"] * 5 and len(issued(hub)) == 1


async def test_a_token_is_renewed_before_it_ends(hub: FakeHub, clock: FixedClock) -> None:
    client = hub.client(signer=signer(clock), clock=clock)
    for step in (timedelta(0), timedelta(minutes=9, seconds=39), timedelta(seconds=1)):
        clock.advance(step)
        await client.sandbox.balance(USCC)
    assert used(hub) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "UNAUTHENTICATED"])
async def test_a_refused_token_is_renewed_once(hub: FakeHub, clock: FixedClock, code: str) -> None:
    hub.on(BALANCE, failure(HuilianError(code)), sandbox_service_pb2.GetAccountResponse(balance_fen=5))
    client = hub.client(signer=signer(clock), clock=clock)
    assert await client.sandbox.balance(USCC) == 5
    hub.on(BALANCE, failure(HuilianError(code)))
    with pytest.raises(AuthenticationError):
        await client.sandbox.balance(USCC)
    assert used(hub) == [f"Bearer token-{number}" for number in (1, 2, 2, 3)]


async def test_renewing_leaves_all_tries_for_unavailability(hub: FakeHub, clock: FixedClock) -> None:
    away, expired = failure(HuilianError("UNAVAILABLE")), failure(HuilianError("TOKEN_EXPIRED"))
    hub.on(BALANCE, expired, away, away, away, sandbox_service_pb2.GetAccountResponse(balance_fen=5))
    assert await hub.client(signer=signer(clock), clock=clock).sandbox.balance(USCC) == 5


async def test_an_enterprise_signs_in_by_client_assertion(hub: FakeHub, clock: FixedClock) -> None:
    await hub.client(signer=signer(clock), clock=clock).sandbox.balance(USCC)
    keys = jwks_to_keys(keys_to_jwks([HUB.public_key()]))
    token = issued(hub)[0].client_assertion
    assert verify_client_assertion(token, keys, "hub.huilian.example", NOW).client_id == USCC


async def test_a_person_signs_in_by_answering_a_challenge(hub: FakeHub, clock: FixedClock) -> None:
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
    await hub.client(signer=DeviceSigner("wh-0000000000000001", device), clock=clock).sandbox.balance(USCC)
    grant = issued(hub)[0].person
    assert (grant.subject, grant.challenge) == ("wh-0000000000000001", bytes(32))
    parts = grant.assertion
    assertion = Assertion(parts.authenticator_data, parts.client_data_json, parts.signature)
    verify_assertion(assertion, device.public_key, bytes(32), RP_ID, ORIGIN)


async def test_token_calls_carry_no_token_and_are_not_repeated(hub: FakeHub, clock: FixedClock) -> None:
    hub.on(ISSUE, failure(HuilianError("UNAVAILABLE")))
    client = hub.client(signer=DeviceSigner("wh-0000000000000001", DEVICE), clock=clock)
    with pytest.raises(UnavailableError):
        await client.sandbox.balance(USCC)
    assert [asked.path for asked in hub.asked] == [f"/{CHALLENGE}", f"/{ISSUE}"]
    assert all("authorization" not in asked.metadata for asked in hub.asked)


async def test_a_fetch_that_failed_is_tried_by_the_next_call(hub: FakeHub, clock: FixedClock) -> None:
    good = hub.answers[f"/{ISSUE}"][0]
    hub.on(ISSUE, failure(HuilianError("UNAVAILABLE")), good)
    client = hub.client(signer=signer(clock), clock=clock)
    with pytest.raises(UnavailableError):
        await client.sandbox.balance(USCC)
    assert await client.sandbox.balance(USCC) == 5


async def test_published_keys_need_no_token(hub: FakeHub, clock: FixedClock) -> None:
    hub.on(KEY_SET, pb.GetKeySetResponse(origin="hub.huilian.example"))
    assert (await hub.client(signer=signer(clock), clock=clock).identity.key_set()).origin == "hub.huilian.example"
    assert issued(hub) == []


async def test_one_connection_serves_many_callers(hub: FakeHub, clock: FixedClock) -> None:
    base = hub.client(clock=clock)
    await base.sandbox.balance(USCC)
    await base.with_token("session").sandbox.balance(USCC)
    await base.as_signer(signer(clock)).sandbox.balance(USCC)
    assert used(hub) == ["-", "Bearer session", "Bearer token-1"]


async def test_a_foreign_token_is_not_renewed(hub: FakeHub, clock: FixedClock) -> None:
    hub.on(BALANCE, failure(HuilianError("TOKEN_EXPIRED")))
    with pytest.raises(AuthenticationError):
        await hub.client(clock=clock).with_token("session").sandbox.balance(USCC)
    assert used(hub) == ["Bearer session"]
