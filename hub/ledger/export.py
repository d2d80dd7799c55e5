"""`python -m hub.ledger.export FOLDER [--follow]`: the log as static files for any web server (C2SP tlog-tiles).

Takes the hub's own HUILIAN_* settings and only reads the database; the hub may run meanwhile. Exit status 0: published;
1: the folder and the log contradict each other; 2: settings, database or folder cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from huilian_protocol.stopping import stop_on_signals

from hub.keys import open_vault
from hub.ledger.log.stored import EpochStore, LogStore
from hub.ledger.witnesses.stored import CosignatureStore
from hub.log_keys import log_keyring
from hub.platform.database import Database
from hub.platform.vault import VaultLocked
from hub.settings import Settings, SettingsError
from ledger.merkle.checkpoint import InvalidCheckpoint, LogKeys
from ledger.merkle.static import OtherLog, StaticLog
from ledger.merkle.tiles import MissingTile

PUBLISHED, CONTRADICTED, NOT_USABLE = 0, 1, 2
POLL_SECONDS = 1.0


class Exporter:
    """Publishes the newest checkpoint of a hub's log, with the cosignatures that came so far; later ones are added."""

    def __init__(self, database: Database, keys: Callable[[], Awaitable[LogKeys]], folder: Path) -> None:
        """`keys` gives the log's keys as they are now: they may change while this runs."""
        self._log, self._folder, self._keys = LogStore(database), folder, keys
        self._cosignatures = CosignatureStore(database)

    async def publish(self) -> bool:
        """Publish once; False when there was nothing new. Raises as `StaticLog.publish`."""
        newest = await self._log.newest_checkpoint()
        if newest is None:
            return False
        published = await self._cosignatures.published(newest)
        static = StaticLog(self._folder, await self._keys(), self._log, self._log)
        return await static.publish(published.note)

    async def follow(self, stop: asyncio.Event, poll_s: float = POLL_SECONDS) -> None:
        """Publish whatever is new until `stop` is set. Raises as `publish`."""
        while not stop.is_set():
            await self.publish()
            try:
                await asyncio.wait_for(stop.wait(), poll_s)
            except TimeoutError:
                continue


async def _run(settings: Settings, folder: Path, *, follow: bool) -> None:
    vault, _ = open_vault(settings)
    database = Database(settings.database)
    await database.open()
    try:
        keyring, epochs = log_keyring(settings, vault), EpochStore(database)
        exporter = Exporter(database, lambda: keyring.keys(epochs), folder)
        await exporter.publish()
        if follow:
            await exporter.follow(stop_on_signals())
    finally:
        await database.close()


def main(arguments: Sequence[str]) -> int:
    """Command line entry; the exit status is told in the module's text."""
    parser = argparse.ArgumentParser(prog="python -m hub.ledger.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--follow", action="store_true", help="keep the folder up to date until SIGTERM")
    parsed = parser.parse_args(arguments)
    try:
        asyncio.run(_run(Settings.from_environment(), parsed.folder, follow=parsed.follow))
    except (OtherLog, MissingTile, InvalidCheckpoint) as error:
        sys.stderr.write(f"export: {type(error).__name__}: {error}\n")
        return CONTRADICTED
    except (SettingsError, VaultLocked, OSError, ValueError) as error:
        sys.stderr.write(f"export: {error}\n")
        return NOT_USABLE
    return PUBLISHED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
