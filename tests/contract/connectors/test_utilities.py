"""The utilities connector passes the acceptance suite."""

from connectors.gov_data.utilities.acceptance import ACTION_CASES, CASES, TRAITS
from connectors.kit.acceptance.actions import ActionAcceptance
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.utilities"


class TestUtilities(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    traits = TRAITS


class TestUtilitiesRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES


class TestUtilitiesActions(ActionAcceptance):
    package, action_cases = PACKAGE, ACTION_CASES
