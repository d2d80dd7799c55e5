"""The campaigns. Each one lives in its own file beside this one."""

from __future__ import annotations

from tests.soak import (
    certificate_histories,
    chain_agreement,
    claim_races,
    journey_kills,
    key_rotations,
    ledger_kills,
    lending_histories,
    loan_histories,
    mutations,
    opening_histories,
    quota_race,
    registers,
    rpc_fuzz,
    trade_histories,
    verifier_agreement,
)
from tests.soak.campaign import Campaign
from tests.soak.histories import machine

CAMPAIGNS: list[Campaign] = [
    Campaign(
        name="mutations",
        title="damaged consents, assertions, bindings, envelopes, receipts: each refused with a code or a reason",
        target=100_000,
        slice_cases=20,
        case=mutations.case,
    ),
    Campaign(
        name="verifier-agreement",
        title="valid and damaged receipts and consents: the Python and the TypeScript verifier agree on every check",
        target=20_000,
        slice_cases=5,
        case=verifier_agreement.case,
    ),
    Campaign(
        name="chain-agreement",
        title="transactions on the embedded chain, py-evm and a real node: the same status, gas and events",
        target=50_000,
        slice_cases=1,
        case=chain_agreement.case,
    ),
    Campaign(
        name="claim-races",
        title="claims of five hub processes on the same invoices; hubs and nodes killed, blocks late, undone: one wins",
        target=100_000,  # attempts, those that are given up among them, 4,000 a case
        slice_cases=0,  # tests/integration/test_ledger_race.py is a smaller race
        case=claim_races.case,
        alone=True,
    ),
    Campaign(
        name="certificate-crowds",
        title="steps of eight hands at once on a receivable's certificates, invariants after each round",
        target=200_000,
        slice_cases=3,
        case=certificate_histories.case,
    ),
    Campaign(
        name="trade-histories",
        title="steps in random lives of orders: deliveries, returns, credits, power cuts; no match above what was kept",
        target=200_000,
        slice_cases=1,
        case=trade_histories.case,
    ),
    Campaign(
        name="loan-histories",
        title="random lives of loans: payoff quoted is payoff paid, back-dated is on time, no fen made or lost",
        target=1_000_000,
        slice_cases=30,
        case=loan_histories.case,
    ),
    Campaign(
        name="lending-histories",
        title="steps of trade, certificates, loans, payments, corrections and crashes: no invariant is ever broken",
        target=1_000_000,
        slice_cases=1,
        case=lending_histories.case,
        floors=lending_histories.FLOORS,
    ),
    Campaign(
        name="lending-machine",
        title="the same steps as a state machine of hypothesis, which makes a failure small by itself",
        target=50_000,
        slice_cases=0,  # test_histories.py explores a little of it
        case=machine.case,
    ),
    Campaign(
        name="opening-histories",
        title="acts in random lives of applications for accounts, cut off or at once: places, keys and states hold",
        target=100_000,
        slice_cases=1,
        case=opening_histories.case,
    ),
    Campaign(
        name="key-rotations",
        title="reads while every key, certificate and CA rotates in random order, all suites: nobody is refused",
        target=20_000,
        slice_cases=1,
        case=key_rotations.case,
        alone=True,
    ),
    Campaign(
        name="quota-race",
        title="reads over three hub processes on PostgreSQL, 600 in flight, hubs and agency killed: what was granted",
        target=quota_race.REQUESTS,
        slice_cases=0,  # tests/integration/test_quota_race.py is a smaller storm
        case=quota_race.case,
        alone=True,
    ),
    Campaign(
        name="registers",
        title="everybody in the sandboxes, asked about at every agency: schemas hold, the registers agree",
        target=14_000,
        slice_cases=0,  # tests/contract/connectors/test_registers_agree.py asks about some of every kind
        case=registers.case,
    ),
    Campaign(
        name="rpc-fuzz",
        title="calls of every RPC with messages drawn from its descriptor, as everybody: no INTERNAL, no hang, no leak",
        target=200_000,
        slice_cases=1,
        case=rpc_fuzz.case,
        alone=True,
    ),
    Campaign(
        name="ledger-kills",
        title="SIGKILLs of hubs with their sequencers and of the chain: logged once, receipts hold, one winner each",
        target=1_000,  # kills, 80 a case
        slice_cases=0,  # a shorter world is in test_slices.py
        case=ledger_kills.case,
        alone=True,
    ),
    Campaign(
        name="journey-kills",
        title="SIGKILLs of hub and chain at random moments of the supplier journey: nothing lost, nothing twice",
        target=200,
        slice_cases=0,  # tests/faults kills the hub around every step already
        case=journey_kills.case,
        alone=True,
    ),
]
