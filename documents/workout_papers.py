"""The papers of a loan that does not run its course: restructuring, buy-back, charge-off. Each from plain data.

Amounts in fen, rates as fractions. Parties stand by their identifiers, as in `lending_papers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from documents.lending_papers import Instalment, schedule_section
from documents.paper import Paper, Section, percent, yuan

PLANS = {
    "bullet": "到期一次还本付息",
    "equal_instalment": "等额本息",
    "equal_principal": "等额本金",
    "interest_only": "按期付息、到期还本",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What is owed or was paid, by its parts."""

    fees_fen: int
    interest_fen: int
    principal_fen: int

    @property
    def total_fen(self) -> int:
        """All of it."""
        return self.fees_fen + self.interest_fen + self.principal_fen

    def rows(self, of: str) -> list[tuple[str, str]]:
        """A row for each part and for the sum; `of` names what it is."""
        return [
            (f"{of} · 费用", yuan(self.fees_fen)),
            (f"{of} · 利息（含罚息）", yuan(self.interest_fen)),
            (f"{of} · 本金", yuan(self.principal_fen)),
            (f"{of} · 合计", yuan(self.total_fen)),
        ]


@dataclass(frozen=True, slots=True)
class RestructuringAgreement:
    """Other due dates and another rate for what is left; `owed` stood before it, on its day.

    `signed_terms` is the digest of the text that the borrower signed (SHA-256 in base64url).
    """

    loan_id: str
    record_id: str
    borrower: str
    day: date
    owed: Parts
    old_rate: Decimal
    new_rate: Decimal
    old_maturity: date
    new_maturity: date
    plan: str
    schedule: Sequence[Instalment]
    signed_terms: str

    def paper(self) -> Paper:
        """贷款重组协议."""
        rows = [
            ("借款人", self.borrower),
            ("贷款人", "本行"),
            ("重组日", self.day.isoformat()),
            *self.owed.rows("重组日所欠"),
            ("年利率（单利）", f"{percent(self.old_rate)} 变更为 {percent(self.new_rate)}"),
            ("到期日", f"{self.old_maturity.isoformat()} 变更为 {self.new_maturity.isoformat()}"),
            ("还款方式", PLANS.get(self.plan, self.plan)),
            ("借款人签署的条款摘要", self.signed_terms),
        ]
        clauses = [
            "当事人协商一致，可以变更合同（《民法典》第五百四十三条）；本协议未变更的，仍依原融资合同及其担保。",
            "重组不减免重组日已经产生的利息和费用；其与新的还款计划一并偿还，列于下表首个应还日。",
            "还款计划按无提前还款、无逾期计算；实际应还以贷款事件重算为准。",
            "借款人已就上列条款以电子签名签署（《电子签名法》第十四条），自签署之日起生效；签署的原文以其摘要为准。",
            "贷款人（签章）：　　　　　　　　　　日期：",
        ]
        return Paper(
            "贷款重组协议",
            "Restructuring agreement",
            self.loan_id,
            self.record_id,
            [
                Section("重组内容", rows=rows),
                schedule_section("新的还款计划", self.schedule),
                Section("约定", paragraphs=clauses),
            ],
        )


@dataclass(frozen=True, slots=True)
class BuyBackNotice:
    """A receivable was bought back at the payoff of the day; the loan is closed. `payer` is empty where not kept."""

    loan_id: str
    record_id: str
    borrower: str
    payer: str
    certificate_id: str
    day: date
    paid: Parts

    def paper(self) -> Paper:
        """债权回购确认书."""
        rows = [
            ("借款人", self.borrower),
            ("回购方（付款人）", self.payer or self.borrower),
            ("回购标的（凭证编号）", self.certificate_id or "（本笔贷款项下债权）"),
            ("回购日", self.day.isoformat()),
            *self.paid.rows("回购价款"),
        ]
        clauses = [
            "有追索权保理的，保理人可以向应收账款债权人请求返还保理融资款本息或者回购应收账款债权（《民法典》第七百六十六条）。",
            "回购价款等于回购日的结清金额，本行已经足额收妥；本笔贷款即告结清，本行在上述标的上的权利随之消灭。",
        ]
        return Paper(
            "债权回购确认书",
            "Confirmation of buy-back",
            self.loan_id,
            self.record_id,
            [Section("回购内容", rows=rows), Section("说明", paragraphs=clauses)],
        )


@dataclass(frozen=True, slots=True)
class ChargeOffCertificate:
    """What the bank gave up on a day; `left_fen` of it is not recovered on `as_of`."""

    loan_id: str
    record_id: str
    borrower: str
    day: date
    given_up: Parts
    as_of: date
    left_fen: int

    def paper(self) -> Paper:
        """贷款核销证明."""
        rows = [
            ("借款人", self.borrower),
            ("核销日", self.day.isoformat()),
            *self.given_up.rows("核销金额"),
            ("核销后已收回", yuan(self.given_up.total_fen - self.left_fen)),
            (f"截至 {self.as_of.isoformat()} 尚未收回", yuan(self.left_fen)),
        ]
        clauses = [
            "核销是本行的账务处理，不免除借款人的债务；未收回的金额仍应偿还，本行继续追索。",
            "未收回金额足额偿还后，本笔贷款即告结清，本行出具结清证明。",
        ]
        return Paper(
            "贷款核销证明",
            "Certificate of charge-off",
            self.loan_id,
            self.record_id,
            [Section("核销内容", rows=rows), Section("说明", paragraphs=clauses)],
        )
