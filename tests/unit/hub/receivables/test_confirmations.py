"""Confirming: the buyer's own certified key, over exactly what the hub knows, once."""

from __future__ import annotations

import datetime as dt

import pytest
from huilian_protocol.canonical import b64u_encode, sha256_canonical
from huilian_protocol.confirmation import ReceivableConfirmation, verify_confirmation

from hub.receivables.model import Receivable
from hub.receivables.states import ReceivableState
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import CA_PEM, NOT_AFTER, SECRETS, World, altered, certificate_of, refused, sign

pytestmark = ON_SQLITE


async def prepared(world: World) -> tuple[Receivable, ReceivableConfirmation]:
    receivable = await world.matched()
    return receivable, await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)


async def test_the_buyers_signature_confirms(world: World) -> None:
    receivable, message = await prepared(world)
    confirmed = await world.confirm(message)
    assert (confirmed.state, confirmed.confirmed_at) == (ReceivableState.CONFIRMED, world.clock.now())
    assert await world.service.get_visible(trade.SUPPLIER, receivable.receivable_id) == confirmed


async def test_the_message_says_what_is_owed(world: World) -> None:
    receivable, message = await prepared(world)
    assert (message.amount_fen, message.due_date, message.invoice_id) == (
        50_020,
        dt.date(2026, 4, 5),
        receivable.invoice_number,
    )
    assert message.evidence_hash == sha256_canonical(receivable.evidence)
    assert message.confirmed_at == int(world.clock.now().timestamp())


async def test_the_log_holds_all_that_a_stranger_needs_to_check_it(world: World) -> None:
    receivable, message = await prepared(world)
    signature = sign(message)
    await world.confirm(message, signature)
    kind, record, evidence = (await world.records())[f"confirmation:{receivable.receivable_id}"]
    assert (kind, evidence["signature"]) == ("receivable.confirmed", b64u_encode(signature))
    read = ReceivableConfirmation.from_dict(evidence["confirmation"])
    assert verify_confirmation(read, signature, evidence["certificate"], CA_PEM).uscc == trade.BUYER
    assert {name: record[name] for name in evidence["confirmation"]} == evidence["confirmation"]


async def test_another_key_is_refused(world: World) -> None:
    _, message = await prepared(world)
    before = await world.snapshot()
    forged = sign(message, SECRETS[trade.SUPPLIER])
    await refused("CONFIRMATION_MISMATCH", world.confirm(message, forged))
    assert await world.snapshot() == before


async def test_a_certificate_over_another_company_is_refused(world: World) -> None:
    """A hub that files the supplier's certificate under the buyer's name gains nothing."""
    _, message = await prepared(world)
    world.directory.certificates[trade.BUYER] = world.directory.certificates[trade.SUPPLIER]
    before = await world.snapshot()
    await refused("CONFIRMATION_MISMATCH", world.confirm(message, sign(message, SECRETS[trade.SUPPLIER])))
    assert await world.snapshot() == before


async def test_an_expired_certificate_is_refused(world: World) -> None:
    receivable = await world.matched()
    world.clock.advance(NOT_AFTER - world.clock.now() + dt.timedelta(seconds=1))
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    before = await world.snapshot()
    await refused("ENTERPRISE_CERTIFICATE_INVALID", world.confirm(message))
    assert await world.snapshot() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": 50_021},
        {"amount_fen": 1},
        {"invoice_id": "NO-invoice-2"},
        {"supplier_uscc": trade.SECOND_TIER},
        {"buyer_uscc": trade.SUPPLIER},
        {"currency": "USD"},
        {"due_date": dt.date(2026, 4, 6)},
        {"evidence_hash": bytes(32)},
        {"chain_id": 1},
        {"verifying_contract": "0x" + "cd" * 20},
    ],
)
async def test_every_word_must_be_the_hubs(world: World, changes: dict[str, object]) -> None:
    _, message = await prepared(world)
    before = await world.snapshot()
    await refused("CONFIRMATION_MISMATCH", world.confirm(altered(message, **changes)))
    assert await world.snapshot() == before


@ON_BOTH
async def test_what_changed_since_it_was_prepared_must_be_read_again(world: World) -> None:
    _, message = await prepared(world)
    world.erps.put(trade.receipt("shipment-2", steel="5"))
    await world.sync()
    refusal = await refused("CONFIRMATION_MISMATCH", world.confirm(message))
    assert refusal.params["field"] == "evidenceHash"


async def test_a_signature_from_the_drawer_is_too_old(world: World) -> None:
    _, message = await prepared(world)
    world.clock.advance(dt.timedelta(hours=24, seconds=1))
    before = await world.snapshot()
    await refused("CONFIRMATION_MISMATCH", world.confirm(message))
    assert await world.snapshot() == before


@ON_BOTH
async def test_nothing_is_confirmed_twice(world: World) -> None:
    _, message = await prepared(world)
    await world.confirm(message)
    before = await world.snapshot()
    await refused("STATE_CONFLICT", world.confirm(message))
    assert await world.snapshot() == before


async def test_the_supplier_sees_it_and_cannot_confirm_it(world: World) -> None:
    receivable, message = await prepared(world)
    confirmations = world.service.confirmations
    await refused("PERMISSION_DENIED", confirmations.prepare(trade.SUPPLIER, receivable.receivable_id))
    before = await world.snapshot()
    signature = sign(message, SECRETS[trade.SUPPLIER])
    await refused("PERMISSION_DENIED", world.run(lambda: confirmations.confirm(trade.SUPPLIER, message, signature)))
    assert await world.snapshot() == before


async def test_for_strangers_it_does_not_exist(world: World) -> None:
    receivable, message = await prepared(world)
    confirmations = world.service.confirmations
    await refused("NOT_FOUND", confirmations.prepare(trade.SECOND_TIER, receivable.receivable_id))
    await refused("NOT_FOUND", world.service.get_visible(trade.SECOND_TIER, receivable.receivable_id))
    attempt = world.run(lambda: confirmations.confirm(trade.SECOND_TIER, message, sign(message)))
    await refused("NOT_FOUND", attempt)
    assert (await world.service.list_own(trade.SECOND_TIER, 10, "")).items == ()


async def test_a_renewed_key_of_the_same_company_confirms(world: World) -> None:
    _, message = await prepared(world)
    world.directory.certificates[trade.BUYER] = certificate_of(trade.BUYER, 777)
    assert (await world.confirm(message, sign(message, 777))).state is ReceivableState.CONFIRMED
