"""A receipt as a PDF: readable, with a QR code that names the file, and verifiable by itself."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huilian_protocol.canonical import canonicalise
from huilian_protocol.errors import HuilianError
from pypdf import PdfReader, PdfWriter
from weasyprint.urls import FatalURLFetchingError

from documents.labels import FIELDS
from documents.pool import MAX_WAITING, RenderingPool, TooBusy
from documents.receipt import RECEIPT_NAME, receipt_pdf, rows
from documents.renderer import environment, qr_svg, render
from ledger.verify import verify_bytes
from ledger.verify.pdf import EMBEDDED_NAME, NoReceiptInside, embedded_receipt
from tests.conftest import START
from tests.unit.ledger import receipt_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.protocol import world

URL = "https://verify.example/"
RECEIPT = receipt_world.confirmed().receipt()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return receipt_pdf(RECEIPT, URL)


def _text(pdf: bytes) -> str:
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def test_the_pdf_alone_is_verified(pdf: bytes) -> None:
    assert RECEIPT_NAME == EMBEDDED_NAME
    assert embedded_receipt(pdf) == RECEIPT
    verdict = verify_bytes(pdf, receipt_world.trust(), START)
    assert (verdict.kind, verdict.ok, len(verdict.checks)) == ("receipt", True, 8)


def test_people_can_read_it(pdf: bytes) -> None:
    text = _text(pdf)
    message = world.confirmation()
    for expected in ("应收账款确权回执", message.buyer_uscc, f"{message.amount_fen / 100:,.2f}", "本身不是证据"):
        assert expected in text
    assert hashlib.sha256(RECEIPT).hexdigest() in text
    assert FIELDS["buyerUscc"] in text


def test_it_is_an_archival_pdf_with_its_fonts(pdf: bytes) -> None:
    reader = PdfReader(io.BytesIO(pdf))
    assert re.search(rb"pdfaid:part\W+3\b", reader.trailer["/Root"]["/Metadata"].get_data())
    fonts = {str(font["/BaseFont"]) for page in reader.pages for font in _fonts(page)}
    assert fonts and all("WenQuanYi" in name for name in fonts)


def _fonts(page: object) -> list[dict[str, object]]:
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]


def test_the_code_names_the_file_and_nothing_about_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr("documents.receipt.qr_svg", lambda text: made.append(text) or qr_svg(text))
    receipt = receipt_world.consented().receipt()
    receipt_pdf(receipt, URL)
    assert made == [f"{URL}#sha256={hashlib.sha256(receipt).hexdigest()}"]


def test_a_damaged_or_exchanged_receipt_inside_is_found(pdf: bytes) -> None:
    def with_inside(*files: bytes) -> bytes:
        writer, out = PdfWriter(), io.BytesIO()
        writer.add_blank_page(100, 100)
        for data in files:
            writer.add_attachment(RECEIPT_NAME, data)
        writer.write(out)
        return out.getvalue()

    trust = receipt_world.trust()
    damaged = bytearray(RECEIPT)
    damaged[len(damaged) // 2] ^= 1
    assert not verify_bytes(with_inside(bytes(damaged)), trust, START).ok
    assert verify_bytes(with_inside(RECEIPT), trust, START).ok
    for files in [(), (RECEIPT, RECEIPT), (pdf,)]:
        verdict = verify_bytes(with_inside(*files), trust, START)
        assert (verdict.kind, verdict.ok) == ("unknown", False)


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\n" + b"x" * 500, b"%PDF-1.7\ntrailer<</Root 1 0 R>>"])
def test_what_only_begins_like_a_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(NoReceiptInside):
        embedded_receipt(data)
    assert not verify_bytes(data, receipt_world.trust(), START).ok


def test_hostile_content_stays_text() -> None:
    content = {
        "note": "<img src='file:///etc/passwd'><script>x</script>&",
        "x" * 50: ["a", {"b": None}],
        "amount_fen": 5,
    }
    receipt = Parts(receipt_world.record("certificate.issued", content, {}), {}).receipt()
    text = _text(receipt_pdf(receipt, URL))
    assert "<script>x</script>&" in text and "¥0.05" in text


def test_pages_fetch_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    template = environment().from_string(f"<link rel=attachment href='file://{secret}'><p>x</p>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment(), "get_template", lambda _name: template)
        with pytest.raises(FatalURLFetchingError):
            render("any", {}, [], START)


def test_every_record_has_rows() -> None:
    assert rows({"parts": [], "state": "HELD", "amountFen": 123_456, "flag": True}) == [
        (FIELDS["parts"], "（无）"),
        (FIELDS["state"], "HELD"),
        (FIELDS["amountFen"], "¥ 1,234.56"),
        ("flag", "是"),
    ]


def test_what_is_no_receipt_makes_no_document() -> None:
    with pytest.raises(HuilianError, match="RECEIPT_INVALID"):
        receipt_pdf(canonicalise({"type": "x"}), URL)


async def test_the_loop_goes_on_while_documents_are_made() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with RenderingPool() as pool:
        made = await asyncio.gather(pool.receipt(RECEIPT, URL), pool.receipt(RECEIPT, URL))
        with pytest.raises(HuilianError, match="RECEIPT_INVALID"):
            await pool.receipt(b"{}", URL)
        pool._waiting = MAX_WAITING
        with pytest.raises(TooBusy):
            await pool.receipt(RECEIPT, URL)
    ticking.cancel()
    assert [embedded_receipt(pdf) for pdf in made] == [RECEIPT, RECEIPT]
    assert ticks > 10


def test_the_command_writes_a_pdf_and_the_verifier_shows_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(RECEIPT)
    made = subprocess.run([sys.executable, "-m", "documents", str(tmp_path / "r.json")], capture_output=True, text=True)
    assert (made.returncode, made.stdout.strip()) == (0, str(tmp_path / "r.pdf"))
    (tmp_path / "trust-anchors.json").write_bytes(canonicalise(world.trust_dict() | {"hubs": [_pinned_hub()]}))
    checked = subprocess.run(
        [sys.executable, "-m", "ledger.verify", str(tmp_path / "r.pdf")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "以此为准" in checked.stdout and world.confirmation().buyer_uscc in checked.stdout
    (tmp_path / "bad.json").write_bytes(b"{}")
    bad = subprocess.run(
        [sys.executable, "-m", "documents", str(tmp_path / "bad.json")], capture_output=True, text=True
    )
    assert bad.returncode == 2 and "不是回执" in bad.stderr


def _pinned_hub() -> dict[str, object]:
    return world.trust_dict()["hubs"][0] | {
        "log_vkey": receipt_world.SIGNER.verifier.vkey(),
        "chain_address": receipt_world.address_of(receipt_world.CHAIN_KEY),
    }
