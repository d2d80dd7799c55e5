"""Tortoise's SQLite client with the guards our transactions need.

Tortoise begins deferred: two processes that read and then write would meet "database is locked". We begin IMMEDIATE,
so the writer is known at the start and the second one waits (`busy_timeout`). A cancelled or failed begin gives the
lock back.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError, TransactionManagementError

from hub.platform.statements import GatedStatements, StatementGate


class GatedSqliteClient(GatedStatements, SqliteClient):
    """The process's one SQLite connection."""

    def __init__(self, file_path: str, gate: StatementGate, **pragmas: Any) -> None:
        super().__init__(file_path, **pragmas)
        self.gate = gate

    def _in_transaction(self) -> TransactionContext:
        return _ImmediateContext(_ImmediateTransaction(self), self._lock)


class _ImmediateTransaction(GatedStatements, SqliteTransactionWrapper):
    """One transaction that takes SQLite's write lock when it begins."""

    def __init__(self, connection: GatedSqliteClient | _ImmediateTransaction) -> None:
        super().__init__(connection)
        self.gate = connection.gate

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_ImmediateTransaction(self))

    async def begin(self) -> None:
        self.gate.pass_through("BEGIN IMMEDIATE")
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except BaseException:
            # Cancelled while the driver's thread may already have begun: undo it, or later statements join this
            # transaction.
            await asyncio.shield(self._connection.rollback())
            raise

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
