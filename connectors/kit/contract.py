"""What a connector is: a few operations towards one agency, and the values that pass through them.

A connector knows its agency's protocol and nothing else. Consent, quota, revocation, minimisation, sealing and
signatures are the kit's work and happen around it (`service.py`), so that no agency's quirk can loosen a trust rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from huilian_protocol.errors import HuilianError

from connectors.kit.months import Period

SubjectKind = Literal["person", "enterprise"]
JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue] | None"


class Presence(StrEnum):
    """Whether the agency holds a record. A source that cannot answer raises instead: absence is never guessed."""

    PRESENT = "present"
    NO_ACCOUNT = "no_account"


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """The person asked about, or the enterprise: then `resident_id` is its USCC. Only datasets whose manifest lists
    "enterprise" among their subjects are asked about one. The repr shows nothing, so that no log or traceback can.
    """

    name: str
    resident_id: str
    kind: SubjectKind = "person"

    def __repr__(self) -> str:
        return "Subject(***)"


@dataclass(frozen=True, slots=True)
class Query:
    """One question to the agency: everything of `dataset_id` about `subject` in `period`, as of an aware UTC time.

    A question that is asked again after a failure keeps its `request_id`; agencies that work in several steps go on
    where they stopped.
    """

    dataset_id: str
    subject: Subject
    period: Period
    as_of: datetime
    request_id: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """The agency's answer mapped to the dataset's full schema; `data` is empty unless present.

    `as_of` (aware UTC) is when this was true; None for an agency that answers from its live register.
    """

    presence: Presence
    data: Mapping[str, JsonValue]
    as_of: datetime | None = None

    def __repr__(self) -> str:
        return f"Record({self.presence.value}, ***)"


NO_ACCOUNT = Record(Presence.NO_ACCOUNT, {})


class CheckOutcome(StrEnum):
    """The only things an operator can do about an agency: nothing, wait, renew credentials, or mend the set-up."""

    READY = "ready"
    RETRY = "retry"
    REAUTHENTICATE = "reauthenticate"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of `check`; `detail` is English for operators and holds no personal data and no secret."""

    outcome: CheckOutcome
    detail: str = ""


class Connector(Protocol):
    """One agency's connector. All methods are cancelled by the kit when the agency's time limit passes."""

    async def check(self) -> CheckResult:
        """Ask the agency whether it is up and accepts our credentials; never raises for an agency's failure."""

    def discover(self) -> frozenset[str]:
        """The ids of the datasets that this connector can read; must equal the manifest's."""

    async def read(self, query: Query) -> Record:
        """Fetch and map one record; raises an `UpstreamError` when the agency does not give a usable answer."""


class ActionStatus(StrEnum):
    """What became of an order. An agency that cannot say raises instead: a payment is never guessed."""

    EXECUTED = "executed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """One action that the agency shall do for `subject`; `parameters` fit the action's schema.

    `order_id` (32 lower-case hex digits) is the same whenever the same request is tried again, and no other request's.
    """

    action_id: str
    subject: Subject
    parameters: Mapping[str, JsonValue]
    order_id: str
    as_of: datetime

    def __repr__(self) -> str:
        return f"Order({self.action_id}, ***)"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What became of an order: the result by the action's schema, or {"reason": code} of an agency that said no."""

    status: ActionStatus
    data: Mapping[str, JsonValue]

    def __repr__(self) -> str:
        return f"Outcome({self.status.value}, ***)"


def rejected(reason: str) -> Outcome:
    """The agency did nothing and said why; `reason` is a constant in upper case, such as ALREADY_PAID."""
    return Outcome(ActionStatus.REJECTED, {"reason": reason})


class ActingConnector(Connector, Protocol):
    """A connector that can also act."""

    def actions(self) -> frozenset[str]:
        """The ids of the actions that this connector can do; must equal the manifest's."""

    async def act(self, order: Order) -> Outcome:
        """Do one action, or tell again what became of it: the same `order_id` must never be done twice.

        Raises an `UpstreamError` when it is not known what became of it (the same order will come again), or that
        nothing did: `UpstreamRefused`, or `UpstreamUnavailable` with `nothing_sent`.
        """


class UpstreamError(Exception):
    """The agency gave no usable answer.

    UpstreamError
    ├── UpstreamUnavailable   it cannot be reached or says that it is down: try again
    ├── UpstreamTimeout       it did not answer in time: try again
    │   └── UpstreamPreparing it is preparing its answer: ask again under the same request id
    ├── UpstreamRefused       it does not accept our credentials or our form of request: an operator must act
    └── UpstreamMalformed     it answered something that breaks its own protocol or our schema: never passed on

    Messages are constant text plus codes, without personal data: they may be logged.
    """


class UpstreamUnavailable(UpstreamError):
    """The agency cannot be reached or says that it is down; `nothing_sent` when no byte of the request left us."""

    def __init__(self, message: str, *, nothing_sent: bool = False) -> None:
        super().__init__(message)
        self.nothing_sent = nothing_sent


class UpstreamTimeout(UpstreamError):
    """The agency did not answer in time."""


class UpstreamPreparing(UpstreamTimeout):
    """The agency took the request and is preparing its answer: the same request asked again goes on with it."""


class UpstreamRefused(UpstreamError):
    """The agency does not accept our credentials or our form of request."""


class UpstreamMalformed(UpstreamError):
    """The agency's answer breaks its own protocol, speaks of another person or does not fit the schema."""


class FieldBroken(UpstreamMalformed):
    """A record breaks its schema; `name` is the field, empty when it is the record as a whole."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def provider_error(error: UpstreamError, provider: str) -> HuilianError:
    """What a hub is told of this failure: PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT or PROVIDER_FAULT."""
    code = "PROVIDER_UNAVAILABLE"
    if isinstance(error, UpstreamTimeout):
        code = "PROVIDER_TIMEOUT"
    elif isinstance(error, UpstreamMalformed):
        code = "PROVIDER_FAULT"
    if isinstance(error, UpstreamPreparing):
        # The state tells whoever asked that this is no failure, only early.
        return HuilianError(code, str(error), provider=provider, state="preparing")
    return HuilianError(code, str(error), provider=provider)


def check_result_of(error: UpstreamError) -> CheckResult:
    """What an operator can do about this failure."""
    if isinstance(error, UpstreamRefused):
        return CheckResult(CheckOutcome.REAUTHENTICATE, str(error))
    if isinstance(error, UpstreamMalformed):
        return CheckResult(CheckOutcome.GIVE_UP, str(error))
    return CheckResult(CheckOutcome.RETRY, str(error))
