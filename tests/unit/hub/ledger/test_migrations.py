"""Schema steps of the ledger on filled tables: what was signed before the outbox, and a hold of before batches."""

from __future__ import annotations

import coincurve
import pytest
from tortoise.migrations.executor import MigrationTarget

from hub.ledger.chain.store import TransactionRow
from hub.ledger.chain.stored import ChainStore
from hub.ledger.claims.store import HoldRow
from hub.platform import migrations_runner
from hub.platform.database import Database
from ledger.anchor.outbox import TransactionState
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from tests.support.databases import DatabaseMaker

PACKAGES = ["hub.platform", "hub.ledger"]


@pytest.mark.parametrize("attempts", [0, 3])
async def test_a_hold_of_before_is_in_no_transaction(database_maker: DatabaseMaker, attempts: int) -> None:
    database = Database(await database_maker.empty_url(), PACKAGES)
    await database.open()
    try:
        before = [MigrationTarget("ledger", "0007_lease_wanted")]
        await migrations_runner.migrate(database._client(), database._apps, before)
        sql = "INSERT INTO ledger_hold (id, fingerprints, salt, state, attempts) VALUES ($1, $2, $3, $4, $5)"
        await database.execute(sql, "a" * 64, bytes(64), bytes(32), "WANTED", attempts)
        await database.migrate()
        hold = await HoldRow.get(id="a" * 64)
        assert (hold.deed, hold.state, bytes(hold.fingerprints)) == ("", "WANTED", bytes(64))
    finally:
        await database.close()


KEY, CONTRACT = coincurve.PrivateKey(b"\x05" * 32), b"\xc0" * 20
BEFORE_OUTBOX = "0002_subject_chains"
_INSERT = (
    "INSERT INTO ledger_transaction (purpose, nonce, raw_transaction, hash, state, block_number, block_hash)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
# As a hub of before left them: two final, one mined, one sent, one only signed.
STATES = ("SUCCEEDED", "REVERTED", "MINED", "SENT", "PREPARED")


def _signed(nonce: int) -> bytes:
    size = nonce + 1
    return Transaction(1, nonce, 10**9, 150_000, CONTRACT, 0, calls.anchor(bytes([size]) * 32, size)).sign(KEY)


async def test_what_was_signed_before_the_outbox_keeps_its_nonce_bytes_and_block(
    database_maker: DatabaseMaker,
) -> None:
    database = Database(await database_maker.empty_url(), PACKAGES)
    await database.open()
    try:
        before = [MigrationTarget("ledger", BEFORE_OUTBOX)]
        await migrations_runner.migrate(database._client(), database._apps, before)
        for nonce, state in enumerate(STATES):
            block = (7 + nonce, "0x" + "b" * 64) if nonce < 2 else (None, None)
            await database.execute(
                _INSERT, f"anchor:{nonce + 1}", nonce, _signed(nonce), f"0x{nonce:064x}", state, *block
            )
        await database.migrate()
        rows = await TransactionRow.all().order_by("nonce")
        assert [row.state for row in rows] == [*STATES[:-1], "SIGNED"]
        for nonce, row in enumerate(rows):
            assert (row.nonce, row.sender, row.contract) == (nonce, address_of(KEY), "0x" + CONTRACT.hex())
            assert (bytes(row.raw_transaction or b""), row.gas_limit, row.gas_price) == (_signed(nonce), 150_000, 10**9)
            assert bytes(row.call_data) == calls.anchor(bytes([nonce + 1]) * 32, nonce + 1)
        store = ChainStore(database)
        settled = await store.settled("anchor:1")
        assert settled is not None and (settled.raw, settled.block_number) == (_signed(0), 7)
        # Whatever was under way goes on: the same bytes, in the order of the nonces.
        open_ones = await store.unsettled()
        assert [(one.nonce, one.state) for one in open_ones] == [
            (2, TransactionState.MINED),
            (3, TransactionState.SENT),
            (4, TransactionState.SIGNED),
        ]
        assert [one.variants[0].raw for one in open_ones] == [_signed(nonce) for nonce in (2, 3, 4)]
    finally:
        await database.close()
