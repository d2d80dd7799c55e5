"""Handing the log over from one generation of its keys to the next.

The statement is a signed note in a record of the log: ``huilian-log-handover/v1``, the log's name, the number of the
next generation, a line ``old <vkey>`` for each present key and ``new <vkey>`` for each next one. Both generations sign
it, so it shows that the old one agreed and that the new one is held by whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.clock import Clock
from huilian_protocol.record import SALT_BYTES, commit_record

from hub.ledger.log.keyring import LogKeyring
from hub.ledger.log.stored import EpochStore, LogStore, NewLeaf
from hub.ledger.rules import logged_record, pack_body
from hub.platform.database import Database
from ledger.merkle.checkpoint import LogSigner

TYPE = "huilian-log-handover/v1"


def handover_note(old: LogSigner, new: LogSigner, number: int) -> str:
    """The statement that generation `number` follows, signed by both."""
    lines = [f"old {key.vkey()}" for key in old.keys.epochs[0].keys]
    lines += [f"new {key.vkey()}" for key in new.keys.epochs[0].keys]
    body = "".join(f"{line}\n" for line in [TYPE, old.verifier.name, str(number), *lines])
    return f"{body}\n{old.lines(body)}{new.lines(body)}"


async def announce(
    database: Database, clock: Clock, random_bytes: Callable[[int], bytes], keyring: LogKeyring, current: int
) -> bool:
    """Put the statement about the generation after `current` into the log, once; whether it has its place there."""
    record_id, log = f"log-handover:{current + 1}", LogStore(database)
    leaf = await log.leaf(record_id)
    if leaf is not None:
        return leaf.leaf_index is not None
    note = handover_note(keyring.signer(current), keyring.signer(current + 1), current + 1)
    now, salt = clock.now(), random_bytes(SALT_BYTES)
    record = logged_record("log.handover", record_id, {"statement": note}, {}, now)
    body = pack_body(record, salt, {})
    async with database.transaction():
        await log.add_leaf(NewLeaf(record_id, None, commit_record(record, salt), body, now))
    return False


async def take_over(database: Database, number: int) -> int:
    """Let a generation sign everything from now on; the size up to which those before it signed. Again is a no-op."""
    log, epochs = LogStore(database), EpochStore(database)
    async with database.transaction():
        # No checkpoint is signed in between: the sequencer holds the same lock while it signs.
        await log.lock()
        await epochs.begin(number, (await log.frontier()).size)
    return (await epochs.first_sizes())[number]
