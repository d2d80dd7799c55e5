"""`python -m hub.main close-day YYYY-MM-DD`: closes a business day beside a hub that serves, on all cores."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from typing import Any

from huilian_protocol.clock import SystemClock
from huilian_protocol.errors import HuilianError

from hub.accounting.closing import Closes
from hub.accounting.service import EmbeddedBook
from hub.lending.accruals.day_close import DayCloser, reckon_in
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from hub.settings import Settings, sandbox_clock

TOLD = ("state", "batches", "loans", "accrued_fen", "debit_fen", "credit_fen")


async def close_day(settings: Settings, text: str) -> dict[str, Any]:
    """Closes the day to its end and answers how it went. Killed, it is taken up by the next call.

    Raises ValueError for a day that cannot be closed: none, not over, or behind one that is open.
    """
    day, clock = date.fromisoformat(text), sandbox_clock(settings) or SystemClock()
    database = Database(settings.database)
    await database.open()
    try:
        await database.migrate()
        # Spawned, not forked: this process has threads.
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            days = Closes(database, clock, EmbeddedBook(database, clock))
            close = await DayCloser(database, Outbox(database, clock), days, reckon_in(pool)).close(day)
    except HuilianError as error:
        raise ValueError(str(error)) from error
    finally:
        await database.close()
    told = {
        name: getattr(close, name) for name in ("state", "batches", "loans", "accrued_fen", "debit_fen", "credit_fen")
    }
    return {"business_day": text, **told}
