"""Everything that lending serves; papers are served apart, as they need a pool of processes (`papers/rpc.py`)."""

from __future__ import annotations

from huilian_protocol.clock import Clock

from hub.lending.collections.rpc import CollectionServicer
from hub.lending.dealers.rpc import DealerLoanServicer
from hub.lending.erp.rpc import ErpLedgerServicer
from hub.lending.loans.rpc import FlashLoanServicer, LoanServicer, WorkoutServicer
from hub.lending.referrals.rpc import ReferralServicer
from hub.lending.restructurings.rpc import RestructuringServicer
from hub.lending.rpc import AuctionServicer, FinancingServicer, OrderLoanServicer
from hub.lending.rpc_credit import CreditServicer
from hub.lending.service import LendingService
from hub.lending.warnings.rpc import WarningServicer
from hub.platform.idempotency import Idempotency


def servicers(lending: LendingService, idempotency: Idempotency, clock: Clock) -> tuple[object, ...]:
    """One servicer for each service of huilian.lending.v1, without DocumentService."""
    return (
        FinancingServicer(lending, idempotency),
        OrderLoanServicer(lending, idempotency),
        AuctionServicer(lending, idempotency),
        FlashLoanServicer(lending, idempotency),
        LoanServicer(lending, idempotency),
        WorkoutServicer(lending, idempotency),
        RestructuringServicer(lending, idempotency),
        DealerLoanServicer(lending, idempotency),
        CollectionServicer(lending, idempotency),
        WarningServicer(lending, idempotency),
        ReferralServicer(lending, idempotency),
        CreditServicer(lending, idempotency, clock),
        ErpLedgerServicer(lending.erp_payments, idempotency),
    )
