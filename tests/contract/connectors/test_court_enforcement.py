"""The court enforcement connector passes the acceptance suite."""

from connectors.gov_data.court_enforcement import wire
from connectors.gov_data.court_enforcement.sandbox import cases_on
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.acceptance.world import NOW
from connectors.kit.months import Month
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT, population

# Somebody with a case in summer, so that a question about spring must leave it out.
DEBTOR = next(
    case.resident_id
    for case in cases_on(NOW.date())
    if Month.parse("2026-05") <= Month.of(case.filed) and case.status == wire.DISHONEST
)
PACKAGE = "connectors.gov_data.court_enforcement"
CASES = (DatasetCase("court_enforcement.record/v1", present=population()[DEBTOR], absent=DEMO_NO_ACCOUNT),)


class TestCourtEnforcement(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    answers_from_a_file = True


class TestCourtEnforcementRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
