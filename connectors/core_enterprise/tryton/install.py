"""Installs Tryton into its own environment and builds the template database (`make erp`).

Doing it again is quick: a stamp over everything that the result depends on tells whether there is anything to do.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import aiohttp

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.process import (
    DATABASE,
    DEFAULT_ROOT,
    ErpLayout,
    TrytonProcess,
    server_command,
    server_environment,
    write_config,
)
from connectors.core_enterprise.tryton.sandbox_setup import ADMIN_PASSWORD, set_up_company
from connectors.kit import sandbox_companies

Say = Callable[[str], None]

# With what they depend on, Tryton activates 13 modules.
MODULES = ("account_invoice", "account_invoice_stock", "party", "purchase", "stock")
MODULE_COUNT = 13

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE.parents[2] / "requirements-erp.txt"
# What the template's content depends on beside Tryton itself.
_TEMPLATE_SOURCES = (
    _REQUIREMENTS,
    _HERE / "install.py",
    _HERE / "sandbox_setup.py",
    _HERE / "manifest.yaml",
    Path(sandbox_companies.__file__),
)
_MODULE_LINE = re.compile(r"INFO trytond\.modules (\w+) register \S")


class InstallFailed(Exception):
    """A step ended with an error; the message shows the end of its output."""


def install(root: Path, say: Say) -> None:
    """Brings environment and template under `root` up to date. Raises `InstallFailed`."""
    root.mkdir(parents=True, exist_ok=True)
    with _only_one(root):
        layout = ErpLayout(root)
        step(
            say, "1/2 Tryton 环境 environment", root / "venv" / ".stamp", (_REQUIREMENTS,), lambda: _environment(layout)
        )
        step(
            say,
            "2/2 模板数据库 template database",
            root / "template" / ".stamp",
            _TEMPLATE_SOURCES,
            lambda: _template(layout, say),
        )


def step(say: Say, title: str, stamp: Path, sources: tuple[Path, ...], build: Callable[[], None]) -> None:
    """Runs `build` unless `stamp` says that it was done with these very `sources`."""
    wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    if stamp.exists() and stamp.read_text("ascii") == wanted:
        say(f"[erp] {title}: 已就绪 ready")
        return
    say(f"[erp] {title} …")
    began = time.monotonic()
    build()
    # Written last: a step that was cut short is done again.
    stamp.write_text(wanted, "ascii")
    say(f"[erp] {title}: {time.monotonic() - began:.1f} s")


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment(layout: ErpLayout) -> None:
    venv = layout.root / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    uv = [str(Path(sys.executable).parent / "uv")]
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(venv)])
    _run(
        [*uv, "pip", "install", "--quiet", "--python", str(layout.python), "--require-hashes", "-r", str(_REQUIREMENTS)]
    )


def _template(layout: ErpLayout, say: Say) -> None:
    folder = layout.template.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = _free_port()
    config = write_config(folder, port)
    _create_database(layout, config, say)
    say("[erp]   公司、会计科目、税、连接器用户 company, chart of accounts, tax, connector's user")
    with TrytonProcess(server_command(layout, config), folder, port) as server:
        asyncio.run(_set_up(server.base_url))
    _close_log(layout.template)


def _close_log(database: Path) -> None:
    """Moves what SQLite still holds in its write-ahead log into the database: a run copies that one file alone."""
    with closing(sqlite3.connect(database)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy or database.with_name(database.name + "-wal").exists():
        raise InstallFailed("the template database is still in use")


def _create_database(layout: ErpLayout, config: Path, say: Say) -> None:
    layout.template.touch()
    password = config.with_name("password")
    password.write_text(ADMIN_PASSWORD, "utf-8")
    command = [str(layout.python), "-m", "trytond.cli.admin", "-c", str(config), "-d", DATABASE, "-vv"]
    command += ["--email", "erp@sandbox.invalid", "--activate-dependencies", "-u", *MODULES]
    seen: set[str] = set()

    def follow(line: str) -> None:
        match = _MODULE_LINE.search(line)
        if match and match[1] not in seen:
            seen.add(match[1])
            say(f"[erp]   模块 module {len(seen)}/{MODULE_COUNT}: {match[1]}")

    _run(command, {"TRYTONPASSFILE": str(password)}, follow)
    password.unlink()


async def _set_up(base_url: str) -> None:
    async with aiohttp.ClientSession() as http:
        client = TrytonClient(http, base_url=base_url, database=DATABASE, user="admin", password=ADMIN_PASSWORD)
        await set_up_company(client, sandbox_companies.CORE_ENTERPRISE)


def _run(command: list[str], environment: dict[str, str] | None = None, follow: Say | None = None) -> None:
    tail: list[str] = []
    with subprocess.Popen(
        command,
        env={**os.environ, **server_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail = [*tail[-29:], line]
            if follow is not None:
                follow(line)
    if process.returncode != 0:
        raise InstallFailed(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(tail)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Installs and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT)
    options = parser.parse_args()
    try:
        install(options.root.resolve(), lambda line: print(line, flush=True))  # noqa: T201 - a command's output
    except InstallFailed as error:
        sys.stderr.write(f"[erp] 安装失败 installation failed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
