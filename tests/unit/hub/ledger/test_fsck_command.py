"""`python -m hub.ledger.fsck` as a process: what it prints and its exit status."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import coincurve
from huilian_protocol.clock import FixedClock

from hub.keys import open_vault
from hub.ledger.log.store import TileRow
from hub.platform.database import Database
from hub.settings import Settings
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import Transaction, address_of
from ledger.merkle.checkpoint import LogSigner
from tests.support.databases import ON_SQLITE, DatabaseMaker
from tests.unit.hub.ledger.ledger_support import ADMIN, CHAIN_ID, LiveChain, hub_ledger
from tests.unit.protocol import world

ROOT = Path(__file__).resolve().parents[4]


def _environment(folder: Path, database: str, chain: LiveChain) -> dict[str, str]:
    trust = world.trust_dict() | {"chain": {"chain_id": CHAIN_ID, "contract": chain.contract}}
    (folder / "trust.json").write_text(json.dumps(trust))
    return {
        "HUILIAN_MODE": "sandbox",
        "HUILIAN_ORIGIN": "hub-a.example",
        "HUILIAN_STATE_DIR": str(folder / "state"),
        "HUILIAN_DATABASE_URL": database,
        "HUILIAN_TLS_CERTIFICATE_FILE": "hub.pem",
        "HUILIAN_TLS_KEY_FILE": "hub.key",
        "HUILIAN_TLS_CA_FILE": "ca.pem",
        "HUILIAN_TRUST_ANCHORS_FILE": str(folder / "trust.json"),
        "HUILIAN_IDENTITY_AUTHORITY": "127.0.0.1:1",
        "HUILIAN_CHAIN_URL": chain.url,
    }


async def _fsck(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}", "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub.ledger.fsck", *arguments),
        cwd=ROOT,
        env=environment | paths,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


@ON_SQLITE
async def test_exit_status_and_text(
    database_maker: DatabaseMaker, tmp_path: Path, chain: LiveChain, clock: FixedClock
) -> None:
    url = await database_maker.new_url()
    environment = _environment(tmp_path, url, chain)
    vault, _ = open_vault(Settings.from_environment(environment))
    key = coincurve.PrivateKey(vault.chain_key())
    nonce = chain.chain.machine.nonce(address_of(ADMIN))
    to = bytes.fromhex(address_of(key)[2:])
    chain.chain.submit(Transaction(CHAIN_ID, nonce, 10**9, 21_000, to, 10**20, b"").sign(ADMIN))
    await deploy_contract(chain.url, ADMIN, [address_of(key)])
    database = Database(url)
    await database.open()
    signer = LogSigner("hub-a.example", vault.log_key())
    hub = hub_ledger(database, clock, chain.url, chain.contract, key, signer=signer)
    await hub.append("one")
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()
    assert await _fsck(environment) == (
        0,
        "一致 clean: 1 records, 1 tiles, 1 checkpoints, 0 cosignatures, 0 witnesses, 1 anchors on the chain\n",
        "",
    )
    await TileRow.filter(id="0/0").update(data=bytes(32))
    await hub.rpc.close()
    await database.close()
    status, output, _ = await _fsck(environment)
    assert status == 1
    assert output.startswith("ledger_tile 0/0 index 0: hash 0 of the tile: expected ")
    away = environment | {"HUILIAN_CHAIN_URL": "http://127.0.0.1:1"}
    status, output, errors = await _fsck(away)
    assert (status, output) == (2, "")
    assert "the chain: ChainUnavailable" in errors
    status, output, _ = await _fsck(away, "--without-chain")
    assert status == 1
    assert "the chain was left out" in output
