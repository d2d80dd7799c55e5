"""The court enforcement connector passes the acceptance suite."""

from connectors.gov_data.court_enforcement.acceptance import CASES, TRAITS
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.court_enforcement"


class TestCourtEnforcement(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    traits = TRAITS


class TestCourtEnforcementRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
