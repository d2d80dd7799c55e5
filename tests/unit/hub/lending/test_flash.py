"""Flash loans: what is shown is what is decided on; reasons, contract, signature, money."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise
from huilian_protocol.errors import HuilianError
from huilian_sdk.authenticator import SoftwareAuthenticator
from tortoise.exceptions import BaseORMException

from hub.ledger.log.store import LeafRow
from hub.lending.erasure import LendingErasure
from hub.lending.flash.rules import HOUSING, SOCIAL, TAX
from hub.lending.flash.stored import FlashState
from hub.lending.rules import LoanState
from hub.lending.store import DecisionRow
from tests.support.consents import ORIGIN, RP_ID
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.world import CONSENT, GOOD_INCOME, LendingWorld, refused

pytestmark = ON_SQLITE

AMOUNT = 5_000_000


async def test_the_person_sees_the_data_of_every_source(world: LendingWorld) -> None:
    citizen = world.borrower()
    items = await world.service.flash.preview(citizen.subject, CONSENT)
    assert {item.dataset_id: dict(item.data) for item in items} == {k: dict(v) for k, v in GOOD_INCOME.items()}
    assert {item.status for item in items} == {"present"}


async def test_the_decision_reads_under_the_same_ids_as_the_preview(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.service.flash.preview(citizen.subject, CONSENT)
    shown = [read.request_id for read in world.sources.reads]
    await world.applied(citizen)
    assert sorted({read.request_id for read in world.sources.reads}) == sorted(shown)


async def test_from_decision_to_money(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen, AMOUNT)
    assert offer.state is FlashState.OFFERED
    assert offer.reasons == ()
    # Ten months of the lowest of three incomes (18,000 yuan).
    assert offer.limit_fen == 18_000_000
    text = json.loads(offer.contract)
    assert canonicalise(text) == offer.contract
    assert (text["principal_fen"], text["terms"]["annual_rate"], text["total_cost_fen"]) == (AMOUNT, "0.0360", 45_000)
    assert Decimal(text["apr"]) == Decimal("0.037005")
    assert offer.challenge == sha256(offer.contract).digest()
    assertion = citizen.device.sign(offer.challenge)
    signed = await world.sign(citizen, assertion, "application-1")
    assert (signed.state, signed.loan_id) == (FlashState.DISBURSED, "application-1")
    assert await world.balance(citizen.subject) == AMOUNT
    await world.check_books()


async def test_part_repaid_then_the_exact_payoff(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen, AMOUNT)
    world.clock.advance(timedelta(days=30))
    loan = await world.repay(citizen.subject, 1_000_000)
    # 30 days at 3.6 % on 50,000 yuan are 150 yuan; the rest is principal.
    assert (loan.events[-1].interest_part_fen, loan.events[-1].principal_part_fen) == (15_000, 985_000)
    world.clock.advance(timedelta(days=15))
    owed = await world.service.loans.payoff(citizen.subject, "application-1")
    assert (int(owed.principal_fen), int(owed.interest_fen)) == (4_015_000, 6_023)
    await world.fund(citizen.subject, 100_000)
    closed = await world.repay(citizen.subject, int(owed.total_fen))
    assert closed.owed.total_fen == 0
    world.clock.advance(timedelta(days=60))
    assert (await world.service.loans.get(citizen.subject, "application-1")).state is LoanState.CLOSED
    await world.check_books()


@ON_BOTH
async def test_drawing_again_within_the_limit(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen, AMOUNT)
    loan = await world.draw(citizen.subject, 13_000_000)
    assert loan.owed.principal_fen == 18_000_000
    before = await world.snapshot()
    await refused("LIMIT_EXCEEDED", world.draw(citizen.subject, 1))
    assert await world.snapshot() == before
    await world.repay(citizen.subject, 1_000_000)
    await world.draw(citizen.subject, 1_000_000)
    await world.check_books()


async def test_a_matured_loan_pays_out_no_more(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen)
    world.clock.advance(timedelta(days=91))
    assert (await world.service.loans.get(citizen.subject, "application-1")).state is LoanState.OVERDUE
    await refused("STATE_CONFLICT", world.draw(citizen.subject, 1))


async def test_a_loan_that_was_paid_off_early_ends_with_its_term(world: LendingWorld) -> None:
    """Nobody repays anything any more, so nothing else would end it, and its borrower could never leave."""
    citizen = world.borrower()
    await world.borrowed(citizen)
    loan = await world.service.loans.get(citizen.subject, "application-1")
    await world.fund(citizen.subject, int(loan.owed.total_fen))
    await world.repay(citizen.subject, int(loan.owed.total_fen))
    erasure = LendingErasure(world.database)
    await world.service.tick()
    await refused("STATE_CONFLICT", world.run(lambda: erasure.retained(citizen.subject)))
    world.clock.advance(timedelta(days=90))
    await world.service.tick()
    assert [item.code for item in await world.run(lambda: erasure.retained(citizen.subject))] == ["AML_LOAN_RECORDS"]


async def test_a_matured_loan_that_is_owed_stays_open(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen)
    world.clock.advance(timedelta(days=91))
    await world.service.tick()
    await refused("STATE_CONFLICT", world.run(lambda: LendingErasure(world.database).retained(citizen.subject)))
    owed = await world.service.loans.payoff(citizen.subject, "application-1")
    await world.fund(citizen.subject, int(owed.total_fen))
    assert (await world.repay(citizen.subject, int(owed.total_fen))).record.closed


@pytest.mark.parametrize("dataset", [HOUSING, TAX, SOCIAL])
@pytest.mark.parametrize("code", ["PROVIDER_UNAVAILABLE", "PROVIDER_TIMEOUT", "REVOCATIONS_STALE"])
async def test_a_source_that_is_away_stops_the_decision_and_is_named(
    world: LendingWorld, dataset: str, code: str
) -> None:
    citizen = world.borrower()
    world.sources.answers[dataset] = HuilianError(code, provider="x")
    items = await world.service.flash.preview(citizen.subject, CONSENT)
    away = next(item for item in items if item.dataset_id == dataset)
    assert (away.status, away.error_code, dict(away.data)) == ("unavailable", code, {})
    before = await world.snapshot()
    error = await refused("DECISION_DATA_MISSING", world.applied(citizen))
    assert error.params["datasets"] == dataset
    assert await world.snapshot() == before


async def test_a_field_that_was_not_granted_is_missing_data(world: LendingWorld) -> None:
    citizen = world.borrower()
    world.sources.answers[TAX] = {"annual_income_fen": 22_200_000}
    error = await refused("DECISION_DATA_MISSING", world.applied(citizen))
    assert error.params["datasets"] == TAX


ODD_PAYLOADS = [
    b"{",
    b"[]",
    b'{"status":"present","dataset":"tax.personal_income/v1","data":' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"status":"maybe","dataset":"tax.personal_income/v1","data":{}}',
    b'{"status":"present","dataset":"tax.personal_income/v1","data":[]}',
    b'{"status":"present","dataset":"housing_fund.account/v1","data":{}}',
    b'{"status":"no_account","dataset":"tax.personal_income/v1","data":{"income_months":12}}',
    b'{"status":"present","dataset":"tax.personal_income/v1","data":{"never_granted":1}}',
]


@pytest.mark.parametrize("payload", ODD_PAYLOADS)
async def test_a_source_that_answers_nonsense_is_a_source_that_is_away(world: LendingWorld, payload: bytes) -> None:
    citizen = world.borrower()
    world.sources.answers[TAX] = payload
    items = await world.service.flash.preview(citizen.subject, CONSENT)
    odd = next(item for item in items if item.dataset_id == TAX)
    assert (odd.status, odd.error_code, dict(odd.data)) == ("unavailable", "PROVIDER_FAULT", {})
    assert (await refused("DECISION_DATA_MISSING", world.applied(citizen))).params["datasets"] == TAX


@pytest.mark.parametrize("value", [None, "9000000", 9_000_000.5, True, [9_000_000], -1])
async def test_a_figure_of_another_kind_is_missing_data(world: LendingWorld, value: Any) -> None:
    citizen = world.borrower()
    data = {**GOOD_INCOME[TAX], "annual_income_fen": value}
    whole = {"status": "present", "data": data, "dataset": TAX}
    world.sources.answers[TAX] = json.dumps(whole).encode()
    assert (await refused("DECISION_DATA_MISSING", world.applied(citizen))).params["datasets"] == TAX


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({HOUSING: None}, ["HOUSING_NO_ACCOUNT"]),
    ({HOUSING: {"account_status": "SEALED"}}, ["HOUSING_NOT_PAYING"]),
    ({HOUSING: {"deposit_months": 5}}, ["HOUSING_HISTORY_SHORT"]),
    ({TAX: None}, ["TAX_NO_RECORD"]),
    ({TAX: {"income_months": 5, "annual_income_fen": 9_000_000}}, ["TAX_HISTORY_SHORT"]),
    ({SOCIAL: None}, ["SOCIAL_NOT_INSURED"]),
    ({SOCIAL: {"participation_status": "SUSPENDED"}}, ["SOCIAL_NOT_ACTIVE"]),
    ({SOCIAL: {"consecutive_months": 0}}, ["SOCIAL_GAP"]),
    ({SOCIAL: {"base_fen": 500_000}}, ["INCOME_SOURCES_DISAGREE"]),
    ({SOCIAL: {"base_fen": 200_000}}, ["INCOME_TOO_LOW", "INCOME_SOURCES_DISAGREE"]),
    (
        {HOUSING: None, TAX: None, SOCIAL: None},
        ["HOUSING_NO_ACCOUNT", "TAX_NO_RECORD", "SOCIAL_NOT_INSURED", "INCOME_TOO_LOW"],
    ),
]


@pytest.mark.parametrize(("changes", "codes"), CASES, ids=[",".join(codes) for _, codes in CASES])
async def test_a_rejection_says_every_reason(world: LendingWorld, changes: dict[str, Any], codes: list[str]) -> None:
    citizen = world.borrower()
    for dataset, fields in changes.items():
        world.sources.answers[dataset] = None if fields is None else {**GOOD_INCOME[dataset], **fields}
    rejected = await world.applied(citizen)
    assert rejected.state is FlashState.REJECTED
    assert [reason.code for reason in rejected.reasons] == codes
    assert all(reason.text_zh and reason.text_en for reason in rejected.reasons)
    assert (rejected.contract, rejected.limit_fen) == (b"", 0)


async def test_more_than_the_limit_is_offered_reduced_and_says_so(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen, 20_000_000)
    assert [reason.code for reason in offer.reasons] == ["AMOUNT_REDUCED"]
    assert json.loads(offer.contract)["principal_fen"] == offer.limit_fen == 18_000_000


async def test_a_decision_is_replayed_on_its_recorded_facts(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen)
    replayed = await world.service.decisions.replay(offer.decision_id)
    assert (replayed.approved, replayed.rule_version) == (True, offer.rule_version)
    row = await DecisionRow.get(decision_id=offer.decision_id)
    assert dict(replayed.offer) == row.offer
    # The person's facts are not readable in the table, and gone with their key.
    assert b"1850000" not in bytes(row.facts)
    async with world.database.transaction():
        await world.vault.destroy_subject_key(citizen.subject)
    await refused("NOT_FOUND", world.service.decisions.replay(offer.decision_id))


async def test_no_table_holds_what_the_sources_said(world: LendingWorld) -> None:
    citizen = world.borrower()
    world.sources.answers[TAX] = {"annual_income_fen": 22_222_223, "income_months": 11}
    await world.borrowed(citizen)
    everything = str(await world.snapshot())
    assert "22222223" not in everything
    assert "2020202" not in everything


async def test_a_signature_by_another_device_is_refused(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen)
    stranger = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
    before = await world.snapshot()
    for assertion in (stranger.sign(offer.challenge), citizen.device.sign(sha256(b"another contract").digest())):
        await refused("ASSERTION_INVALID", world.sign(citizen, assertion, "application-1"))
    assert await world.snapshot() == before


@ON_BOTH
async def test_an_offer_that_ran_out_is_not_signed(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen)
    world.clock.advance(timedelta(minutes=30))
    assertion = citizen.device.sign(offer.challenge)
    await refused("OFFER_EXPIRED", world.sign(citizen, assertion, "application-1"))
    await world.service.tick()
    assert (await world.service.flash.get(citizen.subject, "application-1")).state is FlashState.EXPIRED
    await refused("OFFER_EXPIRED", world.sign(citizen, assertion, "application-1"))


async def test_one_flash_loan_at_a_time(world: LendingWorld) -> None:
    citizen = world.borrower()
    first = await world.applied(citizen)
    second = await world.applied(citizen, application_id="application-2")
    assertion = citizen.device.sign(first.challenge)
    await world.sign(citizen, assertion, "application-1")
    before = await world.snapshot()
    await refused("STATE_CONFLICT", world.sign(citizen, assertion, "application-1"))
    other = citizen.device.sign(second.challenge)
    await refused("STATE_CONFLICT", world.sign(citizen, other, "application-2"))
    assert await world.snapshot() == before
    third = await world.applied(citizen, application_id="application-3")
    assert [reason.code for reason in third.reasons] == ["LOAN_EXISTS"]


async def test_refusals_of_the_consent_are_passed_on(world: LendingWorld) -> None:
    citizen = world.borrower()
    before = await world.snapshot()
    world.sources.refusal = HuilianError("CONSENT_REVOKED")
    await refused("CONSENT_REVOKED", world.applied(citizen))
    world.sources.refusal = None
    await refused("NOT_FOUND", world.service.flash.preview("wh-somebody-else", CONSENT))
    await refused("NOT_FOUND", world.service.flash.preview(citizen.subject, "consent-9999"))
    world.sources.grant(citizen.subject, "consent-0002", recipient="bank.convenience")
    await refused("RECIPIENT_KEY_MISMATCH", world.service.flash.preview(citizen.subject, "consent-0002"))
    assert await world.snapshot() == before


@pytest.mark.parametrize(("amount_fen", "days"), [(9_999, 90), (30_000_001, 90), (AMOUNT, 0), (AMOUNT, 366)])
async def test_a_wish_outside_the_product_is_refused(world: LendingWorld, amount_fen: int, days: int) -> None:
    citizen = world.borrower()
    before = await world.snapshot()
    await refused("INVALID_ARGUMENT", world.applied(citizen, amount_fen, days=days))
    assert await world.snapshot() == before


async def test_an_application_id_is_used_once(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.applied(citizen)
    before = await world.snapshot()
    await refused("ALREADY_EXISTS", world.applied(citizen))
    assert await world.snapshot() == before


async def test_an_id_that_stands_for_another_loan_is_taken(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.held()
    await world.offered(financing_id="loan-00000001")
    await refused("ALREADY_EXISTS", world.applied(citizen, application_id="loan-00000001"))
    await world.applied(citizen, application_id="loan-00000002")
    await world.withdrawn("loan-00000001")
    await refused("ALREADY_EXISTS", world.offered(financing_id="loan-00000002"))
    await refused("ALREADY_EXISTS", world.applied(citizen, application_id="loan-00000001"))


async def test_repayments_that_are_refused_change_nothing(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen, AMOUNT)
    world.clock.advance(timedelta(days=1))
    await world.fund(citizen.subject, AMOUNT)
    before = await world.snapshot()
    error = await refused("REPAYMENT_EXCEEDS_PAYOFF", world.repay(citizen.subject, 5_000_501))
    assert error.params["payoff_fen"] == "5000500"
    await refused("NOT_FOUND", world.repay("wh-somebody", 1))
    await refused("NOT_FOUND", world.repay(citizen.subject, 1, "application-9"))
    assert await world.snapshot() == before


async def test_a_repayment_needs_money(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen, AMOUNT)
    world.clock.advance(timedelta(days=1))
    before = await world.snapshot()
    await refused("INSUFFICIENT_FUNDS", world.repay(citizen.subject, 5_000_500))
    assert await world.snapshot() == before


async def test_a_persons_loan_is_a_record_about_the_person(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen)
    leaves = await LeafRow.all()
    assert [(leaf.record_id, leaf.subject) for leaf in leaves] == [("loan-disbursed:application-1", citizen.subject)]


@ON_BOTH
async def test_events_of_a_loan_are_never_rewritten(world: LendingWorld) -> None:
    await world.borrowed(world.borrower())
    for sql in ("UPDATE lending_loan_event SET amount_fen = 1", "DELETE FROM lending_loan_event"):
        with pytest.raises(BaseORMException, match="immutable"):
            async with world.database.transaction():
                await world.database.execute(sql)
