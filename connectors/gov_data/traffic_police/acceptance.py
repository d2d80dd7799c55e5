"""What the acceptance suite tries on this connector."""

from __future__ import annotations

from connectors.gov_data.traffic_police.sandbox_register import added_fen, decisions_of
from connectors.kit.acceptance.cases import ActionCase, DatasetCase
from connectors.kit.acceptance.world import NOW
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT, first_of_kind
from connectors.kit.sandbox_server import today_in_china

_DEBTOR = first_of_kind("arrears")
_FINE = (decisions_of(_DEBTOR) or ())[0]
_OWED_FEN = _FINE.fine_fen + added_fen(_FINE, today_in_china(NOW))

CASES = (DatasetCase("traffic_police.violation/v1", present=_DEBTOR, absent=DEMO_NO_ACCOUNT),)
ACTION_CASES = (
    ActionCase(
        "traffic_police.pay_fine/v1",
        _DEBTOR,
        good={"amount_fen": _OWED_FEN, "decision_number": _FINE.number},
        bad={"amount_fen": _OWED_FEN - 1, "decision_number": _FINE.number},
    ),
)
