"""Core of the hub's process: what is sealed to somebody else is nowhere in its memory, during a read and after it, nor
what an agency gives away in its errors.

Lending lives in the same process and opens what is sealed to `bank.lending` when it decides; so nobody asks it here for
this person, and all that the process ever has of the read is what any external recipient's read would leave in it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_sdk import Call

from connectors.gov_data.housing_fund.wire import sign_answer
from connectors.kit import sandbox_people
from tests.integration.citizens import Citizen, registered
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite

AGENCY, DATASET = "housing_fund", "housing_fund.account/v1"
WANTED = ("balance_fen", "base_fen", "employer_name", "monthly_deposit_fen")
CHUNK, OVERLAP = 1 << 22, 256
LEAST_DIGITS = 6


async def test_a_core_dump_of_the_hub_shows_nothing_that_was_sealed_to_somebody_else(shared_site: RunningSite) -> None:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    person = sandbox_people.DEMO_GAP
    pid = shared_site.supervisor.pid(HUB)
    async with registered(site, place, person) as citizen:
        grant = DatasetGrant(DATASET, WANTED, citizen.period())
        consent = parse_signed_consent((await citizen.granted([grant])).signed_consent)
        under_way = asyncio.create_task(_fetch(citizen, consent.artefact.id, grant, "memory-canary-1"))
        await asyncio.sleep(0.005)
        during = [pattern for pattern in _found(pid, _patterns(person.name, person.resident_id))]
        answer = await under_way
        await _refused(citizen, consent.artefact.id, grant)
        read = Read(b"", grant.id, grant.fields, grant.period, b"", b"", "memory-canary-1")
        payload = TakenOverHub.of(site, place).open(consent.artefact, read, answer)["data"]
    secrets = [person.name, person.resident_id, *_telling(payload)]
    assert len(secrets) >= 4, secrets
    assert during == []
    # The search finds what the process does have: the consent's id.
    assert list(_found(pid, _patterns(consent.artefact.id)))
    assert list(_found(pid, _patterns(*secrets))) == []


async def test_nor_what_an_agency_lets_slip_when_it_lies(shared_site: RunningSite) -> None:
    """It quotes the person in errors and headers, answers out of schema, and with the record of somebody else."""
    site, place = shared_site.site, shared_site.site.hub(HUB)
    person, other = sandbox_people.DEMO_GAP, sandbox_people.DEMO_TWO_EMPLOYERS
    pid = shared_site.supervisor.pid(HUB)
    lies = _lies(person, other)
    async with registered(site, place, person) as citizen:
        grant = DatasetGrant(DATASET, WANTED, citizen.period())
        consent = await citizen.granted([grant])
        async with _lying_in_place_of(shared_site, AGENCY) as agency:
            refused = 0
            for number, lie in enumerate(lies.values()):
                agency.next = lie
                try:
                    await _fetch(citizen, consent.consent_id, grant, f"memory-canary-lie-{number}")
                except HuilianError as error:
                    assert error.code.startswith("PROVIDER_")
                    refused += 1
                # An answer in between, or the hub's circuit would open and ask no more.
                await _fetch(citizen, consent.consent_id, grant, f"memory-canary-none-{number}")
                assert agency.told == number + 1
            # Where it may help the hub asks once more, and then is told that nobody is known.
            assert refused >= len(lies) // 2
            shown = (await citizen.hub.exchange.status()).SerializeToString()
    secrets = _patterns(person.name, person.resident_id, other.name, other.resident_id, *SLIPPED)
    assert not secrets.search(shown)
    assert list(_found(pid, _patterns(consent.consent_id)))
    assert list(_found(pid, secrets)) == []


@dataclass(frozen=True)
class Lie:
    """One answer of the agency, signed as its interface asks unless it is not."""

    content: dict[str, object] | str
    status: int = 200
    reason: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_signed: bool = True


HONEST = Lie({"code": "1001", "msg": "-"})
SLIPPED = ("7654321.98", "漏出的单位名称")


def _lies(person: sandbox_people.Person, other: sandbox_people.Person) -> dict[str, Lie]:
    said = f"{person.name} {person.resident_id} {SLIPPED[0]} {SLIPPED[1]}"
    record = {"xingming": person.name, "zjhm": person.resident_id, "grzhye": SLIPPED[0], "dwmc": SLIPPED[1]}
    somebody = {**record, "xingming": other.name, "zjhm": other.resident_id}
    header = {"X-Gjj-Message": f"{person.resident_id} {SLIPPED[0]}"}
    return {
        "an error page": Lie(said, 500, f"No {person.resident_id}", header, is_signed=False),
        "a refusal": Lie({"code": "7777", "msg": said}, headers=header),
        "a code that is a person": Lie({"code": person.resident_id, "msg": said}),
        "an answer that nobody signed": Lie({"code": "0000", "data": record}, is_signed=False),
        "no JSON": Lie(said),
        "another person": Lie({"code": "0000", "data": somebody}),
        "another schema": Lie({"code": "0000", "data": {**record, "grjcjs": said, "jcmx": [{said: said}]}}),
        "far too much": Lie(said * 200_000),
    }


class LyingAgency:
    """Stands in the place of the housing fund: tells the lie that is set once, and else that it knows nobody."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.next: Lie | None = None
        self.told = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Any request."""
        await request.read()
        lie, self.next = self.next or HONEST, None
        self.told += lie is not HONEST
        content = lie.content if isinstance(lie.content, str) else json.dumps(lie.content, ensure_ascii=False)
        body, headers = content.encode(), dict(lie.headers)
        if lie.is_signed:
            headers["X-Gjj-Signature"] = sign_answer(self._secret, request.headers["X-Gjj-Nonce"], body)
        return web.Response(body=body, status=lie.status, reason=lie.reason, headers=headers)


@asynccontextmanager
async def _lying_in_place_of(running: RunningSite, agency: str) -> AsyncIterator[LyingAgency]:
    """The agency's own stand-in is away meanwhile."""
    site = running.site
    secret = site.agency_secrets(agency)["secret"]
    liar, app = LyingAgency(secret), web.Application()
    app.router.add_route("*", "/{path:.*}", liar.answer)
    running.crash(f"{agency}.sandbox")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", site.port(f"{agency}.sandbox")).start()
        yield liar
    finally:
        await runner.cleanup()
        await running.restart(f"{agency}.sandbox")


