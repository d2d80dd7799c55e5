"""Ids are made by an injected function, so that tests can predict them."""

from __future__ import annotations

import secrets
from collections.abc import Callable

Ids = Callable[[], str]
"""Makes a new id at each call: 8 to 64 characters of A-Z a-z 0-9 _ -, never the same twice."""


def random_id() -> str:
    """32 hexadecimal digits from the operating system's randomness."""
    return secrets.token_hex(16)
