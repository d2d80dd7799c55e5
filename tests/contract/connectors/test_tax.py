"""The tax connector passes the acceptance suite."""

from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT, DEMO_REPRESENTATIVES

PACKAGE = "connectors.gov_data.tax"
CASES = (
    DatasetCase("tax.personal_income/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),
    DatasetCase("tax.enterprise/v1", present=DEMO_REPRESENTATIVES[0], absent=DEMO_BORROWER),
)


class TestTax(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestTaxRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
