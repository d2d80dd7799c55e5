"""A read from the hub through the edge to the recipient, in the suite that the agency likes best of the recipient's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.sealing import Suite

from hub.exchange import catalogue as catalogue_module
from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.databases import ON_SQLITE
from tests.unit.hub.exchange.test_rotation import running

pytestmark = ON_SQLITE


async def test_the_agencys_favourite_decides_and_the_recipient_opens_it(
    database: Database, clock: FixedClock, ids: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_module, "FRESH_S", 0.0)
    root = ec.generate_private_key(ec.SECP256R1())
    async with running(database, clock, ids, tmp_path, Suite.XWING, root, [Suite.SM]) as site:
        consent, balances = await site.grant(), set()
        for favourites in ((Suite.SM, Suite.XWING), (Suite.XWING, Suite.SM), (Suite.X25519, Suite.SM), ()):
            monkeypatch.setitem(site.edge.upstream.manifest.__dict__, "suites", favourites)
            balances.add(await site.read(consent))
            chosen = next((suite for suite in favourites if suite is not Suite.X25519), Suite.XWING)
            assert json.loads(site.envelope)["suite"] == chosen.value
        assert len(balances) == 1
        monkeypatch.setitem(site.edge.upstream.manifest.__dict__, "suites", (Suite.X25519,))
        assert await site.code(consent) == "RECIPIENT_KEY_MISMATCH"
