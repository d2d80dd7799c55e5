"""The papers of lending, each from plain data: contract, confirmation, statement, registration notice, payoff letter.

Parties stand by their identifiers (USCC or network number): names and ID numbers are the holder's own to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from documents.paper import Paper, Section, percent, yuan

DAY_COUNTS = {"ACT/360": "实际天数/360", "ACT/365": "实际天数/365", "30E/360": "30E/360"}
EVENTS = {
    "DRAW": "放款", "REPAYMENT": "还款", "FEE": "收取费用", "RECOURSE": "追索还款", "BUY_BACK": "回购",
    "CHARGE_OFF": "核销", "RECOVERY": "核销后收回", "RESTRUCTURE": "重组", "REVERSAL": "冲正",
    "RATE_CHANGE": "利率调整", "CAPITALISATION": "利息转本金",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instalment:
    """One due date of a schedule; amounts in fen."""

    due_date: date
    principal_fen: int
    interest_fen: int
    fee_fen: int = 0


def schedule_section(title: str, schedule: Sequence[Instalment]) -> Section:
    """A plan of repayment, a line for each due date."""
    lines = [
        (str(number), item.due_date.isoformat(), yuan(item.principal_fen), yuan(item.interest_fen),
         yuan(item.fee_fen), yuan(item.principal_fen + item.interest_fen + item.fee_fen))
        for number, item in enumerate(schedule, 1)
    ]  # fmt: skip
    return Section(title, head=("期次", "应还日", "本金", "利息", "费用", "合计"), lines=lines)


@dataclass(frozen=True, slots=True)
class LoanContract:
    """A loan as agreed. Amounts in fen, rates as fractions; `total_cost_fen` is interest and fees together."""

    loan_id: str
    borrower: str
    product_id: str
    principal_fen: int
    annual_rate: Decimal
    apr: Decimal
    fee_fen: int
    total_cost_fen: int
    day_count: str
    penalty_multiplier: Decimal
    value_date: date
    maturity: date
    certificate_id: str
    schedule: Sequence[Instalment]

    def paper(self) -> Paper:
        """融资合同."""
        rows = [
            ("借款人", self.borrower),
            ("贷款人", "本行"),
            ("产品", self.product_id),
            ("本金", yuan(self.principal_fen)),
            ("年利率（单利）", percent(self.annual_rate)),
            ("年化综合成本（APR）", percent(self.apr)),
            ("手续费（放款时扣收）", yuan(self.fee_fen)),
            ("综合融资成本（利息与费用合计）", yuan(self.total_cost_fen)),
            ("计息方式", DAY_COUNTS.get(self.day_count, self.day_count)),
            ("逾期罚息利率", f"合同利率的 {self.penalty_multiplier.normalize():f} 倍"),
            ("放款日", self.value_date.isoformat()),
            ("到期日", self.maturity.isoformat()),
            ("担保凭证", self.certificate_id or "（无）"),
        ]
        clauses = [
            "还款按费用、利息、本金的顺序抵充（《民法典》第五百六十一条）。利息不得预先在本金中扣除（第六百七十条）。",
            "提前还款按实际借款期间计息（《民法典》第六百七十七条）；任一日的结清金额可随时查询，与实际结清金额一致。",
            "还款计划按无提前还款、无逾期计算；实际应还以贷款事件重算为准。",
        ]
        return Paper(
            "融资合同",
            "Loan contract",
            self.loan_id,
            f"loan-disbursed:{self.loan_id}",
            [
                Section("合同要素", rows=rows),
                schedule_section("还款计划", self.schedule),
                Section("约定", paragraphs=clauses),
            ],
        )


@dataclass(frozen=True, slots=True)
class ConfirmationPaper:
    """A receivable that its buyer confirmed; amounts in fen."""

    receivable_id: str
    buyer_uscc: str
    supplier_uscc: str
    invoice_number: str
    issue_date: date
    due_date: date
    amount_fen: int
    evidence_sha256: str
    confirmed_at: str

    def paper(self) -> Paper:
        """应收账款确认书."""
        rows = [
            ("应收账款编号", self.receivable_id),
            ("付款方（债务人）统一社会信用代码", self.buyer_uscc),
            ("供应商（债权人）统一社会信用代码", self.supplier_uscc),
            ("发票号码", self.invoice_number),
            ("开票日期", self.issue_date.isoformat()),
            ("到期日", self.due_date.isoformat()),
            ("确认金额", yuan(self.amount_fen)),
            ("贸易单据散列（SHA-256）", self.evidence_sha256),
            ("确认时间", self.confirmed_at),
        ]
        clauses = [
            "付款方以其自有密钥签署（EIP-712），确认上述应收账款真实存在，并承诺于到期日无条件足额付款。",
            "付款方确认后，不得以该应收账款不存在为由对抗保理人或质权人（《民法典》第七百六十三条）。",
        ]
        return Paper(
            "应收账款确认书",
            "Confirmation of a receivable",
            self.receivable_id,
            f"confirmation:{self.receivable_id}",
            [Section("确认内容", rows=rows), Section("声明", paragraphs=clauses)],
        )


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One booking on a loan; amounts in fen, `balance_fen` is the principal afterwards."""

    day: date
    kind: str
    amount_fen: int
    fees_fen: int
    interest_fen: int
    principal_fen: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class LoanStatement:
    """A loan over a period, both days included; amounts in fen."""

    loan_id: str
    borrower: str
    first_day: date
    last_day: date
    opening_fen: int
    closing_fen: int
    accrued_interest_fen: int
    lines: Sequence[StatementLine]

    def paper(self) -> Paper:
        """贷款对账单."""
        rows = [
            ("借款人", self.borrower),
            ("期间", f"{self.first_day.isoformat()} 至 {self.last_day.isoformat()}"),
            ("期初本金余额", yuan(self.opening_fen)),
            ("期末本金余额", yuan(self.closing_fen)),
            ("期末应计未付利息及费用", yuan(self.accrued_interest_fen)),
        ]
        lines = [
            (line.day.isoformat(), EVENTS.get(line.kind, line.kind), yuan(line.amount_fen), yuan(line.fees_fen),
             yuan(line.interest_fen), yuan(line.principal_fen), yuan(line.balance_fen))
            for line in self.lines
        ]  # fmt: skip
        head = ("日期", "事项", "金额", "其中费用", "其中利息", "其中本金", "本金余额")
        return Paper(
            "贷款对账单",
            "Loan statement",
            f"{self.loan_id} / {self.last_day.isoformat()}",
            f"loan-disbursed:{self.loan_id}",
            [Section("汇总", rows=rows), Section("明细", head=head, lines=lines)],
        )


