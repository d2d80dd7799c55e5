"""What the acceptance suite tries on this connector."""

from __future__ import annotations

from connectors.kit.acceptance.cases import DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT, DEMO_REPRESENTATIVES

CASES = (
    DatasetCase("tax.personal_income/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT, rows={"years": 2}),
    DatasetCase("tax.enterprise/v1", present=DEMO_REPRESENTATIVES[0], absent=DEMO_BORROWER),
)
