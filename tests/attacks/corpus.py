"""The attacks, one row each: a name, the deed, and the one rule or code that must stop it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from typing import Any

from hub.receivables.authenticity.rules import TaxState
from hub.receivables.disputes.desk import Ground
from hub.receivables.trade.model import DocumentKind, TradeDocument
from tests.attacks import deeds
from tests.attacks.case import Case
from tests.attacks.corpus_taken_back import taken_back
from tests.attacks.deeds import BUYER, SECOND_TIER, STRANGER, SUPPLIER, Deed
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import SECRETS, altered

DAY = dt.timedelta(days=1)


def corpus() -> list[Case]:
    """Every case, each under a name of its own."""
    families = (
        fabricated(),
        inflated(),
        unknown_to_the_tax_authority(),
        reused(),
        copied_receipts(),
        repeated_trades(),
        forged_confirmations(),
        stale_confirmations(),
        certificates(),
        double_spends(),
        replays(),
        financings(),
        disputes_and_orders(),
        taken_back(),
    )
    return list(chain.from_iterable(families))


def fabricated() -> Iterator[Case]:
    """No order, no goods, or somebody else's."""
    order, receipt, invoice = deeds.documents(steel="40")
    for steel in ("0.01", "1", "40", "100"):
        billed = trade.invoice("invoice-1", steel=steel)
        yield Case(f"billed before delivery, {steel} kg", deeds.billing(billed, order), "MATCH_FAILED:ABOVE_RECEIVED")
        none = "MATCH_FAILED:ORDER_MISSING, ORDER_LINE_UNKNOWN"
        yield Case(f"no order was placed, {steel} kg", deeds.billing(billed), none)
        yield Case(f"goods but no order, {steel} kg", deeds.billing(billed, receipt), none)
    withdrawn = trade.order()
    yield Case(
        "the order was withdrawn",
        _withdrawing(withdrawn, receipt, invoice),
        "MATCH_FAILED:ORDER_MISSING, ORDER_LINE_UNKNOWN",
    )
    yield Case("the receipt was withdrawn", _withdrawing(receipt, order, invoice), "MATCH_FAILED:ABOVE_RECEIVED")
    other = trade.order(document_id="purchase-2")
    elsewhere = trade.receipt("shipment-1", "purchase-2", steel="40")
    yield Case("goods of another order", deeds.billing(invoice, order, other, elsewhere), "MATCH_FAILED:ABOVE_RECEIVED")
    bolts = trade.receipt("shipment-1", bolts="40")
    yield Case("other goods came", deeds.billing(invoice, order, bolts), "MATCH_FAILED:ABOVE_RECEIVED")
    stranger = replace(invoice, supplier_uscc=SECOND_TIER)
    yield Case(
        "another supplier bills the order", deeds.billing(stranger, order, receipt), "MATCH_FAILED:PARTY_DIFFERS"
    )
    no_order = replace(invoice, order_document_ids=())
    yield Case(
        "an invoice that names no order",
        deeds.billing(no_order, order, receipt),
        "MATCH_FAILED:ORDER_MISSING, ORDER_LINE_UNKNOWN",
    )
    for name in ("", "purchase.line,9", "PURCHASE.LINE,1", " purchase.line,1"):
        line = trade.with_line(invoice, 1, order_line_id=name)
        yield Case(f"bills the line {name!r}", deeds.billing(line, order, receipt), "MATCH_FAILED:ORDER_LINE_UNKNOWN")


