"""After real reads no personal value lies anywhere in the hub's folder, its logs, or what the edges keep.

Values are looked for in every spelling in which careless software would leave them. One kind of file is not searched: a
day's file that the court itself published and signed, in the state folder of the court's own edge.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.canonical import canonicalise
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status
from huilian_sdk import Call, Person

from connectors.gov_data.court_enforcement import sandbox as court
from connectors.gov_data.court_enforcement import wire as court_wire
from connectors.kit import sandbox_people
from connectors.kit.keys import write_private
from connectors.kit.plugin import connector_folder
from deploy.site import AGENCIES, Site
from tests.integration.citizens import Citizen, authority_key, registered
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite, new_site

LOAN_FEN, TERM_DAYS = 1_000_000, 90
LEAST_DIGITS = 6  # shorter numbers turn up by chance in hashes and timestamps
ROUND_FEN = 1_000  # whole tens of yuan are fees, fines and limits of anybody
COURT = "court_enforcement"
DATASETS_OF_A_PERSON = 8


async def test_nothing_personal_stays_with_the_hub_or_the_edges(shared_site: RunningSite) -> None:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    person = sandbox_people.DEMO_TWO_EMPLOYERS
    async with registered(site, place, person) as citizen:
        payloads = await _read_everything(TakenOverHub.of(site, place), citizen)
        said = [*await _be_refused(citizen), await _published(citizen)]
    secrets = {person.name, person.resident_id, *_telling(payloads)}
    assert len(secrets) >= 6, secrets
    in_the_clear = canonicalise(payloads) + canonicalise([person.name, person.resident_id])
    assert all(_found_in(in_the_clear, secret) for secret in secrets), "the search itself works"
    places = list(_files(site, place.folder))
    assert any(path.name == "hub.sqlite" for path in places) and any(path.name == "hub-a.log" for path in places)
    assert _leaks(places, secrets) == []
    assert [secret for secret in secrets for told in said if _found_in(told, secret)] == []


def test_the_search_spares_nothing_but_what_the_court_signed(tmp_path: Path) -> None:
    """A record of its own choice in the court's folder is as much of a leak as anywhere else."""
    keys = court.new_credentials(os.urandom)
    site = new_site(tmp_path)
    write_private(_credentials_of(site), json.dumps(keys).encode())
    folder = connector_folder(tmp_path / COURT)
    (folder / "20261121.dat").write_bytes(b"2613457")
    (folder / "20261121.sig").write_bytes(court_wire.sign(keys["publisher_private_key"], b"2613457"))
    assert _leaks(list(_kept(site, [tmp_path / COURT])), {"2613457"}) == []
    for name, content in (("20261121.dat", b"2613457 "), ("20261120.dat", b"2613457"), ("20261121.log", b"2613457")):
        (folder / name).write_bytes(content)
        assert _leaks(list(_kept(site, [tmp_path / COURT])), {"2613457"}) == [f"2613457 in {name}"]
        (folder / name).write_bytes(b"2613457" if name == "20261121.dat" else b"")


async def _read_everything(bank: TakenOverHub, citizen: Citizen) -> list[dict[str, Any]]:
    """Reads through the hub; opened with the bank's key, which the exchange does not use."""
    offered = (await citizen.hub.exchange.datasets()).datasets
    assert {dataset.agency_id for dataset in offered} == set(AGENCIES)
    datasets = [
        DatasetGrant(item.dataset_id, tuple(sorted(field.name for field in item.fields)), citizen.period())
        for item in offered
    ]
    consent = parse_signed_consent((await citizen.granted(datasets)).signed_consent)
    opened = []
    for number, grant in enumerate(consent.artefact.datasets):
        request_id = f"canary-read-{number}"
        answer = await _fetch(citizen, consent.artefact.id, grant, request_id)
        read = Read(b"", grant.id, grant.fields, grant.period, b"", b"", request_id)
        payload = bank.open(consent.artefact, read, answer)
        opened.append(payload["data"])
    # She represents no enterprise and has no case at court.
    assert sum(map(bool, opened)) == DATASETS_OF_A_PERSON - 1
    # The bank's own decision opens the data inside the hub's process; it may keep it for the person's eyes only.
    application = await citizen.hub.loans.apply(
        consent_id=consent.artefact.id, amount_fen=LOAN_FEN, term_days=TERM_DAYS, application_id="canary-loan-0001"
    )
    assert application.state in (pb.FLASH_LOAN_STATE_OFFERED, pb.FLASH_LOAN_STATE_REJECTED)
    return opened


