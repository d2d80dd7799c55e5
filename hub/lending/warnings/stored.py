"""SQL of early warnings, and of what lending itself counts for them. A rule's warnings are changed under its lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from tortoise.expressions import Q

from hub.lending.store import WarningRoundRow, WarningRow
from hub.lending.warnings.rules import OPEN, Level, Subject, SubjectKind, WarningState, check_transition
from hub.platform.database import Database
from hub.platform.paging import Page, after_token, page_of

BATCH = 500

_OVERDUE = """
SELECT buyer_uscc, COUNT(*) AS receivables, MIN(overdue_since) AS since
FROM lending_clearing WHERE overdue GROUP BY buyer_uscc ORDER BY buyer_uscc
"""
_OF_BANK = """
SELECT limit_id, dimension, blocked_fen + utilised_fen AS used_fen, ( SELECT SUM(blocked_fen + utilised_fen)
    FROM lending_limit WHERE dimension = 'BUYER' ) AS total_fen
FROM lending_limit WHERE dimension IN ('BUYER', 'GROUP') AND blocked_fen + utilised_fen > 0 ORDER BY limit_id
"""
_OF_SUPPLIERS = """
SELECT limit_id, MAX(fen) AS largest_fen, SUM(fen) AS total_fen FROM (
    SELECT h.limit_id, COALESCE(g.group_id, u.buyer_uscc) AS core, SUM(u.blocked_fen + u.utilised_fen) AS fen
    FROM lending_limit_use u JOIN lending_limit_hold h ON h.reference = u.reference
        JOIN lending_limit l ON l.limit_id = h.limit_id AND l.dimension = 'SUPPLIER'
        LEFT JOIN lending_group_member g ON g.uscc = u.buyer_uscc
    WHERE u.buyer_uscc IS NOT NULL GROUP BY h.limit_id, COALESCE(g.group_id, u.buyer_uscc) ) parts
GROUP BY limit_id HAVING SUM(fen) > 0 ORDER BY limit_id
"""


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning: what a version of a rule found about a subject on a business day, and what was done about it."""

    warning_id: str
    rule: str
    rule_version: int
    rule_sha256: bytes
    subject: Subject
    business_day: date
    level: Level
    facts: dict[str, int]
    state: WarningState
    acknowledged_by: str
    acknowledged_reason: str
    resolved_by: str
    resolved_reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which warnings a list shows; an empty field does not narrow it."""

    rule: str = ""
    level: str = ""
    kind: str = ""
    subject: str = ""
    only_open: bool = False


async def overdue_payables(database: Database) -> list[tuple[str, int, date]]:
    """Buyers with overdue receivables: how many, since when the oldest."""
    rows = await database.fetch(_OVERDUE)
    return [(row["buyer_uscc"], int(row["receivables"]), date.fromisoformat(str(row["since"]))) for row in rows]


async def shares_of_bank(database: Database) -> list[tuple[Subject, int, int]]:
    """What is used of each core enterprise's and each group's limit, and of all core enterprises' together, in fen."""
    rows = await database.fetch(_OF_BANK)
    return [(_limited(row["limit_id"], row["dimension"]), int(row["used_fen"]), int(row["total_fen"])) for row in rows]


async def shares_of_suppliers(database: Database) -> list[tuple[Subject, int, int]]:
    """What suppliers borrow on the one core enterprise or group that counts most, and in all, in fen."""
    rows = await database.fetch(_OF_SUPPLIERS)
    return [(_limited(row["limit_id"], "SUPPLIER"), int(row["largest_fen"]), int(row["total_fen"])) for row in rows]


async def is_evaluated(rule: str, day: date) -> bool:
    """Whether a rule's round of a day was made."""
    return await WarningRoundRow.exists(round_id=_round_id(rule, day))


async def note_round(rule: str, version: int, day: date, found: int, now: datetime) -> None:
    """The round was made."""
    await WarningRoundRow.create(round_id=_round_id(rule, day), rule_version=version, found=found, evaluated_at=now)


async def open_of(rule: str) -> list[Warned]:
    """What a rule warns of now."""
    return [_warned(row) for row in await WarningRow.filter(rule=rule, state__in=_OPEN).order_by("warning_id")]


async def red_of(subjects: Collection[Subject]) -> list[Warned]:
    """The open red warnings about any of these."""
    about = Q(*(Q(subject_kind=each.kind.value, subject=each.id) for each in subjects), join_type="OR")
    rows = WarningRow.filter(about, state__in=_OPEN, level=Level.RED.value)
    return [_warned(row) for row in await rows.order_by("rule", "warning_id")]


async def released(about: Collection[tuple[str, Subject]]) -> dict[tuple[str, Subject], datetime]:
    """When a red warning of each rule about each subject was resolved last; only of those that ever were.

    A lapse in between ends a release: what comes back after it is news.
    """
    subjects = {subject for _, subject in about}
    wanted = Q(*(Q(subject_kind=each.kind.value, subject=each.id) for each in subjects), join_type="OR")
    ended = (WarningState.RESOLVED.value, WarningState.LAPSED.value)
    rows = await WarningRow.filter(wanted, state__in=ended).order_by("changed_at", "warning_id")
    newest: dict[tuple[str, Subject], Warned] = {}
    for one in map(_warned, rows):
        newest[one.rule, one.subject] = one
    return {
        key: one.changed_at
        for key, one in newest.items()
        if key in about and one.state is WarningState.RESOLVED and one.level is Level.RED
    }


async def end(warning_ids: Sequence[str], state: WarningState, now: datetime) -> None:
    """The next round ended these."""
    for start in range(0, len(warning_ids), BATCH):
        rows = WarningRow.filter(warning_id__in=warning_ids[start : start + BATCH], state__in=_OPEN)
        await rows.update(state=state.value, changed_at=now)


async def add(warnings: Sequence[Warned]) -> None:
    """Writes new warnings."""
    await WarningRow.bulk_create([_row(one) for one in warnings], batch_size=BATCH)


async def find(warning_id: str) -> Warned | None:
    """One warning, or None."""
    row = await WarningRow.get_or_none(warning_id=warning_id)
    return None if row is None else _warned(row)


async def move(warning: Warned, state: WarningState, now: datetime, **said: str) -> Warned:
    """A person's step. Raises STATE_CONFLICT when the table has no such step."""
    check_transition(warning.state, state)
    rows = WarningRow.filter(warning_id=warning.warning_id, state=warning.state.value)
    if await rows.update(state=state.value, changed_at=now, **said) != 1:
        raise AssertionError("a warning is changed under its rule's lock only")
    return replace(warning, state=state, changed_at=now, **said)  # type: ignore[arg-type]


async def page(wanted: Wanted, size: int, token: str) -> Page[Warned]:
    """Warnings, newest first. Raises INVALID_ARGUMENT for a foreign token."""
    columns = {"rule": wanted.rule, "level": wanted.level, "subject_kind": wanted.kind, "subject": wanted.subject}
    rows = WarningRow.filter(
        after_token(token, WarningRow, "warning_id"), **{key: value for key, value in columns.items() if value}
    )
    if wanted.only_open:
        rows = rows.filter(state__in=_OPEN)
    found = await rows.order_by("-created_at", "-warning_id").limit(size + 1)
    return page_of(found, size, "warning_id", _warned)


_OPEN = [state.value for state in OPEN]
_SAME = ("warning_id", "rule", "rule_version", "business_day", "facts", "changed_at")
_SAID = ("acknowledged_by", "acknowledged_reason", "resolved_by", "resolved_reason")


def _round_id(rule: str, day: date) -> str:
    return f"{rule}:{day.isoformat()}"


def _limited(limit_id: str, dimension: str) -> Subject:
    return Subject(SubjectKind(dimension), limit_id.partition(":")[2])


def _row(warned: Warned) -> WarningRow:
    columns: dict[str, Any] = {name: getattr(warned, name) for name in _SAME + _SAID}
    return WarningRow(
        **columns,
        rule_sha256=warned.rule_sha256,
        subject_kind=warned.subject.kind.value,
        subject=warned.subject.id,
        level=warned.level.value,
        state=warned.state.value,
        created_at=warned.changed_at,
    )


def _warned(row: WarningRow) -> Warned:
    columns: dict[str, Any] = {name: getattr(row, name) for name in _SAME + _SAID}
    return Warned(
        **columns,
        rule_sha256=bytes(row.rule_sha256),
        subject=Subject(SubjectKind(row.subject_kind), row.subject),
        level=Level(row.level),
        state=WarningState(row.state),
    )
