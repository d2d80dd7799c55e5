"""The hub's side of a connector: one gRPC channel over mTLS, a deadline, a guard, safe repetition.

Faults are told apart here: what the connector says is passed on under its own code; a connector that cannot be reached,
is late or answers nonsense is a fault of the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.exchange.edge_words import in_plain_words
from hub.exchange.resilience import Breaker, Guard, Limits, NotSent
from hub.platform.transactions import forbid_transaction

# Safe to repeat: the edge knows the request id again if it had already answered.
_RETRIED = frozenset({"PROVIDER_UNAVAILABLE"})
# What these say of a call to a connector is said of the connector, not of whoever asked the hub.
_PROVIDER_FAULTS = {
    "UNAVAILABLE": "PROVIDER_UNAVAILABLE",
    "DEADLINE_EXCEEDED": "PROVIDER_TIMEOUT",
    "INTERNAL": "PROVIDER_FAULT",
    "UNAUTHENTICATED": "PROVIDER_FAULT",
    "PERMISSION_DENIED": "PROVIDER_FAULT",
}
RETRY_PAUSE_S = 0.1


class Connector:
    """One agency's connector as the hub sees it."""

    def __init__(
        self,
        agency: str,
        channel: grpc.aio.Channel,
        clock: Clock,
        limits: Limits | None = None,
        *,
        takes_sandbox: bool = True,
    ) -> None:
        """`takes_sandbox` is whether invented data will do, which in production they do not."""
        self.agency = agency
        self._takes_sandbox = takes_sandbox
        self._limits = limits or Limits()
        self._guard = Guard(agency, self._limits, clock)
        # Told of every read that ended, by its dataset; None is a success.
        self.on_read: Callable[[str, HuilianError | None], None] = _nobody_listens
        self._channel = channel
        self._stub = connector_service_pb2_grpc.ConnectorServiceStub(channel)

    @property
    def longest_s(self) -> float:
        """The longest that a read can take, retries included."""
        return (self._limits.deadline_s + RETRY_PAUSE_S) * self._limits.attempts

    async def reached(self) -> None:
        """Wait until there is a connection, for ever if need be."""
        await self._channel.channel_ready()

    async def describe(self) -> pb.DescribeResponse:
        """Manifest, datasets and keys; raises PROVIDER_UNAVAILABLE, _TIMEOUT or _FAULT."""
        forbid_transaction("a call to a connector")
        try:
            answer: pb.DescribeResponse = await self._stub.Describe(
                pb.DescribeRequest(), timeout=self._limits.describe_deadline_s
            )
        except grpc.RpcError as error:
            raise self._error(error) from None
        if not self._speaks_for_itself(answer):
            raise HuilianError("PROVIDER_FAULT", "it speaks for another agency", provider=self.agency)
        if answer.sandbox and not self._takes_sandbox:
            raise HuilianError("PROVIDER_FAULT", "a sandbox: its data are invented", provider=self.agency)
        return answer

    def _speaks_for_itself(self, answer: pb.DescribeResponse) -> bool:
        """Ids of datasets and actions begin with their agency's, so no connector can offer what another one owns."""
        ids = [*(one.dataset_id for one in answer.datasets), *(one.action_id for one in answer.actions)]
        agencies = {answer.agency_id, *(one.agency_id for one in answer.datasets)}
        agencies |= {one.agency_id for one in answer.actions}
        return all(name.startswith(f"{self.agency}.") for name in ids) and agencies == {self.agency}

    async def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        """One read with safe repetition under its request id; raises the edge's refusal or a PROVIDER_ error."""
        forbid_transaction("a call to a connector")
        try:
            answer = await self._read_repeatedly(request)
        except NotSent:
            # Nobody was asked: that the hub asks too much, or not at all for now, is no news of the agency.
            raise
        except HuilianError as error:
            self.on_read(request.dataset_id, error)
            raise
        self.on_read(request.dataset_id, None)
        return answer

    async def check(self) -> pb.CheckResponse:
        """Whether its agency is up and what it has seen of each dataset; raises PROVIDER_UNAVAILABLE, _TIMEOUT or
        _FAULT. No part of the guard: a check says how things stand, whatever reads are doing.
        """
        forbid_transaction("a call to a connector")
        try:
            answer: pb.CheckResponse = await self._stub.Check(
                pb.CheckRequest(), timeout=self._limits.describe_deadline_s
            )
        except grpc.RpcError as error:
            raise self._error(error) from None
        return answer

    @property
    def breaker(self) -> Breaker:
        """Whether reads go out at present."""
        return self._guard.breaker

    async def _read_repeatedly(self, request: pb.ReadRequest) -> pb.ReadResponse:
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return await self._read_once(request)
            except NotSent:
                raise
            except HuilianError as error:
                if error.code not in _RETRIED or attempt == self._limits.attempts:
                    raise
            await asyncio.sleep(RETRY_PAUSE_S)
        raise AssertionError("a connector has at least one attempt")

    async def act(self, request: pb.ActRequest) -> pb.ActResponse:
        """Ask once for one action; raises the edge's refusal, `NotSent` or another PROVIDER_ error.

        After any error but `NotSent` it may have been done: whoever asks again does so under the same request id.
        """
        forbid_transaction("a call to a connector")
        async with self._guard.call():
            try:
                answer: pb.ActResponse = await self._stub.Act(request, timeout=self._limits.deadline_s)
                return answer
            except grpc.RpcError as error:
                raise self._error(error, request.request_id) from None

    async def _read_once(self, request: pb.ReadRequest) -> pb.ReadResponse:
        async with self._guard.call():
            try:
                answer: pb.ReadResponse = await self._stub.Read(request, timeout=self._limits.deadline_s)
                return answer
            except grpc.RpcError as error:
                raise self._error(error, request.request_id) from None

    async def count_answers(self, consent_id: str) -> str:
        """The edge's signed count of its answers under a consent; raises a PROVIDER_ error or the edge's own."""
        forbid_transaction("a call to a connector")
        request = pb.CountAnswersRequest(consent_id=consent_id)
        try:
            answer = await self._stub.CountAnswers(request, timeout=self._limits.describe_deadline_s)
        except grpc.RpcError as error:
            raise self._error(error) from None
        return str(answer.signed_count)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)

    def _error(self, error: grpc.RpcError, request_id: str = "") -> HuilianError:
        """The edge's own refusal, or the provider's fault when the call failed without one.

        To be raised without its cause, whose text is the edge's as it stands.
        """
        stated = in_plain_words(from_rpc_error(error), self.agency, request_id)
        code = _PROVIDER_FAULTS.get(stated.code)
        return stated if code is None else HuilianError(code, stated.detail, provider=self.agency)


def _nobody_listens(dataset: str, error: HuilianError | None) -> None:
    """A connector that nobody watches."""
