"""SQL of loans that were called in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from tortoise.expressions import Q

from hub.lending.loans.store import CallRow


class CallState(StrEnum):
    """OPEN until the borrower pays (MET) or the security is whole again (LIFTED)."""

    OPEN = "OPEN"
    MET = "MET"
    LIFTED = "LIFTED"


@dataclass(frozen=True)
class Call:
    """A loan that was called in because its receivable was impaired; the borrower has until `due_on`.

    `times` counts how often it was.
    """

    loan_id: str
    receivable_id: str
    cause: str
    called_on: date
    due_on: date
    state: CallState
    times: int = 1


async def put(call: Call) -> Call | None:
    """Writes a call; None for a loan that is called already, which keeps its day."""
    before = await find(call.loan_id)
    if before is None:
        await CallRow.create(**{**call.__dict__, "state": call.state.value})
        return call
    if before.state is CallState.OPEN:
        return None
    again = replace(call, times=before.times + 1)
    columns = {name: value for name, value in again.__dict__.items() if name != "loan_id"}
    await CallRow.filter(loan_id=call.loan_id).update(**{**columns, "state": call.state.value, "tried_on": None})
    return again


async def find(loan_id: str) -> Call | None:
    """A loan's call, or None."""
    row = await CallRow.get_or_none(loan_id=loan_id)
    return None if row is None else _call(row)


async def end(loan_id: str, state: CallState) -> Call | None:
    """Ends an open call; None when there is none."""
    call = await find(loan_id)
    if call is None or call.state is not CallState.OPEN:
        return None
    await CallRow.filter(loan_id=loan_id, state=CallState.OPEN.value).update(state=state.value)
    return replace(call, state=state)


async def ids_overdue(today: date, limit: int) -> list[str]:
    """Loans whose call is past its day and was not tried today."""
    untried = Q(tried_on__isnull=True) | Q(tried_on__lt=today)
    rows = CallRow.filter(Q(state=CallState.OPEN.value, due_on__lt=today) & untried)
    return [row.loan_id for row in await rows.order_by("due_on", "loan_id").limit(limit)]


async def tried(loan_id: str, today: date) -> None:
    """The borrower's account was looked at today."""
    await CallRow.filter(loan_id=loan_id).update(tried_on=today)


def _call(row: CallRow) -> Call:
    columns = {name: getattr(row, name) for name in Call.__dataclass_fields__}
    return Call(**{**columns, "state": CallState(row.state)})
