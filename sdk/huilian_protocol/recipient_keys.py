"""A recipient's present sealing keys, one for each suite, signed by its root: nobody on the way can take one out.

A statement is a JWS (ES256) of type ``huilian-recipient-keys+jwt`` by the recipient's root key, which edges, devices
and verifiers pin (``recipients`` in the trust anchors) and which the hub does not hold. It names the recipient, the id
and suite of each key in the recipient's order of preference, and from when to when it may be put into a consent, a
month at most. Its ``iat`` is also its number: a root signs each later than the one before, and an edge that has seen
one takes no older one in a consent that was drawn up after the later one had come into use (:data:`HANDOVER`).

An artefact that carries a statement leaves the choice among its keys to the edge (:func:`choose`): the data owner's
order decides, and where the data owner states none, the recipient's.

``python -m huilian_protocol.recipient_keys ROOT.pem RECIPIENT DAYS < KEYS.json`` prints a statement for the keys that
``python -m hub.main keys`` tells of a recipient.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_decode, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws
from huilian_protocol.sealing import SealingKey, Suite
from huilian_protocol.strict import integer_at, list_at, matching_at, object_with, text_at

__all__ = [
    "HANDOVER",
    "MAX_DAYS",
    "KeyName",
    "Recipient",
    "RecipientKeys",
    "Stated",
    "choose",
    "read_recipient",
    "read_statement",
    "sign_statement",
    "stated",
    "verify_statement",
]

TYP = "huilian-recipient-keys+jwt"
# An older statement, with fewer or weaker keys, can be shown to somebody who never saw a later one for as long as it
# counts.
MAX_DAYS = 31
HANDOVER = timedelta(days=1)
"""How long a new statement may take from its root to the hub, which draws up consents with the old one meanwhile."""
MAX_STATEMENT_CHARS = 4_096
_REMEMBERED = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)


class KeyName(NamedTuple):
    """A sealing key by its id and suite."""

    id: str
    suite: Suite


class Stated(NamedTuple):
    """Which statement it is: whose, by which root (``kid``), and its place among those of this root."""

    recipient: str
    root: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class RecipientKeys:
    """What a statement says; ``keys`` in the recipient's order of preference, one for each suite."""

    recipient: str
    keys: tuple[KeyName, ...]
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who may open the data: an id and the key (id and suite) to which every payload is sealed.

    With ``key_statement`` that key is the recipient's favourite; each edge seals to the one that :meth:`key_for` gives.
    """

    id: str
    sealing_key_id: str
    suite: Suite
    key_statement: str = ""

    @property
    def keys(self) -> tuple[KeyName, ...]:
        """All keys to which a payload may be sealed, in the recipient's order of preference."""
        if not self.key_statement:
            return (KeyName(self.sealing_key_id, self.suite),)
        return read_statement(self.key_statement).keys

    def key_for(self, accepted: Sequence[Suite]) -> KeyName:
        """The key for a data owner who accepts these suites, its favourite first (empty: any).

        Raises :class:`HuilianError` RECIPIENT_KEY_MISMATCH where there is none.
        """
        chosen = choose(self.keys, accepted)
        if chosen is None:
            offered = ", ".join(key.suite.value for key in self.keys)
            raise HuilianError("RECIPIENT_KEY_MISMATCH", f"the data owner does not seal in {offered}")
        return chosen

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        value = {"id": self.id, "sealing_key_id": self.sealing_key_id, "suite": self.suite.value}
        return value | {"key_statement": self.key_statement} if self.key_statement else value


