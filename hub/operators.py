"""The keys by which the bank's operators sign in at their own pages (decision 32)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from huilian_protocol.canonical import parse_json
from huilian_protocol.jose import Jwk, jwk_to_public_key, public_key_to_jwk
from huilian_protocol.stamp import Stamp, stamp_of

from hub.platform.callers import Role

NAME = re.compile(r"operator\.[a-z0-9_-]{1,40}", re.ASCII)

logger = logging.getLogger(__name__)


class OperatorKeys(Mapping[str, tuple[Role, Jwk]]):
    """Public keys by operator, from a JSON file {"operator.<name>": JWK} that may be replaced while the hub serves.

    A file that is wrong stops the start; later it is logged, and the keys stay as they were.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises OSError and ValueError for a file that cannot be used. Without a path there are no operators."""
        self._path = path
        self._stamp: Stamp | None = None
        self._keys: dict[str, tuple[Role, Jwk]] = {}
        if path is not None:
            self._stamp, self._keys = stamp_of(str(path)), _read(path)

    def __getitem__(self, name: str) -> tuple[Role, Jwk]:
        return self._present()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())

    def _present(self) -> dict[str, tuple[Role, Jwk]]:
        if self._path is not None:
            try:
                stamp = stamp_of(str(self._path))
                if stamp != self._stamp:
                    self._keys, self._stamp = _read(self._path), stamp
            except (OSError, ValueError) as error:
                logger.error("operators.not_renewed", extra={"error_type": type(error).__name__})
        return self._keys


def _read(path: Path) -> dict[str, tuple[Role, Jwk]]:
    raw = parse_json(path.read_bytes())
    if not isinstance(raw, dict) or not all(isinstance(name, str) and NAME.fullmatch(name) for name in raw):
        raise ValueError(f"{path}: a JSON object of keys by operator.<name>")
    keys = {name: (Role.OPERATOR, public_key_to_jwk(jwk_to_public_key(jwk))) for name, jwk in raw.items()}
    # Two names with one key would be one person's four eyes.
    if len({str(sorted(jwk.items())) for _, jwk in keys.values()}) != len(keys):
        raise ValueError(f"{path}: two operators with one key")
    return keys
