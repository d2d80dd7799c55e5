"""Certificates between their parties: issue, accept, refuse, split, transfer, and what each refusal is called."""

from __future__ import annotations

import datetime as dt

import pytest
from huilian_protocol.canonical import b64u_encode

from hub.receivables.certificates.desk import Issued, Refused
from hub.receivables.model import Certificate
from hub.receivables.reasons import TERM_ABOVE_SIX_MONTHS
from hub.receivables.states import CertificateState, ReceivableState
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

pytestmark = ON_SQLITE

BUYER, SUPPLIER, SECOND_TIER = trade.BUYER, trade.SUPPLIER, trade.SECOND_TIER


async def test_a_certificate_goes_from_the_buyer_to_the_supplier(world: World) -> None:
    certificate = await world.held(amount_fen=20_000)
    receivable = await world.service.get_visible(BUYER, certificate.receivable_id)
    assert (receivable.state, receivable.issued_fen) == (ReceivableState.CERTIFICATED, 20_000)
    assert (certificate.state, certificate.holder_uscc, certificate.due_date) == (
        CertificateState.HELD,
        SUPPLIER,
        receivable.due_date,
    )
    kinds = [kind for kind, _, _ in (await world.records()).values()]
    assert kinds == ["receivable.confirmed", "certificate.issued", "certificate.accepted"]


async def test_the_last_fen_is_issued_and_no_more(world: World) -> None:
    receivable = await world.confirmed()
    await issue(world, "certificate-1", receivable.receivable_id, 50_000)
    before = await world.snapshot()
    refusal = await refused("AMOUNT_EXCEEDS_RECEIVABLE", issue(world, "certificate-2", receivable.receivable_id, 21))
    assert (refusal.params["amount_fen"], refusal.params["available_fen"]) == ("21", "20")
    assert await world.snapshot() == before
    await issue(world, "certificate-2", receivable.receivable_id, 20)


async def test_nothing_is_issued_before_the_buyer_confirmed(world: World) -> None:
    receivable = await world.matched()
    before = await world.snapshot()
    await refused("STATE_CONFLICT", issue(world, "certificate-1", receivable.receivable_id, 1))
    assert await world.snapshot() == before


async def test_only_the_buyer_issues(world: World) -> None:
    receivable = await world.confirmed()
    before = await world.snapshot()
    for caller, code in ((SUPPLIER, "PERMISSION_DENIED"), (SECOND_TIER, "NOT_FOUND")):
        await refused(code, issue(world, "certificate-1", receivable.receivable_id, 1, caller))
    await refused("NOT_FOUND", issue(world, "certificate-1", "no-such-receivable", 1))
    assert await world.snapshot() == before


async def test_an_id_is_used_once(world: World) -> None:
    certificate = await world.held(amount_fen=100)
    before = await world.snapshot()
    await refused("ALREADY_EXISTS", issue(world, "certificate-1", certificate.receivable_id, 1))
    await refused("ALREADY_EXISTS", split(world, "certificate-1", ("new-part-1", 50), ("certificate-1", 50)))
    await refused("ALREADY_EXISTS", transfer(world, "certificate-1", "certificate-1"))
    assert await world.snapshot() == before


async def test_a_term_above_one_year_is_refused_and_above_six_months_warned_of(world: World) -> None:
    receivable = await world.confirmed()
    world.clock.advance(dt.timedelta(days=-400))
    before = await world.snapshot()
    await refused("TERM_TOO_LONG", issue(world, "certificate-1", receivable.receivable_id, 1))
    assert await world.snapshot() == before
    world.clock.advance(dt.timedelta(days=180))
    issued = await world.run(
        lambda: world.service.certificates.issue(BUYER, "certificate-1", receivable.receivable_id, 1)
    )
    assert [reason.code for reason in issued.warnings] == [TERM_ABOVE_SIX_MONTHS]


async def test_refusing_a_fresh_certificate_gives_the_amount_back_to_the_receivable(world: World) -> None:
    receivable = await world.confirmed()
    await issue(world, "certificate-1", receivable.receivable_id, 50_020)
    refusal = await refuse(world, SUPPLIER, "certificate-1")
    assert (refusal.certificate.state, refusal.returned) == (CertificateState.REFUSED, None)
    after = await world.service.get_visible(BUYER, receivable.receivable_id)
    assert (after.state, after.issued_fen) == (ReceivableState.CONFIRMED, 0)
    await issue(world, "certificate-2", receivable.receivable_id, 50_020)


@ON_BOTH
async def test_refusing_one_of_two_keeps_the_receivable_certificated(world: World) -> None:
    certificate = await world.held(amount_fen=10)
    await issue(world, "certificate-2", certificate.receivable_id, 20)
    await refuse(world, SUPPLIER, "certificate-2")
    after = await world.service.get_visible(BUYER, certificate.receivable_id)
    assert (after.state, after.issued_fen) == (ReceivableState.CERTIFICATED, 10)


