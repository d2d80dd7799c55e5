"""Legal rules that code enforces, as named and versioned data: `legal_rules.json` is the only place that words them.

A refusal names the rule's id in its parameter `rule`, so that whoever is refused can look the law up. The page
docs/legal-rules.md is made from the same file: `python -m hub.platform.legal_rules`.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from huilian_protocol.canonical import parse_json

TERM_ONE_YEAR: Final = "PBC-2025-77-TERM-ONE-YEAR"
TERM_SIX_MONTHS: Final = "PBC-2025-77-TERM-SIX-MONTHS"
NO_FORCING: Final = "PBC-2025-77-NO-FORCING"
REAL_TRADE: Final = "PBC-2025-77-REAL-TRADE"
PLEDGE_REGISTERED: Final = "CC-445"
DEFENCES_KEPT: Final = "CC-548"
FABRICATED: Final = "CC-763"
BUY_BACK: Final = "CC-766"
PRIORITY: Final = "CC-768"
QUERY_FIRST: Final = "PBC-2021-7-QUERY-FIRST"
REGISTRATION_TERM: Final = "PBC-2021-7-TERM"
DEREGISTER: Final = "PBC-2021-7-DEREGISTER"
FREEZE: Final = "SPC-CPL-499"

UNVERIFIED: Final = "unverified"

_HEAD = """# Legal rules

Made from `hub/platform/legal_rules.json` by `python -m hub.platform.legal_rules`; do not edit by hand. A refusal that
rests on one of them carries the id as its parameter `rule`.

*Verified* says where the citation was looked up and what that page confirms. These are public pages of third parties
(law firms, journals, news), none the official gazette: before production counsel checks every row, and those that are
**unverified** first; they were written from memory.

| id | version | effective | source | 规则 | rule | verified |
| --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class LegalRule:
    """One rule: its stable id, the version of our wording, since when it is law, where it stands, what it says.

    `verified` is the public page at which the citation was looked up with what it confirms, or "unverified".
    """

    id: str
    version: int
    effective: dt.date
    source: str
    source_en: str
    text_zh: str
    text_en: str
    verified: str

    @property
    def is_verified(self) -> bool:
        """Whether anybody looked the citation up."""
        return self.verified != UNVERIFIED


@cache
def legal_rules() -> Mapping[str, LegalRule]:
    """All rules by id, in the order of the file."""
    raw = parse_json(resources.files("hub.platform").joinpath("legal_rules.json").read_bytes())
    return {item["id"]: _rule(item) for item in raw["rules"]}


def rule(rule_id: str) -> LegalRule:
    """One rule. Raises KeyError for an id that the file does not have."""
    return legal_rules()[rule_id]


def page() -> str:
    """docs/legal-rules.md."""
    rows = [
        f"| `{item.id}` | {item.version} | {item.effective} | {item.source}; {item.source_en} "
        f"| {item.text_zh} | {item.text_en} | {item.verified if item.is_verified else f'**{UNVERIFIED}**'} |"
        for item in legal_rules().values()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _rule(item: Mapping[str, Any]) -> LegalRule:
    return LegalRule(
        id=item["id"],
        version=item["version"],
        effective=dt.date.fromisoformat(item["effective"]),
        source=item["source"],
        source_en=item["source_en"],
        text_zh=item["zh"],
        text_en=item["en"],
        verified=item["verified"],
    )


if __name__ == "__main__":
    sys.stdout.write(page())
