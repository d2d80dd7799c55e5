"""What the acceptance suite tries on this connector."""

from __future__ import annotations

from connectors.kit.acceptance.cases import DatasetCase
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT

CASES = (
    DatasetCase("social_insurance.contribution/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),
    DatasetCase("social_insurance.card/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),
)
