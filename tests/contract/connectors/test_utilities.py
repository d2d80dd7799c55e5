"""The utilities connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT
from tests.unit.connectors.gov_data.agencies import first_of_kind

PACKAGE = "connectors.gov_data.utilities"
CASES = (DatasetCase("utilities.bill/v1", present=first_of_kind("arrears"), absent=DEMO_NO_ACCOUNT),)


class TestUtilities(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    answers_in_pages = True


class TestUtilitiesRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