def inflated() -> Iterator[Case]:
    """More, dearer or other than what came."""
    order, receipt, _ = deeds.documents(steel="40")
    for steel in ("40.0001", "40.5", "41", "50", "80", "100"):
        billed = trade.invoice("invoice-1", steel=steel)
        yield Case(f"{steel} kg billed of 40", deeds.billing(billed, order, receipt), "MATCH_FAILED:ABOVE_RECEIVED")
    generous = trade.receipt("shipment-1", steel="200")
    for steel in ("100.0001", "101", "200"):
        billed = trade.invoice("invoice-1", steel=steel)
        yield Case(
            f"{steel} kg billed of 100 ordered", deeds.billing(billed, order, generous), "MATCH_FAILED:ABOVE_ORDERED"
        )
    for price in ("1250.51", "1251", "1300", "12505"):
        amount = int((Decimal(40) * Decimal(price)).to_integral_value())
        line = trade.with_line(
            trade.invoice("invoice-1", steel="40"), 1, unit_price_fen=Decimal(price), line_extension_amount_fen=amount
        )
        dear = replace(line, payable_amount_fen=amount)
        yield Case(
            f"at {price} fen instead of 1250.5", deeds.billing(dear, order, receipt), "MATCH_FAILED:PRICE_DIFFERS"
        )
    honest = trade.invoice("invoice-1", steel="40")
    for more in (2, 100, 50_020):
        line = trade.with_line(honest, 1, line_extension_amount_fen=50_020 + more)
        padded = replace(line, payable_amount_fen=50_020 + more)
        yield Case(f"a line padded by {more} fen", deeds.billing(padded, order, receipt), "MATCH_FAILED:AMOUNT_DIFFERS")
    for more in (1, 99, 1_000_000):
        total = replace(honest, payable_amount_fen=50_020 + more)
        yield Case(f"a total padded by {more} fen", deeds.billing(total, order, receipt), "MATCH_FAILED:TOTAL_DIFFERS")
    for name in ("不锈钢板", "钢板 ", "钢扳"):
        line = trade.with_line(honest, 1, item_name=name)
        yield Case(f"billed as {name!r}", deeds.billing(line, order, receipt), "MATCH_FAILED:ITEM_DIFFERS")
    for unit in ("TNE", "EA", "kgm"):
        line = trade.with_line(honest, 1, unit_code=unit)
        yield Case(f"billed by {unit}", deeds.billing(line, order, receipt), "MATCH_FAILED:UNIT_DIFFERS")
    first = trade.invoice("invoice-1", steel="30")
    for steel in ("10.0001", "11", "30", "40"):
        second = trade.invoice("invoice-2", steel=steel)
        deed = deeds.second_billing(first, second)
        yield Case(f"30 of 40 kg billed, then {steel}", deed, "MATCH_FAILED:ABOVE_RECEIVED")


def unknown_to_the_tax_authority() -> Iterator[Case]:
    """Fabricated, altered or ended invoices over real goods."""
    order, receipt, invoice = deeds.documents(steel="40")
    yield Case(
        "printed at home", deeds.billing(invoice, order, receipt, issued=False), "INVOICE_REFUSED:INVOICE_UNKNOWN"
    )
    for number in ("26312000000012345678", "26312000000012345679", "044001900111 12345678", "1", "NO-invoice-l"):
        home = replace(invoice, number=number)
        deed = deeds.billing(home, order, receipt, issued=False)
        yield Case(f"an invented number {number}", deed, "INVOICE_REFUSED:INVOICE_UNKNOWN")
    for less in (1, 20, 50_019):
        deed = deeds.recorded_otherwise(total_fen=50_020 - less)
        yield Case(f"issued over {less} fen less", deed, "INVOICE_REFUSED:INVOICE_AMOUNT_DIFFERS")
    for tax in (1, 6_502):
        deed = deeds.recorded_otherwise(tax_fen=tax)
        yield Case(f"issued with {tax} fen of tax", deed, "INVOICE_REFUSED:INVOICE_AMOUNT_DIFFERS")
    for party in (SECOND_TIER, STRANGER):
        for role in ("seller_uscc", "buyer_uscc"):
            deed = deeds.recorded_otherwise(**{role: party})
            yield Case(f"issued with {party} as {role}", deed, "INVOICE_REFUSED:INVOICE_PARTY_DIFFERS")
    for days in (-365, -30, -1, 1, 30, 365):
        deed = deeds.recorded_otherwise(issue_date=invoice.issue_date + days * DAY)
        yield Case(f"re-dated by {days} days", deed, "INVOICE_REFUSED:INVOICE_DATE_DIFFERS")
    for state in (TaxState.RED_OFFSET, TaxState.CANCELLED):
        rule = f"INVOICE_{state}"
        for moment in ("confirmation", "application"):
            yield Case(f"{state} before {moment}", deeds.ended_before(moment, state), f"INVOICE_REFUSED:{rule}")
        for moment in ("signature", "payment"):
            yield Case(f"{state} before {moment}", deeds.ended_before(moment, state), "REJECTED:INVOICE_REFUSED")
    yield Case("the tax authority is away", deeds.tax_authority_away, "PROVIDER_UNAVAILABLE:tax_authority")


