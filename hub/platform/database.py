"""The database: SQLite by default, PostgreSQL by one setting, the same behaviour on both.

Queries are written with Tortoise models in a domain's `store.py`; hot paths there may use `fetch` and `execute`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlsplit

from tortoise import context as tortoise_context
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from hub.platform import migrations_runner
from hub.platform.domains import apps_config, hub_packages
from hub.platform.model_rules import check_models
from hub.platform.statements import StatementGate
from hub.platform.transactions import entered_transaction, forbid_transaction, require_transaction

BUSY_TIMEOUT_MS = 10_000
JOURNAL_BYTES = 8 * 1024 * 1024
POOL_SIZE = 10


class Database:
    """One database of one process. Open it in the server's own task, close it last.

    `url` is `sqlite:////abs/path/hub.sqlite` or `postgres://user:password@host:port/name`. `packages` are the domain
    packages whose tables live in it; the default is every hub domain that has a store.
    """

    def __init__(self, url: str, packages: Sequence[str] | None = None) -> None:
        self._packages = list(hub_packages() if packages is None else packages)
        self._gate = StatementGate()
        self._connection_config = _connection_config(url, self._gate)
        self._apps = apps_config(self._packages, self.dialect)
        self._context: TortoiseContext | None = None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`."""
        return "sqlite" if "sqlite" in self._connection_config["engine"] else "postgres"

    @property
    def on_statement(self) -> Callable[[str], None] | None:
        """Test seam: called with each statement (BEGIN and COMMIT too) before it runs; raising breaks the work
        there.
        """
        return self._gate.listener

    @on_statement.setter
    def on_statement(self, listener: Callable[[str], None] | None) -> None:
        self._gate.listener = listener

    async def open(self) -> None:
        """Connect and register the models. Raises ModelRuleBroken when a model breaks a house rule for columns."""
        opened = TortoiseContext()
        # Named by dialect: Tortoise caches the INSERT text of a model per connection name, for the whole process.
        config = {"connections": {self.dialect: self._connection_config}, "apps": self._apps}
        with _as_current(opened):
            await opened.init(config=config, use_tz=True, timezone="UTC")
            check_models(opened.apps)
            await opened.db().execute_query("SELECT 1")
        self._context = opened
        tortoise_context._current_context.set(opened)
        if tortoise_context._global_context is None:
            # Tasks that gRPC starts do not inherit our context variables; they find this database as the process's one.
            tortoise_context.set_global_context(opened)

    async def close(self) -> None:
        """Close every connection. Closing twice is harmless."""
        if self._context is not None:
            with _as_current(self._context):
                await self._context.close_connections()
            if tortoise_context._current_context.get() is self._context:
                tortoise_context._current_context.set(None)
            self._context = None

    async def migrate(self) -> None:
        """Bring the schema up to date, each step with its bookkeeping in one transaction."""
        with _as_current(self._opened):
            await migrations_runner.migrate(self._opened.db(), self._apps)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """One unit of work: everything inside is committed at the end or not at all.

        Raises TransactionMisuse when one is open already. Callbacks given to `after_commit` run once it is durable.
        """
        with entered_transaction() as entered, _as_current(self._opened):
            async with in_transaction():
                yield
        for callback in entered.after_commit:
            callback()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of a transaction that may fail alone, e.g. an insert whose uniqueness violation is an expected
        answer.
        """
        require_transaction("a savepoint")
        async with in_transaction():
            yield

    async def lock(self, *key: str) -> None:
        """Until this transaction ends, be the only one holding this key: take it before comparing and then writing.

        On SQLite a transaction is alone anyway (Tortoise ignores `select_for_update` there); on PostgreSQL it is an
        advisory lock, so it also covers rows that do not exist yet. Take several keys in sorted order.
        """
        require_transaction("a lock")
        if self.dialect == "postgres":
            await self.fetch("SELECT pg_advisory_xact_lock($1)", _lock_number(key))

    async def lock_all(self, keys: Iterable[tuple[str, ...]]) -> None:
        """`lock` for many keys at once; always in the same order, so that two groups never wait for each other."""
        require_transaction("a lock")
        if self.dialect != "postgres":
            return
        if numbers := sorted({_lock_number(key) for key in keys}):
            await self.fetch(
                "SELECT pg_advisory_xact_lock(n) FROM unnest($1::bigint[]) WITH ORDINALITY t(n, i)", numbers
            )

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the open transaction is durable; never when it is rolled back. For waking workers only."""
        require_transaction("after_commit").after_commit.append(callback)

    async def fetch(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of one statement with `$1`, `$2` … placeholders; also for INSERT/UPDATE … RETURNING."""
        rows: list[dict[str, Any]] = await self._client().execute_query_dict(self._placeholders(sql), list(values))
        return rows

    async def fetch_in(self, sql: str, wanted: Collection[Any], *values: Any) -> list[dict[str, Any]]:
        """As `fetch`, with `IN $in` for `wanted`; no row when nothing is wanted. `values` are `$1`, `$2` …"""
        if not wanted:
            return []
        padded = _padded(wanted)
        first = len(values) + 1
        names = ", ".join(f"${number}" for number in range(first, first + len(padded)))
        return await self.fetch(sql.replace("$in", f"({names})"), *values, *padded)

    async def fetch_each(self, sql: str, wanted: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a query for each of `wanted` as its `$each`, in one statement; rows may come twice."""
        if not wanted:
            return []
        padded = _padded(wanted)
        parts = (sql.replace("$each", f"${number}") for number in range(1, len(padded) + 1))
        return await self.fetch(" UNION ALL ".join(parts), *padded)

    async def execute(self, sql: str, *values: Any) -> int:
        """Run one INSERT, UPDATE or DELETE with `$1` … placeholders; the number of rows it touched."""
        count, _ = await self._client().execute_query(self._placeholders(sql), list(values))
        return int(count)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement once per row of values; without rows nothing."""
        if rows:
            await self._client().execute_many(self._placeholders(sql), [list(row) for row in rows])

    async def scrub(self) -> None:
        """Let go of old versions of rows that the journal still holds. On PostgreSQL that is its vacuum's work."""
        forbid_transaction("scrubbing the database")
        if self.dialect == "sqlite":
            await self.fetch("PRAGMA wal_checkpoint(TRUNCATE)")

    def address(self) -> dict[str, Any]:
        """Where the PostgreSQL server is, for a connection outside the pool."""
        credentials = self._connection_config["credentials"]
        return {name: credentials[name] for name in ("host", "port", "user", "password", "database")}

    @property
    def _opened(self) -> TortoiseContext:
        if self._context is None:
            raise RuntimeError("the database is not open")
        return self._context

    def _client(self) -> Any:
        return self._opened.db()

    def _placeholders(self, sql: str) -> str:
        return sql.replace("$", "?") if self.dialect == "sqlite" else sql


def is_deadlock(error: Exception) -> bool:
    """Whether PostgreSQL undid a transaction because it and another one waited for each other (SQLSTATE 40P01)."""
    return getattr(error, "sqlstate", None) == "40P01"


def _padded(wanted: Collection[Any]) -> list[Any]:
    """With its first one repeated: few different lengths, so that a prepared statement is used again."""
    many = 1 << (len(wanted) - 1).bit_length()
    return [*wanted, *[next(iter(wanted))] * (many - len(wanted))]


def _lock_number(key: tuple[str, ...]) -> int:
    return int.from_bytes(sha256("\x1f".join(key).encode()).digest()[:8], "big", signed=True)


@contextmanager
def _as_current(context: TortoiseContext) -> Iterator[None]:
    """Make models resolve to this database for the current task, for the length of the block."""
    token = tortoise_context._current_context.set(context)
    try:
        yield
    finally:
        tortoise_context._current_context.reset(token)


def _connection_config(url: str, gate: StatementGate) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"engine": "hub.platform.engine_sqlite", "credentials": _sqlite_credentials(unquote(parts.path), gate)}
    if parts.scheme in {"postgres", "postgresql"}:
        return {"engine": "hub.platform.engine_asyncpg", "credentials": _postgres_credentials(url, gate)}
    raise ValueError("a database URL starts with sqlite:// or postgres://")


def _sqlite_credentials(path: str, gate: StatementGate) -> dict[str, Any]:
    # FULL: an acknowledged write survives a power cut, not only a killed process (WAL alone with NORMAL does not).
    return {
        "file_path": path,
        "gate": gate,
        "journal_mode": "WAL",
        "synchronous": "FULL",
        # Above what it grows to between two checkpoints (4 MB): to cut it off and to let it grow again costs the file
        # system's journal at nearly every commit. Tortoise would cut it off at 16 kB.
        "journal_size_limit": JOURNAL_BYTES,
        "foreign_keys": "ON",
        # What is deleted is overwritten with zeros: a person's erased rows must not linger in free pages.
        "secure_delete": "ON",
        "busy_timeout": BUSY_TIMEOUT_MS,
    }


def _postgres_credentials(url: str, gate: StatementGate) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "gate": gate,
        # As libpq writes it: the folder of a Unix socket percent-encoded.
        "host": unquote(parts.hostname or ""),
        "port": parts.port or 5432,
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password) if parts.password else None,
        "database": parts.path.lstrip("/"),
        "minsize": 1,
        "maxsize": POOL_SIZE,
    }
