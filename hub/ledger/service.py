"""Records into the log, and receipts out of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.access_export import chain_link
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import Anchor, build_receipt
from huilian_protocol.record import SALT_BYTES, commit_record

from hub.ledger.chain.stored import ChainStore
from hub.ledger.log.store import LeafRow
from hub.ledger.log.stored import ChainEnd, LogStore, NewLeaf
from hub.ledger.ports import SubjectCipher
from hub.ledger.rules import Body, is_party, logged_record, pack_body, unpack_body
from hub.ledger.subjects.stored import SubjectChainStore
from hub.ledger.witnesses.publishing import Publication
from hub.platform.database import Database
from hub.platform.transactions import require_transaction
from ledger.anchor.outbox import SettledTransaction
from ledger.merkle.hashing import HASH_SIZE
from ledger.merkle.static import bundle, entry_path
from ledger.merkle.tiles import TILE_WIDTH, TileId
from ledger.merkle.tree import prove_consistency, prove_inclusion

Listen = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class StoredRecord:
    """One record about a person, opened for that person."""

    id: str
    record: Mapping[str, Any]

    @property
    def content(self) -> Mapping[str, Any]:
        """What the domain that wrote it put in."""
        content: Mapping[str, Any] = self.record["content"]
        return content


@dataclass(frozen=True)
class RecordPage:
    """Some records and where the list goes on (empty at its end)."""

    records: tuple[StoredRecord, ...]
    next_token: str


@dataclass(frozen=True)
class ChainedRecord:
    """A record for the chain of its subject, dated `not_before` at the earliest; see `LedgerService.append`."""

    record_type: str
    record_id: str
    content: dict[str, Any]
    subject: str
    evidence: dict[str, Any]
    not_before: datetime | None = None


class LedgerService:
    """What other domains and callers use of the log."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        cipher: SubjectCipher,
        receipt_key: Callable[[], ec.EllipticCurvePrivateKey],
        chain_id: int,
        contract: str,
        wake_sequencer: Callable[[], None] = lambda: None,
        publication: Publication | None = None,
    ) -> None:
        """`publication` says which checkpoints the world sees; without it, every one at once."""
        self._publication = publication or Publication(database, clock)
        self._database = database
        self._clock = clock
        self._random_bytes = random_bytes
        self._cipher = cipher
        self._receipt_key = receipt_key
        self._chain_id = chain_id
        self._contract = contract
        self._wake_sequencer = wake_sequencer
        self._log = LogStore(database)
        self._chain = ChainStore(database)
        self._chains = SubjectChainStore(database)
        self._listeners: list[Listen] = []

    def when_appended(self, listen: Listen) -> None:
        """Have somebody told, in the same transaction, of every record that is not about a person: its type, id and
        content.
        """
        self._listeners.append(listen)

    async def append(
        self, record_type: str, record_id: str, record: dict[str, Any], *, subject: str | None, evidence: dict[str, Any]
    ) -> None:
        """Add a record to the log in the caller's transaction; it gets its place shortly after.

        A record with a `subject` is readable by that person only, until their key is destroyed. Raises HuilianError
        ALREADY_EXISTS when the record id was used before.
        """
        require_transaction("a ledger record")
        draft = self._draft(record_type, record_id, record, evidence, self._clock.now())
        await self._add([replace(draft, subject=subject)])
        if subject is None:
            for listen in self._listeners:
                await listen(record_type, record_id, record)

    async def append_chained(
        self,
        record_type: str,
        record_id: str,
        record: dict[str, Any],
        *,
        subject: str,
        evidence: dict[str, Any],
        not_before: datetime | None = None,
    ) -> None:
        """`append` to the chain of one person's records: the record says its place and commits to the one before it.

        Whoever is shown a chain can therefore tell that nothing is missing. The subject's writers queue here until
        their transactions end, so a chain never forks; its times never go back, nor before `not_before`. Raises as
        `append`.
        """
        await self.append_all_chained([ChainedRecord(record_type, record_id, record, subject, evidence, not_before)])

    async def append_all_chained(self, records: Sequence[ChainedRecord]) -> None:
        """`append_chained` for several records, in their order, in as many statements as for one.

        Raises ALREADY_EXISTS as `append` does, but for several an IntegrityError.
        """
        require_transaction("a ledger record")
        ends = await self._chains.lock_ends(sorted({record.subject for record in records}))
        drafts = []
        for record in records:
            end = ends.get(record.subject)
            earliest = [*([end.written_at] if end else []), *([record.not_before] if record.not_before else [])]
            now = max([self._clock.now(), *earliest])
            link = chain_link(end.sequence + 1, end.commitment) if end else chain_link(1, None)
            content = {**record.content, "chain": link}
            draft = self._draft(record.record_type, record.record_id, content, record.evidence, now)
            ends[record.subject] = ChainEnd(link["sequence"], draft.commitment, now)
            drafts.append(replace(draft, subject=record.subject, chain_sequence=link["sequence"]))
        await self._add(drafts)

    def _draft(
        self, record_type: str, record_id: str, content: dict[str, Any], evidence: dict[str, Any], now: datetime
    ) -> NewLeaf:
        """A leaf whose readable copy is not encrypted yet."""
        salt = self._random_bytes(SALT_BYTES)
        logged = logged_record(record_type, record_id, content, evidence, now)
        return NewLeaf(record_id, None, commit_record(logged, salt), pack_body(logged, salt, evidence), now)

    async def _add(self, drafts: Sequence[NewLeaf]) -> None:
        leaves = await self._sealed(drafts)
        if len(leaves) != 1:
            await self._log.add_leaves(leaves)
        elif not await self._log.add_leaf(leaves[0]):
            raise HuilianError("ALREADY_EXISTS", "a ledger record with this id", resource="record")
        self._database.after_commit(self._wake_sequencer)

    async def _sealed(self, drafts: Sequence[NewLeaf]) -> list[NewLeaf]:
        """With readable copies that only their subjects' keys open, where they are about persons."""
        personal = [(draft.subject, draft.body) for draft in drafts if draft.subject is not None]
        bodies = iter(await self._cipher.encrypt_for_subjects(personal) if personal else ())
        return [draft if draft.subject is None else replace(draft, body=next(bodies)) for draft in drafts]

    async def chain_end(self, subject: str) -> tuple[int, bytes | None]:
        """How many records a person's chain has and the commitment of the last; nobody adds to it until the caller's
        transaction ends.
        """
        end = (await self._chains.lock_ends([subject])).get(subject)
        return (end.sequence, end.commitment) if end else (0, None)

    async def records_about(self, subject: str, token: str, size: int) -> RecordPage:
        """The person's access records, newest first; `token` is that of the page before, or empty.

        Raises HuilianError INVALID_ARGUMENT for a token of another list, NOT_FOUND once the person's key is destroyed.
        """
        last = await self._log.leaf(token) if token else None
        if token and (last is None or last.subject != subject):
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._chains.page(subject, last, size + 1)
        records = await self._opened(subject, rows[:size])
        return RecordPage(tuple(records), rows[size - 1].record_id if len(rows) > size else "")

    async def _opened(self, subject: str, rows: Sequence[LeafRow]) -> list[StoredRecord]:
        if not rows:
            return []
        bodies = await self._cipher.decrypt_many_for_subject(subject, [bytes(row.body) for row in rows])
        return [StoredRecord(row.record_id, unpack_body(body)[0]) for row, body in zip(rows, bodies, strict=True)]

    async def receipt(self, record_id: str, reader: str | None = None) -> bytes:
        """Return the receipt of a record that is final on the chain.

        `reader` is a network number or a USCC; None is the bank itself. A record about a person is given to that
        person only, any other to its parties and the bank; for everyone else it does not exist. Raises HuilianError
        NOT_FOUND or RECEIPT_PENDING.
        """
        leaf, (record, salt, evidence) = await self._read(record_id, reader)
        covering = None if leaf.leaf_index is None else await self._covering(leaf.leaf_index)
        if leaf.leaf_index is None or covering is None:
            raise HuilianError("RECEIPT_PENDING", "not anchored yet")
        size, transaction = covering
        checkpoint = await self._publication.of(size)
        if checkpoint is None:
            raise HuilianError("INTERNAL", f"the anchored checkpoint of size {size} is missing")
        return build_receipt(
            self._receipt_key(),
            record=record,
            salt=salt,
            leaf_index=leaf.leaf_index,
            tree_size=size,
            inclusion_proof=await prove_inclusion(self._log, leaf.leaf_index, size),
            checkpoint=checkpoint.note,
            anchor=self._anchor(size, bytes(checkpoint.root), transaction),
            evidence=evidence,
        )

    async def _covering(self, leaf_index: int) -> tuple[int, SettledTransaction] | None:
        """The smallest anchor over a leaf, of those that enough witnesses cosigned if there are any."""
        cosigned = await self._publication.anchored_size(leaf_index)
        return await self._chain.anchor_covering(cosigned - 1 if cosigned else leaf_index)

    def _anchor(self, size: int, root: bytes, transaction: SettledTransaction) -> Anchor:
        return Anchor(
            chain_id=self._chain_id,
            contract=self._contract,
            tx_hash=transaction.hash,
            block_number=transaction.block_number,
            block_hash=transaction.block_hash,
            raw_transaction="0x" + transaction.raw.hex(),
            size=size,
            root=root,
        )

    async def _read(self, record_id: str, reader: str | None) -> tuple[LeafRow, Body]:
        leaf = await self._log.leaf(record_id)
        if leaf is None or (leaf.subject is not None and leaf.subject != reader):
            raise _not_found()
        body = unpack_body(await self._body(leaf))
        if leaf.subject is None and reader is not None and not is_party(body[0]["content"], reader):
            raise _not_found()
        return leaf, body

    async def checkpoint(self) -> str:
        """Return the newest published checkpoint with its cosignatures. Raises NOT_FOUND while there is none."""
        newest = await self._publication.newest()
        if newest is None:
            raise HuilianError("NOT_FOUND", "the log is empty", resource="checkpoint")
        return newest.note

    async def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that the leaf at `index` is in the log of `size`. Raises HuilianError INVALID_ARGUMENT."""
        if not 0 <= index < size <= await self._size():
            raise HuilianError("INVALID_ARGUMENT", "the index or size is beyond the log", field="tree_size")
        return await prove_inclusion(self._log, index, size)

    async def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof that the log of `new_size` continues that of `old_size`. Raises INVALID_ARGUMENT."""
        if not 0 < old_size <= new_size <= await self._size():
            raise HuilianError("INVALID_ARGUMENT", "the sizes are beyond the log", field="new_size")
        return await prove_consistency(self._log, old_size, new_size)

    async def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile. Raises HuilianError NOT_FOUND while the log has not as many."""
        tile = TileId(level, index)
        data = (await self._log.read_tiles([tile])).get(tile, b"")
        if len(data) < width * HASH_SIZE:
            raise HuilianError("NOT_FOUND", f"{tile.path(width)} is beyond the log", resource="tile")
        return data[: width * HASH_SIZE]

    async def entries(self, index: int, width: int) -> bytes:
        """Return the bundle of the first `width` entries beside the level-0 tile `index`. Raises as `tile`."""
        first = index * TILE_WIDTH
        if first >= await self._size():
            raise HuilianError("NOT_FOUND", f"{entry_path(index, width)} is beyond the log", resource="tile")
        found = await self._log.entries(first, first + width)
        if len(found) < width:
            raise HuilianError("NOT_FOUND", f"{entry_path(index, width)} is beyond the log", resource="tile")
        return bundle(found)

    async def _size(self) -> int:
        return (await self._log.frontier()).size

    async def _body(self, leaf: LeafRow) -> bytes:
        if leaf.subject is None:
            return bytes(leaf.body)
        return await self._cipher.decrypt_for_subject(leaf.subject, bytes(leaf.body))


def _not_found() -> HuilianError:
    return HuilianError("NOT_FOUND", "no such record for this reader", resource="record")
