"""The credit bureau connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT

PACKAGE = "connectors.gov_data.credit_bureau"
CASES = (DatasetCase("credit_bureau.report/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),)


class TestCreditBureau(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestCreditBureauRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
