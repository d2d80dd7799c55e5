"""The credit bureau connector passes the acceptance suite."""

from connectors.gov_data.credit_bureau.acceptance import CASES, TRAITS
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.credit_bureau"


class TestCreditBureau(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    traits = TRAITS


class TestCreditBureauRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
