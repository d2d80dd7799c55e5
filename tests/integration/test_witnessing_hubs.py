"""Two hubs as real processes that witness each other: lines come both ways, and a hub that was rolled back does not
start, even while the chain is away and nobody but the other hub remembers.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from deploy import launch
from deploy import site as places
from deploy.pki import SitePki
from deploy.process import StartFailed, Supervisor
from deploy.site import HubPlace, Site
from hub.ledger.log.stored import LogStore, NewLeaf
from hub.platform.database import Database
from ledger.anchor.deploy import deploy_contract
from tests.support.nursery import ForkingSupervisor

PATIENCE_S = 60.0


@dataclass
class TwoHubs:
    """Both hubs, with authorities and chain."""

    first: HubPlace
    second: HubPlace
    supervisor: Supervisor

    async def log(self, hub: HubPlace, *record_ids: str) -> None:
        """Records as another process of the hub would write them."""
        database = Database(f"sqlite://{_path(hub)}", ["hub.platform", "hub.ledger"])
        await database.open()
        async with database.transaction():
            for record_id in record_ids:
                leaf = NewLeaf(record_id, None, record_id.encode().ljust(32), b"{}", datetime.now(UTC))
                assert await LogStore(database).add_leaf(leaf)
        await database.close()

    async def cosigned(self, hub: HubPlace, size: int) -> None:
        """Wait until the other hub has cosigned this hub's log of a size."""
        sql = "SELECT COUNT(*) FROM ledger_cosignature WHERE size = ?"
        async with asyncio.timeout(PATIENCE_S):
            while _one(hub, sql, size) != 1:  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.1)


def _path(hub: HubPlace) -> Path:
    return hub.folder / "hub.sqlite"


def _one(hub: HubPlace, sql: str, *values: object) -> int:
    with closing(sqlite3.connect(f"file:{_path(hub)}?mode=ro", uri=True)) as connection:
        return int(connection.execute(sql, values).fetchone()[0])


@pytest_asyncio.fixture
async def hubs(tmp_path: Path) -> AsyncIterator[TwoHubs]:
    site, supervisor = Site(tmp_path, SitePki(tmp_path / "pki", datetime.now(UTC))), ForkingSupervisor(tmp_path)
    both = [site.hub("hub-a"), site.hub("hub-b")]
    try:
        await supervisor.start_all(places.authority_specs(site))
        published = [await launch.published(supervisor, launch.hub_spec(site, hub)) for hub in both]
        accounts = {one["origin"]: one["chain_address"] for one in published}
        await supervisor.start(places.chain_spec(site, accounts))
        contract = await deploy_contract(site.chain_url, site.chain_admin(), accounts.values())
        await launch.write_trust(site, published, {}, contract)
        for hub in both:
            others = [other for other in both if other is not hub]
            await supervisor.start(launch.hub_spec(site, hub, others))
        yield TwoHubs(both[0], both[1], supervisor)
    finally:
        supervisor.stop_all()


async def test_hubs_cosign_each_other_and_a_rolled_back_one_does_not_start(hubs: TwoHubs, tmp_path: Path) -> None:
    await hubs.log(hubs.first, "one", "two")
    await hubs.log(hubs.second, "one")
    await hubs.cosigned(hubs.first, 2)
    await hubs.cosigned(hubs.second, 1)
    hub = hubs.supervisor.kill(hubs.first.name)
    _copy(hubs.first.folder, tmp_path / "backup")
    await hubs.supervisor.start(hub)
    await hubs.log(hubs.first, "three")
    await hubs.cosigned(hubs.first, 3)

    hubs.supervisor.kill(hubs.first.name)
    # The chain would tell as well; the witness must be enough.
    hubs.supervisor.kill("chain")
    _copy(tmp_path / "backup", hubs.first.folder)
    with pytest.raises(StartFailed, match="cosigned size 3, the log has only 2: rolled back"):
        await hubs.supervisor.start(hub)


def _copy(source: Path, target: Path) -> None:
    """The database with what was not yet folded into it."""
    target.mkdir(exist_ok=True)
    for old in target.glob("hub.sqlite*"):
        old.unlink()
    for file in source.glob("hub.sqlite*"):
        shutil.copy2(file, target)