NUMBER = "26312000000012345678"
SPELLINGS = (
    "２６３１２０００００００１２３４５６７８",
    "2631 2000 0000 1234 5678",
    "2631-2000-0000-1234-5678",
    "2631.2000.0000.1234.5678",
    "2631/2000/0000/1234/5678",
    "2631_2000_0000_1234_5678",
    "26312OOOOOOO12345678",
    "26312ooooooo12345678",
    "263120000000I2345678",
    "263120000000l2345678",
    " 26312000000012345678",
    "26312000000012345678 ",
    "26312000000012345678-",
    "２６３１２-０００００００-１２３４５６７８",
    "26312\u200b000000012345678",
    "٢٦٣١٢٠٠٠٠٠٠٠١٢٣٤٥٦٧٨",
    "(26312000000012345678)",
    "26312000000012345678。",
    "26312 OOOOOOO I2345678",
)


def reused() -> Iterator[Case]:
    """The same invoice under another order, as it is or in another spelling."""
    first = replace(trade.invoice("invoice-1", steel="40"), number=NUMBER)
    for place, number in enumerate(SPELLINGS):
        again = _under_another_order(number, steel="7")
        deed = deeds.second_billing(first, *again)
        yield Case(f"spelled otherwise ({place})", deed, "MATCH_FAILED:INVOICE_RETYPED")
    for steel in ("1", "7", "40", "55"):
        again = _under_another_order(NUMBER, steel=steel)
        yield Case(
            f"the same number, {steel} kg", deeds.second_billing(first, *again), "MATCH_FAILED:DUPLICATE_INVOICE"
        )
    same = _under_another_order(NUMBER[-8:], steel="40")
    yield Case("its last eight digits", deeds.second_billing(first, *same), "MATCH_FAILED:INVOICE_RETYPED")
    for written, typed in (("00012345", "12345"), ("00000007", "7"), ("01234567", "1234567"), ("00012345", "0012345")):
        short = replace(trade.invoice("invoice-1", steel="40"), number=written)
        again = _under_another_order(typed, steel="7")
        yield Case(f"{written} typed as {typed}", deeds.second_billing(short, *again), "MATCH_FAILED:INVOICE_RETYPED")


def copied_receipts() -> Iterator[Case]:
    """One delivery written down again under another order."""
    note = "SH-2026-0010"
    receipt = replace(trade.receipt("shipment-1", steel="40"), number=note)
    first = trade.invoice("invoice-1", steel="40")
    for typed in (note, "sh-2026-0010", "SH-2O26-OO1O", "SH-2026-00I0", "ＳＨ-2026-0010", "SH-2026-00１0"):
        for steel in ("5", "40", "60"):
            again = _under_another_order("NO-invoice-2", note=typed, steel=steel)
            deed = deeds.second_billing(first, *again, receipt=receipt)
            yield Case(f"receipt {typed} again, {steel} kg", deed, "MATCH_FAILED:GOODS_BILLED_TWICE")


