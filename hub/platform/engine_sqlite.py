"""Tortoise's SQLite client with the guards our transactions need.

Tortoise begins deferred: two processes that read and then write would meet "database is locked". We begin IMMEDIATE,
so the writer is known at the start and the second one waits (`busy_timeout`). A cancelled or failed begin gives the
lock back.

Inside a transaction a statement runs at once, on the event loop: it takes microseconds, and handing it to the driver's
thread and back costs several times that. So does the beginning, when no other process holds the file. What may wait,
for another process's lock or for the disk, stays on the thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite
from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from hub.platform.statements import GatedStatements, StatementGate

MOST_AT_ONCE = 64


class GatedSqliteClient(GatedStatements, SqliteClient):
    """The process's one SQLite connection."""

    def __init__(self, file_path: str, gate: StatementGate, **pragmas: Any) -> None:
        super().__init__(file_path, **pragmas)
        self.gate = gate
        self.busy_timeout_ms = int(pragmas["busy_timeout"])

    async def create_connection(self, with_db: bool) -> None:
        if self._connection is None:
            # SQLite itself serialises what two threads do on one connection (sqlite3.threadsafety 3).
            self._connection = await aiosqlite.connect(self.filename, isolation_level=None, check_same_thread=False)
            self._connection._conn.row_factory = sqlite3.Row
            for name, value in self.pragmas.items():
                await self._connection.execute(f"PRAGMA {name}={value}")
            await self._post_connect()

    async def close(self) -> None:
        # The driver frees on its thread what a statement on the event loop would still use: the process would crash.
        async with self._lock:
            await super().close()

    def _in_transaction(self) -> TransactionContext:
        return _ImmediateContext(_ImmediateTransaction(self), self._lock)


class _AtOnce(SqliteTransactionWrapper):
    """Runs a transaction's statements without leaving the event loop's thread."""

    _done = 0

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        return (await self._run(lambda raw: raw.execute(query, values))).lastrowid

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        if len(values) > MOST_AT_ONCE:
            await super().execute_many(query, values)
        else:
            await self._run(lambda raw: raw.executemany(query, values))

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Any]:
        before = self._connection.total_changes
        rows = await self._rows(query, values)
        return (self._connection.total_changes - before) or len(rows), rows

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._rows(query, values)]

    async def _rows(self, query: str, values: list[Any] | None) -> list[sqlite3.Row]:
        # As Tortoise does: SQLite takes no NUL in the text of a statement.
        text = query.replace("\x00", "'||CHAR(0)||'")
        return (await self._run(lambda raw: raw.execute(text, values or ()))).fetchall()

    async def _run(self, statement: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> sqlite3.Cursor:
        self._done += 1
        if self._done % MOST_AT_ONCE == 0:
            # A long transaction leaves room for whatever else the process does.
            await asyncio.sleep(0)
        try:
            return statement(self._connection._conn)
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except sqlite3.IntegrityError as error:
            raise IntegrityError(error) from error


class _ImmediateTransaction(GatedStatements, _AtOnce):
    """One transaction that takes SQLite's write lock when it begins."""

    def __init__(self, connection: GatedSqliteClient | _ImmediateTransaction) -> None:
        super().__init__(connection)
        self.gate = connection.gate
        self.busy_timeout_ms: int = connection.busy_timeout_ms

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_ImmediateTransaction(self))

    async def begin(self) -> None:
        self.gate.pass_through("BEGIN IMMEDIATE")
        try:
            if not self._begun_at_once():
                await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except BaseException:
            # Cancelled while the driver's thread may already have begun: undo it, or later statements join this
            # transaction.
            await asyncio.shield(self._connection.rollback())
            raise

    def _begun_at_once(self) -> bool:
        """Begin on the event loop's thread, unless another process holds the file: then answer False at once."""
        raw: sqlite3.Connection = self._connection._conn
        # Whoever begins holds the client's lock: nobody else uses the connection while it does not wait.
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            # The lower byte is the error, the rest says what kind of it (sqlite.org/rescode.html).
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            raw.execute(f"PRAGMA busy_timeout = {self.busy_timeout_ms}")
        return True

    async def commit(self) -> None:
        if self._finalized:
            raise TransactionManagementError("Transaction already finalised")
        self.gate.pass_through("COMMIT")
        await self._connection.commit()
        self._finalized = True


class _ImmediateContext(SqliteTransactionContext):
    """Holds the connection's lock for exactly as long as the transaction lives, also when beginning or committing
    fails.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection  # type: ignore[no-any-return]

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            await self._finish(failed=exc_type is not None)
        finally:
            get_connections().reset(self.token)
            self._trxlock.release()

    async def _finish(self, *, failed: bool) -> None:
        if self.connection._finalized:
            return
        if failed:
            await asyncio.shield(self.connection.rollback())
            return
        try:
            await self.connection.commit()
        except BaseException:
            # A failed COMMIT leaves the transaction open on the shared connection.
            await asyncio.shield(self.connection._connection.rollback())
            raise


client_class = GatedSqliteClient
