"""A real Chromium for the pages. Missing pieces fail with what to install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# A loaded machine is slow; nothing waits longer than it must.
expect.set_options(timeout=20_000)
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


# Playwright's event loop stands in the way of other modules' asynchronous tests: it must end with the module.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    assert CHROMIUM.exists(), "Chromium is missing: run `make system` (apt-get install chromium fonts-wqy-microhei)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page without any network, once as on a phone and once as on a desktop. A script's error fails the test."""
    context = chromium.new_context(viewport=SIZES[request.param], has_touch=request.param == "phone", offline=True)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors
