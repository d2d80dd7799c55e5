"""Secrets that a data owner's edge holds towards its agency. They show themselves to no log, repr or traceback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from huilian_protocol.canonical import parse_json


class Credentials:
    """Named secrets from a JSON file of strings. `credentials["secret"]` reveals one; nothing else does."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def load(cls, path: Path) -> Credentials:
        """Read a JSON object of strings; ValueError says what is wrong without quoting the content."""
        try:
            values = parse_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"credentials file cannot be read ({type(error).__name__})") from None
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ValueError("credentials file is not a JSON object of strings")
        return cls(values)

    def __getitem__(self, name: str) -> str:
        if name not in self._values:
            raise ValueError(f"credentials lack {name}")
        return self._values[name]

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._values))}: ***)"
