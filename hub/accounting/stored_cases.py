"""SQL of cases and their events."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from hub.accounting.case_rules import (
    HUB,
    Case,
    CaseEvent,
    CaseState,
    Contra,
    Difference,
    Proposal,
    Resolution,
    Source,
    check_transition,
)
from hub.accounting.matching import Outcome, Reason
from hub.accounting.store_reconciliation import CaseEventRow, CaseRow
from hub.platform.paging import Page, after_token, page_of


async def open_new(differences: Iterable[Difference], now: datetime) -> None:
    """Opens a case for each difference that has none."""
    by_id = {one.case_id: one for one in differences}
    known = {row.case_id for row in await CaseRow.filter(case_id__in=list(by_id))} if by_id else set()
    new = [one for case_id, one in by_id.items() if case_id not in known]
    await CaseRow.bulk_create(_new_row(one, now) for one in new)
    await CaseEventRow.bulk_create(_event(one.case_id, "OPENED", HUB, one.reason, now) for one in new)


async def find(case_id: str) -> Case | None:
    """The case without its events, or None."""
    row = await CaseRow.get_or_none(case_id=case_id)
    return None if row is None else _case(row)


async def with_events(case: Case) -> Case:
    """The case with everything that happened to it, oldest first."""
    rows = await CaseEventRow.filter(case_id=case.case_id).order_by("id")
    return replace(case, events=tuple(CaseEvent(row.step, row.actor, row.note, row.created_at) for row in rows))


async def page(state: CaseState | None, source: Source | None, size: int, token: str) -> Page[Case]:
    """Cases, newest first; of any state or source where none is named. Raises INVALID_ARGUMENT for a foreign token."""
    rows = CaseRow.filter(after_token(token, CaseRow, "case_id"))
    rows = rows if state is None else rows.filter(state=state.value)
    rows = rows if source is None else rows.filter(source=source.value)
    return page_of(await rows.order_by("-created_at", "-case_id").limit(size + 1), size, "case_id", _case)


async def live(source: Source, account_id: str) -> list[Case]:
    """Cases on an account that are not closed."""
    rows = CaseRow.filter(source=source.value, account_id=account_id).exclude(state=CaseState.CLOSED.value)
    return [_case(row) for row in await rows.order_by("item_date", "case_id")]


async def live_days(account_id: str, first: date, last: date) -> dict[date, int]:
    """How many cases of each day are not closed."""
    rows = CaseRow.filter(account_id=account_id, item_date__gte=first, item_date__lte=last)
    days: dict[date, int] = {}
    for row in await rows.exclude(state=CaseState.CLOSED.value):
        days[row.item_date] = days.get(row.item_date, 0) + 1
    return days


async def propose(case: Case, operator: str, proposal: Proposal, now: datetime) -> Case:
    """Writes what one person proposes; a later proposal takes its place. Raises STATE_CONFLICT."""
    check_transition(case.state, CaseState.PROPOSED)
    after = replace(case, state=CaseState.PROPOSED, proposal=proposal, proposed_by=operator)
    await _save(after, case.state)
    await _event(case.case_id, "PROPOSED", operator, f"{proposal.resolution}: {proposal.reason}"[:500], now).save()
    return after


async def refuse(case: Case, operator: str, note: str, now: datetime) -> Case:
    """Opens a case again whose proposal somebody refused."""
    check_transition(case.state, CaseState.OPEN)
    after = replace(case, state=CaseState.OPEN, proposal=None, proposed_by=None)
    await _save(after, case.state)
    await _event(case.case_id, "REFUSED", operator, note, now).save()
    return after


async def close(case: Case, resolution: Resolution, operator: str, note: str, now: datetime) -> Case:
    """Ends a case for good; HUB decides about nothing, it only sees that there is no difference any more."""
    check_transition(case.state, CaseState.CLOSED)
    decided_by = None if operator == HUB else operator
    after = replace(case, state=CaseState.CLOSED, resolution=resolution, decided_by=decided_by, closed_at=now)
    await _save(after, case.state)
    await _event(case.case_id, "CLOSED", operator, note, now).save()
    return after


async def close_arrived(cases: Collection[Case], note: str, now: datetime) -> None:
    """Ends cases whose difference is gone."""
    for case in cases:
        await close(case, Resolution.ARRIVED, HUB, note, now)


async def _save(case: Case, before: CaseState) -> None:
    changed = await CaseRow.filter(case_id=case.case_id, state=before.value).update(
        state=case.state.value,
        resolution=case.resolution.value,
        proposal={} if case.proposal is None else case.proposal.as_json(),
        proposed_by=case.proposed_by,
        decided_by=case.decided_by,
        closed_at=case.closed_at,
    )
    if changed != 1:
        raise AssertionError("a case is changed under its lock only")


def _new_row(one: Difference, now: datetime) -> CaseRow:
    return CaseRow(
        case_id=one.case_id,
        source=one.source.value,
        kind=one.kind.value,
        reason=one.reason.value,
        account_id=one.account_id,
        item_id=one.item_id,
        item_date=one.item_date,
        amount_fen=one.amount_fen,
        candidates=[*one.candidates],
        state=CaseState.OPEN.value,
        resolution="",
        proposal={},
        created_at=now,
    )


def _event(case_id: str, step: str, actor: str, note: str, now: datetime) -> CaseEventRow:
    return CaseEventRow(case_id=case_id, step=step, actor=actor, note=note, created_at=now)


def _case(row: CaseRow) -> Case:
    difference = Difference(
        Source(row.source),
        Outcome(row.kind),
        Reason(row.reason),
        row.account_id,
        row.item_id,
        row.item_date,
        row.amount_fen,
        tuple(row.candidates),
    )
    return Case(
        case_id=row.case_id,
        difference=difference,
        state=CaseState(row.state),
        proposal=_proposal(row),
        proposed_by=row.proposed_by,
        decided_by=row.decided_by,
        resolution=Resolution(row.resolution),
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def _proposal(row: CaseRow) -> Proposal | None:
    if row.proposed_by is None:
        return None
    made = row.proposal
    contra = Contra(made["contra"]) if made["contra"] else None
    return Proposal(Resolution(made["resolution"]), made["reason"], tuple(made["journal_ids"]), contra, made["party"])
