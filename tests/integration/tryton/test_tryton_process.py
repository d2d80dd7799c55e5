"""Tryton's own process: from the template, through kill -9, to a clean stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.process import (
    DATABASE,
    ErpDidNotStart,
    ErpLayout,
    ErpNotInstalled,
    TrytonProcess,
    is_healthy,
    prepare_run,
)
from connectors.core_enterprise.tryton.sandbox_setup import ADMIN_PASSWORD, ADMIN_USER, ensure_party, find_one
from connectors.kit.sandbox_companies import DEALER
from deploy.process import free_port

from .conftest import client_of

ROOT = Path(__file__).resolve().parents[3]


def test_not_installed_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ErpNotInstalled, match="make erp"):
        prepare_run(ErpLayout(tmp_path / "erp"), tmp_path / "run", 1)
    assert not (tmp_path / "run").exists()


def test_process_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no database here'); raise SystemExit(3)"]
    with pytest.raises(ErpDidNotStart, match="no database here"):
        TrytonProcess(command, tmp_path, free_port()).start()


def test_process_that_never_answers_is_ended(tmp_path: Path) -> None:
    process = TrytonProcess([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, free_port())
    with pytest.raises(ErpDidNotStart):
        process.start(timeout_s=0.5)


def test_runs_do_not_share_a_database_and_keep_their_own(tmp_path: Path) -> None:
    layout = ErpLayout()
    template = layout.template.read_bytes()
    prepare_run(layout, tmp_path / "a", 1)
    mine = tmp_path / "a" / f"{DATABASE}.sqlite"
    assert mine.read_bytes() == template
    mine.write_bytes(b"changed")
    prepare_run(layout, tmp_path / "a", 2)
    prepare_run(layout, tmp_path / "b", 3)
    assert mine.read_bytes() == b"changed"
    assert (tmp_path / "b" / f"{DATABASE}.sqlite").read_bytes() == template


async def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    port = free_port()
    process = _start(tmp_path, port)
    try:
        assert await _dealer(port) is None
        party = await _add_dealer(port)
    finally:
        process.kill()
        process.wait()
    process = _start(tmp_path, port)
    try:
        assert await _dealer(port) == party
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The command line that a supervisor uses; the started process must be Tryton itself."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "sdk")])
    command = [sys.executable, "-m", "connectors.core_enterprise.tryton.process"]
    process = subprocess.Popen(
        [*command, "--folder", str(folder), "--port", str(port)], env={**os.environ, "PYTHONPATH": path}
    )
    deadline = time.monotonic() + 60
    while not is_healthy(f"http://127.0.0.1:{port}"):
        assert process.poll() is None, "Tryton ended at start"
        assert time.monotonic() < deadline, "Tryton did not answer"
        time.sleep(0.1)
    return process


async def _dealer(port: int) -> int | None:
    async with aiohttp.ClientSession() as http:
        return await find_one(_admin(http, port), "party.party", [["identifiers.code", "=", DEALER.uscc]])


async def _add_dealer(port: int) -> int:
    async with aiohttp.ClientSession() as http:
        return await ensure_party(_admin(http, port), DEALER)


def _admin(http: aiohttp.ClientSession, port: int) -> TrytonClient:
    return client_of(http, f"http://127.0.0.1:{port}", ADMIN_USER, ADMIN_PASSWORD)
