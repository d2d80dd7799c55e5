"""The statement of a deposit account (账户对账单), from plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from documents.paper import Paper, Section, yuan


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One movement; amounts in fen, above 0 for money in."""

    booked_on: date
    narrative: str
    amount_fen: int
    balance_fen: int
    reference: str


@dataclass(frozen=True, slots=True)
class AccountPaper:
    """An account over a period, both days included; amounts in fen."""

    party: str
    first_day: date
    last_day: date
    opening_fen: int
    closing_fen: int
    lines: Sequence[AccountLine]

    def paper(self) -> Paper:
        """账户对账单."""
        came = sum(line.amount_fen for line in self.lines if line.amount_fen > 0)
        went = -sum(line.amount_fen for line in self.lines if line.amount_fen < 0)
        rows = [
            ("户主", self.party),
            ("期间", f"{self.first_day} 至 {self.last_day}（含首尾，按会计日）"),
            ("期初余额", yuan(self.opening_fen)),
            ("收入合计", yuan(came)),
            ("支出合计", yuan(went)),
            ("期末余额", yuan(self.closing_fen)),
        ]
        lines = [
            (line.booked_on.isoformat(), line.narrative, yuan(line.amount_fen), yuan(line.balance_fen), line.reference)
            for line in self.lines
        ]
        head = ("会计日", "摘要", "金额", "余额", "参考号")
        note = "本对账单依据银行账簿出具；已日结的期间不再变化。参考号与银行间对账单的 EndToEndId 一致。"
        return Paper(
            "账户对账单",
            "Account statement",
            f"{self.party} {self.first_day}/{self.last_day}",
            "",
            [
                Section("账户", rows=rows),
                Section("明细", head=head, lines=lines) if lines else Section("明细", paragraphs=["本期无变动。"]),
                Section("说明", paragraphs=[note]),
            ],
        )
