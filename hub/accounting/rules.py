"""Double entry: what a journal is, when it balances, and which accounts may not be overdrawn. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from huilian_protocol.canonical import sha256_canonical

MOST_LINES = 200
CLOSE_PREFIX = "close:"
"""Journals of a day close, `close:<day>:<batch>`: the only ones that a day takes while it is being closed."""

_MOST_FEN = 10**15


class AccountKind(StrEnum):
    """What an account is in the bank's chart of accounts.

    A DEPOSIT is money the bank owes a party (credit balance, never overdrawn); a LOAN is principal a party owes the
    bank (debit balance, never below zero). ESCROW is money that a bidder set aside, ENTRUSTED what the bank lent for
    somebody else (委托贷款) and owes them as it comes back. The others are the bank's own: CASH is its account at the
    central bank, CREDIT_LOSS the principal it gave up, RECOVERY_INCOME what came in on that later, CLEARING money on
    its way to others. INTEREST_INCOME is interest that was paid; what was earned until the last day close and is not
    paid yet stands in ACCRUED_INTEREST (what borrowers owe) against ACCRUED_INCOME. FEE_EXPENSE is what other banks
    charge. `chart.json` gives each its code.
    """

    DEPOSIT = "DEPOSIT"
    LOAN = "LOAN"
    ESCROW = "ESCROW"
    ENTRUSTED = "ENTRUSTED"
    CASH = "CASH"
    INTEREST_INCOME = "INTEREST_INCOME"
    FEE_INCOME = "FEE_INCOME"
    CREDIT_LOSS = "CREDIT_LOSS"
    RECOVERY_INCOME = "RECOVERY_INCOME"
    CLEARING = "CLEARING"
    ACCRUED_INTEREST = "ACCRUED_INTEREST"
    ACCRUED_INCOME = "ACCRUED_INCOME"
    FEE_EXPENSE = "FEE_EXPENSE"


CREDIT_NORMAL = frozenset(
    {
        AccountKind.DEPOSIT,
        AccountKind.INTEREST_INCOME,
        AccountKind.FEE_INCOME,
        AccountKind.RECOVERY_INCOME,
        AccountKind.CLEARING,
        AccountKind.ESCROW,
        AccountKind.ENTRUSTED,
        AccountKind.ACCRUED_INCOME,
    }
)
"""Accounts whose balance counts credits as positive."""

GUARDED = frozenset({AccountKind.DEPOSIT, AccountKind.LOAN, AccountKind.ESCROW, AccountKind.ENTRUSTED})
"""Accounts whose balance is kept in a column with a CHECK that it is not below zero.

The bank's own accounts have no such column: every journal touches them, and a row that all writers update would make
all of them wait for each other. Their balance is the sum of their lines.
"""


class JournalRefused(ValueError):
    """A journal that is not double entry: a programming error of the caller, never a customer's."""


@dataclass(frozen=True)
class Line:
    """One line of a journal, in fen: either a debit or a credit, the other is 0."""

    account_id: str
    debit_fen: int = 0
    credit_fen: int = 0


@dataclass(frozen=True)
class Journal:
    """Lines that belong together, on one value date. `narrative` is for people; no personal data."""

    journal_id: str
    value_date: date
    narrative: str
    lines: tuple[Line, ...]


def check_journal(journal: Journal) -> None:
    """Raises JournalRefused unless every line is one positive side and debits equal credits."""
    if not 2 <= len(journal.lines) <= MOST_LINES:
        raise JournalRefused(f"{journal.journal_id} has {len(journal.lines)} lines")
    for line in journal.lines:
        _check_line(journal, line)
    debits = sum(line.debit_fen for line in journal.lines)
    credits = sum(line.credit_fen for line in journal.lines)
    if debits != credits:
        raise JournalRefused(f"{journal.journal_id} debits {debits} fen and credits {credits} fen")


def _check_line(journal: Journal, line: Line) -> None:
    sides = (line.debit_fen, line.credit_fen)
    if min(sides) != 0 or not 0 < max(sides) <= _MOST_FEN:
        raise JournalRefused(f"{journal.journal_id} has a line of {sides} fen on {line.account_id}")


def content_sha256(journal: Journal) -> bytes:
    """Fingerprint of everything a journal says; the same id must always carry the same one."""
    return sha256_canonical(
        {
            "journal_id": journal.journal_id,
            "value_date": journal.value_date.isoformat(),
            "narrative": journal.narrative,
            "lines": [[line.account_id, str(line.debit_fen), str(line.credit_fen)] for line in journal.lines],
        }
    )


def change_by_account(lines: Sequence[Line]) -> dict[str, int]:
    """Credits minus debits per account, in fen, in the order of account ids (so that locks are taken in one order)."""
    changes: dict[str, int] = {}
    for line in lines:
        changes[line.account_id] = changes.get(line.account_id, 0) + line.credit_fen - line.debit_fen
    return dict(sorted(changes.items()))


def deposit_account(party: str) -> str:
    """Account id of a party's money at the bank; `party` is a USCC or a network number."""
    return f"deposit:{party}"
