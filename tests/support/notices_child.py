"""A hub process that writes consent notices: `python -m tests.support.notices_child URL NAME COUNT`."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime

from hub.consent.store import ConsentStore, NoticeRow
from hub.platform.database import Database


async def main(url: str, name: str, count: int) -> None:
    """Write so many, holding some transactions open for a moment, and rolling some back."""
    database, rng = Database(url), random.Random(name)
    await database.open()
    store = ConsentStore(database)
    written = 0
    while written < count:
        try:
            async with database.transaction():
                cursor = await store.next_cursor()
                row = NoticeRow(cursor=cursor, consent_id=f"{name}-{written}", change="REVOKED", version=1)
                row.at = datetime.now(UTC)
                await store.add_notice(row)
                await asyncio.sleep(rng.choice([0, 0, 0.003]))
                if rng.random() < 0.1:
                    raise InterruptedError
        except InterruptedError:
            continue
        written += 1
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
