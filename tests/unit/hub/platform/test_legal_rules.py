"""The legal rules: every id that code names exists, every rule is whole, the page is what the file says."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from hub.platform import legal_rules
from hub.platform.legal_rules import page, rule

NAMED = [name for name in vars(legal_rules) if name.isupper() and name != "UNVERIFIED" and name[0] != "_"]
PAGE = Path(__file__).parents[4] / "docs" / "legal-rules.md"


def test_every_rule_that_code_names_is_in_the_file() -> None:
    assert len(NAMED) >= 13
    for name in NAMED:
        assert rule(getattr(legal_rules, name)).id == getattr(legal_rules, name)


def test_every_rule_is_cited_dated_and_worded_twice() -> None:
    for item in legal_rules.legal_rules().values():
        assert item.version >= 1
        assert dt.date(2020, 1, 1) < item.effective <= dt.date(2026, 1, 1)
        assert item.source and item.source_en
        assert any("一" <= letter <= "鿿" for letter in item.text_zh)
        assert item.text_en.isascii() or "§" in item.text_en


def test_the_laws_that_the_products_rest_on_are_there() -> None:
    sources = " ".join(item.source for item in legal_rules.legal_rules().values())
    for source in (
        "银发〔2025〕77号",
        "第七百六十三条",
        "第七百六十六条",
        "第七百六十七条",
        "第七百六十八条",
        "财会〔2021〕32号",
    ):
        assert source in sources


def test_the_page_is_made_from_the_file() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m hub.platform.legal_rules > docs/legal-rules.md"


def test_every_citation_says_where_it_was_looked_up_or_that_it_was_not() -> None:
    for item in legal_rules.legal_rules().values():
        if item.is_verified:
            assert re.fullmatch(r"https?://\S+ \(.+\)", item.verified), item.id
            assert item.verified in page()
        else:
            assert f"| {item.text_en} | **unverified** |" in page()
