"""Files that hold secrets: made for their owner only, replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

MAX_BYTES = 1024 * 1024


def write_private(path: Path | str, data: bytes) -> None:
    """Write ``data`` so that only the owner can read it and no reader ever sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def read_private(path: Path | str) -> bytes:
    """The bytes of a secret file. Raises ``OSError`` if it cannot be read and ``ValueError`` if it is too large."""
    source = Path(path)
    if source.stat().st_size > MAX_BYTES:
        raise ValueError(f"{source.name} is too large")
    return source.read_bytes()
