"""This hub as a witness of other hubs' logs (C2SP tlog-witness): it cosigns what continues all that it saw before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors, TrustedHub

from hub.ledger.witnesses.store import WitnessedRow
from hub.ledger.witnesses.stored import WitnessStore
from hub.platform.database import Database
from ledger.merkle.checkpoint import Checkpoint, InvalidCheckpoint, parse_body, verify_checkpoint
from ledger.merkle.cosignature import Witness
from ledger.merkle.note import Note, parse_note
from ledger.merkle.proofs import InvalidProof, verify_consistency
from ledger.verify.equivocation import build_equivocation
from ledger.verify.pinned import log_keys

MAX_EQUIVOCATIONS = 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """One of three: the witness's line, the size that it knows instead, or the proof that the log showed two
    histories.
    """

    cosignatures: str = ""
    known_size: int | None = None
    equivocation: bytes = b""


class WitnessService:
    """Watches the logs of all hubs that the trust anchors name, but its own."""

    def __init__(
        self, database: Database, clock: Clock, trust: Callable[[], TrustAnchors], origin: str, witness: Witness
    ) -> None:
        """`origin` is this hub's; `trust` gives the anchors in force, so that peers may change their keys."""
        self._database = database
        self._clock = clock
        self._trust = trust
        self._origin = origin
        self._witness = witness
        self._store = WitnessStore(database)

    async def add_checkpoint(self, old_size: int, proof: Sequence[bytes], text: str) -> Answer:
        """Cosign a peer's checkpoint. What was seen is durable before anything is answered.

        Raises HuilianError NOT_FOUND for a log that is not watched, PERMISSION_DENIED when its pinned keys did not
        sign, INVALID_ARGUMENT for sizes or a proof that do not fit.
        """
        note, checkpoint = self._signed(text)
        text = note.only(checkpoint.origin)
        if checkpoint.size == 0 or old_size > checkpoint.size:
            raise HuilianError("INVALID_ARGUMENT", "old_size is beyond the checkpoint", field="old_size")
        async with self._database.transaction():
            refusal = await self._compare(old_size, proof, text, checkpoint)
        if refusal is not None:
            return refusal
        return Answer(cosignatures=self._witness.cosign(note.body, int(self._clock.now().timestamp())))

    async def witnessed(self, origin: str) -> tuple[str, list[bytes]]:
        """The last checkpoint that was cosigned for a log, and the proofs against it. Raises NOT_FOUND."""
        row = await self._store.seen(origin)
        if row is None:
            raise HuilianError("NOT_FOUND", "nothing was seen of this log", resource="log")
        return row.note, await self._store.equivocations(origin, MAX_EQUIVOCATIONS)

    def _signed(self, text: str) -> tuple[Note, Checkpoint]:
        try:
            note = parse_note(text)
            hub = self._watched(parse_body(note.body).origin)
        except InvalidCheckpoint as error:
            raise HuilianError("INVALID_ARGUMENT", str(error), field="checkpoint") from error
        try:
            return note, verify_checkpoint(note, log_keys(hub))
        except InvalidCheckpoint as error:
            raise HuilianError("PERMISSION_DENIED", str(error)) from error

    def _watched(self, log_name: str) -> TrustedHub:
        for hub in self._trust().hubs:
            if hub.log_name == log_name and hub.origin != self._origin:
                return hub
        raise HuilianError("NOT_FOUND", "this log is not watched here", resource="log")

    async def _compare(self, old_size: int, proof: Sequence[bytes], text: str, checkpoint: Checkpoint) -> Answer | None:
        """Take over what continues the last state; otherwise say why not."""
        seen = await self._store.lock(checkpoint.origin)
        if seen is not None and seen.size == checkpoint.size and bytes(seen.root) != checkpoint.root:
            return await self._convict(seen, text)
        known = seen.size if seen else 0
        if old_size != known:
            return Answer(known_size=known)
        self._check_proof(old_size, proof, bytes(seen.root) if seen else b"", checkpoint)
        if checkpoint.size != known:
            await self._store.remember(checkpoint.origin, checkpoint.size, checkpoint.root, text, self._clock.now())
        return None

    def _check_proof(self, old_size: int, proof: Sequence[bytes], root: bytes, checkpoint: Checkpoint) -> None:
        try:
            if old_size:
                verify_consistency(old_size, checkpoint.size, proof, root, checkpoint.root)
            elif proof:
                raise InvalidProof("a proof from size 0 says nothing")
        except InvalidProof as error:
            # Maybe a mistake of the caller, maybe a log that was rewritten: the operator should look.
            extra = {"log": checkpoint.origin, "old_size": old_size, "size": checkpoint.size}
            logger.warning("ledger.witness_refused_proof", extra=extra)
            raise HuilianError("INVALID_ARGUMENT", str(error), field="proof") from error

    async def _convict(self, seen: WitnessedRow, text: str) -> Answer:
        """Both checkpoints carry the log's own signatures: that is proof enough for anybody."""
        proof = build_equivocation(seen.origin, seen.note, text)
        await self._store.add_equivocation(seen.origin, proof, self._clock.now())
        logger.error("ledger.witness_found_split_view", extra={"log": seen.origin, "size": seen.size})
        return Answer(equivocation=proof)
