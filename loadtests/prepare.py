"""`python -m loadtests.prepare FOLDER`: one more trade on the running sandbox in FOLDER; prints its certificates.

A process of its own, because the SDK's event loop and locust's gevent do not share one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from deploy.pki import SitePki
from deploy.site import Site
from loadtests.trade import PARTS_AT_MOST, make_trade


async def prepare(folder: Path) -> list[str]:
    """Ids of certificates that the supplier holds, each over the same amount; everybody gets a TLS certificate."""
    site = Site(folder, SitePki(folder / "pki", datetime.now(UTC)))
    trade = await make_trade(site, site.hub("hub-a"), PARTS_AT_MOST)
    for party in (trade.supplier, trade.second):
        site.pki.issue(party.uscc)
    return list(trade.certificate_ids)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(prepare(Path(sys.argv[1])))) + "\n")
