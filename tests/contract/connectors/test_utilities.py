"""The utilities connector passes the acceptance suite."""

from connectors.gov_data.utilities.sandbox_bills import bills_of
from connectors.kit.acceptance.actions import ActionAcceptance, ActionCase
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.months import Month
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT
from tests.unit.connectors.gov_data.agencies import first_of_kind

PACKAGE = "connectors.gov_data.utilities"
CASES = (DatasetCase("utilities.bill/v1", present=first_of_kind("arrears"), absent=DEMO_NO_ACCOUNT),)

DEBTOR = first_of_kind("arrears")
BILL = bills_of(DEBTOR, Month(2026, 10))[-1]
ACTION_CASES = (
    ActionCase(
        "utilities.pay_bill/v1",
        DEBTOR,
        good={"amount_fen": BILL.amount_fen, "bill_number": BILL.number},
        bad={"amount_fen": BILL.amount_fen + 1, "bill_number": BILL.number},
    ),
)


class TestUtilities(ConnectorAcceptance):
    package, cases = PACKAGE, CASES
    answers_in_pages = True


class TestUtilitiesRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES


class TestPayBill(ActionAcceptance):
    package, action_cases = PACKAGE, ACTION_CASES
