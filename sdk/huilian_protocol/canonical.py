"""The canonical form of JSON (RFC 8785) and of base64url (RFC 4648 section 5, no padding).

What is hashed or signed has exactly one byte form. Numbers are integers within ±(2^53 - 1): money is integer fen and
rates are strings, so a float in a hashed value is a mistake and is refused.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import rfc8785

__all__ = [
    "MAX_DEPTH",
    "b64u_decode",
    "b64u_encode",
    "canonicalise",
    "parse_canonical",
    "parse_json",
    "sha256_canonical",
]

MAX_DEPTH = 64
_MOST = 2**53 - 1
_TO_URL, _TO_STANDARD = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_encode_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False).encode
_ASTRAL = re.compile(rb"[\xf0-\xff]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A whole string (its brackets do not count) or one bracket. An unfinished string swallows the rest and does not parse.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def canonicalise(value: Any) -> bytes:
    """The RFC 8785 bytes of ``value``. Raises ``ValueError`` for floats, big integers, lone surrogates and non-JSON
    types.
    """
    try:
        if _is_plain(value):
            return _encode_plain(value).encode("utf-8")
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ValueError(f"no canonical form: {error}") from error


def sha256_canonical(value: Any) -> bytes:
    """SHA-256 over the canonical form, 32 bytes."""
    return hashlib.sha256(canonicalise(value)).digest()


def parse_canonical(data: bytes) -> Any:
    """The value of ``data``, which must be its own canonical form (so no duplicate keys, no spaces, no other spelling).

    Raises ``ValueError`` for anything else.
    """
    if data.isascii() or not _ASTRAL.search(data):
        # Below U+10000 texts sort the same by code points as by UTF-16 units, so the interpreter's own encoder writes
        # the canonical form of any value that its decoder made without a float and without a big integer.
        _check_outline(data)
        # What follows the value is noticed below.
        value, _ = _decode_exact(data.decode("utf-8"))
        canonical = _encode_plain(value).encode("utf-8")
    else:
        value = parse_json(data)
        canonical = canonicalise(value)
    if canonical != data:
        raise ValueError("not in canonical form (RFC 8785)")
    return value


def parse_json(
    data: bytes,
    *,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
) -> Any:
    """The value of JSON text from outside, nested at most :data:`MAX_DEPTH` deep. Raises ``ValueError`` for anything
    else, NaN and half surrogate pairs included. The hooks are those of :func:`json.loads`.

    The depth is checked before parsing: some libraries raise the interpreter's recursion limit, and then a long row of
    brackets would not raise ``RecursionError`` but overflow the C stack.
    """
    _check_outline(data)
    return json.loads(  # noqa: TID251  the one place
        data.decode("utf-8"), object_hook=object_hook, parse_float=parse_float, parse_constant=_no_number
    )


def _check_outline(data: bytes) -> None:
    """Refuse what must not be parsed, or is no text."""
    if _depth(data) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if _SURROGATE.search(data):
        # Half a surrogate pair is no character: it could be neither hashed, stored nor sent on.
        json.dumps(json.loads(data.decode("utf-8")), ensure_ascii=False).encode("utf-8")  # noqa: TID251  the one place


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _no_float(_: str) -> Any:
    raise ValueError("no canonical form: floats are not allowed")


def _exact_integer(digits: str) -> int:
    number = int(digits)
    if not -_MOST <= number <= _MOST:
        raise ValueError("no canonical form: an integer beyond 2^53 - 1")
    return number


_decode_exact = json.JSONDecoder(parse_float=_no_float, parse_int=_exact_integer, parse_constant=_no_number).raw_decode


def b64u_encode(data: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def b64u_decode(text: str) -> bytes:
    """The bytes of ``text``; only the one spelling that :func:`b64u_encode` makes is accepted, else ``ValueError``."""
    if not isinstance(text, str):
        # What was read from a stranger's JSON may be anything.
        raise ValueError("a text is expected")
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + b"==")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    # The decoder skips what it does not know, such as padding in the middle: then the spelling is another one.
    if b64u_encode(data) != text:
        raise ValueError("not the canonical spelling in base64url")
    return data


def _depth(data: bytes) -> int:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in _STRUCTURE.finditer(data):
        opening = token.group()[0]
        depth += (opening in b"[{") - (opening in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _is_plain(value: Any) -> bool:
    """Whether the interpreter's own encoder writes the RFC 8785 form of this, several times faster than `rfc8785`.

    It escapes texts the same way; its keys are in the same order as long as they are ASCII. Raises ``ValueError`` for
    floats. What is not plain is left to `rfc8785`, its refusal included.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return _are_plain(value.values()) and all(type(key) is str and key.isascii() for key in value)
    if kind is list or kind is tuple:
        return _are_plain(value)
    if kind is int:
        return bool(-_MOST <= value <= _MOST)
    if isinstance(value, float):
        raise ValueError("no canonical form: floats are not allowed")
    return _holds_no_float(value)


def _are_plain(values: Iterable[Any]) -> bool:
    # Every one is looked at, also after one that is not plain: a float anywhere is refused.
    return all([_is_plain(value) for value in values])


def _holds_no_float(value: Any) -> bool:
    """Look into subclasses of the JSON types for floats; they are never plain."""
    if isinstance(value, dict):
        _are_plain(value.values())
    elif isinstance(value, (list, tuple)):
        _are_plain(value)
    return False
