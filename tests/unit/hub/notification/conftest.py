"""Notifications with a receiver that answers as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.jose import thumbprint
from huilian_protocol.webhook import WebhookEvent, verify_webhook

from hub.notification.deliveries import Deliveries
from hub.notification.service import Notifications
from hub.notification.stored import Notification
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from tests.unit.hub.receivables import trade

SUPPLIER, BUYER = trade.SUPPLIER, trade.BUYER
URL = "https://erp.example.com/huilian"


@dataclass
class Receiver:
    """A partner's address: checks every signature, answers `answers` in turn, then 204."""

    clock: FixedClock
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.derive_private_key(11, ec.SECP256R1()))
    answers: list[str] = field(default_factory=list)
    got: list[WebhookEvent] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        public = self.key.public_key()
        self.got.append(verify_webhook({thumbprint(public): public}, url, headers, body, self.clock.now()))
        self.bodies.append(body)
        return self.answers.pop(0) if self.answers else "204"


@dataclass
class World:
    database: Database
    clock: FixedClock
    outbox: Outbox
    service: Notifications
    receiver: Receiver

    async def record(self, record_type: str, record_id: str, **content: Any) -> None:
        """The log keeps a record."""
        async with self.database.transaction():
            await self.service.recorded(record_type, record_id, content)

    async def overdue(self, number: int = 1) -> None:
        name = f"receivable-{number}"
        await self.record("receivable.overdue", f"receivable-overdue:{name}", parties=[SUPPLIER], receivable_id=name)

    async def register(self, party: str = SUPPLIER, webhook_id: str = "webhook-1", url: str = URL) -> None:
        async with self.database.transaction():
            await self.service.register(party, webhook_id, url)

    async def told(self, party: str = SUPPLIER) -> list[Notification]:
        page, _ = await self.service.page(party, only_unread=False, size=200, token="")
        return list(page.items)


@pytest.fixture
def database_packages() -> list[str]:
    return ["hub.platform", "hub.notification"]


@pytest.fixture
def world(database: Database, clock: FixedClock) -> Iterator[World]:
    outbox, receiver = Outbox(database, clock), Receiver(clock)
    service = Notifications(database, clock, outbox)
    Deliveries(database, clock, outbox, service, receiver, lambda: receiver.key, "bank.example")
    yield World(database, clock, outbox, service, receiver)
