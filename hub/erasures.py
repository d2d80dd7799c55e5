"""Who keeps what about persons, put together for erasure (`hub/main.py` serves it)."""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import Clock
from huilian_protocol.trust import TrustAnchors

from hub.accounting.erasure import AccountingErasure
from hub.consent.erasure import ConsentErasure
from hub.consent.service import ConsentService
from hub.convenience.erasure import ConvenienceErasure
from hub.exchange.erasure import ExchangeErasure
from hub.identity.erasure import ErasureService
from hub.identity.service import IdentityService
from hub.identity.store import IdentityStore
from hub.ledger.service import LedgerService
from hub.lending.erasure import LendingErasure
from hub.platform.database import Database
from hub.platform.vault import SubjectVault


def erasure_service(
    *,
    database: Database,
    clock: Clock,
    store: IdentityStore,
    persons: IdentityService,
    consents: ConsentService,
    ledger: LedgerService,
    vault: SubjectVault,
    trust: TrustAnchors,
    signing_key: Callable[[], ec.EllipticCurvePrivateKey],
    origin: str,
) -> ErasureService:
    """Erasure over every domain that keeps something about persons."""
    service = ErasureService(
        database=database,
        clock=clock,
        random_bytes=os.urandom,
        store=store,
        persons=persons,
        ledger=ledger,
        vault=vault,
        trust=trust,
        signing_key=signing_key,
        origin=origin,
    )
    # From the highest layer down: what names another domain's rows goes before those rows.
    service.register(
        LendingErasure(database),
        ConvenienceErasure(),
        ExchangeErasure(database, consents),
        ConsentErasure(database, consents),
        AccountingErasure(clock),
    )
    service.when_erased(ConsentErasure.forget)
    return service
