"""The outcome of a verification: named checks, each passed or failed, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from huilian_protocol.errors import HuilianError

from ledger.merkle.checkpoint import InvalidCheckpoint
from ledger.merkle.proofs import InvalidProof


class CheckFailed(Exception):
    """A check failed; the text says why."""


class Check(NamedTuple):
    """One check: what was looked at, whether it holds, and what was found."""

    name: str
    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one file. `kind` is "receipt", "consent", "access export", "equivocation" or
    "unknown"."""

    kind: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether there were checks and every one holds."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def run_check(name: str, check: Callable[[], str]) -> Check:
    """Run a check that returns what it found, or raises one of the errors that mean no."""
    try:
        return Check(name, True, check())
    except (CheckFailed, InvalidProof, InvalidCheckpoint) as error:
        return Check(name, False, str(error))
    except HuilianError as error:
        return Check(name, False, f"{error.code}: {error.detail or error.text_en}")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        return Check(name, False, f"malformed: {error}")


def require(condition: bool, reason: str) -> None:
    """Raise `CheckFailed` with the reason unless the condition holds."""
    if not condition:
        raise CheckFailed(reason)
