"""The housing fund connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT

PACKAGE = "connectors.gov_data.housing_fund"
CASES = (DatasetCase("housing_fund.account/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),)


class TestHousingFund(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestHousingFundRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
