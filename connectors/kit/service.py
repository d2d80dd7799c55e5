"""The edge's one use case: a read, from the untrusted request to the sealed and signed answer.

Order matters and is the same for every agency: judge the consent, then count, then fetch, check, minimise, seal, sign,
store, answer. An agency's connector sees a question and gives a record; it cannot skip a step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from huilian_protocol.answer import sign_answer
from huilian_protocol.answer_count import AnswerCount, CountedAction, CountedAnswer, sign_answer_count
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.clock import Clock, format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import payload_info, seal

from connectors.kit.consent_status import ConsentRef, Notice
from connectors.kit.contract import (
    Connector,
    FieldBroken,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
    provider_error,
)
from connectors.kit.group_commit import GroupCommit
from connectors.kit.health import Health
from connectors.kit.keys import EdgeKeys
from connectors.kit.manifest import Manifest
from connectors.kit.pace import AgencyPace
from connectors.kit.requests import ReadAnswer, ReadRequest
from connectors.kit.schema import PayloadSchemas, minimise
from connectors.kit.store import EdgeStore
from connectors.kit.verification import ReadVerifier, VerifiedRead

logger = logging.getLogger(__name__)

# How long the same request id gets the same sealed answer again; long enough for any retry, short enough to forget.
ANSWER_LIFE = timedelta(hours=1)
# Beyond the connector's own limit, so that its more precise error comes first.
_SLACK_S = 0.5
# The actions under a consent whose end is known; runs where the store's methods run.
Settled = Callable[[str], Sequence[CountedAction]]


def _no_actions(_: str) -> Sequence[CountedAction]:
    return ()


class Freshness(Protocol):
    """Whoever knows how old the edge's copy of revocations is."""

    def require_fresh(self) -> None:
        """Raise HuilianError REVOCATIONS_STALE when the copy is too old to trust."""
        ...


