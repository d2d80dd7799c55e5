"""Telling what a file is, and checking it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huilian_protocol.access_export import MAX_EXPORT_BYTES
from huilian_protocol.access_export import TYPE as ACCESS_EXPORT
from huilian_protocol.canonical import Canonical, parse_json, read_canonical
from huilian_protocol.provenance import TYPE as PROVENANCE
from huilian_protocol.termination import TYPE as TERMINATION
from huilian_protocol.trust import TrustAnchors

from ledger.verify.access_export import check_access_export
from ledger.verify.equivocation import TYPE as EQUIVOCATION
from ledger.verify.equivocation import check_equivocation
from ledger.verify.evidence import check_consent, check_termination
from ledger.verify.pdf import MAX_PDF_BYTES, NoReceiptInside, embedded_receipt, is_pdf
from ledger.verify.provenance import check_provenance
from ledger.verify.receipt import check_receipt
from ledger.verify.verdict import Check, Verdict, run_check

MAX_FILE_BYTES = 2 * 1024 * 1024


def verify_file(path: Path | str, trust: TrustAnchors, now: datetime | None = None) -> Verdict:
    """Check a receipt (also one inside a PDF), a signed consent, an export of access records or an equivocation.

    Raises OSError when the file cannot be read.

    `now` is only needed to say whether a consent is valid today; by default it is the machine's time.
    """
    with Path(path).open("rb") as file:
        return verify_bytes(file.read(max(MAX_EXPORT_BYTES, MAX_PDF_BYTES) + 1), trust, now or datetime.now(UTC))


def verify_bytes(data: bytes, trust: TrustAnchors, now: datetime) -> Verdict:
    """Check the content of such a file, or of the receipt inside a PDF."""
    if is_pdf(data):
        return _verify_pdf(data, trust, now)
    canonical, value = _read(data)
    kind = _kind(value, len(data))
    if kind == "receipt":
        return Verdict(kind, check_receipt(data, trust, canonical))
    if kind == "consent":
        return Verdict(kind, (run_check("consent", lambda: check_consent(data, trust, now)),))
    if kind == "access export":
        return Verdict(kind, check_access_export(data, trust))
    if kind == "provenance":
        return Verdict(kind, check_provenance(data, trust))
    if kind == "termination":
        return Verdict(kind, (run_check("termination", lambda: check_termination(data, trust)),))
    if kind == "equivocation":
        return Verdict(kind, check_equivocation(data, trust))
    return Verdict(kind, (Check("form", False, "neither a receipt, a signed consent nor an export of access records"),))


def _verify_pdf(data: bytes, trust: TrustAnchors, now: datetime) -> Verdict:
    try:
        if len(data) > MAX_PDF_BYTES:
            raise NoReceiptInside("the PDF is too large")
        inside = embedded_receipt(data)
    except NoReceiptInside as error:
        return Verdict("unknown", (Check("form", False, str(error)),))
    if is_pdf(inside):
        return Verdict("unknown", (Check("form", False, "a PDF inside a PDF"),))
    return verify_bytes(inside, trust, now)


def _read(data: bytes) -> tuple[Canonical | None, Any]:
    """How a file in canonical form was read, and the JSON value of a file; None for anything else."""
    with suppress(ValueError):
        if len(data) <= MAX_FILE_BYTES:
            read = read_canonical(data)
            return read, read.value
    with suppress(ValueError):
        if len(data) <= MAX_EXPORT_BYTES:
            return None, parse_json(data)
    return None, None


def _kind(value: Any, size: int) -> str:
    if not isinstance(value, dict):
        return "unknown"
    if value.get("type") == ACCESS_EXPORT:
        return "access export"
    if value.get("type") == PROVENANCE:
        return "provenance"
    if size > MAX_FILE_BYTES:
        return "unknown"
    if "artefact" in value:
        return "consent"
    if value.get("type") == TERMINATION:
        return "termination"
    if value.get("type") == EQUIVOCATION:
        return "equivocation"
    return "receipt" if "inclusion_proof" in value else "unknown"
