"""The social insurance connector passes the acceptance suite."""

from connectors.gov_data.social_insurance.acceptance import CASES
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.social_insurance"


class TestSocialInsurance(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestSocialInsuranceRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
