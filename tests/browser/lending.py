"""What the hub of the pages has of accounts, and of other terms that were offered for loans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import restructuring_service_pb2 as restructuring_pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian.onboarding.v1 import account_opening_service_pb2 as opening_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring

from tests.unit.sdk.fake_hub import Asked, FakeHub, failure

OPENINGS, TERMS = "huilian.onboarding.v1.AccountOpeningService", "huilian.lending.v1.RestructuringService"
WORKOUTS = "huilian.lending.v1.WorkoutService"
OFFERED, SIGNED = workout_pb.RESTRUCTURING_STATE_OFFERED, workout_pb.RESTRUCTURING_STATE_SIGNED
VALID_UNTIL = datetime(2027, 3, 12, 2, 0, tzinfo=UTC)
PLAN = {"kind": "equal_instalment", "first_due_date": "2027-04-02", "every_months": 1}
FORMER = [("2027-02-20", 45_000_000, 1_215_342, 0)]
OTHER = [
    ("2027-04-02", 11_166_210, 1_415_342, 5_000),
    ("2027-05-02", 11_222_041, 169_190, 0),
    ("2027-06-02", 11_278_151, 113_080, 0),
    ("2027-07-02", 11_333_598, 56_668, 0),
]


def open_accounts(behind: FakeHub) -> None:
    """Two accounts, one of them closed; the other can be closed once."""
    kept = [_account(1), _account(2, closed_day="2027-01-31", documents_kept_until_day="2037-01-31")]

    def listed(_: Asked) -> Any:
        return opening_pb.ListOpeningsResponse(openings=kept)

    def close(asked: Asked) -> Any:
        if kept[0].closed_day:
            return failure(HuilianError("STATE_CONFLICT", state="CLOSED"))
        kept[0].closed_day = asked.request.closed_day
        kept[0].documents_kept_until_day = asked.request.closed_day.replace("2027", "2037")
        return opening_pb.CloseAccountResponse(opening=kept[0])

    behind.on(f"{OPENINGS}/ListOpenings", listed)
    behind.on(f"{OPENINGS}/CloseAccount", close)


def offer_terms(behind: FakeHub, loan_id: str) -> None:
    """One offer that can be signed, one that another took the place of, one that can be signed no more."""
    kept = [
        offer(loan_id, 3, OFFERED, FORMER, OTHER),
        offer(loan_id, 2, workout_pb.RESTRUCTURING_STATE_EXPIRED),
        offer(loan_id, 1, workout_pb.RESTRUCTURING_STATE_REPLACED),
    ]

    def listed(_: Asked) -> Any:
        return restructuring_pb.ListRestructuringsResponse(restructurings=kept)

    def another(_: Asked) -> Any:
        kept[0] = offer(loan_id, 3, workout_pb.RESTRUCTURING_STATE_REPLACED)
        kept.insert(0, offer(loan_id, 4, OFFERED, FORMER, OTHER))
        return workout_pb.RestructureLoanResponse(restructuring=kept[0])

    case = loan_pb.Loan(
        loan_id=loan_id, state=loan_pb.LOAN_STATE_OVERDUE, product_id="receivable-loan", annual_rate="0.0435",
        outstanding_principal=money(45_000_000), accrued_interest=money(1_215_342), due_date="2027-02-20",
    )  # fmt: skip
    behind.on(f"{TERMS}/ListRestructurings", listed)
    behind.on(f"{WORKOUTS}/GetLoanCase", workout_pb.GetLoanCaseResponse(loan=case))
    behind.on(f"{WORKOUTS}/RestructureLoan", another)


def offer(
    loan_id: str,
    number: int,
    state: workout_pb.RestructuringState.ValueType,
    former: list[tuple[str, int, int, int]] | None = None,
    other: list[tuple[str, int, int, int]] | None = None,
) -> workout_pb.Restructuring:
    """An offer whose text says what is shown."""
    until = VALID_UNTIL - timedelta(days=10 * (3 - number))
    terms = Restructuring(loan_id, number, 45_000_000, "0.0605", date(2027, 7, 2), PLAN, until)
    return workout_pb.Restructuring(
        loan_id=loan_id,
        number=number,
        state=state,
        terms=terms.canonical(),
        challenge=terms.challenge,
        former_schedule=[due_line(*line) for line in former or ()],
        schedule=[due_line(*line) for line in other or ()],
    )


def due_line(day: str, *parts_fen: int) -> financing_pb.DueLine:
    """Principal, interest and fee that fall due on a day."""
    principal, interest, fee, total = (money(fen) for fen in (*parts_fen, sum(parts_fen)))
    return financing_pb.DueLine(due_date=day, principal=principal, interest=interest, fee=fee, total=total)


def money(amount_fen: int) -> common_pb2.Money:
    """An amount in fen."""
    return common_pb2.Money(amount_fen=amount_fen, currency="CNY")


def _account(number: int, **closing: str) -> opening_pb.Opening:
    one = opening_pb.Opening(
        application_id=f"opening-000{number}", uscc="91449900MA0H00029R", name="沙盒精密零件（第二）有限责任公司",
        state=opening_pb.OPENING_STATE_OPENED, account_number=f"62250000000000{number:04}", **closing,
    )  # fmt: skip
    one.create_time.FromDatetime(datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    one.open_time.FromDatetime(datetime(2026, 3, 6, 2, 0, tzinfo=UTC))
    return one
