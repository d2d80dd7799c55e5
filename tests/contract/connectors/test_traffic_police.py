"""The traffic police connector passes the acceptance suite."""

from connectors.gov_data.traffic_police.sandbox_register import added_fen, decisions_of
from connectors.kit.acceptance.actions import ActionAcceptance, ActionCase
from connectors.kit.acceptance.refusals import ConsentRefusals
from connectors.kit.acceptance.suite import ConnectorAcceptance, DatasetCase
from connectors.kit.acceptance.world import NOW
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT
from connectors.kit.sandbox_server import today_in_china
from tests.unit.connectors.gov_data.agencies import first_of_kind

PACKAGE = "connectors.gov_data.traffic_police"
CASES = (DatasetCase("traffic_police.violation/v1", present=first_of_kind("arrears"), absent=DEMO_NO_ACCOUNT),)

TODAY = today_in_china(NOW)
DEBTOR = first_of_kind("arrears")
FINE = (decisions_of(DEBTOR) or ())[0]
OWED_FEN = FINE.fine_fen + added_fen(FINE, TODAY)
ACTION_CASES = (
    ActionCase(
        "traffic_police.pay_fine/v1",
        DEBTOR,
        good={"amount_fen": OWED_FEN, "decision_number": FINE.number},
        bad={"amount_fen": OWED_FEN - 1, "decision_number": FINE.number},
    ),
)


class TestTrafficPolice(ConnectorAcceptance):
    package, cases = PACKAGE, CASES


class TestTrafficPoliceRefusals(ConsentRefusals):
    package, cases = PACKAGE, CASES


class TestPayFine(ActionAcceptance):
    package, action_cases = PACKAGE, ACTION_CASES
