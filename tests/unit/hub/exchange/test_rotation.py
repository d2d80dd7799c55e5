"""Every key rotates while persons' data are being read: nobody is refused who was not to be refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.purposes import PurposeList
from huilian_protocol.recipient_keys import MAX_DAYS, read_statement, sign_statement
from huilian_protocol.sealing import Suite, open_sealed, payload_info
from huilian_protocol.trust import TrustFile

from connectors.kit.keys import load_edge_keys, published
from connectors.kit.sandbox_people import DEMO_BORROWER
from hub.consent.rules import RecipientKey, Terms
from hub.consent.service import ConsentService
from hub.exchange import catalogue as catalogue_module
from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.resilience import Limits
from hub.exchange.rules import Read
from hub.exchange.service import ExchangeService
from hub.ledger.service import LedgerService
from hub.ledger.subjects.desk import ChainExports
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.vault import KeyVault, SubjectVault, Wrapping
from tests.support.consents import LENDING, Citizen, World
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.edge import RunningEdge, running_edge
from tests.support.funds import NoFunds
from tests.unit.protocol.world import trust_dict

pytestmark = ON_SQLITE

DATASET, FIELDS, YEAR = "housing_fund.account/v1", ("balance_fen",), Period("2025-03", "2026-02")
RING = f"sealing.{LENDING}"


class VaultRecipients:
    """The port `Recipients` on the vault's own keys; with a root, as it last stated them."""

    def __init__(self, vault: KeyVault, clock: FixedClock, root: ec.EllipticCurvePrivateKey | None) -> None:
        self._vault, self._clock, self._root = vault, clock, root
        self.statement = ""
        self.state()

    def state(self) -> None:
        """Have the root sign what keys the recipient has now: the present one of each suite."""
        if self._root is not None:
            now, suites = self._clock.now(), len(self._vault.sealing_rings(LENDING))
            present = self._vault.sealing_keys(LENDING)[:suites]
            self.statement = sign_statement(self._root, LENDING, present, now, now + timedelta(days=MAX_DAYS))

    def recipient_key(self, recipient_id: str, sealing_key_id: str | None = None) -> RecipientKey:
        if sealing_key_id is None and self.statement:
            first = self.recipient_key(recipient_id, read_statement(self.statement).keys[0].id)
            return replace(first, statement=self.statement)
        for key in self._vault.sealing_keys(recipient_id):
            if sealing_key_id in {None, key.id}:
                return RecipientKey(recipient_id, key.suite, key.public_key)
        raise HuilianError("RECIPIENT_KEY_MISMATCH")


@dataclass
class Site:
    """A hub with its vault and an edge that follows a trust file."""

    vault: KeyVault
    masters: list[bytes]
    subjects: SubjectVault
    consents: ConsentService
    service: ExchangeService
    edge: RunningEdge
    database: Database
    clock: FixedClock
    citizen: Citizen
    trust: Callable[[list[ec.EllipticCurvePublicKey], dict[str, Any]], None]
    world: World
    recipients: VaultRecipients
    number: int = 0
    envelope: bytes = b""

    def pin(self) -> None:
        """Write the key sets that hub and edge publish now into the trust file."""
        self.trust(list(self.vault.signing_keys()), published(self.edge.keys))

    async def grant(self) -> str:
        """A fresh consent for many reads, its identity sealed to the edge's present key."""
        self.number += 1
        name, subject = f"consent-{self.number:08d}", self.citizen.subject
        grant = DatasetGrant(DATASET, FIELDS, YEAR)
        terms = Terms("LOAN_APPLICATION", LENDING, (grant,), 24, 30, self.clock.now() + timedelta(days=30))
        datasets = await self.service.catalogue.datasets([DATASET])
        async with self.database.transaction():
            prepared = await self.consents.prepare(subject, name, terms, datasets)
        signed = self.citizen.device.sign(prepared.artefact.sha256)
        keys = self.edge.keys
        envelope = self.citizen.sealed_to("housing_fund", keys.sealing.public, name, keys.sealing_suite)
        async with self.database.transaction():
            await self.consents.grant(subject, prepared.artefact_bytes, signed, {"housing_fund": envelope})
        return name

    async def read(self, consent_id: str) -> int:
        """Read once and open it as the recipient does; the balance."""
        self.number += 1
        read = Read(f"request-{self.number:08d}", consent_id, DATASET, FIELDS, YEAR)
        delivery = await self.service.fetch(LENDING, read)
        info = payload_info(
            consent_sha256=delivery.artefact.sha256,
            purpose=delivery.artefact.purpose.code,
            dataset=DATASET,
            fields=FIELDS,
            recipient=LENDING,
            request_id=read.request_id,
        )
        self.envelope = delivery.envelope
        opened = open_sealed(delivery.envelope, lambda sealed_to: self.vault.opening_key(LENDING, sealed_to), info)
        return int(json.loads(opened)["data"]["balance_fen"])

    async def code(self, consent_id: str) -> str:
        """How a read is refused."""
        with pytest.raises(HuilianError) as refusal:
            await self.read(consent_id)
        return refusal.value.code


