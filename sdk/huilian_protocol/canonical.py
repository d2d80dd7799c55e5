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
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
import rfc8785

__all__ = [
    "MAX_DEPTH",
    "Canonical",
    "b64u_decode",
    "b64u_decode_hashes",
    "b64u_encode",
    "canonicalise",
    "parse_canonical",
    "parse_json",
    "read_canonical",
    "sha256_canonical",
]

MAX_DEPTH = 64
_MOST = 2**53 - 1
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL = bytes.maketrans(b"+/", b"-_")
# What belongs to the other alphabet, or is padding, becomes what belongs to none.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
# Every byte but opening brackets: what `translate` takes out to count both kinds in one pass.
_NO_OPENING = bytes(set(range(256)) - set(b"[{"))
_PADDING = (b"", b"!", b"==", b"=")
# The last character of a spelling by the length of its last group: unused bits are zero.
_LAST = (frozenset(_ALPHABET), frozenset[int](), frozenset(_ALPHABET[::16]), frozenset(_ALPHABET[::4]))
_HASH_CHARS = 43
_PLAIN = frozenset({str, bool, type(None)})
# Sorts keys by code points, refuses integers beyond 2^53 - 1. What is no JSON type never comes to it.
_ENCODING = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
# First bytes of what UTF-8 writes beyond U+FFFF; greater ones are no UTF-8.
_ASTRAL = tuple(bytes([lead]) for lead in range(0xF0, 0xF5))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A whole string (its brackets do not count) or one bracket. An unfinished string swallows the rest and does not parse.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def canonicalise(value: Any) -> bytes:
    """The RFC 8785 bytes of ``value``. Raises ``ValueError`` for floats, big integers, lone surrogates and non-JSON
    types.
    """
    try:
        if _is_plain(value):
            with suppress(orjson.JSONEncodeError):
                return orjson.dumps(value, option=_ENCODING)
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
    return read_canonical(data).value


class Canonical(NamedTuple):
    """A value that was read from its canonical form, and how its parts are written again."""

    value: Any
    write: Callable[[Any], bytes]
    """The canonical form of a part of ``value``, which nobody has changed."""


def read_canonical(data: bytes) -> Canonical:
    """:func:`parse_canonical` for who needs the canonical form of parts of the value too."""
    found = _read_simple(data) if _is_simple(data) else Canonical(parse_json(data), canonicalise)
    if found.write(found.value) != data:
        raise ValueError("not in canonical form (RFC 8785)")
    return found


def _is_simple(data: bytes) -> bool:
    """Whether, if this is canonical, sorting by code points is sorting by UTF-16 units: all of it is below U+10000."""
    return data.isascii() or not any([lead in data for lead in _ASTRAL])


def _read_simple(data: bytes) -> Canonical:
    """By `orjson`, which bears any depth and refuses half a surrogate pair."""
    try:
        value = orjson.loads(data)  # noqa: TID251  the one place
    except orjson.JSONDecodeError as error:
        raise ValueError(f"no canonical form: {error}") from error
    _check_simple(value)
    return Canonical(value, _write_simple)


def _write_simple(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=_ENCODING)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"no canonical form: {error}") from error


def _check_simple(value: Any) -> None:
    """Refuse floats, as which integers beyond 64 bits are read too, and what is nested too deeply."""
    level: list[Iterable[Any]] = [(value,)]
    for _ in range(MAX_DEPTH + 1):
        deeper: list[Iterable[Any]] = []
        for items in level:
            for item in items:
                kind = type(item)
                if kind is str:
                    continue
                if kind is dict:
                    deeper.append(item.values())
                elif kind is list:
                    deeper.append(item)
                elif kind is float:
                    raise ValueError("no canonical form: floats are not allowed")
        if not deeper:
            return
        level = deeper
    raise ValueError("nested too deeply")


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


def b64u_encode(data: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def b64u_decode(text: str) -> bytes:
    """The bytes of ``text``; only the one spelling that :func:`b64u_encode` makes is accepted, else ``ValueError``."""
    if not isinstance(text, str):
        # What was read from a stranger's JSON may be anything.
        raise ValueError("a text is expected")
    try:
        given = text.encode("ascii")
        rest = len(given) % 4
        data = binascii.a2b_base64(given.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if given and given[-1] not in _LAST[rest]:
        raise ValueError("not the canonical spelling in base64url")
    return data


def b64u_decode_hashes(texts: list[str]) -> tuple[bytes, ...]:
    """The same for many values of 32 bytes each, faster than one by one; other lengths raise too.

    A value of 32 bytes fills 42 characters and four bits of the 43rd, whose other two are zero in its one spelling.
    Followed by a character of zero bits it is 33 whole bytes, so all of them can be decoded as one text.
    """
    if not texts:
        return ()
    try:
        if {*map(len, texts)} != {_HASH_CHARS}:
            raise ValueError("not 32 bytes in base64url")
        given = ("A".join(texts) + "A").encode("ascii").translate(_TO_STANDARD)
        data = binascii.a2b_base64(given, strict_mode=True)
    except (TypeError, binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if any(data[32::33]):
        raise ValueError("not the canonical spelling in base64url")
    return tuple([data[at : at + 32] for at in range(0, len(data), 33)])


def _depth(data: bytes) -> int:
    if len(data.translate(None, _NO_OPENING)) <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in _STRUCTURE.finditer(data):
        opening = token.group()[0]
        depth += (opening in b"[{") - (opening in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _is_plain(value: Any) -> bool:
    """Whether `orjson` writes the RFC 8785 form of this if it writes it at all, many times faster than `rfc8785`.

    It escapes texts the same way; its keys are in the same order as long as they are ASCII. Raises ``ValueError`` for
    floats. What is not plain is left to `rfc8785`, its refusal included.
    """
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        return _are_plain(value.values()) and _are_ascii(value)
    if kind is list or kind is tuple:
        return _are_plain(value)
    if kind is int:
        return bool(-_MOST <= value <= _MOST)
    if isinstance(value, float):
        raise ValueError("no canonical form: floats are not allowed")
    return _holds_no_float(value)


def _are_plain(values: Iterable[Any]) -> bool:
    # Every one is looked at, also after one that is not plain: a float anywhere is refused.
    return all([type(value) in _PLAIN or _is_plain(value) for value in values])


def _are_ascii(keys: Iterable[Any]) -> bool:
    try:
        return "".join(keys).isascii()
    except TypeError:
        return False


def _holds_no_float(value: Any) -> bool:
    """Look into subclasses of the JSON types for floats; they are never plain."""
    if isinstance(value, dict):
        _are_plain(value.values())
    elif isinstance(value, (list, tuple)):
        _are_plain(value)
    return False