def sign_statement(
    root: ec.EllipticCurvePrivateKey,
    recipient: str,
    keys: Sequence[SealingKey],
    issued_at: datetime,
    expires_at: datetime,
) -> str:
    """The statement of these keys, the recipient's favourite first. Raises ``ValueError`` for what nobody would
    accept.
    """
    claims = {
        "sub": recipient,
        "keys": [{"id": key.id, "suite": key.suite.value} for key in keys],
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    _read(claims)
    return sign_jws(root, claims, TYP, thumbprint(root.public_key()))


@lru_cache(_REMEMBERED)
def read_statement(statement: str) -> RecipientKeys:
    """What a statement says, its signature not yet checked. Raises ``ValueError`` for a malformed one."""
    parts = statement.split(".")
    if len(statement) > MAX_STATEMENT_CHARS or len(parts) != 3:
        raise ValueError("not a compact JWS")
    return _read(parse_canonical(b64u_decode(parts[1])))


@lru_cache(_REMEMBERED)
def stated(statement: str) -> Stated:
    """Which statement this is, its signature not yet checked. Raises ``ValueError`` for a malformed one."""
    keys, header = read_statement(statement), parse_canonical(b64u_decode(statement.split(".")[0]))
    return Stated(keys.recipient, text_at(object_with(header, ["alg", "kid", "typ"], "header"), "kid"), keys.issued_at)


def verify_statement(
    statement: str, roots: Mapping[str, ec.EllipticCurvePublicKey], recipient: str, at: datetime
) -> RecipientKeys:
    """What a statement says that one of this recipient's roots (by ``kid``) signed and that counts at ``at``.

    Raises :class:`HuilianError` RECIPIENT_KEY_MISMATCH.
    """
    code = "RECIPIENT_KEY_MISMATCH"
    try:
        said = _read(verify_jws(statement, roots, TYP, code=code))
    except ValueError as error:
        raise HuilianError(code, f"statement of keys: {error}") from error
    if said.recipient != recipient:
        raise HuilianError(code, "the statement is another recipient's")
    if not said.issued_at <= at < said.expires_at:
        raise HuilianError(code, "the statement of the recipient's keys does not count at this time")
    return said


def choose(offered: Sequence[KeyName], accepted: Sequence[Suite]) -> KeyName | None:
    """The key to seal to: of the data owner's first accepted suite that the recipient offers; with no order of the
    data owner's, the recipient's first. None where they have nothing in common.
    """
    if not accepted:
        return offered[0] if offered else None
    by_suite = {key.suite: key for key in offered}
    return next((by_suite[suite] for suite in accepted if suite in by_suite), None)


def read_recipient(raw: Any, *, several: bool) -> Recipient:
    """The JSON form of a recipient; ``several``: with the statement of its keys. Raises ``ValueError``."""
    value = object_with(raw, ["id", "sealing_key_id", "suite", *(["key_statement"] if several else [])], "recipient")
    recipient = Recipient(
        id=matching_at(value, "id", _NAME),
        sealing_key_id=text_at(value, "sealing_key_id"),
        suite=Suite(text_at(value, "suite")),
        key_statement=text_at(value, "key_statement", most=MAX_STATEMENT_CHARS) if several else "",
    )
    if several:
        said = read_statement(recipient.key_statement)
        if (said.recipient, said.keys[0]) != (recipient.id, KeyName(recipient.sealing_key_id, recipient.suite)):
            raise ValueError("the statement of keys is another recipient's or begins with another key")
    return recipient


def _read(raw: Any) -> RecipientKeys:
    value = object_with(raw, ["exp", "iat", "keys", "sub"], "statement of keys")
    keys = tuple(_read_key(item) for item in list_at(value, "keys", len(Suite), least=1))
    if len({key.suite for key in keys}) != len(keys):
        raise ValueError("two keys of one suite")
    issued, expires = (_time_at(value, name) for name in ("iat", "exp"))
    if not issued < expires <= issued + timedelta(days=MAX_DAYS):
        raise ValueError(f"a statement counts for up to {MAX_DAYS} days")
    return RecipientKeys(text_at(value, "sub", most=128), keys, issued, expires)


def _read_key(raw: Any) -> KeyName:
    value = object_with(raw, ["id", "suite"], "key")
    return KeyName(text_at(value, "id", most=64), Suite(text_at(value, "suite")))


def _time_at(value: dict[str, Any], name: str) -> datetime:
    return datetime.fromtimestamp(integer_at(value, name, 0, 2**35), UTC)


def main(arguments: Sequence[str]) -> int:
    """Command line entry; 2 with a message on stderr for anything that cannot be signed."""
    try:
        path, recipient, days = arguments
        root = serialization.load_pem_private_key(Path(path).read_bytes(), None)
        if not isinstance(root, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{path} holds no elliptic-curve key")
        keys = [SealingKey.from_dict(item) for item in json.load(sys.stdin)]
        now = datetime.now(UTC).replace(microsecond=0)
        sys.stdout.write(sign_statement(root, recipient, keys, now, now + timedelta(days=int(days))) + "\n")
    except (OSError, TypeError, ValueError) as error:
        sys.stderr.write(f"recipient keys: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
