"""A receipt as a page that people can read, print and file: 回执凭证.

The page says what the record states, in Chinese, and how to verify it. It is no evidence by itself; the receipt is,
and it lies inside the PDF byte for byte. The QR code leads to the verifier's page with the receipt's SHA-256 behind
`#`, which browsers send to nobody; it holds no personal data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from huilian_protocol.clock import parse_time
from huilian_protocol.receipt import Receipt, parse_receipt
from markupsafe import Markup

from documents.labels import FIELDS, KINDS, VALUES
from documents.renderer import Attachment, qr_svg, render

RECEIPT_NAME = "receipt.json"
"""Name of the embedded file; `ledger.verify` looks for it."""

BEIJING = timezone(timedelta(hours=8), "UTC+8")
MAX_VALUE_CHARS = 400


def receipt_pdf(receipt: bytes, verifier_url: str) -> bytes:
    """Return the PDF of a receipt. Raises HuilianError RECEIPT_INVALID for bytes that are no receipt.

    Whether the receipt holds is the verifier's business: the page claims nothing beyond its content. `verifier_url` is
    the verifier's page, without a fragment.
    """
    parsed = parse_receipt(receipt)
    digest = hashlib.sha256(receipt).hexdigest()
    link = f"{verifier_url}#sha256={digest}"
    values = {
        "title": KINDS.get(parsed.record["type"], "平台记录"),
        "kind": parsed.record["type"],
        "record_id": parsed.record["id"],
        "recorded_at": _beijing(parse_time(parsed.record["recorded_at"])),
        "rows": rows(parsed.record["content"]),
        "proof": _proof(parsed, digest),
        "link": link,
        "qr": Markup(qr_svg(link)),  # noqa: S704  our own SVG; the link is encoded as modules
    }
    attachment = Attachment(RECEIPT_NAME, receipt, "可离线核验的回执原文 the receipt, verifiable offline")
    return render("receipt", values, [attachment], parse_time(parsed.record["recorded_at"]))


def rows(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and text of each member of a record's content, known ones by their Chinese names."""
    return [(FIELDS.get(key, key), _text(key, value)) for key, value in content.items()]


def _proof(receipt: Receipt, digest: str) -> list[tuple[str, str]]:
    origin = receipt.checkpoint.partition("\n")[0]
    anchor = receipt.anchor
    return [
        ("日志 log", origin),
        ("日志位置 leaf", f"第 {receipt.leaf_index} 条，共 {receipt.tree_size} 条（从 0 起）"),
        ("链 chain", f"{anchor.chain_id}，合约 {anchor.contract}"),
        ("锚定交易 anchor", f"{anchor.tx_hash}（区块 {anchor.block_number}）"),
        ("回执 SHA-256", digest),
    ]


def _text(key: str, value: Any) -> str:
    if key.endswith(("_fen", "Fen")) and type(value) is int:
        return f"¥ {Decimal(value) / 100:,.2f}"
    if key in {"confirmedAt"} and type(value) is int:
        return _beijing(datetime.fromtimestamp(value, BEIJING))
    text = _plain(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "……（全文见回执）"


def _plain(value: Any) -> str:
    if value is None or value == [] or value == {} or value == "":
        return "（无）"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return "；".join(f"{FIELDS.get(key, key)}：{_text(key, item)}" for key, item in value.items())
    return VALUES.get(str(value), str(value))


def _beijing(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）"
