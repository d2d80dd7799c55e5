from datetime import date

import pytest

from hub.accounting.rules import (
    MOST_LINES,
    Journal,
    JournalRefused,
    Line,
    change_by_account,
    check_journal,
    content_sha256,
)

DAY = date(2026, 3, 2)


def journal(*lines: Line, narrative: str = "n", day: date = DAY) -> Journal:
    return Journal("journal-1", day, narrative, lines)


def test_debits_and_credits_that_agree() -> None:
    check_journal(journal(Line("a", debit_fen=70), Line("b", debit_fen=30), Line("c", credit_fen=100)))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (Line("a", debit_fen=1),),
        (Line("a", debit_fen=1), Line("b", credit_fen=2)),
        (Line("a", debit_fen=0), Line("b", credit_fen=0)),
        (Line("a", debit_fen=-1), Line("b", credit_fen=-1)),
        (Line("a", debit_fen=5, credit_fen=5), Line("b", debit_fen=5, credit_fen=5)),
        (Line("a", debit_fen=10**16), Line("b", credit_fen=10**16)),
        tuple(Line("a", debit_fen=1) if n % 2 else Line("b", credit_fen=1) for n in range(MOST_LINES + 2)),
    ],
)
def test_what_is_not_double_entry(lines: tuple[Line, ...]) -> None:
    with pytest.raises(JournalRefused):
        check_journal(journal(*lines))


def test_the_fingerprint_covers_everything() -> None:
    lines = (Line("a", debit_fen=1), Line("b", credit_fen=1))
    different = [
        journal(*lines),
        journal(*lines, narrative="m"),
        journal(*lines, day=date(2026, 3, 3)),
        journal(*reversed(lines)),
        journal(Line("a", credit_fen=1), Line("b", debit_fen=1)),
        journal(Line("a", debit_fen=2), Line("b", credit_fen=2)),
    ]
    assert len({content_sha256(one) for one in different}) == len(different)


def test_changes_come_in_one_order() -> None:
    lines = [Line("b", credit_fen=5), Line("a", debit_fen=7), Line("b", debit_fen=2), Line("c", credit_fen=4)]
    assert list(change_by_account(lines).items()) == [("a", -7), ("b", 3), ("c", 4)]
