"""Freezes new golden files: ``python -m tests.golden.freeze``. A file that exists is never written again."""

from __future__ import annotations

from pathlib import Path

from tests.golden.cases import CASES, ENVELOPES

FOLDER = Path(__file__).parent / "protocol"


def main() -> None:
    """Write every golden file that is missing and say which."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in {**CASES, **ENVELOPES}.items():
        if not (FOLDER / name).exists():
            (FOLDER / name).write_bytes(make())
            print(f"frozen: {name}")  # noqa: T201


if __name__ == "__main__":
    main()
