"""Reads ACTUS contracts (PAM, CLM, UMP) into engine terms and events, and says which ones our products cannot express.

The figures are read from the folder named by HUILIAN_ORACLES; nothing of them is kept here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from huilian_loans import (
    Capitalise,
    DayCount,
    Draw,
    Event,
    FeeCharged,
    RateChange,
    Repay,
    Rounding,
    Terms,
    payoff,
    position,
)
from huilian_loans.schedule import Cycle, PeriodUnit, Roll, Stub, add_months, due_dates, roll

FEN = 100
_DAY_COUNTS = {
    "A365": DayCount.ACT_365,
    "A360": DayCount.ACT_360,
    "30E360": DayCount.THIRTY_E_360,
    "AA": DayCount.ACT_ACT,
}
_ROLLS = {
    "NULL": Roll.NONE,
    "SCF": Roll.FOLLOWING,
    "SCMF": Roll.MODIFIED_FOLLOWING,
    "SCP": Roll.PRECEDING,
    "SCMP": Roll.MODIFIED_PRECEDING,
}


@dataclass(frozen=True)
class Contract:
    """One contract of the oracle with what it is expected to pay."""

    name: str
    kind: str
    terms: Mapping[str, Any]
    until: date | None
    rates: Mapping[date, Decimal]
    called_on: date | None
    expected: tuple[Mapping[str, Any], ...]

    def day(self, term: str) -> date | None:
        """A date term, None when the contract does not have it."""
        text = self.terms.get(term)
        return day_of(text) if text else None

    def number(self, term: str, default: str = "0") -> Decimal:
        """A decimal term."""
        return Decimal(str(self.terms.get(term, default)).strip())


def day_of(text: str) -> date:
    """The day of an ACTUS timestamp."""
    return date.fromisoformat(text[:10])


def contracts(folder: Path) -> Iterator[Contract]:
    """Every contract of the folder."""
    for path in sorted(folder.glob("actus-tests-*.json")):
        kind = path.stem.rsplit("-", 1)[1].upper()
        for name, entry in json.loads(path.read_text()).items():
            yield _contract(name, kind, entry)


def _contract(name: str, kind: str, entry: Mapping[str, Any]) -> Contract:
    observed = [point for series in entry.get("dataObserved", {}).values() for point in series["data"]]
    calls = [day_of(event["time"]) for event in entry.get("eventsObserved", []) if event["type"] == "XD"]
    return Contract(
        name=name,
        kind=kind,
        terms=entry["terms"],
        until=day_of(entry["to"]) if entry.get("to") else None,
        rates={day_of(point["timestamp"]): Decimal(str(point["value"])) for point in observed},
        called_on=calls[0] if calls else None,
        expected=tuple(entry["results"]),
    )


def left_out_because(contract: Contract) -> str | None:
    """Why none of our products can say this contract; None when one can."""
    terms = contract.terms
    if "purchaseDate" in terms or "terminationDate" in terms:
        return "is traded on a secondary market at a price; the bank keeps its loans"
    last = contract.day("maturityDate")
    ends_at_weekend = last is not None and terms.get("calendar") == "MF" and last.weekday() > 4
    if ends_at_weekend or str(terms.get("businessDayConvention", "")).startswith("CS"):
        return "pays on a later day than it counts interest to; our interest runs to the day of payment"
    if contract.number("premiumDiscountAtIED") > 0:
        return "pays out more than the principal"
    if contract.number("accruedInterest") != 0:
        return "starts with interest that accrued before it was paid out"
    if "T23:59:59" in terms.get("maturityDate", ""):
        return "ends at a time of day; our loans end on a day"
    return None


def _cycle(text: str, month_end: bool) -> Cycle:
    match = re.fullmatch(r"P(\d+)([DWMY])L([01])", text)
    assert match, text
    length, unit = int(match[1]), match[2]
    stub = Stub.LONG if match[3] == "0" else Stub.SHORT
    if unit in "DW":
        return Cycle(length * (7 if unit == "W" else 1), PeriodUnit.DAY, stub)
    return Cycle(length * (12 if unit == "Y" else 1), PeriodUnit.MONTH, stub, month_end)


@dataclass(frozen=True)
class Paid:
    """What the engine says about one day: money from the borrower (> 0) or to them (< 0), and the state after it."""

    day: date
    kind: str
    payoff: Decimal
    principal: Decimal
    accrued: Decimal
    rate: Decimal


class Ledger:
    """Plays one contract through the engine event by event, as the bank would book it."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        # A quantum far below the fen: the oracle never rounds, and one rounded capitalisation would carry on for years.
        self.terms = Terms(
            annual_rate=contract.number("nominalInterestRate"),
            day_count=_DAY_COUNTS[contract.terms["dayCountConvention"]],
            rounding=Rounding(Decimal("1E-20")),
        )
        self.events: list[Event] = []
        self.market: dict[date, Decimal] = {}
        self.paid: list[Paid] = []

    def run(self) -> list[Paid]:
        """Every expected kind of event, in the oracle's order: interest before resets before redemption."""
        start = max(self._day("initialExchangeDate"), self._day("statusDate"))
        end = self._end()
        stop = self.contract.called_on or end
        steps = [(day, 1, kind) for day, kind in self._interest_days(start, stop)]
        steps += [(day, 2, "RR") for day in self._reset_days(start, stop)]
        if stop < end:
            steps.append((stop, 2, "XD"))
        if self._ends():
            steps += [(end, 1, "IP"), (end, 3, "MD")]
        self._start(start)
        for day, _, kind in sorted(steps):
            getattr(self, f"_{kind.lower()}")(day)
        return self.paid

    def _day(self, term: str) -> date:
        day = self.contract.day(term)
        assert day is not None, term
        return day

    def _ends(self) -> bool:
        return bool(self.contract.called_on or self.contract.day("maturityDate"))

    def _end(self) -> date:
        called_on = self.contract.called_on
        if called_on is not None:
            notice = re.fullmatch(r"P(\d+)D", self.contract.terms["xDayNotice"])
            assert notice
            return called_on + timedelta(days=int(notice[1]))
        end = self.contract.day("maturityDate") or self.contract.until
        assert end is not None
        return end  # the contracts keep their last day even on a Sunday

    def _rolled(self, day: date) -> date:
        rule = _ROLLS[self.contract.terms.get("businessDayConvention", "NULL")]
        weekdays_only = self.contract.terms.get("calendar") == "MF"
        return roll(day, rule, lambda d: d.weekday() < 5 or not weekdays_only)

    def _schedule(self, anchor: str, cycle: str, end: date) -> list[date]:
        month_end = self.contract.terms.get("endOfMonthConvention") == "EOM"
        first = self.contract.day(anchor)
        if cycle not in self.contract.terms:
            return [first] if first and first < end else []
        rule = _cycle(self.contract.terms[cycle], month_end)
        if first is None:
            issued = self._day("initialExchangeDate")
            days = rule.length if rule.unit is PeriodUnit.DAY else 0
            months = rule.length if rule.unit is PeriodUnit.MONTH else 0
            first = add_months(issued + timedelta(days=days), months)
        return due_dates(first, rule, end)

    def _interest_days(self, start: date, end: date) -> Iterator[tuple[date, str]]:
        capitalised_until = self.contract.day("capitalizationEndDate")
        cyclic = self._schedule("cycleAnchorDateOfInterestPayment", "cycleOfInterestPayment", end)
        days = {self._rolled(day) for day in cyclic if day != end}
        days |= {capitalised_until} if capitalised_until else set()
        for day in sorted(d for d in days if start <= d <= end):
            capitalises = day <= capitalised_until if capitalised_until else self.contract.kind != "PAM"
            if not (self._ends() and day == end):
                yield day, "IPCI" if capitalises else "IP"

    def _reset_days(self, start: date, end: date) -> Iterator[date]:
        for day in self._schedule("cycleAnchorDateOfRateReset", "cycleOfRateReset", end):
            if day < end and start <= day and day in self.contract.rates:
                self.market[self._rolled(day)] = self.contract.rates[day]
                yield self._rolled(day)

    def _book(self, kind: type[Event], day: date, **values: Any) -> None:
        self.events.append(kind(sequence=len(self.events), value_date=day, **values))

    def _note(self, day: date, kind: str, money: Decimal) -> None:
        at = position(self.terms, self.events, day)
        accrued = payoff(self.terms, self.events, day).interest_fen
        self.paid.append(Paid(day, kind, money / FEN, at.principal_fen / FEN, accrued / FEN, at.annual_rate))

    def _start(self, day: date) -> None:
        principal = self.contract.number("notionalPrincipal") * FEN
        withheld = -self.contract.number("premiumDiscountAtIED") * FEN
        self._book(Draw, day, amount_fen=principal)
        if withheld:
            self._book(FeeCharged, day, amount_fen=withheld)
            self._book(Repay, day, amount_fen=withheld)
        self._note(day, "IED", withheld - principal)

    def _ip(self, day: date) -> None:
        interest = payoff(self.terms, self.events, day).interest_fen
        self._pay(day, "IP", interest)

    def _ipci(self, day: date) -> None:
        self._book(Capitalise, day)
        self._note(day, "IPCI", Decimal(0))

    def _rr(self, day: date) -> None:
        rate = self.market[day] * self.contract.number("rateMultiplier", "1") + self.contract.number("rateSpread")
        self._book(RateChange, day, annual_rate=rate)
        self._note(day, "RR", Decimal(0))

    def _xd(self, day: date) -> None:
        """The lender calls the money in with a term of notice, during which it bears no interest."""
        self._book(RateChange, day, annual_rate=Decimal(0))

    def _md(self, day: date) -> None:
        self._pay(day, "MD", payoff(self.terms, self.events, day).total_fen)

    def _pay(self, day: date, kind: str, amount: Decimal) -> None:
        self._book(Repay, day, amount_fen=amount)
        self._note(day, kind, amount)
