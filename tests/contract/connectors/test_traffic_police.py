"""The traffic police connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT
from tests.unit.connectors.gov_data.agencies import first_of_kind

PACKAGE = "connectors.gov_data.traffic_police"
CASES = (DatasetCase("traffic_police.violation/v1", present=first_of_kind("arrears"), absent=DEMO_NO_ACCOUNT),)


class TestTrafficPolice(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestTrafficPoliceRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
