"""What `opening_requirements.json` says: documents, reasons, scopes, branches, times. Read once, checked when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from huilian_protocol.canonical import parse_json

_FILE = Path(__file__).with_name("opening_requirements.json")


class DocumentKind(StrEnum):
    """See `OpeningDocumentKind` of the protocol."""

    BUSINESS_LICENCE = "BUSINESS_LICENCE"
    LEGAL_PERSON_IDENTITY = "LEGAL_PERSON_IDENTITY"
    ADDRESS_PROOF = "ADDRESS_PROOF"
    ARTICLES = "ARTICLES"
    AUTHORISATION = "AUTHORISATION"


class Outcome(StrEnum):
    """What a reason leads to, the gravest first; INCOMPLETE is what a visit comes to."""

    REFUSED = "REFUSED"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    REFERRED = "REFERRED"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A document that an application needs, and in which form."""

    kind: DocumentKind
    name_zh: str
    name_en: str
    media_types: tuple[str, ...]
    most_bytes: int
    of_signers_only: bool


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What a reason means. `{document}` in a text stands for the document that it is found at."""

    outcome: Outcome
    kind: DocumentKind | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that opens accounts. `slots` is how many visits begin at which time (HH:MM in China)."""

    branch_code: str
    name_zh: str
    name_en: str
    address_zh: str
    weekdays: frozenset[int]
    slots: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OpeningData:
    """The whole file."""

    documents: Mapping[DocumentKind, Requirement]
    reasons: Mapping[str, ReasonText]
    branches: Mapping[str, Branch]
    scope_refused: tuple[str, ...]
    scope_referred: tuple[str, ...]
    result_working_days: int
    book_ahead_minutes: int
    book_ahead_days: int
    draft_days: int
    refused_days: int
    kept_years: int

    def needed(self, by_signer: bool) -> list[Requirement]:
        """The documents of an application that a signer, or the legal person, hands in."""
        return [one for one in self.documents.values() if by_signer or not one.of_signers_only]


@cache
def opening_data() -> OpeningData:
    """The data of this release. Raises KeyError or ValueError when the file is wrong: then the hub does not start."""
    read: dict[str, Any] = parse_json(_FILE.read_bytes())
    waits = ("result_working_days", "book_ahead_minutes", "book_ahead_days")
    numbers = (*waits, "draft_days", "refused_days", "kept_years")
    requirements = [_requirement(one) for one in read["documents"]]
    branches = [_branch(one) for one in read["branches"]]
    return OpeningData(
        documents={one.kind: one for one in requirements},
        reasons={code: _reason(one) for code, one in read["reasons"].items()},
        branches={one.branch_code: one for one in branches},
        scope_refused=tuple(read["scope"]["refused"]),
        scope_referred=tuple(read["scope"]["referred"]),
        **{name: int(read[name]) for name in numbers},
    )


def _requirement(read: Mapping[str, Any]) -> Requirement:
    return Requirement(
        DocumentKind(read["kind"]),
        read["zh"],
        read["en"],
        tuple(read["media_types"]),
        int(read["most_bytes"]),
        bool(read.get("of_signers_only")),
    )


def _reason(read: Mapping[str, Any]) -> ReasonText:
    kind = DocumentKind(read["kind"]) if "kind" in read else None
    return ReasonText(Outcome(read["outcome"]), kind, read["zh"], read["en"])


def _branch(read: Mapping[str, Any]) -> Branch:
    slots = {slot: int(places) for slot, places in read["slots"].items()}
    code, address = read["branch_code"], read["address_zh"]
    return Branch(code, read["zh"], read["en"], address, frozenset(read["weekdays"]), slots)
