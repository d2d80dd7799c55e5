"""Which tier a connector has earned: `python -m connectors.kit.acceptance.grade connectors.gov_data.tax`.

Runs the suite with the cases in the package's `acceptance.py`, up to a tier if one is named after the package, and says
which tier's tests it passes. The exit status is 0 when that is at least what the manifest claims.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from connectors.kit.acceptance.actions import ActionAcceptance
from connectors.kit.acceptance.bronze import BronzeAcceptance
from connectors.kit.acceptance.cases import Traits
from connectors.kit.acceptance.gold import GoldAcceptance
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.silver import SilverAcceptance
from connectors.kit.manifest import Tier, load_manifest

TIERS: tuple[Tier, ...] = get_args(Tier)
_READS: dict[Tier, type] = {"bronze": BronzeAcceptance, "silver": SilverAcceptance, "gold": GoldAcceptance}
_TIER_OF_CLASS: tuple[tuple[type, Tier], ...] = (
    (BronzeAcceptance, "bronze"),
    (SilverAcceptance, "silver"),
    (ConsentRefusals, "silver"),
    (GoldAcceptance, "gold"),
    (ActionAcceptance, "gold"),
)
_MODULE = """from connectors.kit.acceptance.grade import graded_classes
globals().update(graded_classes({package!r}, {up_to!r}))
"""


def graded_classes(package: str, up_to: Tier = "gold") -> dict[str, type]:
    """The suite's classes for this package up to a tier, with its own cases."""
    own = importlib.import_module(f"{package}.acceptance")
    reads = {"package": package, "cases": own.CASES, "traits": getattr(own, "TRAITS", Traits())}
    # Graded by what it passes, not by what it claims.
    reads["tier"] = TIERS[-1]
    classes = {"TestReads": type("TestReads", (_READS[up_to],), reads)}
    if up_to != "bronze":
        classes["TestRefusals"] = type("TestRefusals", (ConsentRefusals,), {"package": package, "cases": own.CASES})
    if up_to == "gold" and load_manifest(package).actions:
        actions = {"package": package, "action_cases": own.ACTION_CASES}
        classes["TestActions"] = type("TestActions", (ActionAcceptance,), actions)
    return classes


def tier_of(test: str) -> Tier:
    """The tier to which a test of the suite belongs, by the name of its function."""
    return next(tier for kind, tier in _TIER_OF_CLASS if test in vars(kind))


def earned(passed: Counter[str], failed: Counter[str]) -> Tier | None:
    """The highest tier of which, and of all below which, tests ran and none failed; None when bronze is not earned."""
    best: Tier | None = None
    for tier in TIERS:
        if failed[tier] or not passed[tier]:
            return best
        best = tier
    return best


class _Results:
    """A pytest plugin that counts outcomes by tier."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test when it ran, or when its set-up or its end failed."""
        tier = tier_of(report.nodeid.rpartition("::")[2].partition("[")[0])
        if not report.passed:
            self.failed[tier] += 1
        elif report.when == "call":
            self.passed[tier] += 1


def grade(package: str, up_to: Tier = "gold") -> tuple[Tier | None, str]:
    """The tier earned, as far as it was tried, and one line for people."""
    results = _Results()
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "test_connector.py"
        module.write_text(_MODULE.format(package=package, up_to=up_to), "utf-8")
        options = ["-q", "--tb=line", "--rootdir", folder, "-p", "no:cacheprovider", "-p", "no:randomly"]
        options += ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
        pytest.main([*options, str(module)], plugins=[results])
    tier = earned(results.passed, results.failed)
    counts = ", ".join(f"{name} {results.passed[name]}/{results.passed[name] + results.failed[name]}" for name in TIERS)
    return tier, f"{package}: {tier or 'no tier'} ({counts})"


def main() -> int:
    """Grade the package named on the command line."""
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] not in TIERS):
        sys.stderr.write(f"usage: python -m connectors.kit.acceptance.grade PACKAGE [{'|'.join(TIERS)}]\n")
        return 2
    up_to = next((tier for tier in TIERS if tier in sys.argv[2:]), TIERS[-1])
    tier, line = grade(sys.argv[1], up_to)
    claimed: Any = load_manifest(sys.argv[1]).tier
    sys.stdout.write(f"{line}; the manifest claims {claimed}\n")
    return 0 if tier is not None and TIERS.index(tier) >= TIERS.index(claimed) else 1


if __name__ == "__main__":
    sys.exit(main())