@asynccontextmanager
async def running(
    database: Database,
    clock: FixedClock,
    ids: Ids,
    folder: Path,
    suite: Suite,
    root: ec.EllipticCurvePrivateKey | None = None,
    more: Sequence[Suite] = (),
) -> AsyncIterator[Site]:
    """With a `root`, which the edge pins, the recipient states its keys: of `suite` and, after it, of `more`."""
    world, masters = World(), [os.urandom(32)]
    wrapping = Wrapping(lambda: masters, os.urandom)
    vault = KeyVault(folder / "keys", wrapping, os.urandom, suite, more)
    recipients = VaultRecipients(vault, clock, root)
    subjects = SubjectVault(database, wrapping, os.urandom, clock)
    citizen = world.citizen(1, DEMO_BORROWER.name, DEMO_BORROWER.resident_id)
    ledger = LedgerService(database, clock, os.urandom, subjects, vault.signing_key, 1, "0x" + "22" * 20)
    anchors = folder / "trust.json"

    def pin(keys: list[ec.EllipticCurvePublicKey], agency: dict[str, Any]) -> None:
        value = trust_dict() | {"agencies": {"housing_fund": agency}}
        value["identity_authority_keys"] = keys_to_jwks([*world.trust.identity_authority_keys.values()])
        value["hubs"][0]["signing_keys"] = keys_to_jwks(keys)
        if root is not None:
            value["recipients"] = {LENDING: keys_to_jwks([root.public_key()])}
        (folder / "fresh.json").write_text(
            json.dumps(value | {"rp_id": world.trust.rp_id, "origin": world.trust.origin})
        )
        (folder / "fresh.json").replace(anchors)

    pin(list(vault.signing_keys()), published(load_edge_keys(folder / "edge", suite)))
    trust = TrustFile(anchors)
    consents = ConsentService(
        database=database,
        clock=clock,
        purposes=PurposeList.published(),
        persons=world,
        recipients=recipients,
        ledger=ledger,
        trust=lambda: world.trust,
        signing_key=vault.signing_key,
    )
    async with running_edge(trust, clock, folder / "edge", suite=suite) as edge:
        connector = Connector("housing_fund", edge.channel(), clock, Limits(concurrent_calls=64))
        service = ExchangeService(
            database=database,
            clock=clock,
            ids=ids,
            consents=consents,
            catalogue=Catalogue([connector], trust),
            recipients=recipients,
            ledger=ledger,
            exports=ChainExports(database, clock, os.urandom, subjects, ledger),
            funds=NoFunds(),
            vault=subjects,
        )
        served = (consents, service, edge, database, clock, citizen, pin, world, recipients)
        yield Site(vault, masters, subjects, *served)
        await service.drain()
        await connector.close()


