"""Tortoise's asyncpg client with the same gate and the same guarantees as the SQLite one."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

from hub.platform.statements import GatedStatements, StatementGate

STATEMENTS = 1000
"""Prepared ones that a connection keeps: more than the hub has texts, so that none is parsed and planned twice."""


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """Whoever gives a connection back leaves nothing of the session behind: settings are SET LOCAL, locks are a
    transaction's, LISTEN has a connection of its own. That saves a round trip for each use; an open transaction is
    rolled back before this.
    """


class GatedAsyncpgClient(GatedStatements, AsyncpgDBClient):
    """The process's small pool of PostgreSQL connections."""

    def __init__(self, gate: StatementGate, **credentials: Any) -> None:
        super().__init__(**credentials)
        self.gate = gate

    async def create_pool(self, **settings: Any) -> asyncpg.Pool:
        return await super().create_pool(reset=_nothing_to_reset, statement_cache_size=STATEMENTS, **settings)

    def _in_transaction(self) -> TransactionContext:
        return _PooledContext(_GatedTransaction(self), self._pool_init_lock)


class _GatedTransaction(GatedStatements, TransactionWrapper):
    """One transaction, READ COMMITTED; use cases that compare before they write take `Database.lock`."""

    def __init__(self, connection: GatedAsyncpgClient | _GatedTransaction) -> None:
        super().__init__(connection)
        self.gate = connection.gate

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_GatedTransaction(self))

    async def begin(self) -> None:
        self.gate.pass_through("BEGIN")
        await super().begin()

    async def commit(self) -> None:
        self.gate.pass_through("COMMIT")
        await super().commit()


class _PooledContext(TransactionContextPooled):
    """Gives the connection back to the pool also when beginning fails, and rolls back when committing does."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await asyncio.shield(self.client._parent._pool.release(self.client._connection))
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            if self.client._finalized:
                return
            if exc_type is not None:
                await asyncio.shield(self.client.rollback())
            else:
                await self.client.commit()
        finally:
            # Releasing resets the connection, which also rolls back a transaction whose commit never ran.
            await asyncio.shield(self.client._parent._pool.release(self.client._connection))
            get_connections().reset(self.token)


client_class = GatedAsyncpgClient
