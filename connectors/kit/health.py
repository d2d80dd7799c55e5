"""What an agency's answers lately say about its datasets and fields; counts only, nothing of any answer is kept."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.kit.contract import Presence, Record

# How far back "lately" reaches, in answers that hold a record; below `FEWEST` an answer could be told from the report.
LATELY = 20
FEWEST = 5
BREAKS_TO_DEGRADE = 2
# Several people are needed before a field counts as one that is usually there.
USUAL = 3


class Seen(StrEnum):
    """What one answer said of one field."""

    PRESENT = "present"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass
class _Field:
    lately: deque[Seen] = field(default_factory=lambda: deque(maxlen=LATELY))
    was_there: int = 0

    def note(self, seen: Seen) -> None:
        self.lately.append(seen)
        self.was_there += seen is Seen.PRESENT

    @property
    def reason(self) -> str:
        """Why it is degraded, empty when it is not. A good answer after broken ones counts until enough have come."""
        if self.lately.count(Seen.BROKEN) >= BREAKS_TO_DEGRADE:
            return Seen.BROKEN.value
        last = list(self.lately)[-FEWEST:]
        vanished = len(last) == FEWEST and set(last) == {Seen.MISSING}
        return Seen.MISSING.value if vanished and self.was_there >= USUAL else ""


@dataclass(frozen=True)
class DatasetHealth:
    """How a dataset is doing: degraded fields with the reason, and of when the newest data were."""

    degraded: Mapping[str, str]
    newest: datetime | None


class Health:
    """The health of one agency's datasets as this process has seen it."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, _Field]] = defaultdict(lambda: defaultdict(_Field))
        self._newest: dict[str, datetime] = {}

    def answered(self, dataset: str, record: Record, now: datetime) -> None:
        """A record that passed its schema. One that says "no account" tells of no field."""
        as_of = record.as_of or now
        self._newest[dataset] = max(self._newest.get(dataset, as_of), as_of)
        if record.presence is Presence.PRESENT:
            for name, value in record.data.items():
                self._fields[dataset][name].note(Seen.PRESENT if value not in (None, "") else Seen.MISSING)

    def broke(self, dataset: str, name: str) -> None:
        """A record broke its schema in this field."""
        self._fields[dataset][name].note(Seen.BROKEN)

    def report(self) -> dict[str, DatasetHealth]:
        """Every dataset that was read."""
        return {dataset: self._dataset(dataset) for dataset in sorted(self._newest.keys() | self._fields.keys())}

    def _dataset(self, dataset: str) -> DatasetHealth:
        degraded = {name: each.reason for name, each in sorted(self._fields[dataset].items()) if each.reason}
        return DatasetHealth(degraded, self._newest.get(dataset))