def repeated_trades() -> Iterator[Case]:
    """A colluding pair repeats a large trade under new orders, receipts and numbers."""
    for steel in ("8000", "9999", "50000"):
        deed = deeds.repeated(("1", steel), ("2", steel))
        yield Case(f"renumbered, {steel} kg", deed, "INVOICE_REFUSED:INVOICE_RENUMBERED")
    for part, rest in (("8000", "9000"), ("10000", "20000"), ("1000", "16000")):
        whole = str(int(part) + int(rest))
        deed = deeds.repeated(("1", whole), ("2", part), ("3", rest))
        yield Case(f"split into {part} and {rest} kg", deed, "INVOICE_REFUSED:INVOICE_SPLIT")
        deed = deeds.repeated(("1", part), ("2", rest), ("3", whole))
        yield Case(f"merged from {part} and {rest} kg", deed, "INVOICE_REFUSED:INVOICES_MERGED")


def forged_confirmations() -> Iterator[Case]:
    """Signed by somebody else, over something else, or not at all."""
    for secret in (SECRETS[SUPPLIER], SECRETS[SECOND_TIER], 1, 2, 2**200):
        deed = deeds.confirming(signer=secret)
        yield Case(f"signed by key {secret}", deed, "CONFIRMATION_MISMATCH:signature")
    changes: dict[str, tuple[Any, ...]] = {
        "amount_fen": (1, 50_019, 50_021, 50_020_000),
        "buyer_uscc": (SECOND_TIER, STRANGER),
        "supplier_uscc": (SECOND_TIER, STRANGER),
        "invoice_id": ("NO-invoice-2", ""),
        "currency": ("USD",),
        "due_date": (dt.date(2026, 4, 4), dt.date(2026, 4, 6), dt.date(2027, 4, 5)),
        "evidence_hash": (bytes(32), b"\xff" * 32),
        "chain_id": (1,),
        "verifying_contract": ("0x" + "cd" * 20,),
    }
    for field, values in changes.items():
        for value in values:
            deed = deeds.confirming(lambda message, field=field, value=value: altered(message, **{field: value}))
            name = value.hex() if isinstance(value, bytes) else value
            # EIP-712 calls its fields so.
            first, *words = field.split("_")
            typed = first + "".join(word.title() for word in words)
            yield Case(f"{field} {name} is signed", deed, f"CONFIRMATION_MISMATCH:{typed}")
    mangled = {
        "empty": lambda signature: b"",
        "of zeros": lambda signature: bytes(65),
        "one byte short": lambda signature: signature[:-1],
        "with one bit changed": lambda signature: bytes([signature[0] ^ 1]) + signature[1:],
        "with another v": lambda signature: signature[:-1] + bytes([55 - signature[-1]]),
    }
    for name, mangle in mangled.items():
        yield Case(f"a signature {name}", deeds.confirming(mangle=mangle), "CONFIRMATION_MISMATCH:signature")
    yield Case("confirmed by the supplier", deeds.confirming(caller=SUPPLIER), "PERMISSION_DENIED")
    for caller in (SECOND_TIER, STRANGER):
        yield Case(f"confirmed by {caller}", deeds.confirming(caller=caller), "NOT_FOUND:receivable")


def stale_confirmations() -> Iterator[Case]:
    """A signature kept in a drawer, or dated ahead."""
    for hours in (25, 48, 24 * 30):
        deed = deeds.confirming(later=dt.timedelta(hours=hours))
        yield Case(f"handed in after {hours} h", deed, "CONFIRMATION_MISMATCH:confirmed_at")
    for seconds in (3_600, 86_400, -90_000):
        deed = deeds.confirming(
            lambda message, seconds=seconds: altered(message, confirmed_at=message.confirmed_at + seconds)
        )
        yield Case(f"dated {seconds} s off", deed, "CONFIRMATION_MISMATCH:confirmed_at")
    yield Case("handed in twice", deeds.confirmed_again, "STATE_CONFLICT:CONFIRMED")
    yield Case("handed in for another receivable", deeds.confirmed_for_another, "CONFIRMATION_MISMATCH:signature")