async def test_a_split_consumes_the_parent(world: World) -> None:
    parent = await world.held(amount_fen=50_000)
    children = await split(world, "certificate-1", ("certificate-a", 30_000), ("certificate-b", 20_000))
    assert [(child.amount_fen, child.holder_uscc, child.due_date, child.parent_id) for child in children] == [
        (30_000, SUPPLIER, parent.due_date, "certificate-1"),
        (20_000, SUPPLIER, parent.due_date, "certificate-1"),
    ]
    assert (await world.service.certificates.get(SUPPLIER, "certificate-1")).state is CertificateState.SPLIT
    before = await world.snapshot()
    await refused("STATE_CONFLICT", split(world, "certificate-1", ("certificate-c", 1), ("certificate-d", 49_999)))
    await refused("STATE_CONFLICT", transfer(world, "certificate-1", "certificate-e"))
    assert await world.snapshot() == before


@ON_BOTH
@pytest.mark.parametrize("amounts", [(49_999,), (25_000, 24_999), (25_000, 25_001), (50_000, 0), (50_001, -1), ()])
async def test_parts_that_do_not_make_the_whole_are_refused(world: World, amounts: tuple[int, ...]) -> None:
    await world.held(amount_fen=50_000)
    before = await world.snapshot()
    parts = [(f"certificate-{index}-part", amount) for index, amount in enumerate(amounts)]
    await refused("INVALID_ARGUMENT", split(world, "certificate-1", *parts))
    assert await world.snapshot() == before


async def test_a_certificate_is_passed_down_the_chain(world: World) -> None:
    parent = await world.held(amount_fen=50_000)
    offered = await transfer(world, "certificate-1", "certificate-2")
    assert (offered.state, offered.holder_uscc, offered.amount_fen, offered.due_date) == (
        CertificateState.ISSUED,
        SECOND_TIER,
        50_000,
        parent.due_date,
    )
    accepted = await accept(world, SECOND_TIER, "certificate-2")
    assert accepted.state is CertificateState.HELD
    spent = await world.service.certificates.get(SUPPLIER, "certificate-1")
    assert spent.state is CertificateState.TRANSFERRED


async def test_what_the_receiver_refuses_comes_back_as_a_new_certificate(world: World) -> None:
    await world.held(amount_fen=50_000)
    await transfer(world, "certificate-1", "certificate-2")
    refusal = await refuse(world, SECOND_TIER, "certificate-2")
    assert refusal.returned is not None
    assert (refusal.returned.state, refusal.returned.holder_uscc, refusal.returned.amount_fen) == (
        CertificateState.HELD,
        SUPPLIER,
        50_000,
    )
    await refused("STATE_CONFLICT", accept(world, SECOND_TIER, "certificate-2"))
    await refused("NOT_FOUND", world.service.certificates.get(SECOND_TIER, refusal.returned.certificate_id))
    again = await transfer(world, refusal.returned.certificate_id, "certificate-3")
    assert again.holder_uscc == SECOND_TIER


async def test_an_unaccepted_certificate_cannot_be_used(world: World) -> None:
    receivable = await world.confirmed()
    await issue(world, "certificate-1", receivable.receivable_id, 100)
    before = await world.snapshot()
    await refused("STATE_CONFLICT", transfer(world, "certificate-1", "certificate-2"))
    await refused("STATE_CONFLICT", split(world, "certificate-1", ("certificate-a", 50), ("certificate-b", 50)))
    block = world.run(lambda: world.service.block_for_financing("certificate-1", "financing-1"))
    await refused("STATE_CONFLICT", block)
    assert await world.snapshot() == before


async def test_strangers_see_nothing_and_parties_touch_only_their_own(world: World) -> None:
    await world.held(amount_fen=100)
    before = await world.snapshot()
    for caller, code in ((SECOND_TIER, "NOT_FOUND"), (BUYER, "PERMISSION_DENIED")):
        await refused(code, transfer(world, "certificate-1", "certificate-2", trade.DEALER, caller))
        parts = (("certificate-a", 50), ("certificate-b", 50))
        await refused(code, split(world, "certificate-1", *parts, caller=caller))
        await refused(code, accept(world, caller, "certificate-1"))
        await refused(code, refuse(world, caller, "certificate-1"))
    await refused("NOT_FOUND", world.service.certificates.get(SECOND_TIER, "certificate-1"))
    await refused("NOT_FOUND", world.service.certificates.get(SUPPLIER, "certificate-9"))
    assert await world.snapshot() == before


