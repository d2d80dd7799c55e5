"""The shared list of purposes: each bound is inclusive, and one step beyond it is refused with the limit's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.artefact import ActionGrant, Artefact, DatasetGrant, Period, Purpose, Recipient
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import PurposeList, months_in

from tests.unit.protocol import world

PURPOSES = PurposeList.published()
LOAN, PAYMENT = PURPOSES.get("LOAN_APPLICATION"), PURPOSES.get("PUBLIC_PAYMENT")


def artefact(code: str = "LOAN_APPLICATION", **changes: Any) -> Artefact:
    """An artefact at every bound of its purpose."""
    bounds, made = PURPOSES.get(code), world.artefact()
    at_bounds: dict[str, Any] = {
        "purpose": Purpose(code, bounds.text_zh),
        "recipient": Recipient(sorted(bounds.recipients)[0], made.recipient.sealing_key_id, made.recipient.suite),
        "datasets": (DatasetGrant("housing_fund.account/v1", ("balance_fen",), months_back(bounds.max_period_months)),),
        "max_reads": bounds.max_reads,
        "data_life_days": bounds.max_data_life_days,
        "valid_until": made.valid_from + timedelta(days=bounds.max_validity_days),
        "actions": tuple(
            ActionGrant(f"agency.act_{n}/v1", bounds.max_uses, bounds.max_amount_fen) for n in range(bounds.max_actions)
        ),
    }
    return replace(made, **{**at_bounds, **changes})


def months_back(count: int) -> Period:
    last = 2026 * 12 + 9
    first = last - count + 1
    return Period(*(f"{month // 12:04}-{month % 12 + 1:02}" for month in (first, last)))


def test_months_are_counted_at_both_ends() -> None:
    assert months_in(Period("2026-01", "2026-01")) == 1
    assert months_in(Period("2024-11", "2026-02")) == 16
    assert all(months_in(months_back(count)) == count for count in range(1, 60))


@pytest.mark.parametrize("code", ["LOAN_APPLICATION", "PERSONAL_INQUIRY", "PUBLIC_PAYMENT"])
def test_every_bound_is_inclusive(code: str) -> None:
    PURPOSES.check(artefact(code))


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(HuilianError, match="UNKNOWN_PURPOSE"):
        PURPOSES.get("anything")
    with pytest.raises(HuilianError, match="UNKNOWN_PURPOSE"):
        PURPOSES.check(replace(artefact(), purpose=Purpose("MARKETING", "营销")))


FINE = ActionGrant("traffic_police.pay_fine/v1", 1, 20_000)
BEYOND: dict[str, dict[str, Any]] = {
    "recipient": {"recipient": replace(world.artefact().recipient, id="bank.marketing")},
    "max_reads": {"max_reads": LOAN.max_reads + 1},
    "data_life_days": {"data_life_days": LOAN.max_data_life_days + 1},
    "valid_until_time": {"valid_until": artefact().valid_until + timedelta(seconds=1)},
    "period": {"datasets": (DatasetGrant("tax.income/v1", ("x",), months_back(LOAN.max_period_months + 1)),)},
    "max_actions": {"actions": (FINE,)},
}


@pytest.mark.parametrize("limit", BEYOND)
def test_one_step_beyond_is_refused_by_name(limit: str) -> None:
    with pytest.raises(HuilianError, match="PURPOSE_LIMIT_EXCEEDED") as refused:
        PURPOSES.check(artefact(**BEYOND[limit]))
    assert refused.value.params == {"purpose": "LOAN_APPLICATION", "limit": limit}


@pytest.mark.parametrize(
    ("limit", "grant"),
    [
        ("max_uses", replace(FINE, max_uses=PAYMENT.max_uses + 1)),
        ("max_amount_fen", replace(FINE, max_amount_fen=PAYMENT.max_amount_fen + 1)),
    ],
)
def test_actions_are_bounded_too(limit: str, grant: ActionGrant) -> None:
    with pytest.raises(HuilianError, match="PURPOSE_LIMIT_EXCEEDED") as refused:
        PURPOSES.check(artefact("PUBLIC_PAYMENT", actions=(grant,)))
    assert refused.value.params["limit"] == limit
