"""What the acceptance suite tries on this connector."""

from __future__ import annotations

from connectors.gov_data.court_enforcement import wire
from connectors.gov_data.court_enforcement.sandbox import cases_on
from connectors.kit.acceptance.cases import DatasetCase, Traits
from connectors.kit.acceptance.world import NOW
from connectors.kit.months import Month
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT, population

# Somebody with a case in summer, so that a question about spring must leave it out.
_DEBTOR = next(
    case.resident_id
    for case in cases_on(NOW.date())
    if Month.parse("2026-05") <= Month.of(case.filed) and case.status == wire.DISHONEST
)
CASES = (DatasetCase("court_enforcement.record/v1", present=population()[_DEBTOR], absent=DEMO_NO_ACCOUNT),)
TRAITS = Traits(from_a_file=True)
