"""What the desk for loans on certificates works with."""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.clock import Clock

from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import DecisionTables
from hub.lending.financings.claim_locks import ClaimLocks
from hub.lending.limits.desk import Limits
from hub.lending.loans.desk import Loans
from hub.lending.ports import Mandates, Receivables
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.referrals.desk import Referrals
from hub.lending.warnings.desk import EarlyWarnings
from hub.platform.database import Database
from hub.platform.outbox import Outbox


@dataclass(frozen=True)
class Desk:
    """Collaborators of `Financings`."""

    database: Database
    clock: Clock
    outbox: Outbox
    receivables: Receivables
    mandates: Mandates
    loans: Loans
    limits: Limits
    claims: ClaimLocks
    decisions: DecisionLog
    tables: DecisionTables
    referrals: Referrals
    warnings: EarlyWarnings
    records: Records
    product: Product
