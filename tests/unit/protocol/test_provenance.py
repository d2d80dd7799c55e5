"""A certificate's chain: what holds, and that every single alteration of a record is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from huilian_protocol.provenance import build_provenance, check_chain, parse_provenance

BUYER, SUPPLIER, SECOND = "buyer", "supplier", "second"
Chain = list[dict[str, Any]]


def record(kind: str, **content: Any) -> dict[str, Any]:
    common = {"receivable_id": "r", "issuer_uscc": BUYER, "due_date": "2026-04-05", "currency": "CNY"}
    return {"type": kind, "content": {**common, **content}}


def chain() -> Chain:
    """Confirmed, issued over 100, split 40 + 60, the 40 split 15 + 25, the 25 passed on."""
    confirmed = {"receivableId": "r", "buyerUscc": BUYER, "supplierUscc": SUPPLIER, "amountFen": 120}
    held: dict[str, Any] = {"holder_uscc": SUPPLIER}
    return [
        {"type": "receivable.confirmed", "content": {**confirmed, "dueDate": "2026-04-05", "currency": "CNY"}},
        record("certificate.issued", certificate_id="c", parent_id=None, amount_fen=100, **held),
        record("certificate.split", certificate_id="c", amount_fen=100, parts=parts(c1=40, c2=60), **held),
        record("certificate.split", certificate_id="c1", amount_fen=40, parts=parts(c3=15, c4=25), **held),
        record(
            "certificate.transferred",
            certificate_id="c5",
            parent_id="c4",
            amount_fen=25,
            holder_uscc=SECOND,
            offered_by=SUPPLIER,
        ),
    ]


def parts(**amounts: int) -> list[dict[str, Any]]:
    return [{"certificate_id": name, "amount_fen": fen} for name, fen in amounts.items()]


def test_a_chain_of_splits_and_transfers_holds() -> None:
    assert check_chain("c5", chain()) == (SECOND, 25)
    assert check_chain("c4", chain()[:-1]) == (SUPPLIER, 25)
    assert check_chain("c", chain()[:2]) == (SUPPLIER, 100)


def test_a_returned_offer_is_its_makers_again() -> None:
    ids: dict[str, Any] = {"certificate_id": "c6", "parent_id": "c5"}
    returned = record("certificate.returned", amount_fen=25, holder_uscc=SUPPLIER, offered_by=SUPPLIER, **ids)
    assert check_chain("c6", [*chain(), returned]) == (SUPPLIER, 25)


ALTERATIONS: list[Callable[[Chain], object]] = [
    lambda c: c.pop(0),
    lambda c: c.pop(1),
    lambda c: c.pop(2),
    lambda c: c.pop(3),
    lambda c: c.reverse(),
    lambda c: c[0]["content"].update(amountFen=99),
    lambda c: c[0]["content"].update(receivableId="x"),
    lambda c: c[0]["content"].update(buyerUscc="x"),
    lambda c: c[0]["content"].update(supplierUscc="x"),
    lambda c: c[0]["content"].update(dueDate="2027-04-05"),
    lambda c: c[1]["content"].update(parent_id="x"),
    lambda c: c[1]["content"].update(amount_fen=101),
    lambda c: c[2]["content"].update(parts=parts(c1=41, c2=60)),
    lambda c: c[2]["content"].update(parts=parts(c1=40, c2=60, c3=0)),
    lambda c: c[2]["content"].update(parts=[*parts(c1=40), *parts(c1=60)]),
    lambda c: c[2]["content"].update(parts=parts(c9=40, c2=60)),
    lambda c: c[3]["content"].update(holder_uscc=SECOND),
    lambda c: c[3]["content"].update(due_date="2027-04-05"),
    lambda c: c[3]["content"].update(receivable_id="x"),
    lambda c: c[4]["content"].update(amount_fen=26),
    lambda c: c[4]["content"].update(parent_id="c3"),
    lambda c: c[4]["content"].update(offered_by=SECOND),
    lambda c: c[4].update(type="certificate.accepted"),
    lambda c: c[4]["content"].update(certificate_id="x"),
]


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_every_alteration_is_found(alter: Callable[[Chain], object]) -> None:
    altered = copy.deepcopy(chain())
    alter(altered)
    with pytest.raises((ValueError, KeyError)):
        check_chain("c5", altered)


def test_the_file_is_canonical_and_bounded() -> None:
    data = build_provenance("certificate-1", [b"one", b"two"])
    parsed = parse_provenance(data)
    assert (parsed.certificate_id, parsed.steps) == ("certificate-1", (b"one", b"two"))
    for wrong in (data + b" ", data.replace(b"/v1", b"/v2"), b"{}", data.replace(b'"certificate-1"', b"7")):
        with pytest.raises(ValueError):
            parse_provenance(wrong)
    with pytest.raises(ValueError):
        build_provenance("certificate-1", [b"one"])
