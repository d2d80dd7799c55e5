"""The pages behind a sign-in, in Chromium: keys that stay where they are, lists, acts, refusals, languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from huilian_sdk import Huilian
from playwright.sync_api import Browser, Page, expect

from mini_program_api.app import create_app, create_desk
from tests.browser.conftest import ROOT, SIZES
from tests.browser.desk_hub import REFERRALS, SUPPLIER, hub, key_file, serving
from tests.browser.phone import NAME, NUMBER, SUBJECT, PersonsHub, unlocked
from tests.unit.sdk.fake_hub import FakeHub

DIST, AXE = ROOT / "web" / "dist", ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
TABS = ["通知", "风险预警", "人工审批", "贷款重组", "司法冻结", "未决缴费", "开户与销户", "对账差异", "自动决策"]

LOAN = "financing-2026-0110"
LOOKED_UP = {"司法冻结": ("标的编号", "certificate-2026-0009"), "贷款重组": ("贷款编号", LOAN)}


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
            if tab in LOOKED_UP:
                label, object_id = LOOKED_UP[tab]
                page.get_by_label(label).fill(object_id)
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
        offer_terms(page, behind)
        close_an_account(page, behind)


def offer_terms(page: Page, behind: FakeHub) -> None:
    """Looked up by its number, a loan is offered other terms; whoever is to sign is waited for."""
    page.get_by_role("button", name="贷款重组", exact=True).click()
    page.get_by_label("贷款编号").fill(LOAN)
    page.get_by_role("button", name="查询").click()
    cards = page.locator(".cards > .card")
    expect(cards).to_have_count(4)
    page.get_by_label("新年利率").fill("3.5%")
    page.get_by_role("button", name="提出方案").click()
    expect(cards.first.get_by_role("alert")).to_be_visible()
    page.get_by_label("新年利率").fill("3.5")
    page.get_by_label("首期应还日").fill("2027-04-02")
    page.get_by_label("新到期日").fill("2027-07-02")
    page.get_by_role("button", name="提出方案").click()
    expect(cards).to_have_count(5)
    expect(cards.nth(1)).to_contain_text("等待借款人签署")
    expect(cards.nth(2)).to_contain_text("已被新方案取代")
    made = asked(behind, "/RestructureLoan")[0].request  # type: ignore[attr-defined]
    assert (made.annual_rate, made.due_date, made.repayment_plan.kind) == ("0.035", "2027-07-02", "equal_instalment")
    assert (made.repayment_plan.first_due_date, made.repayment_plan.every_months) == ("2027-04-02", 1)


def close_an_account(page: Page, behind: FakeHub) -> None:
    """On a day of its life so far, once; then it shows until when the documents are kept."""
    page.get_by_role("button", name="开户与销户", exact=True).click()
    page.get_by_label("统一社会信用代码").fill(SUPPLIER)
    with page.expect_response(lambda answer: f"uscc={SUPPLIER}" in answer.url):
        page.get_by_role("button", name="查询").click()
    assert asked(behind, "/ListOpenings")[-1].request.uscc == SUPPLIER  # type: ignore[attr-defined]
    cards = page.locator(".cards > .card")
    expect(cards.nth(1)).to_contain_text("资料保存至")
    assert cards.nth(1).get_by_role("button").count() == 0, "closed already"
    day = cards.first.get_by_label("销户日")
    for wrong in ("", "2026-03-05", "2027-03-03"):
        day.fill(wrong)
        cards.first.get_by_role("button", name="登记销户").click()
        expect(cards.first.get_by_role("alert")).to_be_visible()
    assert not asked(behind, "/CloseAccount"), "before it was opened, or to come"
    page.get_by_role("button", name="English").click()
    cards.first.get_by_label("Day of closing").fill("2027-03-02")
    cards.first.get_by_role("button", name="Enter the closing").click()
    expect(cards.first).to_contain_text("2037-03-02")
    assert violations(page) == []
    assert fits(page)
    assert asked(behind, "/CloseAccount")[0].request.closed_day == "2027-03-02"  # type: ignore[attr-defined]


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
    page.get_by_role("button", name="贷款", exact=True).click()
    page.get_by_role("button", name=f"查看文件：{LOAN}").click()
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
    other_terms(page)
    page.get_by_role("button", name="签署人").click()
    expect(page.locator(".cards > .card").first).to_contain_text("提出争议")
    expect(page.locator(".panel")).to_contain_text("change_signer")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".cards > .card").first).to_contain_text("come to terms")
    assert violations(page) == []
    assert fits(page)


def other_terms(page: Page) -> None:
    """Both plans are shown, and how the offer is signed elsewhere; nothing here signs it."""
    page.get_by_role("button", name=f"收起文件：{LOAN}").click()
    page.get_by_role("button", name=f"查看新还款方案：{LOAN}").click()
    offers = page.locator(".card .card")
    expect(offers).to_have_count(3)
    expect(offers.first).to_contain_text("6.05%")
    expect(offers.first.locator("table").nth(0).locator("tfoot")).to_contain_text("¥12,153.42")
    expect(offers.first.locator("table").nth(1).locator("tbody tr")).to_have_count(4)
    expect(offers.first).to_contain_text("sign_restructuring")
    expect(offers.nth(1)).to_contain_text("已过期")
    assert offers.get_by_role("button").count() == 0
    assert violations(page) == []
    assert fits(page)


def test_a_person_sees_both_plans_and_signs_with_the_device(visit: Callable[[str], Page]) -> None:
    behind = PersonsHub()
    with serving(public, behind) as address:
        behind.origin = address
        page = visit(f"{address}/zone/")
        session, device = unlocked(page)
        assert violations(page) == []
        page.get_by_label("姓名").fill(NAME)
        page.get_by_label("身份证号").fill(NUMBER)
        page.get_by_role("button", name="登记本机并登录").click()
        expect(page.locator(".who span")).to_have_text("本人已登录")
        kept = page.evaluate("JSON.stringify(localStorage)")
        assert SUBJECT in kept and NAME not in kept and NUMBER not in kept
        offer = page.locator(".card .card")
        expect(offer.locator("table").nth(1).locator("tbody tr")).to_have_count(4)
        expect(offer).to_contain_text("¥17,592.80")
        assert fits(page)
        page.get_by_role("button", name="大字版").click()
        assert violations(page) == []
        assert fits(page), "large type"
        session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        offer.get_by_role("button", name="用本机签署本方案").click()
        expect(page.get_by_role("alert")).to_contain_text("没有完成设备验证")
        session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
        shown_is_signed(page, behind)
        offer.get_by_role("button", name="用本机签署本方案").click()
        expect(offer).to_contain_text("已签署生效")
        expect(page.locator(".cards > .card").first).to_contain_text("2027-07-02")
        assert offer.get_by_role("button").count() == 0
        assert violations(page) == []
        assert fits(page)


def shown_is_signed(page: Page, behind: FakeHub) -> None:
    """Known again, the device refuses to sign other terms than it shows: here one per cent, put in on the way."""
    page.get_by_role("button", name="退出").click()
    page.route("**/restructurings", lambda route: route.fulfill(json=cheaper(route.fetch().json())))
    page.get_by_role("button", name="用本机登录").click()
    expect(page.locator(".card .card")).to_contain_text("1%")
    page.get_by_role("button", name="用本机签署本方案").click()
    expect(page.get_by_role("alert")).to_contain_text("与显示内容不一致")
    assert not asked(behind, "/SignRestructuring")
    page.unroute("**/restructurings")
    page.get_by_role("button", name="退出").click()
    page.get_by_role("button", name="用本机登录").click()
    expect(page.locator(".card .card")).to_contain_text("6.05%")


def cheaper(listed: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """The same offers at one per cent."""
    return {"restructurings": [{**offer, "annual_rate": "0.01"} for offer in listed["restructurings"]]}
