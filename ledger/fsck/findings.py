"""What fsck found: each fault with its row, its index in the log, what should be there and what is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_FINDINGS_PER_TABLE = 100
"""Faults told one by one per table; the rest is counted, because one lost disk page can be a million of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `index` is the leaf index or tree size that it is about, None where there is none."""

    table: str
    row: str
    index: int | None
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        place = "" if self.index is None else f" index {self.index}"
        return f"{self.table} {self.row}{place}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass
class Report:
    """The outcome. Clean when nothing was found; the numbers say how much was compared.

    `anchors` is None when the chain was left out.
    """

    findings: list[Finding] = field(default_factory=list)
    leaves: int = 0
    tiles: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    witnesses: int = 0
    anchors: int | None = None
    _counts: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether everything that was compared agrees."""
        return not self._counts

    def add(self, table: str, row: object, index: int | None, what: str, expected: object, found: object) -> None:
        """Note one fault; hashes are shown in hexadecimal."""
        self._counts[table] += 1
        if self._counts[table] <= MAX_FINDINGS_PER_TABLE:
            self.findings.append(Finding(table, str(row), index, what, _shown(expected), _shown(found)))

    def untold(self) -> dict[str, int]:
        """Return how many faults of each table are not in `findings`."""
        return {
            table: count - MAX_FINDINGS_PER_TABLE
            for table, count in sorted(self._counts.items())
            if count > MAX_FINDINGS_PER_TABLE
        }


def _shown(value: object) -> str:
    return (value.hex() or "nothing") if isinstance(value, bytes) else str(value)
