"""A company that is registered with the hub but not agreed to by the business registry signs nothing there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.onboarding.ports import RegistryEntry, RegistryStatus
from hub.onboarding.rechecks import RECHECK_AFTER, Rechecks
from hub.onboarding.states import VerificationState
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.receivables.service import ConfirmationDomain, ReceivablesService
from hub.receivables.states import ReceivableState
from tests.unit.hub.onboarding.test_onboarding import APPLICANT, GOOD, digest, refused
from tests.unit.hub.onboarding.test_onboarding import World as Onboarding
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import CA_PEM, CHAIN_ID, CONTRACT
from tests.unit.hub.receivables.world import World as TradeWorld

BUYER_ENTRY = replace(GOOD, name="沙盒买方")
BUYER = replace(APPLICANT, uscc=trade.BUYER, name="沙盒买方")
STRUCK_OFF = replace(BUYER_ENTRY, status=RegistryStatus.REVOKED)


@pytest.fixture
def database_packages() -> None:
    """Every domain's tables: receivables are confirmed here."""


@pytest.fixture
def onboarding(database: Database, clock: FixedClock) -> Onboarding:
    world = Onboarding(database, clock)
    world.registry.entry = BUYER_ENTRY
    return world


@pytest.fixture
def rechecks(onboarding: Onboarding, clock: FixedClock) -> Rechecks:
    return Rechecks(onboarding.database, clock, onboarding.registry, lambda size: b"r" * size)


class RealMandates(TradeWorld):
    """Receivables with the real onboarding behind them; the companies are registered with a certified key."""

    def bind(self, onboarding: Onboarding) -> None:
        self.service = ReceivablesService(
            database=self.database,
            clock=self.clock,
            ids=self.ids,
            ledger=self.log,
            enterprises=self.directory,
            erps=self.erps,
            tax=self.erps.tax,
            mandates=onboarding.service,
            domain=ConfirmationDomain(CHAIN_ID, CONTRACT, CA_PEM),
        )


async def test_a_registered_company_confirms_only_once_it_is_verified(
    onboarding: Onboarding, rechecks: Rechecks, clock: FixedClock, ids: Ids
) -> None:
    world = RealMandates(onboarding.database, clock, ids)
    world.bind(onboarding)
    await world.directory.require_registered(trade.BUYER)
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    await refused("STATE_CONFLICT", world.confirm(message))
    await onboarding.verify(BUYER)
    assert (await world.confirm(message)).state is ReceivableState.CONFIRMED
    clock.advance(RECHECK_AFTER + timedelta(minutes=1))
    onboarding.registry.entry = STRUCK_OFF
    assert await rechecks.round() == 1
    issue = world.service.certificates.issue
    await refused(
        "STATE_CONFLICT", world.run(lambda: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))
    )


@pytest.mark.parametrize(
    ("entry", "reasons"),
    [
        (None, ["NOT_REGISTERED"]),
        (STRUCK_OFF, ["REVOKED"]),
        (replace(BUYER_ENTRY, status=RegistryStatus.ABNORMAL), ["ABNORMAL"]),
        (replace(BUYER_ENTRY, name="沙盒新名"), ["NAME_DIFFERS"]),
    ],
)
async def test_who_was_struck_off_since_is_refused_within_a_day(
    onboarding: Onboarding, rechecks: Rechecks, clock: FixedClock, entry: RegistryEntry | None, reasons: list[str]
) -> None:
    await onboarding.verify(BUYER)
    onboarding.registry.entry = entry
    clock.advance(RECHECK_AFTER - timedelta(minutes=1))
    assert await rechecks.round() == 0
    clock.advance(timedelta(minutes=2))
    assert await rechecks.round() == 1
    row = await onboarding.service.verification(trade.BUYER)
    assert (row.state, row.reasons) == (VerificationState.REFUSED, reasons)
    act = onboarding.service.require_mandate(trade.BUYER, Power.CONFIRM, "receivable-1", 1)
    with pytest.raises(HuilianError, match="STATE_CONFLICT") as refusal:
        await act
    assert refusal.value.params["state"] == "ENTERPRISE_NOT_VERIFIED"
    # Nothing but a new comparison, with the legal person, lifts it.
    onboarding.registry.entry = BUYER_ENTRY
    clock.advance(2 * RECHECK_AFTER)
    assert await rechecks.round() == 0
    await refused("STATE_CONFLICT", onboarding.service.require_verified(trade.BUYER))
    await onboarding.verify(BUYER)
    await onboarding.service.require_verified(trade.BUYER)


async def test_a_recheck_does_not_ask_for_the_legal_person(
    onboarding: Onboarding, rechecks: Rechecks, clock: FixedClock
) -> None:
    await onboarding.verify(BUYER)
    onboarding.registry.entry = replace(BUYER_ENTRY, legal_person_digest=digest("别人", b"r" * 32))
    clock.advance(2 * RECHECK_AFTER)
    assert await rechecks.round() == 0
    await onboarding.service.require_verified(trade.BUYER)
    assert await rechecks.round() == 0
