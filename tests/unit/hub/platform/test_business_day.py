from datetime import UTC, date, datetime

from hub.platform.business_day import business_date


def test_the_business_date_is_the_date_in_china() -> None:
    assert business_date(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 1)
    assert business_date(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == date(2026, 3, 2)
