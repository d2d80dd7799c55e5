"""A real PostgreSQL for one test session, started by ourselves and thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from deploy.process import free_port

BIN = Path(os.environ.get("HUILIAN_TEST_POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
MISSING = "PostgreSQL 15 is not installed; run: apt-get install -y postgresql-15"
UNPRIVILEGED = "postgres"


class PostgresServer:
    """`initdb` and `pg_ctl` under a non-root user, on a free port of 127.0.0.1, without fsync unless it is durable."""

    def __init__(self, *, durable: bool = False) -> None:
        if not (BIN / "initdb").exists():
            raise RuntimeError(MISSING)
        self._folder = Path(tempfile.mkdtemp(prefix="huilian-postgres-"))
        self._durable = durable
        self.port = free_port()

    def start(self) -> None:
        """Create the cluster and wait until it answers. Raises RuntimeError with the server's own words when it does
        not.
        """
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED)
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = (
            f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c max_connections=200"
            f"{'' if self._durable else ' -F -c synchronous_commit=off -c full_page_writes=off'}"
            " -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB -c autovacuum=off"
        )
        self._run("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-o", options, "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stop at once and remove every trace."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of one database of this server, by its socket: a round trip costs half of what it does over TCP."""
        return f"postgres://postgres@{quote(str(self._folder), safe='')}:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(BIN / program), *arguments]
        # PostgreSQL does not run as root.
        somebody = UNPRIVILEGED if os.geteuid() == 0 else None
        groups: list[str] | None = [] if somebody else None
        # The server inherits our pipes and would keep them open: its words go to a file.
        with tempfile.TemporaryFile() as words:
            done = subprocess.run(
                command,
                stdout=words,
                stderr=words,
                cwd=self._folder,
                user=somebody,
                group=somebody,
                extra_groups=groups,
                check=False,
            )
            words.seek(0)
            if done.returncode != 0:
                raise RuntimeError(f"{program} failed: {words.read().decode(errors='replace')}")
