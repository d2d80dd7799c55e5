"""An edge's own signed count of what it answered and did under one consent: evidence against a hub that hides it.

A JWS of type ``huilian-answer-count+jwt`` by the edge's signing key. Request ids are random and tell nothing; with
them a reader can say exactly which answer or action a person was never shown. A count without actions does not name
them: ``actions`` is left out, never empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import integer_at, list_at, object_with, text_at

__all__ = [
    "TYP",
    "AnswerCount",
    "CountedAction",
    "CountedAnswer",
    "read_answer_count",
    "sign_answer_count",
    "verify_answer_count",
]

TYP = "huilian-answer-count+jwt"
_MAX_ANSWERS = 10_000
_MAX_ID = 128
_OUTCOMES = ("EXECUTED", "REJECTED")


@dataclass(frozen=True, slots=True)
class CountedAnswer:
    """One answer that left the edge: to which request, about which dataset, counted when."""

    request_id: str
    dataset: str
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class CountedAction:
    """One action that has ended at the agency: for which request, EXECUTED or REJECTED, written down when."""

    request_id: str
    action: str
    outcome: str
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """All answers and ended actions of an agency's edge under one consent up to ``as_of``."""

    agency: str
    consent_id: str
    as_of: datetime
    answers: tuple[CountedAnswer, ...]
    actions: tuple[CountedAction, ...] = ()


def sign_answer_count(edge_key: ec.EllipticCurvePrivateKey, count: AnswerCount) -> str:
    """The signed count; the ``kid`` is the key's thumbprint."""
    answers = [
        {"request_id": item.request_id, "dataset": item.dataset, "counted_at": format_time(item.counted_at)}
        for item in count.answers
    ]
    claims: dict[str, Any] = {
        "agency": count.agency,
        "consent_id": count.consent_id,
        "as_of": format_time(count.as_of),
        "count": len(answers) + len(count.actions),
        "answers": answers,
    }
    if count.actions:
        claims["actions"] = [_action_claims(item) for item in count.actions]
    return sign_jws(edge_key, claims, TYP, thumbprint(edge_key.public_key()))


def verify_answer_count(token: str, edge_keys: Mapping[str, ec.EllipticCurvePublicKey]) -> AnswerCount:
    """The count that one of these keys (by ``kid``) signed. Raises :class:`HuilianError` PROVIDER_FAULT."""
    return read_answer_count(verify_jws(token, edge_keys, TYP, code="PROVIDER_FAULT"))


def read_answer_count(claims: Mapping[str, Any]) -> AnswerCount:
    """The count in a token's claims. Raises :class:`HuilianError` PROVIDER_FAULT when they are not one."""
    try:
        named = ("agency", "answers", "as_of", "consent_id", "count", *(("actions",) if "actions" in claims else ()))
        value = object_with(dict(claims), named, "count")
        answers = tuple(_read_answer(item) for item in list_at(value, "answers", _MAX_ANSWERS))
        actions = tuple(_read_action(item) for item in _actions_of(value))
        if integer_at(value, "count", 0, 2 * _MAX_ANSWERS) != len(answers) + len(actions):
            raise ValueError("the count is not that of its answers and actions")
        as_of = parse_time(text_at(value, "as_of"))
        return AnswerCount(text_at(value, "agency"), text_at(value, "consent_id", _MAX_ID), as_of, answers, actions)
    except (ValueError, TypeError) as error:
        raise HuilianError("PROVIDER_FAULT", f"a malformed count: {error}") from error


def _read_answer(raw: Any) -> CountedAnswer:
    value = object_with(raw, ("counted_at", "dataset", "request_id"), "answer")
    at = parse_time(text_at(value, "counted_at"))
    return CountedAnswer(text_at(value, "request_id", _MAX_ID), text_at(value, "dataset", _MAX_ID), at)


def _action_claims(item: CountedAction) -> dict[str, str]:
    return {
        "request_id": item.request_id,
        "action": item.action,
        "outcome": item.outcome,
        "settled_at": format_time(item.settled_at),
    }


def _actions_of(value: dict[str, Any]) -> list[Any]:
    return list_at(value, "actions", _MAX_ANSWERS, least=1) if "actions" in value else []


def _read_action(raw: Any) -> CountedAction:
    value = object_with(raw, ("action", "outcome", "request_id", "settled_at"), "action")
    outcome = text_at(value, "outcome")
    if outcome not in _OUTCOMES:
        raise ValueError(f"an outcome is one of {', '.join(_OUTCOMES)}")
    at = parse_time(text_at(value, "settled_at"))
    return CountedAction(text_at(value, "request_id", _MAX_ID), text_at(value, "action", _MAX_ID), outcome, at)
