"""The witness side: what it cosigns, what it refuses, and that it remembers before it answers."""

from __future__ import annotations

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.ledger.witnesses.desk import WitnessService
from hub.platform.database import Database
from ledger.merkle.checkpoint import Checkpoint, LogSigner
from ledger.merkle.cosignature import WitnessPolicy, check_cosignatures
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tiles import MemoryTileStore
from ledger.merkle.tree import Frontier, append_leaves, prove_consistency
from ledger.verify import verify_bytes
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.ledger.witness_support import LOG, SIGNER, WITNESS, failed, service, trust

POLICY = WitnessPolicy(1, (WITNESS.key,))


class Log:
    """A log in memory whose leaves say which history they belong to."""

    def __init__(self, history: str = "one") -> None:
        self._history = history
        self._tiles, self._frontier = MemoryTileStore(), Frontier()

    async def grow(self, size: int, signer: LogSigner = SIGNER) -> str:
        leaves = [f"{self._history}:{number}".encode() for number in range(self._frontier.size, size)]
        await append_leaves(self._tiles, self._frontier, map(leaf_hash, leaves))
        return signer.sign(size, self._frontier.root())

    async def proof(self, old: int, new: int) -> list[bytes]:
        return await prove_consistency(self._tiles, old, new) if old else []


@pytest_asyncio.fixture
async def witness(database: Database, clock: FixedClock) -> WitnessService:
    return service(database, clock)


async def test_a_log_that_grows_is_cosigned_step_by_step(witness: WitnessService, clock: FixedClock) -> None:
    log, known = Log(), 0
    for size in (1, 2, 7, 300):
        note = await log.grow(size)
        answer = await witness.add_checkpoint(known, await log.proof(known, size), note)
        [cosignature] = check_cosignatures(note + answer.cosignatures, POLICY)
        assert cosignature.seconds == int(clock.now().timestamp())
        known = size
    assert await witness.witnessed(LOG) == (note, [])


async def test_a_repeated_request_is_answered_again(witness: WitnessService) -> None:
    note = await Log().grow(3)
    await witness.add_checkpoint(0, [], note)
    answer = await witness.add_checkpoint(3, [], note)
    assert check_cosignatures(note + answer.cosignatures, POLICY)


async def test_who_assumes_another_size_is_told_the_right_one(witness: WitnessService) -> None:
    log = Log()
    await witness.add_checkpoint(0, [], await log.grow(3))
    newer = await log.grow(5)
    assert (await witness.add_checkpoint(0, [], newer)).known_size == 3
    assert (await witness.add_checkpoint(4, await log.proof(4, 5), newer)).known_size == 3
    older = SIGNER.sign(2, bytes(32))
    assert (await witness.add_checkpoint(2, [], older)).known_size == 3


async def test_two_roots_of_one_size_make_a_proof_that_anybody_believes(
    witness: WitnessService, clock: FixedClock
) -> None:
    mine, other = await Log("one").grow(4), await Log("other").grow(4)
    await witness.add_checkpoint(0, [], mine)
    answer = await witness.add_checkpoint(4, [], other)
    assert answer.cosignatures == ""
    verdict = verify_bytes(answer.equivocation, trust(), clock.now())
    assert (verdict.kind, failed(verdict)) == ("equivocation", [])
    # Again, in the other spelling of the request: still one proof, and its own branch is what it stays with.
    assert (await witness.add_checkpoint(0, [], other)).equivocation == answer.equivocation
    assert await witness.witnessed(LOG) == (mine, [answer.equivocation])


async def test_a_rewritten_log_is_never_cosigned(witness: WitnessService) -> None:
    mine, other = Log("one"), Log("other")
    note = await mine.grow(4)
    await witness.add_checkpoint(0, [], note)
    forked = await other.grow(6)
    for proof in (await other.proof(4, 6), [], [bytes(32)]):
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await witness.add_checkpoint(4, proof, forked)
    assert (await witness.witnessed(LOG))[0] == note


async def test_only_pinned_logs_with_all_their_signatures_are_watched(witness: WitnessService) -> None:
    note = await Log().grow(2)
    stripped = "\n".join(line for number, line in enumerate(note.split("\n")) if number != 5)
    with pytest.raises(HuilianError, match="PERMISSION_DENIED"):
        await witness.add_checkpoint(0, [], stripped)
    for name in ("hub-c.example", "hub-b.example"):
        stranger = LogSigner(name, Ed25519PrivateKey.from_private_bytes(b"\x0d" * 32))
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await witness.add_checkpoint(0, [], await Log().grow(2, stranger))
    for text in ("", "x\n\ny", note[:-1], Checkpoint(LOG, 2, bytes(32)).body()):
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await witness.add_checkpoint(0, [], text)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await witness.witnessed(LOG)


async def test_sizes_and_proofs_that_say_nothing_are_refused(witness: WitnessService) -> None:
    note = await Log().grow(2)
    for old, proof, text in [(3, [], note), (0, [bytes(32)], note), (0, [], SIGNER.sign(0, bytes(32)))]:
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await witness.add_checkpoint(old, proof, text)


async def test_lines_of_strangers_are_not_kept(witness: WitnessService) -> None:
    note = await Log().grow(2)
    await witness.add_checkpoint(0, [], f"{note}— someone AAAAAAA=\n")
    assert (await witness.witnessed(LOG))[0] == note


async def test_nothing_is_answered_that_is_not_durable(witness: WitnessService, database: Database) -> None:
    log = Log()
    await witness.add_checkpoint(0, [], await log.grow(2))
    note, proof = await log.grow(3), await log.proof(2, 3)
    async for _ in break_at_each_statement(database, lambda: witness.add_checkpoint(2, proof, note)):
        assert (await witness.witnessed(LOG))[0] != note
    assert (await witness.witnessed(LOG))[0] == note
