"""Strict reading of JSON values that came from outside: every helper returns the value or raises ``ValueError``.

Unknown keys are refused, so nobody can hide a statement in a signed object that another reader would skip.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from huilian_protocol.canonical import b64u_decode

__all__ = ["bytes_at", "integer_at", "list_at", "matching_at", "object_with", "text_at"]


def object_with(value: Any, keys: Collection[str], what: str) -> dict[str, Any]:
    """``value`` if it is an object with exactly ``keys``."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no object")
    if value.keys() != (keys if isinstance(keys, frozenset) else set(keys)):
        odd = ", ".join(sorted(set(value) ^ set(keys)))
        raise ValueError(f"{what} has unknown or missing keys: {odd}")
    return value


def text_at(value: dict[str, Any], key: str, most: int = 256, least: int = 1) -> str:
    """The text under ``key`` with ``least`` to ``most`` characters."""
    text = value[key]
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise ValueError(f"{key} is no text of {least} to {most} characters")
    return text


def matching_at(value: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    """The text under ``key`` if the whole of it matches ``pattern``."""
    text = text_at(value, key)
    if not pattern.fullmatch(text):
        raise ValueError(f"{key} is malformed")
    return text


def integer_at(value: dict[str, Any], key: str, least: int, most: int) -> int:
    """The integer under ``key`` within ``least`` to ``most``; a boolean is no integer."""
    number = value[key]
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{key} is no integer from {least} to {most}")
    return number


def list_at(value: dict[str, Any], key: str, most: int, least: int = 0) -> list[Any]:
    """The list under ``key`` with ``least`` to ``most`` items."""
    items = value[key]
    if not isinstance(items, list) or not least <= len(items) <= most:
        raise ValueError(f"{key} is no list of {least} to {most} items")
    return items


def bytes_at(value: dict[str, Any], key: str, size: int) -> bytes:
    """The bytes of the base64url text under ``key``, exactly ``size`` of them."""
    data = b64u_decode(text_at(value, key, most=2 * size + 2))
    if len(data) != size:
        raise ValueError(f"{key} is not {size} bytes long")
    return data
