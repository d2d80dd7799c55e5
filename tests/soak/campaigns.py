"""The campaigns. Each one lives in its own file beside this one."""

from __future__ import annotations

from tests.soak import certificate_histories, loan_histories, mutations
from tests.soak.campaign import Campaign

CAMPAIGNS: list[Campaign] = [
    Campaign(
        name="mutations",
        title="damaged consents, assertions, bindings, envelopes, receipts: each refused with a code or a reason",
        target=100_000,
        slice_cases=30,
        case=mutations.case,
    ),
    Campaign(
        name="certificate-histories",
        title="steps in random lives of receivables and certificates, SQLite and PostgreSQL, invariants after each",
        target=1_000_000,
        slice_cases=3,
        case=certificate_histories.case,
    ),
    Campaign(
        name="loan-histories",
        title="random lives of loans: payoff quoted is payoff paid, back-dated is on time, no fen made or lost",
        target=1_000_000,
        slice_cases=30,
        case=loan_histories.case,
    ),
]
