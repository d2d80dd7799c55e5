"""Verification with the registry, changes of signers, and what an enterprise may do with whose word."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange, sign_statement

from connectors.authorities.business_registry.sandbox import legal_person_of, look_up
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER, drawn_companies
from hub.onboarding.ports import RegistryEntry, RegistryStatus
from hub.onboarding.rules import Approval, Signer
from hub.onboarding.service import Applicant, OnboardingService
from hub.onboarding.states import VerificationState
from hub.onboarding.store import MandateRow, SignerRow, VerificationRow
from hub.platform.database import Database
from tests.support.breaking import break_at_each_statement

SALT = b"s" * 32
NAME = "沙盒赵安"
LEGAL, FIRST, SECOND, THIRD = (ec.derive_private_key(number, ec.SECP256R1()) for number in (11, 12, 13, 14))
USCC = CORE_ENTERPRISE.uscc


def digest(name: str, salt: bytes = SALT) -> bytes:
    return hashlib.sha256(salt + name.encode()).digest()


GOOD = RegistryEntry(CORE_ENTERPRISE.name_zh, RegistryStatus.IN_BUSINESS, digest(NAME))
GONE = RegistryEntry("别的公司", RegistryStatus.REVOKED, digest("别人"))


@dataclass
class FakeRegistry:
    """The port, with one company."""

    entry: RegistryEntry | None

    async def look_up(self, uscc: str, salt: bytes) -> RegistryEntry | None:
        return self.entry


@dataclass
class FakeLedger:
    """The port: what was appended."""

    records: list[tuple[str, str]] = field(default_factory=list)

    async def append(
        self, record_type: str, record_id: str, record: dict[str, Any], *, subject: str | None, evidence: dict[str, Any]
    ) -> None:
        self.records.append((record_type, record_id))


STATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
APPLICANT = EnterpriseVerification(USCC, CORE_ENTERPRISE.name_zh, digest(NAME), LEGAL.public_key(), STATED_AT)


class World:
    """Onboarding on a real database."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.registry, self.ledger = database, FakeRegistry(GOOD), FakeLedger()
        self.clock = clock
        self.service = OnboardingService(database, clock, self.registry, self.ledger)

    async def verify(
        self, stated: EnterpriseVerification = APPLICANT, key: ec.EllipticCurvePrivateKey = LEGAL
    ) -> VerificationRow:
        """Signed now by `key`."""
        now = replace(stated, stated_at=self.clock.now())
        return await self.hand_in(Applicant(now, SALT, sign_statement(key, now)))

    async def hand_in(self, applicant: Applicant) -> VerificationRow:
        entry = await self.service.ask_registry(applicant)
        async with self.database.transaction():
            return await self.service.verify(applicant, entry)

    async def change(self, change: SignerChange, *approvals: tuple[str, ec.EllipticCurvePrivateKey]) -> Signer:
        """The signer's own key agrees, where it gets powers."""
        signed = [Approval(who, sign_statement(key, change)) for who, key in approvals]
        owner = next(key for key in (LEGAL, FIRST, SECOND, THIRD) if key.public_key() == change.public_key)
        async with self.database.transaction():
            proof = sign_statement(owner, change) if change.powers else b""
            return await self.service.change_signer(change, signed, proof)

    async def authorise(self, mandate: Mandate, key: ec.EllipticCurvePrivateKey) -> None:
        async with self.database.transaction():
            await self.service.authorise(mandate, sign_statement(key, mandate))

    async def with_signers(self) -> None:
        """Two signers, admitted by the legal person."""
        await self.verify()
        await self.change(admitting(1, "signer-01", FIRST), ("", LEGAL))
        await self.change(admitting(2, "signer-02", SECOND), ("", LEGAL))


def admitting(
    number: int,
    signer_id: str,
    key: ec.EllipticCurvePrivateKey,
    powers: Sequence[Power] = (Power.CONFIRM, Power.FINANCE),
    limit_fen: int = 1_000,
) -> SignerChange:
    return SignerChange(USCC, number, signer_id, key.public_key(), frozenset(powers), limit_fen)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