async def test_a_former_holder_does_not_see_what_became_of_it(world: World) -> None:
    await world.held(amount_fen=100)
    await transfer(world, "certificate-1", "certificate-2")
    await accept(world, SECOND_TIER, "certificate-2")
    parts = (("certificate-a", 60), ("certificate-b", 40))
    await split(world, "certificate-2", *parts, caller=SECOND_TIER)
    await refused("NOT_FOUND", world.service.certificates.get(SUPPLIER, "certificate-a"))
    assert (await world.service.certificates.get(BUYER, "certificate-a")).holder_uscc == SECOND_TIER
    seen = {item.certificate_id for item in (await world.service.certificates.list_own(SUPPLIER, 10, "")).items}
    assert seen == {"certificate-1", "certificate-2"}


async def test_receipts_are_for_the_parties_only(world: World) -> None:
    """For anyone else the record does not exist; for a party it is there, and waits for its anchor."""
    await world.held(amount_fen=100)
    for record_id in await world.records():
        for reader in (SECOND_TIER, trade.DEALER):
            await refused("NOT_FOUND", world.log.receipt(record_id, reader))
        for reader in (BUYER, SUPPLIER):
            await refused("RECEIPT_PENDING", world.log.receipt(record_id, reader))


@pytest.mark.parametrize(
    ("receiver", "code"),
    [
        ("91449900MA0H00037X", "USCC_MALFORMED"),
        ("", "USCC_MALFORMED"),
        (SECOND_TIER.lower(), "USCC_MALFORMED"),
        (SUPPLIER, "INVALID_ARGUMENT"),
        (BUYER, "INVALID_ARGUMENT"),
        (trade.DEALER, "NOT_FOUND"),
    ],
)
async def test_a_certificate_goes_to_a_registered_third_party(world: World, receiver: str, code: str) -> None:
    await world.held()
    before = await world.snapshot()
    await refused(code, transfer(world, "certificate-1", "certificate-2", receiver))
    assert await world.snapshot() == before


async def test_from_the_due_date_on_nothing_is_passed_on(world: World) -> None:
    await world.held(amount_fen=100)
    await issue(world, "certificate-9", (await world.service.get_certificate("certificate-1")).receivable_id, 5)
    world.clock.advance(dt.timedelta(days=34))
    before = await world.snapshot()
    parts = (("certificate-a", 50), ("certificate-b", 50))
    await refused("STATE_CONFLICT", transfer(world, "certificate-1", "certificate-2"))
    await refused("STATE_CONFLICT", split(world, "certificate-1", *parts))
    await refused("STATE_CONFLICT", accept(world, SUPPLIER, "certificate-9"))
    assert await world.snapshot() == before


@ON_BOTH
async def test_lists_come_in_pages_newest_first(world: World) -> None:
    certificate = await world.held(amount_fen=1)
    for number in range(2, 8):
        world.clock.advance(dt.timedelta(seconds=number % 2))
        await issue(world, f"certificate-{number}", certificate.receivable_id, number)
    token, seen, sizes = "", [], []
    while True:
        page = await world.service.certificates.list_own(BUYER, 3, token)
        seen += [(item.created_at, item.certificate_id) for item in page.items]
        sizes.append(len(page.items))
        token = page.next_token
        if not token:
            break
    assert sizes == [3, 3, 1]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7


FOREIGN = ["no moment", "2026-01-01 abc", "0001-01-01T00:00:00+14:00 abc", "2026-01-01T00:00:00+00:00 a\x00c"]
FOREIGN.append(f"2026-01-01T00:00:00+00:00 {'a' * 200}")


@pytest.mark.parametrize("token", ["x", *(b64u_encode(text.encode()) for text in FOREIGN)])
async def test_a_foreign_page_token_is_refused(world: World, token: str) -> None:
    await refused("INVALID_ARGUMENT", world.service.certificates.list_own(BUYER, 3, token))
    await refused("INVALID_ARGUMENT", world.service.list_own(BUYER, 3, token))


async def issue(world: World, certificate_id: str, receivable_id: str, amount_fen: int, caller: str = BUYER) -> Issued:
    certificates = world.service.certificates
    return await world.run(lambda: certificates.issue(caller, certificate_id, receivable_id, amount_fen))


async def accept(world: World, caller: str, certificate_id: str) -> Certificate:
    return await world.run(lambda: world.service.certificates.accept(caller, certificate_id))


async def refuse(world: World, caller: str, certificate_id: str) -> Refused:
    return await world.run(lambda: world.service.certificates.refuse(caller, certificate_id))


async def split(
    world: World, certificate_id: str, *parts: tuple[str, int], caller: str = SUPPLIER
) -> tuple[Certificate, ...]:
    return await world.run(lambda: world.service.certificates.split(caller, certificate_id, parts))


async def transfer(
    world: World, certificate_id: str, new_id: str, receiver: str = SECOND_TIER, caller: str = SUPPLIER
) -> Certificate:
    return await world.run(lambda: world.service.certificates.transfer(caller, certificate_id, new_id, receiver))
