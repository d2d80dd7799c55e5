"""A stand-in for the courts' enforcement information centre (执行信息中心). SANDBOX: all data is invented."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.gov_data.court_enforcement import wire
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_companies import company_by_uscc
from connectors.kit.sandbox_people import Person, population
from connectors.kit.sandbox_server import CHINA, Fault, Route, SandboxContext, make_app_of, today_in_china
from connectors.kit.upstream import is_same

PUBLISHED_AT = time(6, tzinfo=CHINA)
_COURTS = ("沙盒市第一人民法院", "沙盒市第二人民法院", "沙盒区人民法院")
_FIRST_FILED = date(2025, 1, 6)


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets: the token for downloads, and the court's key pair, of which a connector needs the public half."""
    private = Ed25519PrivateKey.from_private_bytes(random_bytes(32))
    return {
        "token": random_bytes(24).hex(),
        "publisher_private_key": private.private_bytes_raw().hex(),
        "publisher_public_key": private.public_key().public_bytes_raw().hex(),
    }


class CourtEnforcement:
    """The publisher: a file for every day since 2026, the day's at six in the morning."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    async def content(self, request: web.Request, _: bytes) -> web.Response:
        """A day's file, or 404 before it is published."""
        content = self._file_for(request)
        return web.Response(body=content) if content is not None else web.Response(status=404)

    async def signature(self, request: web.Request, _: bytes) -> web.Response:
        """The signature over a day's file."""
        content = self._file_for(request)
        if content is None:
            return web.Response(status=404)
        return web.Response(body=wire.sign(self._context.credentials["publisher_private_key"], content))

    def _file_for(self, request: web.Request) -> bytes | None:
        if not is_same(self._context.credentials["token"], request.headers.get(wire.TOKEN_HEADER)):
            raise web.HTTPForbidden
        day = datetime.strptime(request.match_info["day"], "%Y%m%d").replace(tzinfo=CHINA).date()
        published_at = datetime.combine(day, PUBLISHED_AT)
        now = self._context.clock.now()
        if published_at > now or today_in_china(now) - day > timedelta(days=30):
            return None
        return self._write(wire.DailyFile(published_at, cases_on(day)))

    def _write(self, file: wire.DailyFile) -> bytes:
        fault = self._context.faults.active
        if fault is Fault.WRONG_PERSON:
            return wire.write(file, issuer="SOMEBODY")
        content = wire.write(file)
        return content.replace(b"01\r\n", b"77\r\n") if fault is Fault.BROKEN_SCHEMA else content


@functools.lru_cache(maxsize=8)
def cases_on(day: date) -> tuple[wire.Case, ...]:
    """Every case that the file of this day lists."""
    return tuple(_cases_on(day))


def _cases_on(day: date) -> Iterator[wire.Case]:
    for person in population().values():
        rng = random.Random(f"court {person.resident_id}")  # noqa: S311  repeatable on purpose
        for number, status in enumerate(_statuses(person, day, rng), start=1):
            yield _case(person, number, status, rng)


def _statuses(person: Person, day: date, rng: random.Random) -> tuple[str, ...]:
    """The cases that a person of this kind has."""
    if person.kind == "dishonest_debtor":
        return (wire.DISHONEST, wire.ENFORCING, wire.CLOSED)[: rng.randint(1, 3)]
    if person.kind == "arrears" and rng.random() < 0.5:
        return (wire.ENFORCING, wire.CLOSED)[: rng.randint(1, 2)]
    if person.kind == "corrected" and not person.is_put_right(day):
        # Listed by mistake; from the day of the correction on, the file knows nothing of it.
        return (wire.DISHONEST,)
    company = company_by_uscc(person.represents) if person.represents is not None else None
    if company is not None and company.standing == "dishonest":
        return (wire.RESTRICTED,)
    return ()


def _case(person: Person, number: int, status: str, rng: random.Random) -> wire.Case:
    filed = _FIRST_FILED + timedelta(days=rng.randrange(600))
    court = rng.choice(_COURTS)
    owed_fen = 0 if status == wire.CLOSED else rng.randrange(50_000, 90_000_000)
    serial = f"（{filed.year}）沙0{_COURTS.index(court) + 1}执{rng.randrange(1, 99_999)}号之{number}"
    return wire.Case(person.name, person.resident_id, serial, court, filed, owed_fen, status)


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    court = CourtEnforcement(context)
    routes = [
        Route("GET", "/zxxx/daily/{day:[0-9]{8}}.dat", court.content),
        Route("GET", "/zxxx/daily/{day:[0-9]{8}}.sig", court.signature, is_question=False),
    ]
    return make_app_of("人民法院执行信息中心", routes, context.faults)
