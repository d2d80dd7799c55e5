"""The one error type of Huilian and its catalogue.

Every refusal anywhere (hub, connector, client, verifier) is a :class:`HuilianError` with a code of ``catalogue.json``.
The entry says whose fault it is, whether trying again helps, how it looks on gRPC and HTTP, and what to tell people in
Chinese and English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from huilian_protocol.canonical import parse_json

# A code that was mistyped, and no resident ID number, which has as many characters.
_LIKE_A_USCC = re.compile(r"(?![0-9]{17}X)(?=[0-9]*[A-Z])[0-9A-Z]{18}")

__all__ = ["CatalogueEntry", "Fault", "HuilianError", "Retry", "catalogue", "malformed_uscc"]


class Fault(StrEnum):
    """Who has to act so that the error goes away."""

    CALLER = "caller"
    PERSON = "person"
    HUB = "hub"
    PROVIDER = "provider"


class Retry(StrEnum):
    """When the same call may be tried again."""

    NEVER = "never"
    AFTER_CHANGE = "after_change"
    BACKOFF = "backoff"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One line of the catalogue; texts may hold ``{placeholders}`` that the error's parameters fill."""

    code: str
    fault: Fault
    retry: Retry
    grpc: str
    http: int
    text_zh: str
    text_en: str


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """The whole catalogue by code, in the order of the file."""
    raw = parse_json(resources.files("huilian_protocol").joinpath("catalogue.json").read_bytes())
    return {item["code"]: _entry(item) for item in raw["errors"]}


def _entry(item: Mapping[str, str | int]) -> CatalogueEntry:
    return CatalogueEntry(
        code=str(item["code"]),
        fault=Fault(str(item["fault"])),
        retry=Retry(str(item["retry"])),
        grpc=str(item["grpc"]),
        http=int(item["http"]),
        text_zh=str(item["zh"]),
        text_en=str(item["en"]),
    )


class _Blanks(dict[str, str]):
    """Fills placeholders that the raiser did not name, so that an error never fails while it is shown."""

    def __init__(self, known: Mapping[str, str], blank: str) -> None:
        super().__init__(known)
        self._blank = blank

    def __missing__(self, key: str) -> str:
        return self._blank


class HuilianError(Exception):
    """A refusal with a catalogue code.

    ``detail`` says in English which check failed, for logs and developers; it must hold no personal data. ``params``
    fill the placeholders of the catalogue's texts and travel as metadata. A code that is not in the catalogue is a
    programming error and raises ``KeyError`` at once.
    """

    def __init__(self, code: str, detail: str = "", **params: object) -> None:
        self.entry: CatalogueEntry = catalogue()[code]
        self.code: str = code
        self.detail: str = detail
        self.params: dict[str, str] = {name: str(value) for name, value in params.items()}
        super().__init__(code, detail)

    @property
    def text_zh(self) -> str:
        """The Chinese text with its placeholders filled."""
        return self.entry.text_zh.format_map(_Blanks(self.params, "（未说明）"))

    @property
    def text_en(self) -> str:
        """The English text with its placeholders filled."""
        return self.entry.text_en.format_map(_Blanks(self.params, "(not stated)"))

    @property
    def public_detail(self) -> str:
        """The detail if it may leave the process: only faults the other side can mend are explained to it."""
        return self.detail if self.entry.fault in (Fault.CALLER, Fault.PERSON) else ""

    def __str__(self) -> str:
        return f"{self.code}: {self.text_en}" + (f" [{self.detail}]" if self.detail else "")


def malformed_uscc(text: str) -> HuilianError:
    """USCC_MALFORMED. It repeats what could be a mistyped code; anything else could be somebody's name or number."""
    known = {"uscc": text} if _LIKE_A_USCC.fullmatch(text) else {}
    return HuilianError("USCC_MALFORMED", **known)
