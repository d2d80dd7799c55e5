"""Canary: what the person is called and what the agency says never shows in the hub's tables, files or logs."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from huilian_protocol.canonical import b64u_encode

from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.sandbox_server import Fault
from tests.support.tables import everything
from tests.unit.hub.exchange.conftest import Exchange


async def everything_kept(exchange: Exchange) -> bytes:
    """Every row of every table; on SQLite the raw files too, with what deleted rows left in them."""
    kept = str(await everything(exchange.database)).encode()
    if exchange.database.dialect == "sqlite":
        [row] = [row for row in await exchange.database.fetch("PRAGMA database_list") if row["name"] == "main"]
        file = Path(row["file"])
        kept += b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    return kept


def forms(value: str) -> list[bytes]:
    """The ways in which a value could be hidden in plain sight."""
    raw = value.encode()
    return [raw, raw.hex().encode(), b64u_encode(raw).encode(), value.encode("unicode_escape"), str(raw)[2:-1].encode()]


async def test_no_personal_value_stays_in_the_hub(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    consent = await exchange.grant()
    payload = exchange.opened(await exchange.fetch(1))
    for number, fault in enumerate((Fault.WRONG_PERSON, Fault.GARBAGE, Fault.DOWN), start=2):
        exchange.edge.upstream.faults.active = fault
        await exchange.refused(number)
    exchange.edge.upstream.faults.active = None
    exchange.clock.advance(timedelta(minutes=1))
    await exchange.revoke()
    await exchange.refused(9)

    canaries = [DEMO_BORROWER.name, DEMO_BORROWER.resident_id, b64u_encode(exchange.citizen.salt)]
    canaries += [str(payload["data"]["balance_fen"]), payload["data"]["employer_name"]]
    kept = await everything_kept(exchange)
    assert consent.artefact.id.encode() in kept, "the haystack is the right one"
    hub_logs = "\n".join(
        record.getMessage() + str(record.__dict__) for record in caplog.records if record.name.startswith("hub")
    )
    for canary in canaries:
        for form in forms(canary):
            assert form not in kept
            assert form.decode() not in hub_logs