async def refused(code: str, attempt: Any) -> None:
    with pytest.raises(HuilianError) as refusal:
        await attempt
    assert refusal.value.code == code, refusal.value.detail


async def test_who_the_registry_knows_is_verified_and_no_name_is_kept(world: World) -> None:
    row = await world.verify()
    assert (row.state, row.reasons) == (VerificationState.VERIFIED, [])
    stored = repr(await VerificationRow.all().values())
    assert NAME not in stored
    assert SALT.hex() not in stored
    assert str(SALT) not in stored


@pytest.mark.parametrize(
    ("entry", "reasons"),
    [
        (None, ["NOT_REGISTERED"]),
        (RegistryEntry("别的公司", RegistryStatus.IN_BUSINESS, digest(NAME)), ["NAME_DIFFERS"]),
        (RegistryEntry(CORE_ENTERPRISE.name_zh, RegistryStatus.ABNORMAL, digest(NAME)), ["ABNORMAL"]),
        (GONE, ["NAME_DIFFERS", "REVOKED", "LEGAL_PERSON_DIFFERS"]),
    ],
)
async def test_every_difference_is_named(world: World, entry: RegistryEntry | None, reasons: list[str]) -> None:
    world.registry.entry = entry
    row = await world.verify()
    assert (row.state, row.reasons) == (VerificationState.REFUSED, reasons)
    await refused("STATE_CONFLICT", world.change(admitting(1, "signer-01", FIRST), ("", LEGAL)))


async def test_a_malformed_code_reaches_no_registry(world: World) -> None:
    await refused("USCC_MALFORMED", world.verify(replace(APPLICANT, uscc="91449900MA0H00010X")))


async def test_nobody_replaces_the_legal_persons_key(world: World) -> None:
    await world.verify()
    await refused("STATE_CONFLICT", world.verify(replace(APPLICANT, legal_person_key=FIRST.public_key()), FIRST))
    world.registry.entry = None
    assert (await world.verify()).state == VerificationState.REFUSED


async def test_a_key_is_the_legal_persons_only_if_it_says_so_just_now(world: World) -> None:
    now = replace(APPLICANT, stated_at=world.clock.now())
    good = Applicant(now, SALT, sign_statement(LEGAL, now))
    # Somebody else's key, entered by one who does not hold it; a signature over anything else than is stated.
    await refused("ASSERTION_INVALID", world.verify(APPLICANT, FIRST))
    for other in (
        replace(now, uscc=SUPPLIER.uscc),
        replace(now, name="别的公司"),
        replace(now, legal_person_commitment=digest("别人")),
        replace(now, stated_at=now.stated_at + timedelta(seconds=1)),
    ):
        await refused("ASSERTION_INVALID", world.hand_in(replace(good, statement=other)))
    for old in (timedelta(minutes=11), timedelta(minutes=-11)):
        stale = replace(now, stated_at=now.stated_at - old)
        await refused("ASSERTION_INVALID", world.hand_in(Applicant(stale, SALT, sign_statement(LEGAL, stale))))
    assert await VerificationRow.all().count() == 0
    assert (await world.hand_in(good)).state == VerificationState.VERIFIED


async def test_nobody_admits_a_key_that_its_owner_did_not_agree_to(world: World) -> None:
    await world.verify()
    change = admitting(1, "signer-01", FIRST)
    approved = [Approval("", sign_statement(LEGAL, change))]
    for proof in (b"", sign_statement(LEGAL, change), sign_statement(FIRST, replace(change, limit_fen=10**9))):
        async with world.database.transaction():
            await refused("ASSERTION_INVALID", world.service.change_signer(change, approved, proof))
    assert await world.service.signers(USCC) == []
    await world.change(change, ("", LEGAL))


