"""Rules of early warning as data: versioned decision tables that give a level; and the life of a warning. Pure.

A rule file names its measure (what is counted, `warning_measures.py`), the facts that the measure yields and the table
that gives a level for them. Facts of which the table says nothing warn of nothing.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import zen
from huilian_protocol.canonical import parse_json, sha256_canonical
from huilian_protocol.errors import HuilianError

from hub.lending.decisions.tables import DecisionFault, check_facts

FOLDER = Path(__file__).parent
_KEYS = {"rule", "version", "measure", "text", "inputs", "graph"}


class Level(StrEnum):
    """How bad it is, ascending."""

    WATCH = "WATCH"
    AMBER = "AMBER"
    RED = "RED"


class SubjectKind(StrEnum):
    """Whom a warning is about: a core enterprise, a supplier, a group of companies, or a connector to an agency."""

    BUYER = "BUYER"
    SUPPLIER = "SUPPLIER"
    GROUP = "GROUP"
    CONNECTOR = "CONNECTOR"


class WarningState(StrEnum):
    """Life of a warning. A person acknowledges and then resolves it, each with a reason.

    The next day's evaluation ends one that is still open: CONTINUED by that day's warning, or LAPSED when its rule
    found nothing any more.
    """

    RAISED = "RAISED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"
    CONTINUED = "CONTINUED"
    LAPSED = "LAPSED"


_S = WarningState
OPEN: Final = (_S.RAISED, _S.ACKNOWLEDGED)
TRANSITIONS: Mapping[WarningState, frozenset[WarningState]] = {
    _S.RAISED: frozenset({_S.ACKNOWLEDGED, _S.CONTINUED, _S.LAPSED}),
    _S.ACKNOWLEDGED: frozenset({_S.RESOLVED, _S.CONTINUED, _S.LAPSED}),
    _S.RESOLVED: frozenset(),
    _S.CONTINUED: frozenset(),
    _S.LAPSED: frozenset(),
}


def check_transition(state: WarningState, target: WarningState) -> None:
    """Raises STATE_CONFLICT unless a warning may go from `state` to `target`."""
    if target not in TRANSITIONS[state]:
        raise HuilianError("STATE_CONFLICT", f"warning: {target} after {state}", state=state)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a warning is about: a USCC, a group's id or an agency's."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted about one subject."""

    subject: Subject
    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """That a rule, in one version, warns of a subject."""

    subject: Subject
    level: Level
    facts: Mapping[str, int]


class WarningRule:
    """One version of one rule."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        if set(raw) != _KEYS:
            raise DecisionFault(f"fields missing or unknown: {sorted(set(raw) ^ _KEYS)}")
        self.rule: str = raw["rule"]
        self.version: int = raw["version"]
        self.measure: str = raw["measure"]
        self.text_zh: str = raw["text"]["zh"]
        self.text_en: str = raw["text"]["en"]
        self.sha256 = sha256_canonical(dict(raw))
        self.raw = raw
        self._inputs: Mapping[str, str] = raw["inputs"]
        self._table = zen.ZenEngine().create_decision(json.dumps(raw["graph"]))

    @property
    def name(self) -> str:
        """Rule and version, e.g. "FALLING_ORDERS/1"."""
        return f"{self.rule}/{self.version}"

    def level(self, facts: Mapping[str, int]) -> Level | None:
        """How bad these facts are; None: not at all. Raises DecisionFault for facts that the rule does not declare."""
        check_facts(self.name, self._inputs, facts)
        found: Any = self._table.evaluate(dict(facts))["result"].get("warning")
        return Level(found["level"]) if found else None

    def find(self, measured: Measured) -> Finding | None:
        """The warning that a measure calls for, or None."""
        level = self.level(measured.facts)
        return None if level is None else Finding(measured.subject, level, measured.facts)


class WarningRules:
    """Every version of every rule: the newest warns, the older ones explain what they warned of."""

    def __init__(self, rules: Iterable[WarningRule]) -> None:
        self._rules = {(rule.rule, rule.version): rule for rule in rules}

    @property
    def in_force(self) -> tuple[WarningRule, ...]:
        """The newest version of each rule, by name."""
        newest = {rule: self._rules[rule, version] for rule, version in sorted(self._rules)}
        return tuple(newest.values())

    def version(self, rule: str, version: int) -> WarningRule:
        """One version. Raises DecisionFault when it is not kept."""
        try:
            return self._rules[rule, version]
        except KeyError:
            raise DecisionFault(f"rule {rule} has no version {version}") from None


@functools.cache
def load_rules(folder: Path = FOLDER) -> WarningRules:
    """Every rule file of the folder; they are part of the program and read once."""
    return WarningRules(WarningRule(parse_json(path.read_bytes())) for path in sorted(folder.glob("*.json")))


def warning_id(rule: str, subject: Subject, day: date) -> str:
    """The name of the one warning of a rule, a subject and a business day."""
    return f"{rule}:{subject.kind}:{subject.id}:{day.isoformat()}"
