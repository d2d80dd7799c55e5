"""The database refuses by itself what no code may write: each invariant is tried with a plain statement."""

from __future__ import annotations

import pytest
from tortoise.exceptions import IntegrityError

from hub.receivables.certificates.store import CertificateRow
from hub.receivables.store import ReceivableRow
from tests.unit.hub.receivables.world import World

BAD_RECEIVABLES = [
    "issued_fen = amount_fen + 1",
    "issued_fen = -1",
    "redeemed_fen = issued_fen + 1",
    "redeemed_fen = -1",
    "amount_fen = 0",
    "state = 'CONFIRMED'",
    "confirmed_at = NULL",
    "invoice_key = NULL",
]
BAD_CERTIFICATES = [
    "amount_fen = 0",
    "state = 'FINANCED'",
    "state = 'BLOCKED'",
    "receivable_id = 'no-such-receivable'",
    "parent_id = 'no-such-certificate'",
]


@pytest.mark.parametrize("change", BAD_RECEIVABLES)
async def test_no_receivable_breaks_its_bounds(world: World, change: str) -> None:
    await world.held(amount_fen=100)
    with pytest.raises(IntegrityError):
        await world.run(lambda: world.database.execute(f"UPDATE receivables_receivable SET {change}"))


@pytest.mark.parametrize("change", BAD_CERTIFICATES)
async def test_no_certificate_breaks_its_bounds(world: World, change: str) -> None:
    await world.held(amount_fen=100)
    with pytest.raises(IntegrityError):
        await world.run(lambda: world.database.execute(f"UPDATE receivables_certificate SET {change}"))


async def test_one_invoice_is_owned_once(world: World) -> None:
    await world.matched("1")
    await world.matched("2")
    first = await ReceivableRow.all().order_by("invoice_document_id").first()
    assert first is not None
    for column in ("invoice_key", "invoice_document_id"):
        taken = getattr(first, column)
        sql = f"UPDATE receivables_receivable SET {column} = $1 WHERE {column} <> $1"
        with pytest.raises(IntegrityError):
            await update(world, sql, taken)


async def update(world: World, sql: str, value: str) -> None:
    statement = sql if world.database.dialect == "postgres" else sql.replace("$1", f"'{value}'")
    values = (value,) if world.database.dialect == "postgres" else ()
    await world.run(lambda: world.database.execute(statement, *values))


async def test_a_place_among_the_outputs_is_taken_once(world: World) -> None:
    await world.held(amount_fen=100)
    parts = [("certificate-a", 60), ("certificate-b", 40)]
    split = world.service.certificates.split
    holder = (await world.service.get_certificate("certificate-1")).holder_uscc
    await world.run(lambda: split(holder, "certificate-1", parts))
    with pytest.raises(IntegrityError):
        await world.run(lambda: world.database.execute("UPDATE receivables_certificate SET output_index = 0"))


async def test_what_was_issued_cannot_be_deleted_under_its_outputs(world: World) -> None:
    await world.held(amount_fen=100)
    with pytest.raises(IntegrityError):
        await world.run(lambda: world.database.execute("DELETE FROM receivables_receivable"))
    assert await CertificateRow.all().count() == 1


async def test_one_version_of_a_document_is_current(world: World) -> None:
    await world.matched()
    columns = "buyer_uscc, document_id, kind, erp_state, content, content_sha256, imported_at"
    copy = (
        f"INSERT INTO receivables_document ({columns}, version, is_current)"
        f" SELECT {columns}, version + 1, is_current FROM receivables_document"
    )
    with pytest.raises(IntegrityError):
        await world.run(lambda: world.database.execute(copy))
    await world.run(lambda: world.database.execute(copy.replace("1, is_current FROM", "1, 1 = 0 FROM")))