async def _fetch(citizen: Citizen, consent_id: str, grant: DatasetGrant, request_id: str) -> Any:
    return await citizen.hub.exchange.fetch(
        consent_id=consent_id, dataset_id=grant.id, fields=grant.fields, period=grant.period, call=Call(request_id)
    )


async def _published(citizen: Citizen) -> bytes:
    """What anybody may see of how reads go."""
    return (await citizen.hub.exchange.status()).SerializeToString()


async def _be_refused(citizen: Citizen) -> list[bytes]:
    """Refusals are logged and recorded too: by the hub for a field too many, by the authority for a wrong name.

    Answers what the caller is told, as it is on the wire.
    """
    consent = await citizen.granted()
    with pytest.raises(HuilianError) as first:
        await _fetch(citizen, consent.consent_id, citizen.grant_of(["balance_fen"]), "canary-refused-1")
    misspelt = Person(replace(citizen.person.identity, name=citizen.person.identity.name + "某"))
    suite, key = await authority_key(citizen.hub)
    with pytest.raises(HuilianError) as refusal:
        sealed = misspelt.seal_registration(key, suite=suite)
        await citizen.hub.identity.register_person(sealed, citizen.device.public_jwk)
    assert refusal.value.code == "PERSON_NOT_VERIFIED"
    return [to_rpc_status(error).SerializeToString() for error in (first.value, refusal.value)]


def _telling(value: Any) -> Iterator[str]:
    """Every value inside that would tell something about a person if it were found."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _telling(item)
    elif isinstance(value, str) and not value.isascii():
        yield value
    elif isinstance(value, int) and len(str(value)) >= LEAST_DIGITS and value % ROUND_FEN:
        yield str(value)


def _files(site: Site, hub_folder: Path) -> Iterator[Path]:
    """What the hub and the edges keep, and what they wrote to their logs. The agencies' own sandboxes may know."""
    yield from _kept(site, [hub_folder, *(site.folder / agency for agency in AGENCIES)])
    names = [HUB, *AGENCIES, "identity_authority", "mini_program_api"]
    yield from (site.folder / "logs" / f"{name}.log" for name in names)


def _kept(site: Site, folders: Iterable[Path]) -> Iterator[Path]:
    own = connector_folder(site.folder / COURT)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.parent != own or path.suffix != ".dat" or not _is_of_the_court(site, path):
            yield path


def _is_of_the_court(site: Site, path: Path) -> bool:
    key = json.loads(_credentials_of(site).read_bytes())["publisher_public_key"]
    signature = path.with_suffix(".sig")
    return signature.exists() and court_wire.is_signed(key, path.read_bytes(), signature.read_bytes())


def _credentials_of(site: Site) -> Path:
    folder = site.folder / f"{COURT}.sandbox"
    folder.mkdir(exist_ok=True)
    return folder / "credentials.json"


def _leaks(places: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    wanted = sorted(secrets)
    contents = ((path.name, path.read_bytes()) for path in places)
    return [f"{secret} in {name}" for name, data in contents for secret in wanted if _found_in(data, secret)]


def _found_in(data: bytes, secret: str) -> bool:
    return any(spelling in data for spelling in _spellings(secret))


def _spellings(secret: str) -> Iterator[bytes]:
    utf8 = secret.encode()
    yield utf8
    yield secret.encode("gb18030")
    yield secret.encode("utf-16-le")
    yield utf8.hex().encode()
    yield json.dumps(secret)[1:-1].encode()
    yield quote(secret).encode()
    if not secret.isdigit():
        # Inside base64 a text looks different for each of three places; its ends mix with its neighbours.
        for shift in range(3):
            encoded = base64.b64encode(bytes(shift) + utf8).rstrip(b"=")
            inner = encoded[4 if shift else 0 : -2]
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")
