"""The social insurance connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT

PACKAGE = "connectors.gov_data.social_insurance"
CASES = (DatasetCase("social_insurance.contribution/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),)


class TestSocialInsurance(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestSocialInsuranceRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