async def test_one_that_was_struck_off_still_pays_by_its_signers_word(world: World) -> None:
    await world.verify()
    await world.change(admitting(1, "signer-01", FIRST, (Power.PAY, Power.DISPUTE)), ("", LEGAL))
    world.registry.entry = None
    await world.verify()
    await refused("PERMISSION_DENIED", world.service.require_word(USCC, Power.PAY, "receivable-1", 100))
    await world.authorise(Mandate(USCC, Power.PAY, "receivable-1", 100, "signer-01"), FIRST)
    await refused("STATE_CONFLICT", world.service.require_mandate(USCC, Power.PAY, "receivable-1", 100))
    await refused("PERMISSION_DENIED", world.service.require_word(USCC, Power.DISPUTE, "receivable-1", 100))
    await world.service.require_word(USCC, Power.PAY, "receivable-1", 100)
    await refused("PERMISSION_DENIED", world.service.require_word(USCC, Power.PAY, "receivable-1", 100))


async def test_the_legal_person_or_two_signers_change_signers(world: World) -> None:
    await world.with_signers()
    third = admitting(3, "signer-03", THIRD)
    await refused("PERMISSION_DENIED", world.change(third, ("signer-01", FIRST)))
    await refused("PERMISSION_DENIED", world.change(third, ("signer-01", FIRST), ("signer-01", FIRST)))
    await refused("PERMISSION_DENIED", world.change(third, ("signer-03", THIRD), ("signer-01", FIRST)))
    await refused("ASSERTION_INVALID", world.change(third, ("signer-01", FIRST), ("signer-02", FIRST)))
    await refused("ASSERTION_INVALID", world.change(third, ("", FIRST)))
    await world.change(third, ("signer-01", FIRST), ("signer-02", SECOND))
    assert ("signer.changed", f"signer-change:{USCC}:3") in world.ledger.records


async def test_a_change_is_good_once(world: World) -> None:
    await world.with_signers()
    await refused("STATE_CONFLICT", world.change(admitting(2, "signer-02", SECOND), ("", LEGAL)))
    await refused("ALREADY_EXISTS", world.change(admitting(3, "signer-03", FIRST), ("", LEGAL)))


async def test_signers_do_not_raise_their_own_limit(world: World) -> None:
    await world.with_signers()
    await world.change(admitting(3, "signer-03", THIRD), ("", LEGAL))
    raised = admitting(4, "signer-01", FIRST, limit_fen=10**9)
    await refused("PERMISSION_DENIED", world.change(raised, ("signer-01", FIRST), ("signer-02", SECOND)))
    await world.change(raised, ("signer-02", SECOND), ("signer-03", THIRD))


async def test_an_act_needs_a_signer_with_the_power_and_the_limit(world: World) -> None:
    require = world.service.require_mandate
    await world.verify()
    await require(USCC, Power.CONFIRM, "receivable-1", 10**9)
    await world.change(admitting(1, "signer-01", FIRST), ("", LEGAL))
    await refused("PERMISSION_DENIED", require(USCC, Power.CONFIRM, "receivable-1", 1_000))
    mandate = Mandate(USCC, Power.CONFIRM, "receivable-1", 1_000, "signer-01")
    await refused("ASSERTION_INVALID", world.authorise(mandate, SECOND))
    await refused("PERMISSION_DENIED", world.authorise(replace(mandate, power=Power.ACCEPT), FIRST))
    await refused("PERMISSION_DENIED", world.authorise(replace(mandate, amount_fen=1_001), FIRST))
    await refused("PERMISSION_DENIED", world.authorise(replace(mandate, signer_id="signer-09"), FIRST))
    await world.authorise(mandate, FIRST)
    await refused("PERMISSION_DENIED", require(USCC, Power.CONFIRM, "receivable-1", 1_001))
    await refused("PERMISSION_DENIED", require(USCC, Power.CONFIRM, "receivable-2", 1))
    await refused("PERMISSION_DENIED", require(USCC, Power.FINANCE, "receivable-1", 1))
    await require(USCC, Power.CONFIRM, "receivable-1", 1_000)
    # One word, one act: a second draw on the same loan, say, needs a second word.
    await refused("PERMISSION_DENIED", require(USCC, Power.CONFIRM, "receivable-1", 1))
    await world.authorise(mandate, FIRST)
    await require(USCC, Power.CONFIRM, "receivable-1", 999)