class EdgeService:
    """Serves reads of one agency."""

    def __init__(
        self,
        manifest: Manifest,
        connector: Connector,
        verifier: ReadVerifier,
        store: EdgeStore,
        revocations: Freshness,
        keys: EdgeKeys,
        clock: Clock,
        timeout_s: float,
    ) -> None:
        if connector.discover() != {dataset.id for dataset in manifest.datasets}:
            raise ValueError(f"{manifest.agency_id}: the connector reads other datasets than its manifest declares")
        self.manifest, self.connector, self.keys = manifest, connector, keys
        self._verifier, self._store, self._revocations = verifier, store, revocations
        self._clock, self._timeout_s = clock, timeout_s
        self._schemas = PayloadSchemas(manifest)
        self.health = Health()
        self.pace = AgencyPace(manifest.agency_limits, clock)
        self._running: dict[tuple[str, bytes], asyncio.Task[ReadAnswer]] = {}
        self.memory = GroupCommit(store, lambda: len(self._running))

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Serve one read.

        Raises HuilianError: what `ReadVerifier.verify` and `EdgeStore.begin_read` raise, REVOCATIONS_STALE,
        RATE_LIMITED when the agency would be asked too often (nothing is counted), and
        PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT or PROVIDER_FAULT when the agency gives no usable answer.
        """
        verified = self._verifier.verify(request)
        self._revocations.require_fresh()
        key = (request.request_id, request.fingerprint())
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._serve(request, verified, key[1]))
            task.add_done_callback(partial(self._forget_task, key))
        # A caller that hangs up must not leave a read half done: it finishes, and a retry finds the answer.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for reads that are under way, then close the store."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self.memory.close()

    async def forget_answers(self) -> int:
        """Drop stored answers that no retry can want any more; returns how many."""
        return await self.memory.run_long(self._store.forget_answers, self._clock.now() - ANSWER_LIFE)

    async def learn(self, notice: Notice) -> None:
        """Keep what the hub tells of a consent; durable when this returns."""
        await self.memory.run(self._store.learn, notice)

    async def notice_cursor(self) -> int:
        """Up to where the hub's notices are known."""
        return await self.memory.run(self._store.cursor)

    async def _serve(self, request: ReadRequest, verified: VerifiedRead, fingerprint: bytes) -> ReadAnswer:
        artefact, now = verified.artefact, self._clock.now().replace(microsecond=0)
        consent = ConsentRef.of(artefact, verified.delegations, verified.stated)
        earlier = await self.memory.run(
            self._store.begin_read,
            request.request_id,
            fingerprint,
            consent,
            verified.dataset.id,
            artefact.max_reads,
            now,
        )
        if earlier is not None:
            return answer_from_bytes(earlier)
        try:
            answer = self._seal(request, verified, await self._fetch(request.request_id, verified, now), now)
        except Exception as error:
            # Nothing has left the agency, so the person's read is not used up.
            await self.memory.run(self._store.give_back, request.request_id)
            raise (self._provider_error(error) if isinstance(error, UpstreamError) else error) from error
        stored = answer_to_bytes(answer)
        await self.memory.run(self._store.finish_read, request.request_id, consent, verified.dataset.id, stored)
        return answer

    async def _fetch(self, request_id: str, verified: VerifiedRead, now: datetime) -> Record:
        query = Query(verified.dataset.id, verified.subject, verified.period, now, request_id)
        with self.pace.question():
            record = await self._ask(query)
        self._check(verified.dataset.id, record, now)
        return record

    def _check(self, dataset_id: str, record: Record, now: datetime) -> None:
        try:
            self._schemas.check(dataset_id, record)
        except FieldBroken as error:
            if error.name:
                self.health.broke(dataset_id, error.name)
            raise
        self.health.answered(dataset_id, record, now)

    async def _ask(self, query: Query) -> Record:
        try:
            async with asyncio.timeout(self._timeout_s + _SLACK_S):
                return await self.connector.read(query)
        except TimeoutError as error:
            raise UpstreamTimeout("no answer within the time limit") from error
        except UpstreamError:
            raise
        except Exception as error:
            # An answer so odd that the connector stumbled over it is an answer that nobody may get.
            raise UpstreamMalformed(f"the connector stumbled: {type(error).__name__}") from error

    def _seal(self, request: ReadRequest, verified: VerifiedRead, record: Record, now: datetime) -> ReadAnswer:
        artefact = verified.artefact
        payload = _payload(request, record, now)
        info = payload_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            dataset=verified.dataset.id,
            fields=request.fields,
            recipient=artefact.recipient.id,
            request_id=request.request_id,
        )
        try:
            envelope = seal(verified.suite, request.recipient_public_key, info, payload)
        except ValueError as error:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "the key does not fit the suite") from error
        return ReadAnswer(envelope, self._sign(request, verified, envelope), now)

    def _sign(self, request: ReadRequest, verified: VerifiedRead, envelope: bytes) -> str:
        return sign_answer(
            self.keys.signing,
            request_id=request.request_id,
            consent_sha256=verified.artefact.sha256,
            dataset=verified.dataset.id,
            fields=request.fields,
            envelope=envelope,
        )

    async def count_answers(self, consent_id: str, settled: Settled = _no_actions) -> str:
        """What left this edge under a consent, signed by it (`huilian_protocol.answer_count`)."""
        # Before looking: what is answered meanwhile must not seem to be missing.
        as_of = self._clock.now()
        rows, actions = await self.memory.run_long(lambda: (self._store.answered(consent_id), settled(consent_id)))
        answers = tuple(CountedAnswer(*row) for row in rows)
        count = AnswerCount(self.manifest.agency_id, consent_id, as_of, answers, tuple(actions))
        return sign_answer_count(self.keys.signing, count)

    def _provider_error(self, error: UpstreamError) -> HuilianError:
        logger.warning("agency_failed agency=%s reason=%s", self.manifest.agency_id, error)
        return provider_error(error, self.manifest.agency_id)

    def _forget_task(self, key: tuple[str, bytes], task: asyncio.Task[ReadAnswer]) -> None:
        self._running.pop(key, None)
        # Mark the error as seen: when every caller hung up, nobody else will look at it.
        if not task.cancelled():
            task.exception()


def _payload(request: ReadRequest, record: Record, now: datetime) -> bytes:
    """What the recipient will read: the asked fields of the record, when and about which months they were read."""
    try:
        return canonicalise(
            {
                "as_of": format_time(now if record.as_of is None else record.as_of),
                "data": dict(minimise(record, request.fields)),
                "dataset": request.dataset_id,
                "period": {"from": request.period.from_month, "to": request.period.to_month},
                "status": record.presence.value,
            }
        )
    except ValueError:
        # A float or half a surrogate pair passes a JSON Schema, but has no canonical form.
        raise UpstreamMalformed("the record has no canonical form") from None


def answer_to_bytes(answer: ReadAnswer) -> bytes:
    """The stored form of an answer: what leaves the edge, nothing more readable than that."""
    return canonicalise(
        {
            "edge_signature": answer.edge_signature,
            "envelope": b64u_encode(answer.envelope),
            "read_at": format_time(answer.read_at),
        }
    )


def answer_from_bytes(data: bytes) -> ReadAnswer:
    """The answer in its stored form."""
    value = parse_canonical(data)
    return ReadAnswer(b64u_decode(value["envelope"]), value["edge_signature"], parse_time(value["read_at"]))
