"""How often somebody may do what: classes of calls, rates, and whose bucket a call is taken from. Pure.

A bucket holds up to `burst` tokens and gains `per_minute` of them each minute; one call takes one. Rates are settings
(`HUILIAN_RATE_LIMITS`); what stands here are the defaults and what they are for.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field

from hub.platform import policy
from hub.platform.callers import Caller, Role

MICROSECONDS = 1_000_000
MINUTE_US = 60 * MICROSECONDS


class Limit(StrEnum):
    """What is counted; each counts by itself."""

    # Calls of one caller, by what they do.
    READS = "reads"
    WRITES = "writes"
    # Signing in and registering, by who calls: before somebody signs in that is a network address.
    LOGIN = "login"
    # What anybody may ask without signing in, by network address.
    PUBLIC = "public"
    # Calls refused at the door (no token, a bad one, another's role), by network address or certificate.
    REFUSED = "refused"
    # Answers NOT_FOUND to one caller: whoever guesses ids is stopped, whoever knows them is not.
    MISSES = "misses"
    # Reads of one person's data, whoever reads.
    PERSON_READS = "person_reads"
    # Different persons whose data one reader reads, each counted once an hour.
    PERSONS = "persons"
    # Elements evaluated under the shared claim key for one other hub: what a dictionary of invoice numbers costs.
    CLAIM_KEY = "claim_key"


class Rate(BaseModel):
    """Tokens a minute on average, and how many at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_minute: int = Field(ge=1, le=100_000_000)
    burst: int = Field(ge=1, le=100_000_000)

    def times(self, factor: int) -> Rate:
        """The same for a caller who stands for many; beyond the bounds of a setting, too."""
        return Rate.model_construct(per_minute=self.per_minute * factor, burst=self.burst * factor)

    @property
    def interval_us(self) -> int:
        """Microseconds in which one token comes back; at least one."""
        return max(1, MINUTE_US // self.per_minute)


DEFAULTS: Mapping[Limit, Rate] = {
    Limit.READS: Rate(per_minute=1_200, burst=600),
    Limit.WRITES: Rate(per_minute=600, burst=300),
    Limit.LOGIN: Rate(per_minute=1_200, burst=600),
    Limit.PUBLIC: Rate(per_minute=6_000, burst=3_000),
    Limit.REFUSED: Rate(per_minute=600, burst=600),
    Limit.MISSES: Rate(per_minute=60, burst=120),
    Limit.PERSON_READS: Rate(per_minute=120, burst=240),
    Limit.PERSONS: Rate(per_minute=1_200, burst=12_000),
    Limit.CLAIM_KEY: Rate(per_minute=240, burst=8_000),
}
# An enterprise's systems and the site's services stand for many people; a citizen is one.
SERVICE_FACTOR = 10
_READING = ("Get", "List", "Quote", "Preview", "Check", "Describe", "Watch", "Verify", "Find", "Search", "Export")
_LOGIN = frozenset(
    {
        "/huilian.identity.v1.TokenService/CreateChallenge",
        "/huilian.identity.v1.TokenService/IssueToken",
        "/huilian.identity.v1.IdentityService/RegisterPerson",
    }
)


@dataclass(frozen=True)
class Bucket:
    """One bucket: its name, which holds nothing personal, and its rate."""

    name: str
    rate: Rate


class Rates:
    """Which bucket a call is taken from."""

    def __init__(self, limits: Mapping[Limit, Rate] | None = None, address_key: bytes = b"") -> None:
        """`limits` replace defaults; network addresses are kept as a keyed hash only, the same in every process."""
        self._limits, self._address_key = {**DEFAULTS, **(limits or {})}, address_key

    def of_call(self, method: str, caller: Caller, peer: str) -> Bucket:
        """The bucket of a call that passed the door."""
        return self._of(limit_of(method), caller, peer)

    def of_refusals(self, caller: Caller, peer: str) -> Bucket:
        """The bucket of calls that did not pass it."""
        return self._of(Limit.REFUSED, caller, peer)

    def of_misses(self, caller: Caller, peer: str) -> Bucket:
        """The bucket of answers that there is no such thing."""
        return self._of(Limit.MISSES, caller, peer)

    def of_person(self, subject: str) -> Bucket:
        """The bucket of reads of one person's data."""
        return Bucket(f"{Limit.PERSON_READS}/{subject}", self._limits[Limit.PERSON_READS])

    def of_reader(self, reader: str) -> Bucket:
        """The bucket of different persons that one reader reads."""
        return Bucket(f"{Limit.PERSONS}/{reader}", self._limits[Limit.PERSONS])

    def of_evaluations(self, caller: str) -> Bucket:
        """The bucket of elements evaluated for another hub."""
        return Bucket(f"{Limit.CLAIM_KEY}/{caller}", self._limits[Limit.CLAIM_KEY])

    def _of(self, limit: Limit, caller: Caller, peer: str) -> Bucket:
        rate = self._limits[limit]
        if caller.role is Role.ANONYMOUS:
            return Bucket(f"{limit}/address/{self._hidden(peer)}", rate)
        factor = 1 if caller.role is Role.CITIZEN else SERVICE_FACTOR
        return Bucket(f"{limit}/{caller.role}/{caller.id}", rate.times(factor))

    def _hidden(self, peer: str) -> str:
        return hmac.new(self._address_key, address_of(peer).encode(), sha256).hexdigest()[:32]


def limit_of(method: str) -> Limit:
    """What a call of this method counts as, by its full path; a method that is no known kind of question is a write."""
    if method in _LOGIN:
        return Limit.LOGIN
    if Role.ANONYMOUS in policy.allowed_roles(method):
        return Limit.PUBLIC
    return Limit.READS if method.rpartition("/")[2].startswith(_READING) else Limit.WRITES


def address_of(peer: str) -> str:
    """The host of gRPC's name for the other end, such as "ipv4:192.0.2.1:50123"; a connection's port is left out."""
    kind, _, rest = peer.partition(":")
    return f"{kind}:{rest.rpartition(':')[0]}" if kind in {"ipv4", "ipv6"} else peer
