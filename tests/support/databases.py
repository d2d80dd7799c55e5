"""Migrated databases without rows for tests: a template per session, copied for a test; emptied for the next one."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import asyncpg
import pytest
from tortoise.apps import Apps
from tortoise.models import Model

from hub.platform.database import Database
from tests.support.postgres import PostgresServer

# Constraints, locks, races, work broken at its statements, and every statement of a store at least once are tested on
# both. What a file tests besides (rules, messages, rights, who is told) asks the same of either: `pytestmark =
# ON_SQLITE`, and ON_BOTH on the tests that the first sentence means.
ON_BOTH = pytest.mark.databases("sqlite", "postgres")
ON_SQLITE = pytest.mark.databases("sqlite")

PostgresFactory = Callable[[], PostgresServer]

# As after the last migration, which leaves no rows: rows that a trigger guards go too, and numbers start at 1 again.
EMPTY = """
DO $$ DECLARE name text; used text := ''; BEGIN
  SET LOCAL session_replication_role = replica;
  SET LOCAL lock_timeout = '5s';
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations' LOOP
    EXECUTE format('SELECT %L || CASE WHEN EXISTS (SELECT 1 FROM %I) THEN %L ELSE %L END', used, name, ', ' || name, '')
      INTO used;
  END LOOP;
  IF used <> '' THEN EXECUTE 'TRUNCATE ' || substr(used, 3) || ' CASCADE'; END IF;
  FOR name IN SELECT sequencename FROM pg_sequences
    WHERE last_value IS NOT NULL AND sequencename NOT LIKE 'tortoise%' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$"""

_build_querysets = Apps._build_initial_querysets
_built_for: WeakKeyDictionary[type[Model], type] = WeakKeyDictionary()


def _build_querysets_once(apps: Apps) -> None:
    """What Tortoise prepares of the models whenever a database is opened depends on the dialect alone, and takes longer
    than most tests.
    """
    models = [model for models in apps.apps.values() for model in models.values()]
    if any(_built_for.get(model) is not model._meta.db.executor_class for model in models):
        _build_querysets(apps)
        _built_for.update({model: model._meta.db.executor_class for model in models})


Apps._build_initial_querysets = _build_querysets_once  # type: ignore[method-assign]


class DatabaseMaker:
    """Makes migrated databases of one dialect; migrating happens once per set of packages."""

    def __init__(self, dialect: str, folder: Path, postgres: PostgresFactory) -> None:
        self.dialect = dialect
        self._folder = folder
        self._postgres = postgres
        self._names = itertools.count()
        self._templates: dict[tuple[str, ...], str] = {}
        self._emptied: dict[tuple[str, ...], list[str]] = {}

    async def new_url(self, packages: Sequence[str] | None = None) -> str:
        """The URL of a fresh migrated database."""
        key = tuple(packages or ())
        if key not in self._templates:
            self._templates[key] = await self._migrated(packages)
        return await self._copy(self._templates[key])

    async def lend(self, packages: Sequence[str] | None = None) -> str:
        """The URL of a migrated database without rows, for one test; give it back with `take_back`."""
        emptied = self._emptied.get(tuple(packages or ()))
        return emptied.pop() if emptied else await self.new_url(packages)

    async def take_back(self, url: str, packages: Sequence[str] | None = None) -> None:
        """Make a closed database that was lent ready for the next test. PostgreSQL makes one in 100 ms and keeps 11 MB
        of it, so one that nobody holds any more is emptied instead.
        """
        if self.dialect == "sqlite":
            return _unlink(url)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(EMPTY)
        except asyncpg.LockNotAvailableError:
            return await self.drop(url)  # something that the test left open is still at it
        finally:
            await connection.close()
        self._emptied.setdefault(tuple(packages or ()), []).append(url)

    async def drop(self, url: str) -> None:
        """Remove a database that is closed."""
        if self.dialect == "postgres":
            await self._administer(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
        else:
            _unlink(url)

    async def empty_url(self) -> str:
        """The URL of a database without any table."""
        name = f"{self.dialect}_{next(self._names)}"
        if self.dialect == "postgres":
            await self._administer(f"CREATE DATABASE {name}")
        return self._url(name)

    async def _migrated(self, packages: Sequence[str] | None) -> str:
        url = await self.empty_url()
        database = Database(url, packages)
        await database.open()
        await database.migrate()
        await database.close()
        return url

    async def _copy(self, template: str) -> str:
        name = f"{self.dialect}_{next(self._names)}"
        source = template.rpartition("/")[2]
        if self.dialect == "postgres":
            await self._administer(f"CREATE DATABASE {name} TEMPLATE {source}")
        else:
            shutil.copyfile(self._folder / source, self._folder / f"{name}.sqlite")
        return self._url(name)

    def _url(self, name: str) -> str:
        if self.dialect == "postgres":
            return self._postgres().url(name)
        return f"sqlite://{self._folder / name}.sqlite"

    async def _administer(self, sql: str) -> None:
        connection = await asyncpg.connect(self._postgres().url("postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


def _unlink(url: str) -> None:
    for end in ("", "-wal", "-shm"):
        Path(url.removeprefix("sqlite://") + end).unlink(missing_ok=True)
