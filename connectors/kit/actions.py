"""The edge's other use case: an action in a person's name, from the untrusted request to the sealed and signed result.

The order of steps is what makes it safe: judge the consent, write down and count, ask the agency, seal, sign, write
down, answer. A process that dies anywhere leaves either nothing or a started action, which the same request takes up
again with the same order number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial

import jsonschema_rs
from huilian_protocol.action import result_info, sign_result
from huilian_protocol.canonical import canonicalise
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import seal

from connectors.kit.action_store import ActionStore, order_id_of
from connectors.kit.action_verification import ActionVerifier, VerifiedAction
from connectors.kit.consent_status import ConsentRef
from connectors.kit.contract import (
    ActingConnector,
    ActionStatus,
    Connector,
    Order,
    Outcome,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
    provider_error,
)
from connectors.kit.manifest import Manifest
from connectors.kit.requests import ActRequest, ReadAnswer
from connectors.kit.service import EdgeService, Freshness, answer_from_bytes, answer_to_bytes

logger = logging.getLogger(__name__)

# A receipt is asked for again after days, not hours: whoever paid must be able to prove it.
ANSWER_LIFE = timedelta(days=30)
# Beyond the connector's own limit, so that its more precise error comes first.
_SLACK_S = 0.5
_REJECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reason"],
    "properties": {"reason": {"type": "string", "pattern": "^[A-Z][A-Z_]{2,40}$"}},
}


class ActionService:
    """Serves the actions of one agency, beside `edge`, which serves its reads and owns keys and memory."""

    def __init__(
        self,
        edge: EdgeService,
        verifier: ActionVerifier,
        store: ActionStore,
        revocations: Freshness,
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._connector = _acting(edge.connector, edge.manifest)
        self._edge, self._verifier, self._store = edge, verifier, store
        self._revocations, self._clock, self._timeout_s = revocations, clock, timeout_s
        self._results = {
            (spec.id, status): jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            for spec in edge.manifest.actions
            for status, schema in ((ActionStatus.EXECUTED, spec.result_schema), (ActionStatus.REJECTED, _REJECTION))
        }
        self._running: dict[tuple[str, bytes], asyncio.Task[ReadAnswer]] = {}

    async def act(self, request: ActRequest) -> ReadAnswer:
        """Do one action, or tell again what became of it.

        Raises HuilianError: what `ActionVerifier.verify` and `ActionStore.begin` raise, REVOCATIONS_STALE, and
        PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT or PROVIDER_FAULT when it is not known what became of it, or nothing did.
        """
        if request.give_up:
            answer = await self._given_up(request)
            if answer is not None:
                return answer
        verified = self._verifier.verify(request)
        self._revocations.require_fresh()
        key = (request.request_id, request.fingerprint())
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._serve(request, verified, key[1]))
            task.add_done_callback(partial(self._forget_task, key))
        # A caller that hangs up must not leave a payment half done.
        return await asyncio.shield(task)

    async def _given_up(self, request: ActRequest) -> ReadAnswer | None:
        """What was done, whatever became of the consent since; only what is begun and open is taken up again."""
        running = self._running.get((request.request_id, request.fingerprint()))
        if running is not None:
            return await asyncio.shield(running)
        now = self._clock.now().replace(microsecond=0)
        known = await self._edge.memory.run(self._store.give_up, request.request_id, request.fingerprint(), now)
        return answer_from_bytes(known) if known is not None else None

    async def close(self) -> None:
        """Wait for actions that are under way; to be called before the edge closes."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def forget_answers(self) -> int:
        """Drop sealed answers that are too old; returns how many."""
        return await self._edge.memory.run_long(self._store.forget_answers, self._clock.now() - ANSWER_LIFE)

    async def count_answers(self, consent_id: str) -> str:
        """What this edge answered and did under a consent, signed by it."""
        return await self._edge.count_answers(consent_id, self._store.settled)

    async def _serve(self, request: ActRequest, verified: VerifiedAction, fingerprint: bytes) -> ReadAnswer:
        memory, now = self._edge.memory, self._clock.now().replace(microsecond=0)
        begun = await memory.run(
            self._store.begin,
            request.request_id,
            fingerprint,
            ConsentRef.of(verified.artefact, verified.delegations, verified.stated),
            verified.spec.id,
            verified.target(),
            verified.grant.max_uses,
            now,
        )
        if begun.answer is not None:
            return answer_from_bytes(begun.answer)
        order_id = order_id_of(request.request_id, fingerprint)
        order = Order(verified.spec.id, verified.subject, verified.parameters, order_id, now)
        outcome = await self._ask(request.request_id, order, is_first=begun.is_first)
        answer = self._seal(request, verified, outcome, now)
        settle = self._store.execute if outcome.status is ActionStatus.EXECUTED else self._store.reject
        await memory.run(settle, request.request_id, answer_to_bytes(answer), self._clock.now())
        return answer

    async def _ask(self, request_id: str, order: Order, *, is_first: bool) -> Outcome:
        try:
            return await self._carry_out(order)
        except UpstreamError as error:
            agency = self._edge.manifest.agency_id
            logger.warning("agency_failed agency=%s action=%s reason=%s", agency, order.action_id, error)
            # A later attempt cannot know what became of an earlier one.
            if is_first and _nothing_happened(error):
                await self._edge.memory.run(self._store.undo, request_id)
            raise provider_error(error, agency) from error

    async def _carry_out(self, order: Order) -> Outcome:
        assert self._connector is not None, "the manifest offers an action, so the connector acts"
        try:
            with self._turn():
                async with asyncio.timeout(self._timeout_s + _SLACK_S):
                    outcome = await self._connector.act(order)
        except TimeoutError as error:
            raise UpstreamTimeout("no answer within the time limit") from error
        except UpstreamError:
            raise
        except Exception as error:
            raise UpstreamMalformed(f"the connector stumbled: {type(error).__name__}") from error
        if not self._results[order.action_id, outcome.status].is_valid(dict(outcome.data)):
            raise UpstreamMalformed(f"the result breaks {order.action_id}")
        return outcome

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Around one order; out of turn nothing was sent, which only this refusal proves."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._edge.pace.question())
            except HuilianError as error:
                raise UpstreamUnavailable("the agency is asked as often as it allows", nothing_sent=True) from error
            yield

    def _seal(self, request: ActRequest, verified: VerifiedAction, outcome: Outcome, now: datetime) -> ReadAnswer:
        artefact = verified.artefact
        info = result_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            action=request.action_id,
            recipient=artefact.recipient.id,
            request_id=request.request_id,
        )
        envelope = seal(verified.suite, request.recipient_public_key, info, _payload(request, outcome, now))
        signature = sign_result(
            self._edge.keys.signing,
            request_id=request.request_id,
            consent_sha256=artefact.sha256,
            action=request.action_id,
            envelope=envelope,
        )
        return ReadAnswer(envelope, signature, now)

    def _forget_task(self, key: tuple[str, bytes], task: asyncio.Task[ReadAnswer]) -> None:
        self._running.pop(key, None)
        # Mark the error as seen: when every caller hung up, nobody else will look at it.
        if not task.cancelled():
            task.exception()


def _acting(connector: Connector, manifest: Manifest) -> ActingConnector | None:
    """The connector as one that acts; None when its manifest offers no action. ValueError when they differ."""
    declared = {action.id for action in manifest.actions}
    acting: ActingConnector | None = connector if hasattr(connector, "act") else None  # type: ignore[assignment]
    if declared != (acting.actions() if acting is not None else frozenset()):
        raise ValueError(f"{manifest.agency_id}: the connector does other actions than its manifest declares")
    return acting


def _nothing_happened(error: UpstreamError) -> bool:
    """Whether the agency certainly did nothing; in every other case the order stays open under its number."""
    if isinstance(error, UpstreamUnavailable):
        return error.nothing_sent
    return isinstance(error, UpstreamRefused)


def _payload(request: ActRequest, outcome: Outcome, now: datetime) -> bytes:
    """What the recipient will read."""
    return canonicalise(
        {
            "action": request.action_id,
            "data": dict(outcome.data),
            "done_at": format_time(now),
            "request_id": request.request_id,
            "status": outcome.status.value,
        }
    )
