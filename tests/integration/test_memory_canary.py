"""Core of the hub's process: what is sealed to somebody else is nowhere in its memory, during a read and after it.

Lending lives in the same process and opens what is sealed to `bank.lending` when it decides; so nobody asks it here for
this person, and all that the process ever has of the read is what any external recipient's read would leave in it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_sdk import Call

from connectors.kit import sandbox_people
from tests.integration.citizens import Citizen, registered
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite

DATASET = "housing_fund.account/v1"
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
