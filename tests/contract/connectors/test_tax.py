"""The tax connector passes the acceptance suite."""

from connectors.gov_data.tax.acceptance import CASES
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance

PACKAGE = "connectors.gov_data.tax"


class TestTax(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestTaxRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES
