"""What the acceptance suite tries on this connector."""

from __future__ import annotations

from connectors.gov_data.utilities.sandbox_bills import bills_of
from connectors.kit.acceptance.cases import ActionCase, DatasetCase, Traits
from connectors.kit.months import Month
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT, first_of_kind

_DEBTOR = first_of_kind("arrears")
_BILL = bills_of(_DEBTOR, Month(2026, 10))[-1]

# Sixteen months of electricity, water and gas are three pages.
CASES = (DatasetCase("utilities.bill/v1", present=_DEBTOR, absent=DEMO_NO_ACCOUNT, rows={"bills": 48}),)
ACTION_CASES = (
    ActionCase(
        "utilities.pay_bill/v1",
        _DEBTOR,
        good={"amount_fen": _BILL.amount_fen, "bill_number": _BILL.number},
        bad={"amount_fen": _BILL.amount_fen + 1, "bill_number": _BILL.number},
    ),
)
TRAITS = Traits(in_pages=True)
