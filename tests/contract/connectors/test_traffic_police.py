"""The traffic police connector passes the acceptance suite."""

from connectors.gov_data.traffic_police.acceptance import ACTION_CASES, CASES
from connectors.kit.acceptance.actions import ActionAcceptance
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.traffic_police"


class TestTrafficPolice(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestTrafficPoliceRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES


class TestTrafficPoliceActions(ActionAcceptance):
    package, action_cases = PACKAGE, ACTION_CASES
