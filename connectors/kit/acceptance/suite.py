"""The acceptance suite. A connector passes by inheriting it:

    class TestTax(ConnectorAcceptance):
        package, cases = PACKAGE, CASES

Tiers build on one another: `bronze.py` (it reads what it says and no more), `silver.py` (it fails well), `gold.py` (it
stands bad agencies). A manifest may claim the tier whose class the connector passes. Refusals of consents are in
`refusals.py` and belong to silver; actions are in `actions.py` and belong to gold.
"""

from connectors.kit.acceptance.bronze import BronzeAcceptance
from connectors.kit.acceptance.cases import ActionCase, DatasetCase, Traits
from connectors.kit.acceptance.gold import PAGE_FAULT_CODES, GoldAcceptance
from connectors.kit.acceptance.silver import FAULT_CODES, FAULT_OUTCOMES, SilverAcceptance

__all__ = [
    "FAULT_CODES",
    "FAULT_OUTCOMES",
    "PAGE_FAULT_CODES",
    "ActionCase",
    "BronzeAcceptance",
    "ConnectorAcceptance",
    "DatasetCase",
    "GoldAcceptance",
    "SilverAcceptance",
    "Traits",
]

ConnectorAcceptance = GoldAcceptance
