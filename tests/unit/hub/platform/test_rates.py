"""Which bucket a call is taken from: every RPC has a class, and no name holds an address."""

from __future__ import annotations

import pytest

from hub.platform.callers import ANONYMOUS, Caller, Role
from hub.platform.policy import POLICY, SERVED_ELSEWHERE
from hub.platform.rates import DEFAULTS, SERVICE_FACTOR, Limit, Rate, Rates, address_of, limit_of

CITIZEN = Caller("net-1", Role.CITIZEN)


@pytest.mark.parametrize("method", [m for m, roles in POLICY.items() if roles != SERVED_ELSEWHERE])
def test_every_call_counts_as_something(method: str) -> None:
    assert limit_of(method) in {Limit.READS, Limit.WRITES, Limit.LOGIN, Limit.PUBLIC}


@pytest.mark.parametrize(
    ("method", "limit"),
    [
        ("/huilian.identity.v1.TokenService/IssueToken", Limit.LOGIN),
        ("/huilian.ledger.v1.LedgerService/GetTile", Limit.PUBLIC),
        ("/huilian.consent.v1.ConsentService/GetConsent", Limit.READS),
        ("/huilian.consent.v1.ConsentService/GrantConsent", Limit.WRITES),
        ("/huilian.exchange.v1.ExchangeService/FetchDataset", Limit.WRITES),
        ("/huilian.future.v1.FutureService/Unheard", Limit.WRITES),
    ],
)
def test_what_calls_count_as(method: str, limit: Limit) -> None:
    assert limit_of(method) is limit


def test_an_address_is_kept_hashed_with_a_key_and_without_its_port() -> None:
    method = "/huilian.ledger.v1.LedgerService/GetTile"
    one, two = Rates(address_key=b"k1"), Rates(address_key=b"k2")
    name = one.of_call(method, ANONYMOUS, "ipv4:192.0.2.1:50123").name
    assert "192.0.2.1" not in name
    assert name == one.of_call(method, ANONYMOUS, "ipv4:192.0.2.1:50124").name
    assert name != one.of_call(method, ANONYMOUS, "ipv4:192.0.2.2:50123").name
    assert name != two.of_call(method, ANONYMOUS, "ipv4:192.0.2.1:50123").name
    assert address_of("ipv6:[2001:db8::1]:443") == "ipv6:[2001:db8::1]"
    assert address_of("unix:/tmp/socket") == "unix:/tmp/socket"


def test_callers_do_not_share_buckets_and_services_get_more() -> None:
    rates = Rates({Limit.READS: Rate(per_minute=6, burst=3)})
    method = "/huilian.consent.v1.ConsentService/GetConsent"
    citizen = rates.of_call(method, CITIZEN, "ipv4:192.0.2.1:1")
    assert citizen.rate == Rate(per_minute=6, burst=3)
    assert citizen.name != rates.of_call(method, Caller("net-2", Role.CITIZEN), "ipv4:192.0.2.1:1").name
    assert rates.of_call(method, Caller("x", Role.ENTERPRISE), "").rate == citizen.rate.times(SERVICE_FACTOR)
    assert rates.of_misses(CITIZEN, "").name != rates.of_refusals(CITIZEN, "").name != citizen.name


def test_every_limit_has_a_default() -> None:
    assert set(DEFAULTS) == set(Limit)


def test_the_greatest_rate_that_may_be_set_holds_for_services_too() -> None:
    """Load tests set it."""
    greatest = Rate(per_minute=100_000_000, burst=100_000_000)
    bucket = Rates({Limit.WRITES: greatest}).of_call(
        "/huilian.consent.v1.ConsentService/GrantConsent", Caller("connector.tax", Role.CONNECTOR), "ipv4:1.2.3.4:5"
    )
    assert (bucket.rate.per_minute, bucket.rate.interval_us) == (1_000_000_000, 1)
