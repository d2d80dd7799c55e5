"""Tells whether a file was replaced or rewritten, cheaply enough to ask before every use of what it said."""

from __future__ import annotations

import os

__all__ = ["Stamp", "stamp_of"]

Stamp = tuple[int, int, int]
"""Modification time in nanoseconds, size in bytes, inode."""


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """The stamp of a file, or None when there is no file; raises OSError when it cannot be looked at."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
