"""Comparing what a hub shows a person with what the edges say that they answered.

The counts are optional evidence: the hub hands them on, so it may leave one out, but it cannot change one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from huilian_protocol.answer_count import AnswerCount, read_answer_count, verify_answer_count
from huilian_protocol.canonical import b64u_decode, parse_canonical
from huilian_protocol.trust import TrustAnchors

from ledger.verify.verdict import require

# An answer leaves the edge a moment before the hub records it, by another clock.
_AT_THE_END = timedelta(seconds=60)
_TOLD = 20
_ENDS = frozenset({"EXECUTED", "REJECTED"})
_ANSWERED = _ENDS | {"DELIVERED"}
Content = tuple[datetime, Mapping[str, Any]]


def compare_counts(
    tokens: Sequence[str], contents: Sequence[Content], period: tuple[datetime, datetime], trust: TrustAnchors
) -> str:
    """Return what the counts show. Raises `CheckFailed` naming each answer on which hub and edge disagree, and
    HuilianError for a count that its agency did not sign.
    """
    counts = [_read(token, trust) for token in tokens]
    faults = [fault for count, _ in counts for fault in _disagreements(count, contents, period)]
    require(not faults, "; ".join(faults[:_TOLD]))
    unpinned = sorted({count.agency for count, pinned in counts if not pinned})
    counted = {(count.agency, count.consent_id) for count, _ in counts}
    left = sorted({pair for pair in _to_be_counted(contents) if pair not in counted})
    told = [f"{len(counts)} counts agree with the records" if counts else "none given"]
    told += [f"no key pinned to check that of {', '.join(unpinned)}"] if unpinned else []
    told += [f"none for {', '.join(f'{consent} at {agency}' for agency, consent in left[:_TOLD])}"] if left else []
    return "; ".join(told)


def _read(token: str, trust: TrustAnchors) -> tuple[AnswerCount, bool]:
    """The count and whether a pinned key signed it."""
    parts = token.split(".")
    require(len(parts) == 3, "a count is no compact JWS")
    claims = parse_canonical(b64u_decode(parts[1]))
    require(isinstance(claims, dict), "a count is malformed")
    stated = read_answer_count(claims)
    agency = trust.agencies.get(stated.agency)
    if agency is None:
        return stated, False
    return verify_answer_count(token, agency.signing_keys), True


def _disagreements(count: AnswerCount, contents: Sequence[Content], period: tuple[datetime, datetime]) -> list[str]:
    own = [content for content in contents if content[1].get("consent_id") == count.consent_id]
    shown = {content.get("request_id") for _, content in own}
    hidden = [
        f"{count.agency} answered request {item.request_id} ({item.dataset}) at {item.counted_at:%Y-%m-%d %H:%M:%S},"
        " of which the hub shows no record"
        for item in count.answers
        if period[0] <= item.counted_at <= period[1] - _AT_THE_END and item.request_id not in shown
    ]
    answered = {item.request_id for item in count.answers}
    invented = [
        f"the hub shows that {count.agency} answered request {content.get('request_id')}, which the edge did not count"
        for at, content in own
        if _is(content, count.agency, {"DELIVERED"}) and at <= count.as_of and content.get("request_id") not in answered
    ]
    return hidden + invented + _other_actions(count, own, period)


def _other_actions(count: AnswerCount, own: Sequence[Content], period: tuple[datetime, datetime]) -> list[str]:
    """Actions whose end hub and edge tell differently; what an action did is as telling as that it was done."""
    shown = {(content.get("request_id"), content.get("outcome")) for _, content in own if "action" in content}
    hidden = [
        f"{count.agency} settled action {item.action} of request {item.request_id} as {item.outcome}"
        f" at {item.settled_at:%Y-%m-%d %H:%M:%S}, of which the hub shows no record"
        for item in count.actions
        if period[0] <= item.settled_at <= period[1] - _AT_THE_END and (item.request_id, item.outcome) not in shown
    ]
    settled = {(item.request_id, item.outcome) for item in count.actions}
    invented = [
        f"the hub shows that request {content.get('request_id')} was {content.get('outcome')} by {count.agency},"
        " which the edge did not count"
        for at, content in own
        if _is(content, count.agency, _ENDS)
        and at <= count.as_of
        and (content.get("request_id"), content.get("outcome")) not in settled
    ]
    return hidden + invented


def _to_be_counted(contents: Sequence[Content]) -> set[tuple[str, str]]:
    answered = [each for _, each in contents if each.get("outcome") in _ANSWERED and each.get("agency")]
    return {(str(content["agency"]), str(content.get("consent_id"))) for content in answered}


def _is(content: Mapping[str, Any], agency: str, outcomes: Collection[str]) -> bool:
    return content.get("outcome") in outcomes and content.get("agency") == agency
