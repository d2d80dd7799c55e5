"""Identity's published keys in the shape in which consent and exchange ask for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.recipient_keys import read_statement
from huilian_protocol.stamp import Stamp, stamp_of

from hub.consent.rules import RecipientKey
from hub.identity.keyset import KeyPublisher

logger = logging.getLogger(__name__)


class Statements:
    """What the recipients' roots signed over their keys (`recipient_keys.py`), from a JSON object of a list for each: a
    root may sign ahead.

    Read again when the file changes; one that is wrong raises ValueError at the start, and later leaves what there was.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._stamp: Stamp | None = None
        self._statements: dict[str, list[str]] = {}
        if path is not None:
            self._stamp, self._statements = stamp_of(str(path)), _read(path)

    def __call__(self, recipient_id: str) -> str:
        """The recipient's newest statement that counts now, or an empty text where there is none."""
        if self._path is not None and (stamp := stamp_of(str(self._path))) != self._stamp:
            self._stamp = stamp
            try:
                self._statements = _read(self._path)
            except (OSError, ValueError) as error:
                logger.error("recipients.statements_not_renewed", extra={"error_type": type(error).__name__})
        return _newest(self._statements.get(recipient_id, ()), self._clock.now())


class PublishedRecipients:
    """Identity's published keys in the shape in which consent and exchange ask for them."""

    def __init__(self, publisher: KeyPublisher, statements: Statements) -> None:
        self._publisher, self._statements = publisher, statements

    def recipient_key(self, recipient_id: str, sealing_key_id: str | None = None) -> RecipientKey:
        """The recipient's present key or that with this id; raises NOT_FOUND or RECIPIENT_KEY_MISMATCH.

        With a statement the present key is the first that it names, and the hub must hold all of them.
        """
        statement = self._statements(recipient_id) if sealing_key_id is None else ""
        if not statement:
            key = self._publisher.recipient(recipient_id, sealing_key_id)
            return RecipientKey(key.party, key.suite, key.public_key)
        held = [self._publisher.recipient(recipient_id, key.id) for key in read_statement(statement).keys]
        return RecipientKey(recipient_id, held[0].suite, held[0].public_key, statement)


def _newest(statements: Sequence[str], now: datetime) -> str:
    read = {statement: read_statement(statement) for statement in statements}
    counting = [statement for statement, said in read.items() if said.issued_at <= now < said.expires_at]
    return max(counting, key=lambda statement: read[statement].issued_at, default="")


def _read(path: Path) -> dict[str, list[str]]:
    value = parse_json(path.read_bytes())
    if not isinstance(value, dict) or not all(isinstance(statements, list) for statements in value.values()):
        raise ValueError(f"{path.name} is no JSON object of lists")
    for recipient, statements in value.items():
        for statement in statements:
            if not isinstance(statement, str) or read_statement(statement).recipient != recipient:
                raise ValueError(f"{path.name}: a statement of {recipient} is malformed or another recipient's")
    return value
