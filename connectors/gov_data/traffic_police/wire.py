"""How the traffic police's gateway speaks: url-encoded forms in GB18030, signed by MD5 over the sorted parameters.

The signature is the upper-case MD5 of `a=1&b=2&…&key=SECRET`, parameters sorted by name and not url-encoded, without
empty ones and `sign`. Time stands in `timestamp` as Chinese local time. An answer carries the request's `nonce` and is
signed the same way. MD5 with a key at the end withstands forgery, but not by much: the gateway must be reached over the
agency's own network or TLS.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

PATH = "/jtglfw/gateway"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=GB18030"
PING, VIOLATIONS, PAY = "ping", "wfcx.query", "fkjn.pay"
_ENCODING = "gb18030"
_MAX_PARAMETERS = 64
_DAY = re.compile(r"[0-9]{8}", re.ASCII)


class Violation(NamedTuple):
    """One row of `wfxx`, all text: 决定书编号, 日期 yyyymmdd, 行为代码, 罚款, 加处罚款, 记分, 交款标记 (1 paid)."""

    decision_number: str
    day: str
    code: str
    fine: str
    added: str
    points: str
    paid: str


def sign(key: str, parameters: Mapping[str, str]) -> str:
    """The `sign` of these parameters."""
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "sign" and parameters[name])
    # The gateway prescribes MD5.
    return hashlib.md5(f"{text}&key={key}".encode(_ENCODING), usedforsecurity=False).hexdigest().upper()


def write(key: str, parameters: Mapping[str, str]) -> bytes:
    """A signed form."""
    return urlencode({**parameters, "sign": sign(key, parameters)}, encoding=_ENCODING).encode("ascii")


def read(body: bytes) -> dict[str, str]:
    """The parameters of a form, `sign` among them; ValueError when it is none. The signature is not checked here."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), True, True, encoding=_ENCODING, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except (UnicodeDecodeError, ValueError):
        # `from None`: the parser's message would quote the form.
        raise ValueError("no form in GB18030") from None
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a parameter stands twice")
    return dict(pairs)


def write_rows(rows: Iterable[Violation]) -> str:
    """Rows as the gateway packs them: `|` between columns, `^` between rows."""
    return "^".join("|".join(row) for row in rows)


def read_rows(text: str) -> list[Violation]:
    """The rows in `wfxx`; ValueError for another number of columns or a day that is none."""
    rows = [tuple(row.split("|")) for row in text.split("^")] if text else []
    if any(len(row) != len(Violation._fields) or not _DAY.fullmatch(row[1]) for row in rows):
        raise ValueError("a row has other columns")
    return [Violation(*row) for row in rows]


def china_time(now: datetime) -> str:
    """An instant as the gateway writes it: Chinese local time without an offset, yyyyMMddHHmmss."""
    return (now + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def read_china_time(text: str) -> datetime:
    """The instant that the gateway wrote, aware UTC; ValueError for another spelling."""
    if not (text.isascii() and text.isdigit() and len(text) == 14):
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC) - timedelta(hours=8)