def certificates() -> Iterator[Case]:
    """Issued, split or passed on by those who may not, or for more than there is."""
    for amount in (50_021, 60_000, 10**12):
        yield Case(f"issued over {amount} fen of 50,020", deeds.issue(amount), "AMOUNT_EXCEEDS_RECEIVABLE")
    for amount, times in ((25_011, 2), (50_020, 2), (10_005, 5)):
        deed = deeds.issue(amount, times=times)
        yield Case(f"{times} times {amount} fen issued", deed, "AMOUNT_EXCEEDS_RECEIVABLE")
    yield Case("issued by the supplier", deeds.issue(100, caller=SUPPLIER), "PERMISSION_DENIED")
    yield Case("issued by a stranger", deeds.issue(100, caller=STRANGER), "NOT_FOUND:receivable")
    on = deeds.on_certificate
    for amounts in ((25_000, 25_001), (1, 50_000), (50_000, 50_000), (10_000, 20_000)):
        yield Case(f"split into {amounts}", on(deeds.split(SUPPLIER, *amounts)), "INVALID_ARGUMENT:parts")
    for amounts in ((50_000,), (50_001, -1), (50_000, 0), ()):
        yield Case(f"split into {amounts}", on(deeds.split(SUPPLIER, *amounts)), "INVALID_ARGUMENT:parts")
    yield Case("split by the buyer", on(deeds.split(BUYER, 25_000, 25_000)), "PERMISSION_DENIED")
    yield Case("split by a stranger", on(deeds.split(STRANGER, 25_000, 25_000)), "NOT_FOUND:certificate")
    yield Case("passed on by the buyer", on(deeds.transfer(BUYER)), "PERMISSION_DENIED")
    yield Case("passed on by a stranger", on(deeds.transfer(STRANGER)), "NOT_FOUND:certificate")
    yield Case("passed on to the buyer", on(deeds.transfer(receiver=BUYER)), "INVALID_ARGUMENT:receiver_uscc")
    yield Case("passed on to oneself", on(deeds.transfer(receiver=SUPPLIER)), "INVALID_ARGUMENT:receiver_uscc")
    yield Case("passed on to nobody known", on(deeds.transfer(receiver=STRANGER)), "NOT_FOUND:enterprise")
    yield Case("passed on to a malformed code", on(deeds.transfer(receiver="91449900MA0H00037X")), "USCC_MALFORMED")
    offered = deeds.transfer()
    yield Case("accepted by the one who offered", on(deeds.accept(SUPPLIER), offered), "PERMISSION_DENIED")
    yield Case("accepted by a stranger", on(deeds.accept(STRANGER), offered), "NOT_FOUND:certificate")
    yield Case("refused by a stranger", on(deeds.refuse(STRANGER), offered), "NOT_FOUND:certificate")


def double_spends() -> Iterator[Case]:
    """One certificate, two uses."""
    halves = deeds.split(SUPPLIER, 25_000, 25_000)
    first_uses = {
        "split": (halves, "SPLIT"),
        "passed on": (deeds.transfer(), "TRANSFERRED"),
        "pledged": (deeds.apply(), "BLOCKED"),
        "financed": (deeds.disburse, "FINANCED"),
    }
    for name, (before, state) in first_uses.items():
        again: dict[str, Deed] = {
            "split": deeds.split(SUPPLIER, 20_000, 30_000),
            "passed on": deeds.transfer(new="passed-2"),
            "financed": deeds.apply(name="financing-2"),
        }
        for use, deed in again.items():
            on = deeds.on_certificate(deed, before)
            yield Case(f"{name}, then {use}", on, f"STATE_CONFLICT:{state}")
    for name in ("passed-1", "certificate-1"):
        deed = deeds.on_certificate(deeds.transfer(new=name), deeds.split(SUPPLIER, 25_000, 25_000))
        yield Case(f"spent parent passed on as {name}", deed, "STATE_CONFLICT:SPLIT")


