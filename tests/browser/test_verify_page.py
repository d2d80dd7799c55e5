"""The offline verifier's page in Chromium: drop files, see each check, without any network."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_json
from huilian_protocol.termination import issue_termination
from playwright.sync_api import Page, expect
from pypdf import PdfWriter

from documents.receipt import receipt_pdf
from ledger.verify.equivocation import build_equivocation
from tests.browser.conftest import ROOT
from tests.soak.lying_hub import TRUST
from tests.soak.odd_histories import good_provenance
from tests.unit.ledger import receipt_world, witnessed_world
from tests.unit.ledger.access_world import Chain
from tests.unit.protocol import test_endings, world

PAGE = ROOT / "web" / "dist" / "verify" / "index.html"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RECEIPT = receipt_world.confirmed().receipt()
CHECKS = [
    "form and signature",
    "issuing hub",
    "record",
    "inclusion in the log",
    "checkpoint",
    "witnesses",
    "anchor on the chain",
    "evidence",
]
# What the page finds does not depend on its width; what every size must show has a test on every size.
ON_PHONE = pytest.mark.parametrize("page", ["phone"], indirect=True)
_DROP = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, data } of files) {
    const bytes = Uint8Array.from(atob(data.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  const zone = document.querySelector('.drop');
  for (const type of ['dragover', 'drop']) {
    zone.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}
"""


@pytest.fixture(autouse=True)
def _opened(page: Page) -> None:
    assert PAGE.exists(), "the page is not built: run `make web`"
    page.goto(PAGE.as_uri())


def _drop(page: Page, **files: bytes) -> None:
    page.evaluate(_DROP, [{"name": f"{name}.json", "data": b64u_encode(data)} for name, data in files.items()])


def _flipped(data: bytes) -> bytes:
    at = data.index(b'"amountFen":') + len(b'"amountFen":')
    return data[:at] + (b"9" if data[at : at + 1] != b"9" else b"8") + data[at + 1 :]


def test_a_good_receipt_turns_green_check_by_check(page: Page, tmp_path: Path) -> None:
    _drop(page, receipt=RECEIPT, trust=TRUST)
    card = page.locator("article")
    expect(card).to_have_attribute("data-state", "good")
    assert [item.get_attribute("data-check") for item in card.locator("li.good").all()] == CHECKS
    expect(card).to_contain_text("核验通过")
    expect(card).to_contain_text(world.BUYER_USCC)
    page.get_by_role("button", name="English").click()
    expect(card).to_contain_text("Verified")


@ON_PHONE
def test_cosignatures_and_hybrid_keys_have_their_own_line(page: Page) -> None:
    witnessed = witnessed_world.receipt(receipt_world.plain())
    _drop(page, receipt=witnessed, trust=witnessed_world.trust_bytes(at_least=2))
    card = page.locator("article")
    expect(card).to_have_attribute("data-state", "good")
    expect(card.locator('[data-check="witnesses"]')).to_contain_text("2 个见证方共同签名")
    _drop(page, trust=witnessed_world.trust_bytes(at_least=3))
    expect(card).to_have_attribute("data-state", "bad")
    expect(card.locator("li.bad")).to_have_attribute("data-check", "witnesses")


@ON_PHONE
def test_the_printed_code_says_which_file_it_means(page: Page) -> None:
    page.goto(f"{PAGE.as_uri()}#sha256={hashlib.sha256(RECEIPT).hexdigest()}")
    page.reload()
    expect(page.locator(".expected")).to_contain_text(hashlib.sha256(RECEIPT).hexdigest())
    _drop(page, trust=TRUST)
    _drop(page, other=receipt_world.plain().receipt())
    card = page.locator("article").first
    expect(card).to_have_attribute("data-state", "bad")
    expect(card.locator("[data-printed]")).to_contain_text("不是二维码所指")
    _drop(page, receipt=RECEIPT)
    expect(card).to_have_attribute("data-state", "good")
    expect(card.locator("[data-printed]")).to_contain_text("正是二维码所指")


@ON_PHONE
def test_the_receipt_inside_a_printed_document_is_opened(page: Page) -> None:
    page.goto(f"{PAGE.as_uri()}#sha256={hashlib.sha256(RECEIPT).hexdigest()}")
    page.reload()
    _drop(page, trust=TRUST, document=receipt_pdf(RECEIPT, "https://verify.example/"))
    card = page.locator("article")
    expect(card).to_have_attribute("data-state", "good")
    expect(card.locator("[data-printed]")).to_contain_text("正是二维码所指")
    for data, why in ((b"%PDF-1.7", "没有内嵌回执"), (_pdf(RECEIPT, RECEIPT), "多个文件")):
        _drop(page, document=data)
        expect(page.get_by_role("alert")).to_contain_text(why)
    expect(card).to_have_count(1)
    _drop(page, document=_pdf(_flipped(RECEIPT)))
    expect(page.locator("article").first).to_have_attribute("data-state", "bad")


def _pdf(*files: bytes) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    for number, data in enumerate(files):
        writer.add_attachment(f"{number}.json", data)
    writer.write(out)
    return out.getvalue()


@ON_PHONE
def test_files_of_kinds_that_the_page_does_not_know_are_never_green(page: Page) -> None:
    _drop(page, trust=TRUST)
    _drop(page, unknown=canonicalise({"type": "huilian-something/v1"}))
    card = page.locator("article").first
    expect(card).to_have_attribute("data-state", "bad")
    expect(card).to_contain_text("未知文件")


