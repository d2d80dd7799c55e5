"""Runs a real Tryton as its own process in its own environment, on a copy of the template database.

    python -m connectors.core_enterprise.tryton.process --folder var/run/erp --port 8911

turns into Tryton itself: the process that was started is the one that listens, so signals reach it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from huilian_protocol.canonical import parse_json

DATABASE = "huilian"
DEFAULT_ROOT = Path(__file__).resolve().parents[3] / "var" / "erp"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.1


class ErpNotInstalled(Exception):
    """There is no Tryton under the given folder; the message says how to install it."""


class ErpDidNotStart(Exception):
    """Tryton ended or did not answer in time; the message shows the end of its log."""


@dataclass(frozen=True, slots=True)
class ErpLayout:
    """Where `install.py` puts Tryton's environment and the template database."""

    root: Path = DEFAULT_ROOT

    @property
    def python(self) -> Path:
        """Interpreter of Tryton's own environment."""
        return self.root / "venv" / "bin" / "python"

    @property
    def template(self) -> Path:
        """The database that every run starts from: modules, company, chart of accounts, the connector's user."""
        return self.root / "template" / f"{DATABASE}.sqlite"

    def require_installed(self) -> None:
        """Raises `ErpNotInstalled` unless environment and template are there."""
        for path in (self.python, self.template):
            if not path.exists():
                raise ErpNotInstalled(
                    f"没有安装 Tryton，请先运行 make erp / Tryton is not installed: run make erp ({path.name})"
                )


def write_config(folder: Path, port: int) -> Path:
    """Tryton's configuration for the database in `folder`, listening on the loopback interface only."""
    config = folder / "trytond.conf"
    config.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\nlist = False\n\n[web]\nlisten = 127.0.0.1:{port}\n", "utf-8"
    )
    return config


def server_command(layout: ErpLayout, config: Path) -> list[str]:
    """Argument list of the server; the database is named so that it is loaded before the port opens."""
    return [str(layout.python), "-m", "trytond.cli", "-c", str(config), "-d", DATABASE]


def server_environment() -> dict[str, str]:
    """Our environment without our own settings, in UTC, so that times in the database mean the same everywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUILIAN_", "PYTHON"))}
    return {**kept, "TZ": "UTC", "PYTHONUNBUFFERED": "1"}


def prepare_run(layout: ErpLayout, folder: Path, port: int) -> list[str]:
    """Copies the template into `folder` (a database already there is kept) and returns the server's argument list."""
    layout.require_installed()
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / f"{DATABASE}.sqlite"
    if not database.exists():
        # Copy beside and rename: a copy cut short must not be taken for a database.
        part = database.with_suffix(".part")
        shutil.copyfile(layout.template, part)
        part.rename(database)
    return server_command(layout, write_config(folder.resolve(), port))


class TrytonProcess:
    """A running Tryton; use it as a context manager or call `start` and `stop`."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        self._command = command
        self._log = folder / "trytond.log"
        self.base_url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> TrytonProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Starts the process and waits until it answers; raises `ErpDidNotStart`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=server_environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + timeout_s
        while not is_healthy(self.base_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ErpDidNotStart(f"{self.base_url}\n{self._log_tail()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Ends the process; does nothing when it is not running."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _log_tail(self, lines: int = 20) -> str:
        return "\n".join(self._log.read_text("utf-8", errors="replace").splitlines()[-lines:])


def is_healthy(base_url: str) -> bool:
    """Whether a Tryton answers its version at this address."""
    body = json.dumps({"id": 1, "method": "common.server.version", "params": []}).encode()
    request = urllib.request.Request(f"{base_url}/rpc/", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310 - our own loopback address
            return bool(parse_json(response.read()).get("result"))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def main() -> None:
    """Prepares a run and becomes Tryton."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="where make erp installed Tryton")
    parser.add_argument("--folder", type=Path, required=True, help="where this run keeps its database")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    options = parser.parse_args()
    command = prepare_run(ErpLayout(options.root.resolve()), options.folder, options.port)
    os.execve(command[0], command, server_environment())  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