@dataclass(frozen=True, slots=True)
class RegistrationNotice:
    """A registration at the movable-asset registry (动产融资统一登记公示系统); the amount in fen."""

    registration_id: str
    record_id: str
    kind: str
    registry: str
    secured_party: str
    debtor: str
    receivable_id: str
    amount_fen: int
    registered_at: str
    expires_on: date

    def paper(self) -> Paper:
        """动产担保登记告知书."""
        rows = [
            ("登记证明编号", self.registration_id),
            ("登记系统", self.registry),
            ("业务种类", self.kind),
            ("担保权人", self.secured_party),
            ("担保人", self.debtor),
            ("担保财产（应收账款编号）", self.receivable_id),
            ("担保财产金额", yuan(self.amount_fen)),
            ("登记时间", self.registered_at),
            ("登记到期日", self.expires_on.isoformat()),
        ]
        clauses = [
            "应收账款质权自办理出质登记时设立（《民法典》第四百四十五条）；多重保理的，已登记的先于未登记的取得应收账款，均已登记的按登记时间先后取得（第七百六十八条）。",
            "登记内容由担保权人自主填写并对其真实性负责，登记系统不作实质审查。",
        ]
        return Paper(
            "动产担保登记告知书",
            "Notice of registration",
            self.registration_id,
            self.record_id,
            [Section("登记内容", rows=rows), Section("说明", paragraphs=clauses)],
        )


@dataclass(frozen=True, slots=True)
class PayoffLetter:
    """What closes a loan on a day; amounts in fen."""

    loan_id: str
    borrower: str
    as_of: date
    fees_fen: int
    interest_fen: int
    principal_fen: int
    written_off_fen: int = 0

    def paper(self) -> Paper:
        """结清金额告知书, or 结清证明 when nothing is owed."""
        total_fen = self.fees_fen + self.interest_fen + self.principal_fen + self.written_off_fen
        rows = [
            ("借款人", self.borrower),
            ("计算日", self.as_of.isoformat()),
            ("未付费用", yuan(self.fees_fen)),
            ("未付利息（含罚息）", yuan(self.interest_fen)),
            ("未还本金", yuan(self.principal_fen)),
            ("已核销待收回", yuan(self.written_off_fen)),
            ("结清金额合计", yuan(total_fen)),
        ]
        closing = (
            "于计算日足额支付上述金额，本笔贷款即告结清。"
            if total_fen
            else "截至计算日，借款人在本笔贷款项下的全部债务已经结清。"
        )
        return Paper(
            "结清金额告知书" if total_fen else "贷款结清证明",
            "Payoff letter" if total_fen else "Certificate of full repayment",
            self.loan_id,
            f"loan-disbursed:{self.loan_id}",
            [Section("结清金额", rows=rows), Section("说明", paragraphs=[closing])],
        )
