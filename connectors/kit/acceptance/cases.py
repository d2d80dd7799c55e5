"""What a connector tells the acceptance suite about itself, in `acceptance.py` of its own folder.

CASES = (DatasetCase("tax.personal_income/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),)
ACTION_CASES = (ActionCase("traffic_police.pay_fine/v1", DEBTOR, good={...}, bad={...}),)   # when it acts
TRAITS = Traits(in_pages=True)                                                              # when it is special
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.sandbox_people import Person


@dataclass(frozen=True)
class DatasetCase:
    """A dataset with a sandbox person who has a record and one who has none.

    `rows` says how many rows the lists of the present person's record hold over the suite's whole period; an agency
    that answers in pages must name one that fills more than a page.
    """

    dataset: str
    present: Person
    absent: Person
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ActionCase:
    """An action of somebody: parameters that are executed, and others for the same target that are rejected."""

    action: str
    person: Person
    good: Mapping[str, Any]
    bad: Mapping[str, Any]


@dataclass(frozen=True)
class Traits:
    """How an agency differs from one that answers one question with one answer at once.

    `from_a_file`: it publishes, and is asked once for many reads. `in_pages`: one answer is many. `later`: it gives a
    ticket, and the same request asked again must not ask it again.
    """

    from_a_file: bool = False
    in_pages: bool = False
    later: bool = False
