"""One value, one byte form: RFC 8785 and strict base64url."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from huilian_protocol.canonical import MAX_DEPTH, b64u_decode, b64u_encode, canonicalise, parse_canonical, parse_json
from hypothesis import given
from hypothesis import strategies as st

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values)
def test_canonical_bytes_read_back(value: Any) -> None:
    assert parse_canonical(canonicalise(value)) == value


@given(values)
def test_key_order_and_spaces_do_not_matter(value: Any) -> None:
    shuffled = json.loads(json.dumps(value, indent=2), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert canonicalise(shuffled) == canonicalise(value)


class Word(str):
    """A text as enumerations are."""


keys = texts | st.text(st.characters(max_codepoint=127)) | st.sampled_from(["\ufb33", "😀", "\x7f", "\x00"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | texts.map(Word) | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys | st.integers(), inner),
    max_leaves=20,
)


@given(values | anything)
def test_the_fast_way_writes_what_the_reference_writes_and_refuses_what_it_refuses(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        expected = None
    if expected is None or holds_float(value):
        with pytest.raises(ValueError, match="no canonical form"):
            canonicalise(value)
    else:
        assert canonicalise(value) == expected


@given(values | anything, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.booleans())
def test_reading_accepts_exactly_what_the_reference_writes(
    value: Any, separators: tuple[str, str], ordered: bool, ascii_only: bool
) -> None:
    try:
        text = json.dumps(value, separators=separators, sort_keys=ordered, ensure_ascii=ascii_only)
        data = text.encode("utf-8")
    except (TypeError, UnicodeEncodeError):
        return
    try:
        expected = rfc8785.dumps(json.loads(text)) == data and not holds_float(json.loads(text))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        expected = False
    if expected:
        assert parse_canonical(data) == json.loads(text)
    else:
        with pytest.raises(ValueError):
            parse_canonical(data)


@pytest.mark.parametrize("tail", [b" ", b"x", b"{}", b"\n", b",", b"0"])
def test_nothing_follows_a_canonical_value(tail: bytes) -> None:
    with pytest.raises(ValueError, match="canonical"):
        parse_canonical(b'{"a":1}' + tail)


def holds_float(value: Any) -> bool:
    """Whether a float stands anywhere among the values."""
    if isinstance(value, dict):
        return any(holds_float(item) for item in value.values())
    return isinstance(value, float) or (isinstance(value, list | tuple) and any(map(holds_float, value)))


def test_the_sorting_example_of_rfc_8785() -> None:
    """Section 3.2.3: keys sort by UTF-16 code units, so the emoji comes before U+FB33."""
    value = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7}
    assert list(json.loads(canonicalise(value)).values()) == [2, 4, 6, 7, 1, 5, 3]


@pytest.mark.parametrize("value", [1.5, 1.0, float("nan"), {"a": [0.1]}, 2**53, "\ud800", {1: 2}, b"x", {"a": {1}}])
def test_values_without_a_canonical_form_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        canonicalise(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"\\u0061":1}',
        b'"\\ud800"',
        b'"\xff"',
        b"NaN",
        b"",
        b"[" * 100_000,
        b"[" * 5_000 + b"]" * 5_000,
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'["' + b"[" * 100_000,
        b"9" * 5_000,
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_canonical(data)


@given(st.binary(max_size=100))
def test_base64url_reads_back(data: bytes) -> None:
    assert b64u_decode(b64u_encode(data)) == data


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "+/", "AA\n", " AA", "AAA=", "ÄÄ", "A-_/"])
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        b64u_decode(text)


def test_brackets_in_strings_are_no_nesting() -> None:
    value = ["[" * 1000, '{"\\' * 500, {"[[": "\\"}, '\\"'] + [[]] * 100
    assert parse_canonical(canonicalise(value)) == value
    deep: Any = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert parse_canonical(canonicalise(deep)) == deep


@pytest.mark.parametrize("data", [b"NaN", b"[Infinity]", b'"\\ud800"', b'{"\\uDFFF": 1}', b"\xff", b"\xef\xbb\xbf1"])
def test_what_looks_like_json_and_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(data)


def test_whole_pairs_and_written_backslashes_are_text() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]') == ["😀", "\\ud800"]


def test_hooks_are_those_of_the_standard_library() -> None:
    assert parse_json(b'{"a": 0.1}', parse_float=Decimal, object_hook=lambda value: [value]) == [{"a": Decimal("0.1")}]
