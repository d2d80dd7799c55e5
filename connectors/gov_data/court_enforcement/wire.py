"""The court's daily file: fixed-width records in GB18030, widths in bytes, CRLF ends, a detached Ed25519 signature.

A first line `H` (issuer, time of publication), one line `D` per case and person, a last line `T` (count of cases, sum
of amounts). Widths count bytes: a Chinese character takes two (four for a rare one), so a line must be cut before it
is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ISSUER = "SPC-ZXXX"
CHINA = timezone(timedelta(hours=8))
TOKEN_HEADER = "X-Zxxx-Token"  # noqa: S105  a header's name
ENFORCING, DISHONEST, RESTRICTED, CLOSED = "01", "02", "03", "09"
_ENCODING = "gb18030"
_HEAD_WIDTHS = (1, 12, 14)
# Marker, name, resident ID, case number, court, date filed, amount in fen, status.
_CASE_WIDTHS = (1, 40, 18, 60, 60, 8, 15, 2)
_TRAILER_WIDTHS = (1, 8, 18)


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One enforcement case against one person. `amount_fen` is what is still owed; `status` is the court's code."""

    name: str
    resident_id: str
    number: str
    court: str
    filed: date
    amount_fen: int
    status: str


@dataclass(frozen=True, repr=False)
class DailyFile:
    """A day's file; `published_at` is aware."""

    published_at: datetime
    cases: tuple[Case, ...]

    @property
    def day(self) -> date:
        """The day (China) that the file is about."""
        return self.published_at.astimezone(CHINA).date()


def content_path(day: date) -> str:
    """Where the file of a day stands."""
    return f"/zxxx/daily/{day:%Y%m%d}.dat"


def signature_path(day: date) -> str:
    """Where the signature of a day's file stands."""
    return f"/zxxx/daily/{day:%Y%m%d}.sig"


def write(file: DailyFile, issuer: str = ISSUER) -> bytes:
    """The file's bytes; ValueError when a value does not fit its width."""
    published = file.published_at.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    total_fen = sum(case.amount_fen for case in file.cases)
    lines = [_line(_HEAD_WIDTHS, ("H", issuer, published))]
    lines += [_line(_CASE_WIDTHS, _cells(case)) for case in file.cases]
    lines.append(_line(_TRAILER_WIDTHS, ("T", f"{len(file.cases):08d}", f"{total_fen:018d}")))
    return b"".join(lines)


def read(content: bytes, day: date) -> DailyFile:
    """The file in these bytes; ValueError when it is damaged, cut, of another issuer or of another day."""
    lines = content.split(b"\r\n")
    if len(lines) < 3 or lines[-1] != b"":
        raise ValueError("the file is cut off")
    marker, issuer, published = _cut(lines[0], _HEAD_WIDTHS)
    if (marker, issuer) != ("H", ISSUER):
        raise ValueError("another issuer's file")
    file = DailyFile(_time(published), tuple(_case(line) for line in lines[1:-2]))
    _check_trailer(lines[-2], file.cases)
    if file.day != day:
        raise ValueError("the file of another day")
    return file


def sign(private_key_hex: str, content: bytes) -> bytes:
    """The detached signature over a file."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_key_hex)).sign(content)


def is_signed(public_key_hex: str, content: bytes, signature: bytes) -> bool:
    """Whether the court signed exactly these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex)).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _cells(case: Case) -> Sequence[str]:
    filed = case.filed.strftime("%Y%m%d")
    return ("D", case.name, case.resident_id, case.number, case.court, filed, f"{case.amount_fen:015d}", case.status)


def _line(widths: Sequence[int], cells: Sequence[str]) -> bytes:
    parts = [cell.encode(_ENCODING).ljust(width) for cell, width in zip(cells, widths, strict=True)]
    if any(len(part) > width for part, width in zip(parts, widths, strict=True)):
        raise ValueError("a value is wider than its column")
    return b"".join(parts) + b"\r\n"


def _cut(line: bytes, widths: Sequence[int]) -> tuple[str, ...]:
    if len(line) != sum(widths):
        raise ValueError("a line has another width")
    return tuple(_columns(line, widths))


def _columns(line: bytes, widths: Sequence[int]) -> Iterator[str]:
    start = 0
    for width in widths:
        # `from None`: the decoder's message would quote the line.
        try:
            yield line[start : start + width].decode(_ENCODING).rstrip(" ")
        except UnicodeDecodeError:
            raise ValueError("a column is no GB18030") from None
        start += width


def _case(line: bytes) -> Case:
    marker, name, resident_id, number, court, filed, amount, status = _cut(line, _CASE_WIDTHS)
    if marker != "D" or status not in (ENFORCING, DISHONEST, RESTRICTED, CLOSED) or not (name and number and court):
        raise ValueError("a case breaks the format")
    return Case(name, resident_id, number, court, _time(filed + "000000").date(), _number(amount), status)


def _check_trailer(line: bytes, cases: Sequence[Case]) -> None:
    marker, count, total = _cut(line, _TRAILER_WIDTHS)
    if marker != "T" or _number(count) != len(cases) or _number(total) != sum(case.amount_fen for case in cases):
        raise ValueError("the last line counts something else")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a number is not written in digits")
    return int(text)


def _time(text: str) -> datetime:
    _number(text)
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
    except ValueError:
        raise ValueError("a date is not written yyyymmdd") from None