@ON_PHONE
def test_a_certificates_past_and_a_log_of_two_histories_are_checked_step_by_step(page: Page) -> None:
    _drop(page, trust=TRUST)
    signer, roots = receipt_world.SIGNER, [bytes([number]) * 32 for number in (1, 2)]
    first, second = (signer.sign(5, root) for root in roots)
    for data, kind, last, checks in (
        (good_provenance(), "凭证来源", "chain", 1 + 7 * 8 + 2),
        (build_equivocation(signer.verifier.name, first, second), "日志自相矛盾的证明", "contradiction", 3),
    ):
        _drop(page, handed=data)
        card = page.locator("article").first
        expect(card).to_have_attribute("data-state", "good")
        expect(card).to_contain_text(kind)
        expect(card.locator("li")).to_have_count(checks)
        expect(card.locator(f"[data-check='{last}']")).to_have_class("good")
    _drop(page, handed=build_equivocation(signer.verifier.name, first, first))
    card = page.locator("article").first
    expect(card).to_have_attribute("data-state", "bad")
    expect(card.locator("[data-check='contradiction']")).to_contain_text("两个检查点一致")


@ON_PHONE
def test_what_a_person_is_handed_is_checked_whole(page: Page) -> None:
    _drop(page, trust=TRUST)
    ended = issue_termination(world.HUB, test_endings.ended(), test_endings.CONSENT)
    for data, kind in ((ended, "授权终止回执"), (Chain(5, first=2, last=4).export(), "访问记录导出")):
        _drop(page, handed=data)
        card = page.locator("article").first
        expect(card).to_have_attribute("data-state", "good")
        expect(card).to_contain_text(kind)
    short = Chain(5, first=2, last=4)
    _drop(page, handed=short.export(records=[short.exported(2), short.exported(4)]))
    card = page.locator("article").first
    expect(card).to_have_attribute("data-state", "bad")
    expect(card.locator("li.bad")).to_have_attribute("data-check", "no record missing")


@ON_PHONE
def test_a_flipped_byte_turns_red_and_says_why(page: Page) -> None:
    _drop(page, trust=TRUST)
    _drop(page, receipt=_flipped(RECEIPT))
    card = page.locator("article")
    expect(card).to_have_attribute("data-state", "bad")
    expect(card.locator("li.bad")).to_have_count(1)
    expect(card).to_contain_text("核验未通过")
    expect(card.locator(".why")).to_contain_text("签名")


@ON_PHONE
def test_one_wrong_part_leaves_the_other_checks_green(page: Page) -> None:
    stranger = parse_json(TRUST)
    stranger["chain"]["chain_id"] = 1
    _drop(page, receipt=RECEIPT, trust=json.dumps(stranger).encode())
    expect(page.locator("article")).to_have_attribute("data-state", "bad")
    red = [item.get_attribute("data-check") for item in page.locator("li.bad").all()]
    assert red == ["anchor on the chain", "evidence"]


@ON_PHONE
def test_files_chosen_by_hand_wait_for_the_anchors_and_are_forgotten_on_request(page: Page, tmp_path: Path) -> None:
    for name, data in (("receipt.json", RECEIPT), ("trust.json", TRUST), ("consent.json", world.consent().to_bytes())):
        (tmp_path / name).write_bytes(data)
    chooser = page.locator("input[type=file]")
    chooser.set_input_files(tmp_path / "receipt.json")
    expect(page.locator("article")).to_have_attribute("data-state", "waiting")
    chooser.set_input_files([tmp_path / "trust.json", tmp_path / "consent.json"])
    expect(page.locator("article[data-state=good]")).to_have_count(2)
    page.get_by_role("button", name="清空").click()
    expect(page.locator("article")).to_have_count(0)


@ON_PHONE
def test_a_damaged_trust_file_is_named_and_replaces_the_good_one(page: Page) -> None:
    _drop(page, receipt=RECEIPT, trust=TRUST)
    expect(page.locator("article")).to_have_attribute("data-state", "good")
    _drop(page, trust=TRUST.replace(b'"chain_id":1337', b'"chain_id":"1337"'))
    expect(page.get_by_role("alert")).to_contain_text("chain_id")
    expect(page.locator("article")).to_have_attribute("data-state", "waiting")


@ON_PHONE
def test_the_page_itself_may_not_talk_to_anybody(page: Page) -> None:
    page.evaluate("document.addEventListener('securitypolicyviolation', (e) => { window.seen = e.violatedDirective })")
    page.context.set_offline(False)
    sent = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert (sent, page.evaluate("window.seen")) == ("refused", "connect-src")


@pytest.mark.parametrize("elder", [False, True], ids=["normal", "elder"])
def test_accessible_and_no_sideways_scrolling(page: Page, elder: bool, tmp_path: Path) -> None:
    _drop(page, receipt=RECEIPT, trust=TRUST)
    _drop(page, damaged=_flipped(RECEIPT))
    for state in ("good", "bad"):
        expect(page.locator(f"article[data-state={state}]")).to_have_count(1)
    if elder:
        page.get_by_role("button", name="大字版").click()
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 20
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
    assert [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]] == []
