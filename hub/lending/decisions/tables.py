"""Credit rules are data: decision tables in JSON, run by zen-engine, versioned and explained by reason codes.

A table file names the inputs it needs with their types. An input that is missing or of another type stops the decision:
the engine itself would treat it as "no rule matches", and a knock-out that does not match approves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import zen
from huilian_protocol.canonical import parse_json, sha256_canonical

FOLDER = Path(__file__).parent
_KEYS = {"table", "version", "inputs", "reasons", "graph"}
_TYPES: dict[str, type] = {"integer": int, "text": str}


class DecisionFault(RuntimeError):
    """The table or its input is not what the table file declares: a fault of ours, never a person's."""


@dataclass(frozen=True)
class Reason:
    """Why, by code and in both languages."""

    code: str
    text_zh: str
    text_en: str


@dataclass(frozen=True)
class Decision:
    """What a table said about an input. `offer` holds its price columns as text, and is empty for a rejection.

    `referred` leaves the case to a person, for whom the price is known already.
    """

    table: str
    version: int
    table_sha256: bytes
    approved: bool
    reasons: tuple[Reason, ...]
    offer: Mapping[str, str]
    referred: bool = False

    @property
    def outcome(self) -> str:
        """APPROVED, REJECTED or REFERRED."""
        if self.referred:
            return "REFERRED"
        return "APPROVED" if self.approved else "REJECTED"

    @property
    def rule_version(self) -> str:
        """Name and version of the table, e.g. "flash-loan/1"."""
        return f"{self.table}/{self.version}"


class DecisionTable:
    """One version of one table."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        if set(raw) != _KEYS:
            raise DecisionFault(f"fields missing or unknown: {sorted(set(raw) ^ _KEYS)}")
        self.table: str = raw["table"]
        self.version: int = raw["version"]
        self.sha256 = sha256_canonical(dict(raw))
        self._inputs: Mapping[str, str] = raw["inputs"]
        self._reasons: Mapping[str, Mapping[str, str]] = raw["reasons"]
        self._graph: Mapping[str, Any] = raw["graph"]
        self._decision = zen.ZenEngine().create_decision(json.dumps(raw["graph"]))

    def decide(self, facts: Mapping[str, Any]) -> Decision:
        """Runs the table; a pure function of the facts. Raises DecisionFault for facts it does not declare or lacks."""
        check_facts(f"{self.table}/{self.version}", self._inputs, facts)
        result: Any = self._decision.evaluate(dict(facts))["result"]
        codes = [row["code"] for row in result["reasons"]]
        referrals = [] if codes else [row["code"] for row in result.get("referrals", ())]
        offer = result.get("offer")
        if not codes and not offer:
            raise DecisionFault(f"{self.table}/{self.version} has no price for these facts")
        notes = [offer["note"]] if not codes and offer["note"] else []
        return Decision(
            table=self.table,
            version=self.version,
            table_sha256=self.sha256,
            approved=not codes and not referrals,
            reasons=tuple(self.reason(code) for code in codes or referrals or notes),
            referred=bool(referrals),
            offer={} if codes else {name: str(value) for name, value in offer.items() if name != "note"},
        )

    @property
    def annual_rates(self) -> tuple[Decimal, ...]:
        """Every annual rate that the table can give, ascending."""
        rates = set()
        for node in self._graph["nodes"]:
            content = node.get("content", {})
            column = next((one["id"] for one in content.get("outputs", ()) if one["field"] == "annual_rate"), None)
            rates |= {Decimal(rule[column].strip("'")) for rule in content.get("rules", ()) if column}
        return tuple(sorted(rates))

    @property
    def codes(self) -> frozenset[str]:
        """Every reason code that the table explains."""
        return frozenset(self._reasons)

    def reason(self, code: str) -> Reason:
        """The texts of a reason code. Raises DecisionFault for a code that the file does not explain."""
        if code not in self._reasons:
            raise DecisionFault(f"{self.table}/{self.version} does not explain {code}")
        return Reason(code, self._reasons[code]["zh"], self._reasons[code]["en"])


def check_facts(name: str, inputs: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Raises DecisionFault unless the facts are just those that a table declares, each of its type."""
    if set(facts) != set(inputs):
        raise DecisionFault(f"{name}: facts missing or unknown: {sorted(set(facts) ^ set(inputs))}")
    wrong = [fact for fact, kind in inputs.items() if type(facts[fact]) is not _TYPES[kind]]
    if wrong:
        raise DecisionFault(f"{name}: facts of another type: {wrong}")


class DecisionTables:
    """Every version of every table: the newest decides, the older ones replay what they decided."""

    def __init__(self, tables: Iterable[DecisionTable]) -> None:
        self._tables = {(table.table, table.version): table for table in tables}

    def newest(self, name: str) -> DecisionTable:
        """The table in force. Raises DecisionFault when there is none."""
        versions = [version for table, version in self._tables if table == name]
        if not versions:
            raise DecisionFault(f"there is no table {name}")
        return self._tables[name, max(versions)]

    @property
    def names(self) -> list[str]:
        """The names of all tables."""
        return sorted({table for table, _ in self._tables})

    def explain(self, name: str, code: str) -> Reason:
        """A code's texts, by the newest version that has it. Raises DecisionFault for a code that none explains."""
        versions = sorted((version for table, version in self._tables if table == name), reverse=True)
        for version in versions:
            if code in self._tables[name, version].codes:
                return self._tables[name, version].reason(code)
        raise DecisionFault(f"no version of {name} explains {code}")

    def version(self, name: str, version: int) -> DecisionTable:
        """One version of a table. Raises DecisionFault when it is not kept."""
        try:
            return self._tables[name, version]
        except KeyError:
            raise DecisionFault(f"table {name} has no version {version}") from None


@cache
def load_tables(folder: Path = FOLDER) -> DecisionTables:
    """Every table file of the folder, read and compiled once in a process: tables never change."""
    files = sorted(folder.glob("*.json"))
    return DecisionTables(DecisionTable(parse_json(path.read_bytes())) for path in files)
