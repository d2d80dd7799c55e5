"""`rotate chain-key` beside a hub that serves: anchors before and after, locks that stay ours, receipts that verify."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import coincurve
import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock, SandboxClock
from huilian_protocol.trust import TrustAnchors

from hub.keys import open_vault, published, rotate
from hub.ledger.claims.rules import ClaimState
from hub.platform.database import Database
from hub.platform.vault import KeyVault
from hub.settings import Settings, SettingsError
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import address_of
from ledger.contract.calls import KeyStatus
from ledger.merkle.checkpoint import LogSigner
from ledger.registry.fingerprints import InvoiceIdentity
from ledger.verify.receipt import check_receipt
from tests.support.databases import DatabaseMaker
from tests.unit.hub.ledger.ledger_support import ADMIN, CHAIN_ID, HubLedger, LiveChain, hub_ledger
from tests.unit.hub.ledger.test_fsck_command import _environment

INVOICE = InvoiceIdentity(
    "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", "26312000000000000001", 1_130_000, date(2026, 3, 2)
)


@dataclass
class Serving:
    """A hub with its workers running, and what it was started with."""

    settings: Settings
    vault: KeyVault
    hub: HubLedger
    contract: LedgerContract

    async def trust(self) -> TrustAnchors:
        """What a verifier pins after it was told `hub.main keys`."""
        value: dict[str, Any] = json.loads(self.settings.trust_anchors_file.read_text())
        return TrustAnchors.from_dict(value | {"hubs": [await published(self.settings)]})

    async def receipt(self, name: str) -> bytes:
        """Log a record and wait for its receipt."""
        await self.hub.append(name)
        await self.hub.sequencer.integrate()
        await self.hub.anchoring.anchor()
        return await self.hub.ledger.receipt(name)


@pytest_asyncio.fixture
async def serving(
    database_maker: DatabaseMaker, tmp_path: Path, chain: LiveChain, clock: FixedClock
) -> AsyncIterator[Serving]:
    url = await database_maker.new_url()
    settings = Settings.from_environment(_environment(tmp_path, url, chain))
    vault, _ = open_vault(settings)
    await deploy_contract(chain.url, ADMIN, [address_of(coincurve.PrivateKey(vault.chain_key()))])
    database = Database(url)
    await database.open()
    shared = SandboxClock(settings.state_dir / "clock.json")
    shared.set_offset(clock.now() - datetime.now(UTC))
    hub = hub_ledger(
        database,
        shared,
        chain.url,
        chain.contract,
        lambda: coincurve.PrivateKey(vault.chain_key()),
        receipt_key=vault.signing_key(),
        signer=LogSigner(settings.origin, vault.log_key()),
    )
    stop = asyncio.Event()
    worker = asyncio.create_task(hub.sender.run(stop))
    yield Serving(settings, vault, hub, LedgerContract(hub.rpc, CHAIN_ID, chain.contract))
    stop.set()
    await worker
    await hub.rpc.close()
    await database.close()


def _failed(receipt: bytes, trust: TrustAnchors) -> list[str]:
    # The records of these tests carry evidence of no kind that a verifier knows.
    return [check.name for check in check_receipt(receipt, trust) if not check.ok and check.name != "evidence"]


async def _claim(serving: Serving, claim_id: str) -> None:
    async with serving.hub.database.transaction():
        await serving.hub.claims.request(claim_id, INVOICE)
    await serving.hub.outbox.drain()


async def test_anchors_locks_and_receipts_survive_a_change_of_keys(serving: Serving) -> None:
    old = serving.hub.sender.address
    before = await serving.receipt("before")
    await _claim(serving, "claim-1")
    told = await rotate(serving.settings, "chain-key")
    assert (told["current"], told["retired"]) == (old, [])
    assert (await published(serving.settings))["chain_addresses_before"] == [told["next"]]
    between = await serving.receipt("between")
    done = await rotate(serving.settings, "chain-key")
    assert done == {"purpose": "chain-key", "current": told["next"], "next": None, "retired": [old]}
    after = await serving.receipt("after")
    assert serving.hub.sender.address == told["next"]
    for receipt in (before, between, after):
        assert _failed(receipt, await serving.trust()) == []
    assert (await serving.contract.hub_key(old)).status is KeyStatus.RETIRED
    await _claim(serving, "claim-2")
    assert await serving.hub.claims.state("claim-2") is ClaimState.FINANCED
    for claim_id in ("claim-1", "claim-2"):
        async with serving.hub.database.transaction():
            await serving.hub.claims.release(claim_id)
    await serving.hub.outbox.drain()
    await serving.hub.anchoring.check()


async def test_an_anchor_outside_its_keys_blocks_is_refused(serving: Serving) -> None:
    before = await serving.receipt("before")
    for _ in range(2):
        await rotate(serving.settings, "chain-key")
    after = json.loads(await serving.receipt("after"))
    epochs = (await published(serving.settings))["chain_epochs"]
    assert [epoch["until_block"] for epoch in epochs] == [epochs[1]["from_block"], None]
    assert json.loads(before)["anchor"]["block_number"] < epochs[1]["from_block"] <= after["anchor"]["block_number"]
    value = json.loads(serving.settings.trust_anchors_file.read_text())
    hub = await published(serving.settings)
    hub["chain_epochs"][0]["until_block"] = json.loads(before)["anchor"]["block_number"]
    assert _failed(before, TrustAnchors.from_dict(value | {"hubs": [hub]})) == ["anchor on the chain"]


async def test_a_second_change_and_a_step_that_is_repeated(serving: Serving) -> None:
    for number in range(4):
        await rotate(serving.settings, "chain-key")
        assert await serving.receipt(f"r{number}")
    assert len((await published(serving.settings))["chain_epochs"]) == 3


async def test_without_the_chain_the_step_is_left_for_later(serving: Serving) -> None:
    await rotate(serving.settings, "chain-key")
    away = serving.settings.model_copy(update={"chain_url": "http://127.0.0.1:1"})
    with pytest.raises(SettingsError, match="try again"):
        await rotate(away, "chain-key")
    assert serving.vault.next_chain_key() is not None
    await rotate(serving.settings, "chain-key")
    assert serving.vault.next_chain_key() is None


async def test_a_next_key_that_cannot_pay_is_named(serving: Serving) -> None:
    told = await rotate(serving.settings, "chain-key")
    fees = serving.settings.model_copy(update={"chain_profile": "consortium"})
    with pytest.raises(SettingsError, match=f"send at least [0-9]+ wei to {told['next']}"):
        await rotate(fees, "chain-key")