async def _fetch(citizen: Citizen, consent_id: str, grant: DatasetGrant, request_id: str) -> object:
    return await citizen.hub.exchange.fetch(
        consent_id=consent_id, dataset_id=grant.id, fields=grant.fields, period=grant.period, call=Call(request_id)
    )


async def _refused(citizen: Citizen, consent_id: str, grant: DatasetGrant) -> None:
    """The texts of exceptions are in memory, too."""
    with pytest.raises(HuilianError):
        await _fetch(citizen, consent_id, replace(grant, fields=(*WANTED, "account_status")), "memory-canary-2")


def _telling(data: dict[str, object]) -> Iterator[str]:
    for value in data.values():
        if (isinstance(value, str) and not value.isascii()) or len(str(value)) >= LEAST_DIGITS:
            yield str(value)


def _patterns(*secrets: str) -> re.Pattern[bytes]:
    """Each text as Python, JSON and UTF-8 keep it in memory."""
    spellings = {form for secret in secrets for form in _spellings(secret)}
    return re.compile(b"|".join(re.escape(form) for form in sorted(spellings)))


def _spellings(secret: str) -> set[bytes]:
    return {secret.encode(), secret.encode("utf-16-le"), secret.encode("utf-32-le"), secret.encode("unicode_escape")}


def _found(pid: int, pattern: re.Pattern[bytes]) -> Iterator[bytes]:
    """What matches in any readable page of a process, as a core dump would hold it."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in _mappings(pid):
            place, tail = start, b""
            while place < end:
                try:
                    memory.seek(place)
                    data = memory.read(min(CHUNK, end - place))
                except OSError:
                    break  # unmapped since the list was read, or a device's page
                if not data:
                    break
                yield from {match.group() for match in pattern.finditer(tail + data)}
                tail, place = data[-OVERLAP:], place + len(data)


def _mappings(pid: int) -> list[tuple[int, int]]:
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
        lines = [line.split(maxsplit=5) for line in maps]
    spans = [line[0].split("-") for line in lines if "r" in line[1] and (len(line) < 6 or "[v" not in line[5])]
    return [(int(start, 16), int(end, 16)) for start, end in spans]
