"""Which tests stay with one worker, and which come first."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import pytest

# What takes longest comes first, or the others would wait for it at the end.
FIRST = (
    "tests/integration/tryton/",
    "tests/browser/",
    "tests/faults/",
    "tests/integration/",
    "tests/soak/",
    "tests/contract/",
    "tests/attacks/",
)


def grouped(items: Sequence[pytest.Item]) -> list[list[pytest.Item]]:
    """The tests, those together that run one after the other in one process, in the order in which to begin them."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(_group(_file(item)) or item.nodeid, []).append(item)
    return sorted(groups.values(), key=lambda group: _place(_file(group[0])))


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _place(file: str) -> int:
    return next((place for place, start in enumerate(FIRST) if file.startswith(start)), len(FIRST))


@functools.cache
def _group(file: str) -> str:
    """Which tests of other files those of a file stay with, or each worker would start a site of its own; empty when
    each of them may run anywhere.
    """
    for folder in ("tests/browser/", "tests/integration/tryton/"):
        if file.startswith(folder):
            return folder
    text = Path(file).read_text()
    if "shared_site" in text:
        return "shared_site"
    return file if 'scope="module"' in text else ""
