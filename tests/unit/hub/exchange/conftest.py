"""The exchange on a real database, before a real edge over mTLS with its sandbox agency."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import PurposeList
from huilian_protocol.sealing import open_sealed, payload_info

from connectors.kit.sandbox_people import DEMO_BORROWER
from hub.consent.rules import Terms
from hub.consent.service import Consent, ConsentService
from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.resilience import Limits
from hub.exchange.rules import Read
from hub.exchange.service import ExchangeService
from hub.exchange.settlement import Delivery
from hub.ledger.service import LedgerService, StoredRecord
from hub.ledger.subjects.desk import ChainExports
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.vault import SubjectVault, Wrapping
from tests.support.consents import LENDING, Citizen, World
from tests.support.edge import RunningEdge, running_edge
from tests.support.funds import NoFunds
from tests.support.tables import dump

CONSENT, DATASET = "consent-00000001", "housing_fund.account/v1"
FIELDS = ("balance_fen", "employer_name")
YEAR = Period("2025-03", "2026-02")


@dataclass
class Exchange:
    """The exchange with everything around it."""

    service: ExchangeService
    consents: ConsentService
    connector: Connector
    edge: RunningEdge
    database: Database
    clock: FixedClock
    world: World
    citizen: Citizen
    vault: SubjectVault

    async def grant(self, consent_id: str = CONSENT, **changes: Any) -> Consent:
        """A granted consent for the usual dataset."""
        terms = Terms(
            purpose="LOAN_APPLICATION",
            recipient=LENDING,
            datasets=(DatasetGrant(DATASET, FIELDS, YEAR),),
            max_reads=3,
            data_life_days=30,
            valid_until=self.clock.now() + timedelta(days=30),
        )
        datasets, subject = await self.service.catalogue.datasets([DATASET]), self.citizen.subject
        async with self.database.transaction():
            prepared = await self.consents.prepare(subject, consent_id, replace(terms, **changes), datasets)
        signed = self.citizen.device.sign(prepared.artefact.sha256)
        sealed = {"housing_fund": self.citizen.sealed_to("housing_fund", self.edge.keys.sealing.public, consent_id)}
        async with self.database.transaction():
            return await self.consents.grant(subject, prepared.artefact_bytes, signed, sealed)

    async def revoke(self, consent_id: str = CONSENT) -> None:
        """Revoke it at the hub; the edge has not heard of it yet."""
        async with self.database.transaction():
            await self.consents.revoke(self.citizen.subject, consent_id)

    async def fetch(self, number: int = 1, *, by: str = LENDING, **changes: Any) -> Delivery:
        """One read by the recipient."""
        read = Read(f"request-{number:08d}", CONSENT, DATASET, FIELDS, YEAR)
        return await self.service.fetch(by, replace(read, **changes))

    async def refused(self, number: int = 1, **changes: Any) -> str:
        """The code with which a read was refused."""
        with pytest.raises(HuilianError) as refusal:
            await self.fetch(number, **changes)
        return refusal.value.code

    def opened(self, delivery: Delivery, number: int = 1, fields: tuple[str, ...] = FIELDS) -> Mapping[str, Any]:
        """What the recipient alone can see."""
        artefact = delivery.artefact
        info = payload_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            dataset=DATASET,
            fields=fields,
            recipient=LENDING,
            request_id=f"request-{number:08d}",
        )
        payload: dict[str, Any] = json.loads(
            open_sealed(delivery.envelope, self.world.recipients[LENDING].private, info)
        )
        return payload

    async def records(self) -> list[StoredRecord]:
        """The person's access records, newest first."""
        return list((await self.service.access_records(self.citizen.subject, "", 200)).records)

    async def outcomes(self) -> list[str]:
        """Their outcomes, oldest first."""
        return [access.content["outcome"] for access in reversed(await self.records())]

    async def used(self) -> int:
        """Reads counted so far."""
        rows = await self.database.fetch("SELECT used FROM exchange_quota")
        return int(rows[0]["used"]) if rows else 0

    async def tables(self) -> dict[str, list[str]]:
        """Everything the exchange keeps."""
        return await dump(self.database, "exchange_read", "exchange_quota", "ledger_leaf")


@pytest_asyncio.fixture
async def exchange(database: Database, clock: FixedClock, ids: Ids, tmp_path: Path) -> AsyncIterator[Exchange]:
    world = World()
    vault = SubjectVault(database, Wrapping(os.urandom(32), os.urandom), os.urandom, clock)
    citizen = world.citizen(1, DEMO_BORROWER.name, DEMO_BORROWER.resident_id)
    ledger = LedgerService(database, clock, os.urandom, vault, lambda: world.hub_key, 1, "0x" + "22" * 20)
    consents = ConsentService(
        database=database,
        clock=clock,
        purposes=PurposeList.published(),
        persons=world,
        recipients=world,
        ledger=ledger,
        trust=world.trust,
        signing_key=lambda: world.hub_key,
    )
    async with running_edge(world.trust, clock, tmp_path / "edge") as edge:
        connector = Connector("housing_fund", edge.channel(), clock, Limits(concurrent_calls=64))
        service = ExchangeService(
            database=database,
            clock=clock,
            ids=ids,
            consents=consents,
            catalogue=Catalogue([connector]),
            recipients=world,
            ledger=ledger,
            exports=ChainExports(database, clock, os.urandom, vault, ledger),
            funds=NoFunds(),
            vault=vault,
        )
        yield Exchange(service, consents, connector, edge, database, clock, world, citizen, vault)
        await service.drain()
        await connector.close()
