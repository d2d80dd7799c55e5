"""The operators' desk and the enterprises' page in Chromium: a key that stays, lists, acts, refusals, languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from huilian_sdk import Huilian
from playwright.sync_api import Browser, Page, expect

from mini_program_api.app import create_app, create_desk
from tests.browser.conftest import ROOT, SIZES
from tests.browser.desk_hub import REFERRALS, SUPPLIER, hub, key_file, serving
from tests.unit.sdk.fake_hub import FakeHub

DIST, AXE = ROOT / "web" / "dist", ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
TABS = ["通知", "风险预警", "人工审批", "司法冻结", "未决缴费", "对账差异", "自动决策"]


def desk(client: Huilian) -> web.Application:
    return create_desk(client, DIST, sandbox=True)


def public(client: Huilian) -> web.Application:
    return create_app(client, web_dir=DIST, sandbox=True)


@pytest.fixture(params=sorted(SIZES))
def visit(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens an address, once as on a phone and once as on a desktop. A script's error fails the test."""
    context = chromium.new_context(viewport=SIZES[request.param], has_touch=request.param == "phone")
    errors: list[str] = []

    def opened(address: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield opened
    context.close()
    assert not errors


def sign_in(page: Page, client_id: str) -> None:
    page.locator("input[type=file]").set_input_files(
        {"name": "key.json", "mimeType": "application/json", "buffer": key_file(client_id)}
    )
    expect(page.locator(".who span")).to_have_text(client_id)


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run()).violations.map(v => v.id + ': ' + v.nodes[0].html)")
    return list(found)


def fits(page: Page) -> bool:
    """Nothing is wider than the screen, nor than the card that it is in."""
    inside = "each.scrollWidth <= each.clientWidth + 1 || each.clientWidth < 2"
    wide = f"[...document.querySelectorAll('.card, .card *')].every((each) => {inside})"
    return bool(page.evaluate(f"document.documentElement.scrollWidth <= window.innerWidth && {wide}"))


def asked(behind: FakeHub, method: str) -> list[object]:
    return [one for one in behind.asked if one.path.endswith(method)]


def test_an_operator_signs_in_sees_every_list_and_acts_with_a_reason(visit: Callable[[str], Page]) -> None:
    behind = hub()
    with serving(desk, behind) as address:
        page = visit(f"{address}/desk/")
        sign_in(page, "operator.li")
        expect(page.get_by_role("button", name="通知（3）")).to_be_visible()
        for tab in TABS[1:]:
            page.get_by_role("button", name=tab, exact=True).click()
            if tab == "司法冻结":
                page.get_by_label("标的编号").fill("certificate-2026-0009")
                page.get_by_role("button", name="查询").click()
            expect(page.locator(".panel .cards > .card").first).to_be_visible()
            assert violations(page) == [], tab
            assert fits(page), tab
            page.get_by_role("button", name="大字版").click()
            assert fits(page), f"{tab}, large type"
            page.get_by_role("button", name="大字版").click()
        page.get_by_role("button", name="风险预警", exact=True).click()
        first = page.locator(".cards > .card").first
        first.get_by_role("button", name="已知悉，正在处理").click()
        expect(first.get_by_role("alert")).to_be_visible()
        assert not asked(behind, "/AcknowledgeWarning"), "nothing without a reason"
        first.get_by_role("textbox").fill("买方已付款")
        with page.expect_response(lambda answer: answer.url.endswith("/acknowledge")):
            first.get_by_role("button", name="已知悉，正在处理").click()
        assert asked(behind, "/AcknowledgeWarning")[0].request.reason == "买方已付款"  # type: ignore[attr-defined]


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_four_eyes_and_refusals_are_said_and_the_key_stays(visit: Callable[[str], Page]) -> None:
    behind = hub()
    with serving(desk, behind) as address:
        page = visit(f"{address}/desk/")
        sign_in(page, "operator.li")
        page.reload()
        expect(page.locator(".who span")).to_have_text("operator.li")
        page.get_by_role("button", name="人工审批").click()
        cards = page.locator(".cards > .card")
        expect(cards).to_have_count(4)
        expect(cards.nth(3)).to_contain_text("dealer-loan-0001")
        expect(cards.nth(2)).to_contain_text("须由另一名操作人员决定")
        assert cards.nth(2).get_by_role("button").count() == 0
        cards.nth(1).get_by_role("textbox").fill("同意")
        cards.nth(1).get_by_role("button", name="同意", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("可用额度")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("alert")).to_contain_text("available limit")
        assert asked(behind, f"{REFERRALS}/DecideReferral")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("Sign in with a key file")).to_be_visible()
        page.reload()
        expect(page.locator(".who span")).to_have_count(0)


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_a_wrong_key_file_is_refused(visit: Callable[[str], Page]) -> None:
    with serving(desk, hub()) as address:
        page = visit(f"{address}/desk/")
        page.locator("input[type=file]").set_input_files(
            {"name": "x.json", "mimeType": "application/json", "buffer": b"{}"}
        )
        expect(page.get_by_role("alert")).to_contain_text("登录失败")


def test_an_enterprise_reads_what_it_was_told_in_large_type(visit: Callable[[str], Page]) -> None:
    behind = hub()
    with serving(public, behind) as address:
        page = visit(f"{address}/notices/")
        page.get_by_role("button", name="大字版").click()
        sign_in(page, SUPPLIER)
        expect(page.locator(".cards > .card")).to_have_count(4)
        expect(page.locator(".cards > .card").first).to_contain_text("电话催收")
        assert violations(page) == []
        assert fits(page)
        page.get_by_role("button", name="全部标为已读").click()
        page.get_by_role("button", name="通知地址").click()
        expect(page.locator(".cards > .card")).to_have_count(2)
        assert violations(page) == []
        assert fits(page)
        assert len(asked(behind, "/MarkNotificationsRead")) == 1
        papers_and_signers(page, behind)


def papers_and_signers(page: Page, behind: FakeHub) -> None:
    """The papers of a loan are kept as files; powers are shown in both languages and cannot be changed here."""
    page.get_by_role("button", name="贷款文件").click()
    page.get_by_role("button", name="查看文件：financing-2026-0110").click()
    papers = page.locator(".card .card")
    expect(papers).to_have_count(3)
    expect(papers.nth(2)).to_contain_text("2027-02-25")
    assert violations(page) == []
    assert fits(page)
    with page.expect_download() as kept:
        papers.nth(1).get_by_role("button").click()
    assert kept.value.suggested_filename == "loan-statement-financing-2026-0110.pdf"
    period = asked(behind, "/GetDocument")[0].request
    assert (period.first_day, period.last_day) == ("2026-12-02", "2027-03-02"), "until the site's today"  # type: ignore[attr-defined]
    page.get_by_role("button", name="签署人").click()
    expect(page.locator(".cards > .card").first).to_contain_text("提出争议")
    expect(page.locator(".panel")).to_contain_text("change_signer")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".cards > .card").first).to_contain_text("come to terms")
    assert violations(page) == []
    assert fits(page)
