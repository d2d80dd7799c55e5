"""Write the next schema step of one domain: `python -m hub.platform.make_migration <domain> [name]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tortoise import fields
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import CreateModel, Operation
from tortoise.migrations.writer import MigrationWriter

from hub.platform.domains import apps_config

USAGE = "usage: python -m hub.platform.make_migration <domain or package> [name]"


async def pending_changes(packages: list[str]) -> MigrationAutodetector:
    """A detector over the models of these packages, ready to list or write what no migration says yet."""
    apps = apps_config(packages, "default")
    context = TortoiseContext()
    with context:
        config = {"connections": {"default": "sqlite://:memory:"}, "apps": apps}
        await context.init(config=config, use_tz=True, timezone="UTC")
        if context.apps is None:
            raise RuntimeError("no models were loaded")
        return MigrationAutodetector(context.apps, apps)


async def make(package: str, name: str | None = None) -> list[str]:
    """Write what changed in the package's models since its last migration; the paths written, none when nothing
    changed.
    """
    _ensure_migrations_package(package)
    detector = await pending_changes([package])
    written = []
    for writer in await detector.changes():
        if name is not None:
            writer.name = f"{writer.name[:4]}_{name}"
        written.append(_write(writer))
    return written


def _write(writer: MigrationWriter) -> str:
    path = Path(writer.write())
    path.write_text(keep_own_numbers(path.read_text("utf-8"), writer.operations), "utf-8")
    return str(path)


def keep_own_numbers(text: str, operations: Sequence[Operation]) -> str:
    """Say of integer keys that the database does not make that it does not: Tortoise's writer leaves it out."""
    for operation in operations:
        for name, column in operation.fields if isinstance(operation, CreateModel) else ():
            if isinstance(column, fields.IntField) and column.pk and not column.generated:
                declared = f"({name!r}, fields.{type(column).__name__}("
                text = text.replace(f"{declared}primary_key", f"{declared}generated=False, primary_key")
    return text


def _ensure_migrations_package(package: str) -> None:
    folder = Path(str(import_module(package).__file__)).parent / "migrations"
    folder.mkdir(exist_ok=True)
    init = folder / "__init__.py"
    if not init.exists():
        init.write_text(f'"""Schema steps of {package}."""\n', encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Command line entry; 0 when it wrote a migration or there was nothing to write."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write(USAGE + "\n")
        return 2
    package = arguments[0] if "." in arguments[0] else f"hub.{arguments[0]}"
    written = asyncio.run(make(package, arguments[1] if len(arguments) == 2 else None))
    sys.stdout.write("\n".join(written or ["no changes"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