async def test_a_word_is_used_once_however_many_acts_race_for_it(world: World) -> None:
    await world.verify()
    await world.change(admitting(1, "signer-01", FIRST, tuple(Power)), ("", LEGAL))
    word = Mandate(USCC, Power.FINANCE, "loan-000001", 1_000, "signer-01")
    for amount_fen in (300, 1_000):
        await world.authorise(replace(word, amount_fen=amount_fen), FIRST)

    async def act(amount_fen: int) -> bool:
        try:
            async with world.database.transaction():
                await world.service.require_mandate(USCC, Power.FINANCE, "loan-000001", amount_fen)
        except HuilianError as error:
            assert error.code == "PERMISSION_DENIED"
            return False
        return True

    draws = [asyncio.create_task(act(fen)) for fen in (250, 250, 900, 900, 900, 900)]
    done = await asyncio.gather(*draws)
    # Two words for six acts; what is above 300 fen only the larger word covers.
    assert sum(done) == await MandateRow.filter(used_at__isnull=False).count()
    assert 1 <= sum(done) <= 2 and sum(done[2:]) <= 1
    assert not await act(1)


async def test_an_act_that_comes_to_nothing_uses_no_word(world: World) -> None:
    await world.with_signers()
    await world.authorise(Mandate(USCC, Power.CONFIRM, "receivable-1", 1_000, "signer-01"), FIRST)

    async def fail() -> None:
        async with world.database.transaction():
            await world.service.require_mandate(USCC, Power.CONFIRM, "receivable-1", 1_000)
            raise HuilianError("INVOICE_REFUSED", invoice="1", reason="later in the act")

    await refused("INVOICE_REFUSED", fail())
    await world.service.require_mandate(USCC, Power.CONFIRM, "receivable-1", 1_000)


async def test_the_word_of_one_who_was_dismissed_counts_no_more(world: World) -> None:
    await world.with_signers()
    await world.authorise(Mandate(USCC, Power.CONFIRM, "receivable-1", 1_000, "signer-01"), FIRST)
    await world.change(admitting(3, "signer-01", FIRST, powers=(), limit_fen=0), ("", LEGAL))
    await refused("PERMISSION_DENIED", world.service.require_mandate(USCC, Power.CONFIRM, "receivable-1", 1))


async def test_a_change_is_made_whole_or_not_at_all(world: World) -> None:
    await world.verify()
    before = await VerificationRow.all().values()
    async for _ in break_at_each_statement(
        world.database, lambda: world.change(admitting(1, "signer-01", FIRST), ("", LEGAL))
    ):
        assert await VerificationRow.all().values() == before
        assert await SignerRow.all().count() == 0
    assert await SignerRow.all().count() == 1
    assert await MandateRow.all().count() == 0


def test_the_sandbox_registry_tells_a_legal_person_only_to_who_knows_the_name() -> None:
    answer = look_up(SUPPLIER.uscc, SALT)
    assert (answer.found, answer.name) == (True, SUPPLIER.name_zh)
    assert answer.legal_person_digest == digest(legal_person_of(SUPPLIER))
    assert look_up(SUPPLIER.uscc, b"t" * 32).legal_person_digest != answer.legal_person_digest
    abnormal = next(one for one in drawn_companies().values() if one.standing == "abnormal")
    assert look_up(abnormal.uscc, SALT).status != answer.status
    assert not look_up("91110000600037341L", SALT).found
    with pytest.raises(HuilianError, match="USCC_MALFORMED"):
        look_up("91449900MA0H00010X", SALT)