def _signing(site: Site) -> None:
    site.vault.rotate("signing.hub")
    site.pin()
    site.vault.rotate("signing.hub")


def _sealing(site: Site) -> None:
    site.vault.rotate(RING)
    site.vault.rotate(RING)


def _master(site: Site) -> None:
    site.masters.insert(0, os.urandom(32))
    assert site.vault.rewrap() > 0


def _edge_sealing(site: Site) -> None:
    site.edge.keys.rotate("sealing")
    site.pin()
    site.edge.keys.rotate("sealing")


def _edge_signing(site: Site) -> None:
    site.edge.keys.rotate("signing")
    site.pin()
    site.edge.keys.rotate("signing")


def _authority(site: Site) -> None:
    site.world.rotate_authority()
    site.pin()
    site.world.rotate_authority()
    site.citizen = site.world.bind(site.citizen)


@ON_BOTH
@pytest.mark.parametrize("rotate", [_signing, _sealing, _master, _edge_sealing, _edge_signing, _authority])
async def test_reads_go_on_while_a_key_rotates(
    rotate: Callable[[Site], None],
    database: Database,
    clock: FixedClock,
    ids: Ids,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue_module, "FRESH_S", 0.0)
    async with running(database, clock, ids, tmp_path, Suite.XWING) as site:
        older, begun, done, read = await site.grant(), asyncio.Event(), asyncio.Event(), 0

        async def reading() -> int:
            balances: set[int] = set()
            reads, consent = 0, older
            while not done.is_set() or reads < 4:
                balances.add(await site.read(consent))
                reads += 1
                begun.set()
                if reads % 20 == 0:
                    consent = await site.grant()
            assert len(balances) == 1
            return reads

        reader = asyncio.create_task(reading())
        try:
            await begun.wait()
            await asyncio.to_thread(rotate, site)
            if rotate is _master:
                assert await site.subjects.rewrap() == 1
            newer = await site.grant()
            assert await site.read(newer) == await site.read(older)
            done.set()
            read = await reader
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
        assert read >= 4
        if rotate is _master:
            del site.masters[1:]
            assert await site.read(newer) > 0, "the older master key is needed no longer"
            assert (site.vault.rewrap(), await site.subjects.rewrap()) == (0, 0)


async def test_an_edge_refuses_a_hub_key_until_it_is_pinned_and_after_it_was_withdrawn(
    database: Database, clock: FixedClock, ids: Ids, tmp_path: Path
) -> None:
    async with running(database, clock, ids, tmp_path, Suite.XWING) as site:
        first = await site.grant()
        assert await site.read(first) > 0
        site.vault.rotate("signing.hub")
        site.vault.rotate("signing.hub")
        second = await site.grant()
        assert await site.code(second) == "COUNTERSIGNATURE_INVALID"
        (tmp_path / "trust.json").write_text("{")
        assert await site.read(first) > 0, "a broken file leaves what was pinned"
        site.pin()
        assert await site.read(second) > 0 and await site.read(first) > 0
        site.trust([site.vault.signing_key().public_key()], published(site.edge.keys))
        assert await site.read(second) > 0
        assert await site.code(first) == "COUNTERSIGNATURE_INVALID"


async def test_x25519_from_end_to_end(database: Database, clock: FixedClock, ids: Ids, tmp_path: Path) -> None:
    async with running(database, clock, ids, tmp_path, Suite.X25519) as site:
        [key] = site.vault.sealing_keys(LENDING)
        assert (key.suite, len(key.public_key)) == (Suite.X25519, 32)
        assert published(site.edge.keys)["sealing_keys"][0]["suite"] == "x25519"
        consent = await site.grant()
        assert (await site.consents.find(consent)).artefact.recipient.suite is Suite.X25519
        assert await site.read(consent) > 0
        [record] = (await site.service.access_records(site.citizen.subject, "", 5)).records
        assert (record.content["outcome"], record.content["suite"]) == ("DELIVERED", "x25519")
