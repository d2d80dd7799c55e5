"""Papers of lending: what each says, in Chinese, with its receipt inside and nothing cut off."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pypdf import PdfReader

from documents.lending_papers import (
    ConfirmationPaper,
    Instalment,
    LoanContract,
    LoanStatement,
    PayoffLetter,
    RegistrationNotice,
    StatementLine,
)
from documents.paper import Paper, paper_pdf, percent, yuan
from documents.workout_papers import BuyBackNotice, ChargeOffCertificate, Parts, RestructuringAgreement
from ledger.verify.pdf import embedded_receipt
from tests.unit.ledger import receipt_world

AT = datetime(2026, 4, 5, 4, 0, tzinfo=UTC)
URL = "https://verify.example/"
PARTY = "91330100MA2ABCDE1X"
RECEIPT = receipt_world.confirmed().receipt()

CONTRACT = LoanContract(
    "financing-1", PARTY, "receivable-loan", 4_500_000, Decimal("0.0385"), Decimal("0.0421"), 4_500, 24_000, "ACT/360",
    Decimal("1.5"), date(2026, 3, 2), date(2027, 3, 2), "certificate-1",
    [Instalment(date(2027, 1 + number % 12, 2), 100_000 + number, number) for number in range(60)],
)  # fmt: skip
CONFIRMATION = ConfirmationPaper(
    "rcv-1", PARTY, PARTY, "NO-1", date(2026, 2, 1), date(2026, 4, 5), 5_002_000, "ab" * 32, "2026-03-02 10:00:00"
)
STATEMENT = LoanStatement(
    "financing-1", PARTY, date(2026, 3, 1), date(2026, 3, 31), 0, 4_400_000, 1_234,
    [StatementLine(date(2026, 3, 2), "DRAW", 4_500_000, 0, 0, 0, 4_500_000)],
)  # fmt: skip
NOTICE = RegistrationNotice(
    "REG-1", "registration:REG-1", "应收账款质押", "动产融资统一登记公示系统（沙箱）", "本行", PARTY, "rcv-1",
    5_002_000, "2026-03-02 10:00:00", date(2027, 3, 2),
)  # fmt: skip
LETTER = PayoffLetter("financing-1", PARTY, date(2026, 4, 5), 0, 16_301, 4_500_000)
RESTRUCTURED = RestructuringAgreement(
    "financing-1", "loan-restructured:financing-1:4", PARTY, date(2026, 4, 20), Parts(100, 12_345, 4_500_000),
    Decimal("0.0385"), Decimal("0.03"), date(2026, 4, 5), date(2026, 8, 20), "equal_instalment",
    [Instalment(date(2026, 5 + number, 20), 1_125_000, 11_000 + number) for number in range(4)], "dGVybXM",
)  # fmt: skip
BOUGHT_BACK = BuyBackNotice(
    "financing-1", "loan-repaid:financing-1:4", PARTY, "", "certificate-1", date(2026, 4, 20), Parts(0, 1, 4_500_000)
)
CHARGED_OFF = ChargeOffCertificate(
    "financing-1", "loan-charged-off:financing-1:4", PARTY, date(2026, 4, 20), Parts(0, 300, 4_500_000),
    date(2026, 5, 1), 4_000_000,
)  # fmt: skip
EXPECTED: list[tuple[Paper, tuple[str, ...]]] = [
    (CONTRACT.paper(), ("融资合同", "¥45,000.00", "3.85%", "4.21%", "¥240.00", "1.5倍", "还款计划", "2027-12-02")),
    (CONFIRMATION.paper(), ("应收账款确认书", "¥50,020.00", "第七百六十三条", "ab" * 32)),
    (STATEMENT.paper(), ("贷款对账单", "放款", "¥44,000.00", "¥12.34", "2026-03-01至2026-03-31")),
    (NOTICE.paper(), ("动产担保登记告知书", "沙箱", "第七百六十八条", "2027-03-02")),
    (LETTER.paper(), ("结清金额告知书", "¥45,163.01", "即告结清")),
    (RESTRUCTURED.paper(), ("贷款重组协议", "¥45,124.45", "3.85%变更为3%", "等额本息", "2026-08-20", "¥11,360.03")),
    (RESTRUCTURED.paper(), ("借款人签署的条款摘要", "dGVybXM")),
    (BOUGHT_BACK.paper(), ("债权回购确认书", "¥45,000.01", "certificate-1", "第七百六十六条")),
    (CHARGED_OFF.paper(), ("贷款核销证明", "¥45,003.00", "¥5,003.00", "¥40,000.00", "不免除借款人的债务")),
    (PayoffLetter("financing-1", PARTY, date(2026, 4, 5), 0, 0, 0).paper(), ("贷款结清证明", "已经结清")),
]


def _text(pdf: bytes) -> str:
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


@pytest.mark.parametrize(("paper", "expected"), EXPECTED, ids=[paper.title for paper, _ in EXPECTED])
def test_it_says_what_it_is_about_and_carries_its_receipt(paper: Paper, expected: tuple[str, ...]) -> None:
    pdf = paper_pdf(paper, RECEIPT, URL, AT)
    text = _text(pdf)
    for wanted in (*expected, paper.title, "2026-04-0512:00:00（北京时间）"):
        assert wanted in text
    assert embedded_receipt(pdf) == RECEIPT


def test_every_line_of_a_long_schedule_is_printed() -> None:
    pdf = paper_pdf(CONTRACT.paper(), RECEIPT, URL, AT)
    text = _text(pdf)
    assert len(PdfReader(io.BytesIO(pdf)).pages) > 1
    assert all(f"¥{(100_000 + number) / 100:,.2f}" in text for number in range(60))
    assert text.count("期次") == len(PdfReader(io.BytesIO(pdf)).pages) - ("期次" not in _last_page(pdf))


def _last_page(pdf: bytes) -> str:
    return PdfReader(io.BytesIO(pdf)).pages[-1].extract_text()


def test_without_a_receipt_yet_it_says_so_and_carries_none() -> None:
    pdf = paper_pdf(LETTER.paper(), None, URL, AT)
    assert "回执尚未生成" in _text(pdf)
    assert not list(PdfReader(io.BytesIO(pdf)).attachments)


def test_amounts_and_rates_are_printed_exactly() -> None:
    assert (yuan(1), yuan(123_456_789), yuan(-5)) == ("¥ 0.01", "¥ 1,234,567.89", "¥ -0.05")
    assert (percent(Decimal("0.0385")), percent(Decimal("0.1")), percent(Decimal("0"))) == ("3.85 %", "10 %", "0 %")


def test_markup_in_a_value_is_text() -> None:
    notice = NOTICE.__class__(*[getattr(NOTICE, name) for name in NOTICE.__slots__[:4]], "<b>x</b>", *[
        getattr(NOTICE, name) for name in NOTICE.__slots__[5:]
    ])  # fmt: skip
    assert "<b>x</b>" in _text(paper_pdf(notice.paper(), None, URL, AT))
