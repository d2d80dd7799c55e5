"""The housing fund connector passes the acceptance suite."""

from connectors.gov_data.housing_fund.acceptance import CASES
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.housing_fund"


class TestHousingFund(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestHousingFundRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
