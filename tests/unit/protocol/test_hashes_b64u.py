"""Many hashes decoded at once are what each is by itself, and whatever one refuses all refuse."""

from __future__ import annotations

import pytest
from huilian_protocol.canonical import b64u_decode, b64u_decode_hashes, b64u_encode
from hypothesis import given
from hypothesis import strategies as st

_HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=20)
_ODD = st.sampled_from(
    ["", "A", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "+" * 43, "é" * 43, "!" * 43, 5, None]
)


@given(_HASHES)
def test_all_at_once_are_what_each_is(hashes: list[bytes]) -> None:
    assert b64u_decode_hashes([b64u_encode(item) for item in hashes]) == tuple(hashes)


@given(_HASHES, _ODD, st.data())
def test_one_odd_spelling_refuses_all(hashes: list[bytes], odd: str, data: st.DataObject) -> None:
    texts = [b64u_encode(item) for item in hashes]
    texts.insert(data.draw(st.integers(0, len(texts))), odd)
    with pytest.raises(ValueError):
        b64u_decode_hashes(texts)


@given(st.text("AB_-Qg8+/=", min_size=43, max_size=43))
def test_both_take_the_same_spellings(text: str) -> None:
    def taken(decode: object) -> object:
        try:
            return decode()  # type: ignore[operator]
        except ValueError:
            return None

    assert taken(lambda: b64u_decode_hashes([text])) == taken(lambda: (b64u_decode(text),))
