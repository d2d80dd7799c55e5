"""The hub's log as fsck reads it (implements `ledger.fsck.LogSource`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from huilian_protocol.canonical import b64u_encode, sha256_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.record import commit_record

from hub.ledger.log.stored import AuditStore, LogStore
from hub.ledger.ports import SubjectCipher
from hub.ledger.rules import unpack_body
from hub.ledger.witnesses.stored import CosignatureStore
from hub.platform.database import Database
from hub.platform.vault import VaultLocked
from ledger.fsck import StoredAnchor, StoredCheckpoint, StoredCosignature, StoredHead, StoredLeaf
from ledger.merkle.tiles import TileId

_PAGE = 2_000


class DatabaseLog:
    """Reads in pages, outside transactions: the log only grows, so what was read stays true."""

    def __init__(self, database: Database, cipher: SubjectCipher) -> None:
        """`cipher` opens the readable copies of records about persons; of those who left there is nothing to open."""
        self._log = LogStore(database)
        self._audit = AuditStore(database)
        self._cosignatures = CosignatureStore(database)
        self._cipher = cipher

    async def head(self) -> StoredHead | None:
        """See `LogSource`."""
        row = await self._audit.head()
        return StoredHead(row.size, bytes(row.root), bytes(row.frontier)) if row else None

    async def leaves(self, size: int) -> AsyncIterator[StoredLeaf]:
        """See `LogSource`."""
        first = 0
        while rows := await self._audit.leaves(first, size, _PAGE):
            for row in rows:
                fault = await self._content_fault(row)
                yield StoredLeaf(row["record_id"], row["leaf_index"], bytes(row["commitment"]), fault)
            first = rows[-1]["leaf_index"] + 1

    async def leaves_beyond(self, size: int) -> Sequence[StoredLeaf]:
        """See `LogSource`."""
        rows = await self._audit.last_leaves(size, _PAGE)
        return [StoredLeaf(row["record_id"], row["leaf_index"], bytes(row["commitment"])) for row in rows]

    async def tile_names(self) -> Sequence[str]:
        """See `LogSource`."""
        return await self._audit.tile_names()

    async def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """See `LogSource`."""
        return [StoredCheckpoint(row.size, bytes(row.root), row.note) for row in await self._audit.checkpoints()]

    async def cosignatures(self) -> Sequence[StoredCosignature]:
        """See `LogSource`."""
        return [StoredCosignature(row.size, row.witness, row.line) for row in await self._cosignatures.all()]

    async def anchors(self) -> Sequence[StoredAnchor]:
        """See `LogSource`."""
        found = []
        for size, purpose, transaction in await self._audit.anchors():
            if transaction is None:
                found.append(StoredAnchor(size, purpose))
                continue
            place = (transaction.block_number, transaction.block_hash)
            raw = bytes(transaction.raw_transaction or b"")
            found.append(StoredAnchor(size, purpose, transaction.state, transaction.hash or "", *place, raw))
        return found

    async def transaction_hashes(self) -> frozenset[str]:
        """See `LogSource`."""
        return await self._audit.transaction_hashes()

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        return await self._log.read_tiles(tiles)

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """Refuse: fsck only reads."""
        raise PermissionError(f"fsck does not write tiles ({len(tiles)})")

    async def _content_fault(self, row: Mapping[str, Any]) -> str:
        try:
            body = await self._body(row)
            return "" if body is None else _deviation(body, row["record_id"], bytes(row["commitment"]))
        except (ValueError, KeyError, TypeError, VaultLocked) as error:
            return f"the readable copy is damaged ({type(error).__name__})"

    async def _body(self, row: Mapping[str, Any]) -> bytes | None:
        if row["subject"] is None:
            return bytes(row["body"])
        try:
            return await self._cipher.decrypt_for_subject(row["subject"], bytes(row["body"]))
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
            # The person's key was destroyed; the commitment in the log stays and is compared like any other.
            return None


def _deviation(body: bytes, record_id: str, commitment: bytes) -> str:
    record, salt, evidence = unpack_body(body)
    if commit_record(record, salt) != commitment:
        return "the readable copy gives another commitment"
    if record["id"] != record_id:
        return "the readable copy is of another record"
    if record["evidence_sha256"] != b64u_encode(sha256_canonical(evidence)):
        return "the evidence is not the one that was committed to"
    return ""
