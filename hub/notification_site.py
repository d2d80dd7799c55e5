"""Puts notifications and webhooks into a hub."""

from __future__ import annotations

from datetime import timedelta

from huilian_protocol.clock import Clock

from hub.ledger.service import LedgerService
from hub.notification.deliveries import Deliveries
from hub.notification.rpc import NotificationServicer
from hub.notification.sender import Sender
from hub.notification.service import Notifications
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.outbox import Outbox
from hub.platform.vault import KeyVault
from hub.running import Hub
from hub.settings import Settings


def join_notifications(
    settings: Settings,
    hub: Hub,
    database: Database,
    clock: Clock,
    outbox: Outbox,
    ledger: LedgerService,
    vault: KeyVault,
) -> None:
    """Whatever the log keeps about enterprises is told from now on to whom it concerns."""
    networks, keep = settings.webhook_networks, timedelta(days=settings.notifications_keep_days)
    notifications = Notifications(database, clock, outbox, networks, keep)
    ledger.when_appended(notifications.recorded)
    sender = Sender(networks, settings.webhook_ca_file)
    Deliveries(database, clock, outbox, notifications, sender, vault.signing_key, settings.origin)
    hub.workers["notifications"] = notifications.run
    hub.before_close.append(sender.close)
    hub.server.serve(NotificationServicer(notifications, Idempotency(database, clock)))
