"""Attacks by returns, credit notes and around courts' orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from tests.attacks import deeds
from tests.attacks import deeds_taken_back as back
from tests.attacks.case import Case
from tests.attacks.deeds import SECOND_TIER
from tests.unit.hub.receivables import trade

WHOLE_FEN, TEN_KG_FEN = 50_020, 12_505
CREDIT = trade.credit("credit-1", "invoice-1", steel="10")
RETURN = trade.returned("return-1", steel="10")


def taken_back() -> Iterator[Case]:
    """Every case of this file."""
    yield from sent_back()
    yield from credited_too_much()
    yield from hidden_credits()
    yield from credits_that_make_room()
    yield from after_the_money()
    yield from courts()


def sent_back() -> Iterator[Case]:
    """Goods came, went back, and are billed as if they had stayed."""
    for steel in ("0.0001", "1", "40"):
        deed = back.before_signing(trade.returned("return-1", steel=steel))
        yield Case(f"{steel} kg sent back before the signature", deed, "MATCH_FAILED:ABOVE_RECEIVED")
    two = [trade.returned(f"return-{name}", steel="0.5") for name in "ab"]
    yield Case("sent back in two shipments", back.before_signing(*two), "MATCH_FAILED:ABOVE_RECEIVED")
    yield Case("sent back while the buyer signs", back.while_signing(RETURN), "MATCH_FAILED:ABOVE_RECEIVED")
    less = trade.credit("credit-1", "invoice-1", steel="9.9999")
    yield Case(
        "10 kg sent back, less than that credited", back.before_signing(RETURN, less), "MATCH_FAILED:ABOVE_RECEIVED"
    )
    for name, change in {"line": {"order_line_id": ""}, "unit": {"unit_code": "TNE"}}.items():
        vague = trade.with_line(RETURN, 1, **change)
        yield Case(f"sent back under another {name}", back.before_signing(vague), "MATCH_FAILED:RETURN_UNALLOCATED")
    nowhere = replace(RETURN, order_document_ids=())
    yield Case("sent back of no order", back.before_signing(nowhere), "PROVIDER_FAULT:a return that names no order")


def credited_too_much() -> Iterator[Case]:
    """Credit notes that cannot be."""
    for steel in ("40.0001", "41", "80"):
        deed = back.before_signing(trade.credit("credit-1", "invoice-1", steel=steel))
        # A ten thousandth of a kilogram is no fen.
        first = "CREDITED_IN_FULL" if steel == "40.0001" else "CREDIT_ABOVE_INVOICE"
        rule = f"{first}, CREDIT_ABOVE_INVOICE"
        yield Case(f"{steel} kg of 40 credited", deed, f"MATCH_FAILED:{rule}")
    two = [trade.credit(f"credit-{name}", "invoice-1", steel="25") for name in "ab"]
    rule = "CREDIT_ABOVE_INVOICE, CREDIT_ABOVE_INVOICE"
    yield Case("twice 25 kg of 40 credited", back.before_signing(*two), f"MATCH_FAILED:{rule}")
    whole = trade.credit("credit-1", "invoice-1", steel="40")
    yield Case("credited in full", back.before_signing(whole), "MATCH_FAILED:CREDITED_IN_FULL")
    more = replace(CREDIT, tax_amount_fen=WHOLE_FEN, payable_amount_fen=CREDIT.payable_amount_fen)
    yield Case(
        "a note whose lines are above its total", back.before_signing(more), "PROVIDER_FAULT:tax or total out of range"
    )
    early = replace(CREDIT, issue_date=dt.date(2026, 1, 4))
    yield Case("re-dated before its invoice", back.before_signing(early), "MATCH_FAILED:CREDIT_PREDATES_INVOICE")
    stranger = replace(CREDIT, supplier_uscc=SECOND_TIER)
    fault = "PROVIDER_FAULT:the credit note is by another supplier than the invoice"
    yield Case("credited by a stranger before the signature", back.before_signing(stranger), fault)
    yield Case("credited by a stranger after it", back.after_signing(back.pledge, stranger), fault)


def hidden_credits() -> Iterator[Case]:
    """Credited, and the bank is not to know."""
    nothing = replace(CREDIT, order_document_ids=(), billing_document_ids=())
    fault = "PROVIDER_FAULT:a credit note that names neither an invoice nor an order"
    yield Case("a note that names nothing", back.before_signing(nothing), fault)
    both = replace(CREDIT, billing_document_ids=("invoice-1", "invoice-2"))
    yield Case("a note that names two invoices", back.before_signing(both), "MATCH_FAILED:CREDIT_UNALLOCATED")
    unnamed = replace(CREDIT, billing_document_ids=())
    parked = back.before_signing(trade.receipt("shipment-2", steel="1"), trade.invoice("invoice-2", steel="1"), unnamed)
    yield Case("parked between two invoices", parked, "MATCH_FAILED:CREDIT_UNALLOCATED")
    mismatch = "CONFIRMATION_MISMATCH:amountFen, evidenceHash"
    yield Case("credited while the buyer signs the whole", back.while_signing(CREDIT), mismatch)
    diluted = "STATE_CONFLICT:DILUTED"
    yield Case("withdrawn for the signature, then pledged", back.hidden_and_back(back.pledge), diluted)
    yield Case("withdrawn for the signature, then certificated", back.hidden_and_back(back.issue(100)), diluted)
    yield Case("withdrawn after it diluted, then pledged", back.withdrawn_after(back.pledge), diluted)
    late = replace(CREDIT, issue_date=dt.date(2027, 1, 1))
    yield Case("re-dated into next year, then pledged", back.after_signing(back.pledge, late), diluted)
    redated = back.after_signing(back.pledge, CREDIT, late)
    yield Case("re-dated after it diluted, then pledged", redated, diluted)
    shrunk = back.older_version_again(back.issue(WHOLE_FEN - 1_250))
    yield Case("an older version replayed to make it small", shrunk, "AMOUNT_EXCEEDS_RECEIVABLE")


def credits_that_make_room() -> Iterator[Case]:
    """Goods are credited so that they can be billed, and lent on, once more."""
    above = "MATCH_FAILED:ABOVE_RECEIVED"
    for price in ("0.05", "1", "1250.4"):
        cheap = trade.allowance("credit-1", "invoice-1", "steel", "20", price)
        yield Case(f"20 kg credited at {price} fen, billed again", back.second_invoice("20", cheap), above)
    empty = trade.with_line(trade.credit("credit-1", "invoice-1", steel="20"), 1, line_extension_amount_fen=0)
    empty = replace(empty, payable_amount_fen=1, tax_amount_fen=1)
    yield Case("20 kg credited for nothing, billed again", back.second_invoice("20", empty), above)
    yield Case("10 kg credited, 10.0001 billed again", back.second_invoice("10.0001", CREDIT), above)
    yield Case("10 kg credited and sent back, billed again", back.second_invoice("10", CREDIT, RETURN), above)
    signed = back.second_invoice("10", CREDIT, confirmed=True)
    yield Case("10 kg credited after the signature, billed again", signed, above)
    for steel in ("8000", "50000"):
        deed = back.credited_and_renumbered(steel)
        yield Case(f"credited by a kilogram and renumbered, {steel} kg", deed, "INVOICE_REFUSED:INVOICE_RENUMBERED")


def after_the_money() -> Iterator[Case]:
    """The supplier has the money; then the goods go back."""
    diluted = "STATE_CONFLICT:DILUTED"
    for name, document in {"credited": CREDIT, "sent back": RETURN}.items():
        for use, act in {"pledged": back.pledge, "certificated": back.issue(1)}.items():
            yield Case(f"{name}, then {use} whole", back.after_signing(act, document), diluted)
        rest = back.after_signing(back.issue(TEN_KG_FEN), document, certificated_fen=WHOLE_FEN - TEN_KG_FEN)
        yield Case(f"{name}, then the rest certificated", rest, "AMOUNT_EXCEEDS_RECEIVABLE")
        handed = back.after_signing(back.refuse_and_pledge, document, certificated_fen=WHOLE_FEN)
        yield Case(f"{name} while certificated, handed back and pledged", handed, diluted)
    yield Case("sent back under a loan, then certificated", back.returned_under_a_loan, diluted)


def courts() -> Iterator[Case]:
    """What a court froze is to get away."""
    frozen = "STATE_CONFLICT:FROZEN"
    acts = {
        "split": deeds.split(deeds.SUPPLIER, 25_000, 25_000),
        "passed on": deeds.transfer(),
        "financed": deeds.apply(),
    }
    for name, deed in acts.items():
        yield Case(f"frozen, then {name}", back.frozen(deed), frozen)
    yield Case(
        "frozen while an application blocks it, then passed on",
        back.frozen(deeds.transfer(), before=deeds.apply()),
        frozen,
    )
    lent_on = back.frozen(deeds.apply(name="financing-2"), before=deeds.disburse)
    yield Case("frozen under a loan, then financed again", lent_on, "STATE_CONFLICT:FINANCED")
    yield Case("an order of a court entered twice", back.frozen(back.freeze_again), "ALREADY_EXISTS:freeze")
    yield Case("a freeze lifted twice", back.frozen(back.lift_twice), "STATE_CONFLICT:LIFTED")
    yield Case("a frozen receivable certificated", back.frozen_receivable(back.issue(100)), frozen)
    yield Case("a frozen receivable pledged", back.frozen_receivable(back.pledge), frozen)
    credited = back.frozen_receivable(back.give_up, CREDIT)
    yield Case("a frozen receivable credited away and given up", credited, "STATE_CONFLICT:CONFIRMED")
    emptied = back.frozen_receivable(back.issue(100), CREDIT, RETURN)
    yield Case("a frozen receivable sent back and certificated", emptied, frozen)
    for name, act in {"stated anew": back.reinstate, "given up": back.give_up}.items():
        yield Case(f"frozen, disputed, then {name}", back.frozen_in_dispute(act, first=False), frozen)
        yield Case(f"disputed, frozen, then {name}", back.frozen_in_dispute(act, first=True), frozen)
        yield Case(f"credited, frozen, then {name}", back.frozen_in_dispute(act, CREDIT, first=True), frozen)