def replays() -> Iterator[Case]:
    """The same call once more, under a request of its own."""
    on, passed = deeds.on_certificate, deeds.transfer()
    taken = deeds.then(passed, deeds.accept(SECOND_TIER))
    yield Case("a transfer replayed", on(deeds.transfer(), passed), "STATE_CONFLICT:TRANSFERRED")
    yield Case("a transfer replayed after acceptance", on(deeds.transfer(), taken), "STATE_CONFLICT:TRANSFERRED")
    yield Case("an acceptance replayed", on(deeds.accept(SECOND_TIER), taken), "STATE_CONFLICT:HELD")
    yield Case("refused after acceptance", on(deeds.refuse(SECOND_TIER), taken), "STATE_CONFLICT:HELD")
    yield Case(
        "accepted again by the first holder",
        on(deeds.accept(SUPPLIER, "certificate-1"), passed),
        "STATE_CONFLICT:TRANSFERRED",
    )
    turned_down = deeds.then(passed, deeds.refuse(SECOND_TIER))
    yield Case("accepted after refusal", on(deeds.accept(SECOND_TIER), turned_down), "STATE_CONFLICT:REFUSED")
    halves = deeds.split(SUPPLIER, 25_000, 25_000)
    yield Case("a split replayed", on(halves, halves), "STATE_CONFLICT:SPLIT")
    yield Case("an id used for two certificates", on(deeds.transfer(new="certificate-1")), "ALREADY_EXISTS:certificate")
    yield Case("an application's id used twice", on(deeds.apply(), deeds.apply()), "ALREADY_EXISTS:financing")


def financings() -> Iterator[Case]:
    """Money on what one does not hold, or on what another bank holds."""
    on = deeds.on_certificate
    for caller in (BUYER, SECOND_TIER, STRANGER):
        yield Case(f"{caller} finances another's", on(deeds.apply(caller)), "NOT_FOUND:certificate")
    yield Case(
        "financed while only offered",
        on(deeds.apply(SECOND_TIER, "passed-1"), deeds.transfer()),
        "STATE_CONFLICT:ISSUED",
    )
    for amount in (50_001, 100_000):
        yield Case(f"{amount} fen on 50,000", on(deeds.apply(amount_fen=amount)), "AMOUNT_EXCEEDS_RECEIVABLE")
    yield Case("financed at another bank first", deeds.financed_elsewhere, "REJECTED:CLAIM_ALREADY_FINANCED")


def disputes_and_orders() -> Iterator[Case]:
    """The buyer takes back what others rely on; an order and its invoice are both pledged."""
    for ground in Ground:
        deed = deeds.dispute(ground, certificated=True)
        yield Case(f"certificated, then disputed for {ground}", deed, "STATE_CONFLICT:CERTIFICATED")
    yield Case("disputed by the supplier", deeds.dispute(Ground.PRICE, caller=SUPPLIER), "PERMISSION_DENIED")
    yield Case("disputed by a stranger", deeds.dispute(Ground.PRICE, caller=STRANGER), "NOT_FOUND:receivable")
    yield Case("issued on a disputed receivable", deeds.issue_on_disputed, "STATE_CONFLICT:DISPUTED")
    yield Case("an order lent on twice", deeds.order_twice, "STATE_CONFLICT:FINANCED")
    yield Case("an order and its invoice", deeds.order_and_invoice, "STATE_CONFLICT:PLEDGED")


def _under_another_order(number: str, note: str = "", **quantities: str) -> tuple[TradeDocument, ...]:
    receipt = trade.receipt("shipment-2", "purchase-2", **quantities)
    invoice = trade.invoice("invoice-2", "purchase-2", **quantities)
    return (
        trade.order(document_id="purchase-2"),
        replace(receipt, number=note or receipt.number),
        replace(invoice, number=number),
    )


def _withdrawing(gone: TradeDocument, *others: TradeDocument) -> Deed:
    async def deed(world: deeds.LendingWorld) -> object:
        world.trade.erps.put(gone, "cancelled")
        return await deeds.billing(others[-1], *others[:-1])(world)

    assert gone.kind is not DocumentKind.INVOICE
    return deed
