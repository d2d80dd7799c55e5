"""A paper of the bank as data: title, sections of facts, tables and sentences, and the receipt that stands behind it.

What kinds there are and what they say is in `lending_papers`; here a paper becomes a PDF (PDF/A-3) with a QR code that
leads to the verifier's page, the receipt's SHA-256 behind `#`. While the receipt waits for its anchor, the paper says
so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup

from documents.receipt import BEIJING, RECEIPT_NAME
from documents.renderer import Attachment, qr_svg, render

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a paper: facts by label, or a table with a head, and sentences below."""

    title: str
    rows: Sequence[Row] = ()
    head: Sequence[str] = ()
    lines: Sequence[Sequence[str]] = ()
    paragraphs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed. `record_id` names the record of the log that stands behind it, "" where none does: then
    nothing is said of verifying.
    """

    title: str
    subtitle: str
    number: str
    record_id: str
    sections: Sequence[Section]


def paper_pdf(paper: Paper, receipt: bytes | None, verifier_url: str, made_at: datetime) -> bytes:
    """The PDF of a paper, with its receipt inside if there is one yet. `verifier_url` has no fragment."""
    digest = hashlib.sha256(receipt).hexdigest() if receipt is not None else ""
    link = f"{verifier_url}#sha256={digest}" if digest else verifier_url
    values = {
        "title": paper.title,
        "paper": paper,
        "made_at": f"{made_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）",
        "digest": digest,
        "qr": Markup(qr_svg(link)),  # noqa: S704  our own SVG; the link is encoded as modules
    }
    inside = [Attachment(RECEIPT_NAME, receipt, "可离线核验的回执原文 the receipt")] if receipt is not None else []
    return render("paper", values, inside, made_at)


def yuan(amount_fen: int) -> str:
    """An amount as it is printed, from fen."""
    return f"¥ {Decimal(amount_fen) / 100:,.2f}"


def percent(rate: Decimal) -> str:
    """A fraction as percent, e.g. 0.0385 as 3.85 %."""
    return f"{(rate * 100).normalize():f} %"
