"""What the desk for loans on certificates works with."""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.clock import Clock

from hub.lending.claim_locks import ClaimLocks
from hub.lending.decision_log import DecisionLog
from hub.lending.decisions import DecisionTables
from hub.lending.early_warnings import EarlyWarnings
from hub.lending.limits import Limits
from hub.lending.loans import Loans
from hub.lending.ports import Mandates, Receivables
from hub.lending.products import Product
from hub.lending.records import Records
from hub.lending.referrals import Referrals
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
