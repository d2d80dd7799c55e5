"""Fees that fall due with the instalments. Like interest they are derived: nobody books them before somebody pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from huilian_loans import Event, FeeCharged, position
from huilian_loans.documents import read_terms

_DAY = timedelta(days=1)


def periodic_fees(document: Mapping[str, Any], events: Sequence[Event], until: date) -> list[FeeCharged]:
    """The fees of due dates up to `until` that `events` do not hold yet, numbered behind them.

    Each is `periodic_fee_rate` of the principal owed on the evening before its due date, rounded by the terms; what
    was charged on a day covers every due date up to it.
    """
    rate = Decimal(document.get("periodic_fee_rate", "0"))
    if not rate or not events:
        return []
    terms = read_terms(document)
    plan = position(terms, events, until).plan
    charged = [event.value_date for event in events if isinstance(event, FeeCharged)]
    begun = max([*charged, events[0].value_date])
    made: list[FeeCharged] = []
    for day in plan.due_dates if plan else ():
        if not begun < day <= until:
            continue
        owed_fen = position(terms, [*events, *made], day - _DAY).principal_fen
        fee_fen = int(terms.rounding.round(rate * owed_fen))
        if fee_fen > 0:
            number = max(event.sequence for event in events) + len(made) + 1
            made.append(FeeCharged(sequence=number, value_date=day, amount_fen=fee_fen))
    return made
