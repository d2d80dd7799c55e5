"""The credit desk's values as messages of huilian.lending.v1."""

from __future__ import annotations

from huilian.lending.v1 import credit_service_pb2 as pb

from hub.lending.decisions.log import Replay, TableCounts
from hub.lending.decisions.tables import Decision, DecisionTables
from hub.lending.limits.exposure import ExposureLine
from hub.lending.messages import money, reason_message
from hub.lending.products.definitions import Product

MOST_REASONS = 10


def product_message(product: Product, tables: DecisionTables, *, on_offer: bool) -> pb.Product:
    """A version of a product, with the rates that its decision table gives now."""
    rates = tables.newest(product.decision_table).annual_rates
    repayment = product.terms["repayment"]
    return pb.Product(
        product_id=product.product_id,
        version=product.version,
        name_zh=product.name_zh,
        name_en=product.name_en,
        text_zh=product.text_zh,
        text_en=product.text_en,
        on_offer=on_offer,
        revolving=product.revolving,
        least_amount=money(product.least_amount_fen),
        most_amount=money(product.most_amount_fen),
        least_term_days=product.least_term_days,
        most_term_days=product.most_term_days,
        advance_rate=format(product.advance_rate, "f"),
        fee_rate=format(product.fee_rate, "f"),
        periodic_fee_rate=format(product.periodic_fee_rate, "f"),
        annual_rates=[format(rate, "f") for rate in rates],
        repayment_kind=repayment["kind"],
        every_months=repayment["every_months"],
        prepayment=repayment["prepayment"],
        grace_days=repayment["grace_days"],
        penalty_multiplier=product.terms["penalty_multiplier"],
        day_count=product.terms["day_count"],
    )


def exposure_message(line: ExposureLine) -> pb.ExposureLine:
    """A line of the exposure report."""
    return pb.ExposureLine(
        dimension=pb.LimitDimension.Value(f"LIMIT_DIMENSION_{line.dimension}"),
        party=line.party,
        parties=line.parties,
        limit=money(line.limit_fen),
        blocked=money(line.blocked_fen),
        utilised=money(line.utilised_fen),
        largest=money(line.largest_fen),
        share=format(line.share, "f"),
    )


def counts_message(counts: TableCounts, tables: DecisionTables) -> pb.DecisionCounts:
    """A table's decisions of a period."""
    frequent = sorted(counts.reasons.items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]
    return pb.DecisionCounts(
        table=counts.table,
        total=counts.total,
        approved=counts.approved,
        rejected=counts.rejected,
        referred=counts.referred,
        automatic_share=format(counts.automatic_share, "f"),
        reasons=[
            pb.ReasonCount(reason=reason_message(tables.explain(counts.table, code)), count=count)
            for code, count in frequent
        ],
    )


def replay_message(again: Replay) -> pb.ReplayDecisionResponse:
    """A past decision beside what is decided now."""
    message = pb.ReplayDecisionResponse(
        recorded=_outcome(again.recorded),
        replayed=_outcome(again.replayed),
        is_same=again.is_same,
        newest=None if again.newest is None else _outcome(again.newest),
        differences=again.differences,
        facts={name: str(value) for name, value in again.facts.items()},
    )
    message.decide_time.FromDatetime(again.decided_at)
    return message


def _outcome(decision: Decision) -> pb.DecisionOutcome:
    return pb.DecisionOutcome(
        outcome=decision.outcome,
        rule_version=decision.rule_version,
        reasons=[reason_message(reason) for reason in decision.reasons],
        offer=decision.offer,
    )
