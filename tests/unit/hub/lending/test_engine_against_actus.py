"""The engine against public contracts that this project did not write (run with HUILIAN_ORACLES=<folder>)."""

import os
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hub.lending.actus import Contract, Ledger, Paid, contracts, day_of, left_out_because

_FOLDER = os.environ.get("HUILIAN_ORACLES")
_ALL = list(contracts(Path(_FOLDER) / "actus")) if _FOLDER else []
_CENT = Decimal("0.01")

if _FOLDER:

    @pytest.mark.parametrize("contract", [c for c in _ALL if left_out_because(c) is None], ids=lambda c: c.name)
    def test_every_payment_agrees_to_the_cent(contract: Contract) -> None:
        ours = Ledger(contract).run()
        sign = -1 if contract.terms["contractRole"] == "RPL" else 1
        expected = [row for row in contract.expected if not _moves_nothing(row, ours[0])]
        assert expected
        for row in expected:
            paid = _matching(ours, row["eventType"], str(row["eventDate"]))
            assert _cents(paid.payoff) == _cents(sign * Decimal(str(row["payoff"]))), row
            assert _cents(paid.principal) == _cents(sign * Decimal(str(row["notionalPrincipal"]))), row
            assert _cents(paid.accrued) == _cents(sign * Decimal(str(row["accruedInterest"]))), row
            # After a call notice the public contract keeps naming a rate that it no longer applies: ours says zero.
            called = contract.called_on is not None and paid.day > contract.called_on
            rate = Decimal(0) if called else Decimal(str(row["nominalInterestRate"]))
            assert abs(paid.rate - rate) < Decimal("1E-9"), row
        dates = {day_of(str(row["eventDate"])) for row in expected}
        assert {paid.day for paid in ours[1:] if paid.day > ours[0].day} <= dates

    def test_most_contracts_can_be_said() -> None:
        left_out = {c.name: left_out_because(c) for c in _ALL if left_out_because(c)}
        assert len(_ALL) - len(left_out) == 41, left_out


def _moves_nothing(row: Mapping[str, Any], paid_out: Paid) -> bool:
    """The notice itself, and interest capitalised on the day of payout, of which there is none yet."""
    same_day = day_of(str(row["eventDate"])) == paid_out.day
    return row["eventType"] == "XD" or (row["eventType"] == "IPCI" and same_day and not row["accruedInterest"])


def _matching(ours: list[Paid], kind: str, when: str) -> Paid:
    same = {"STD": "MD"}.get(kind, kind)
    found = [paid for paid in ours if paid.day == day_of(when) and paid.kind == same]
    assert len(found) == 1, (kind, when, [(p.day, p.kind) for p in ours])
    return found[0]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
