"""The hub as a real process with its authorities and chain, on SQLite and PostgreSQL: serve, be killed, go on, stop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.artefact import Period
from huilian_protocol.errors import HuilianError
from huilian_sdk import Huilian, Person
from huilian_sdk._tokens import DeviceSigner
from huilian_sdk._transport import ClientCertificate
from huilian_sdk.authenticator import SoftwareAuthenticator

from connectors.kit.sandbox_people import DEMO_BORROWER
from deploy import launch
from deploy import site as places
from deploy.pki import SitePki
from deploy.process import ROOT, ProcessSpec, StartFailed, Supervisor, child_environment, python
from deploy.site import HubPlace, Site
from ledger.anchor.deploy import deploy_contract
from tests.support.databases import DatabaseMaker
from tests.support.nursery import ForkingSupervisor


class _HubForReal(ForkingSupervisor):
    """The hub itself is started as everywhere; the others are not what is tested here."""

    def _spawn(self, spec: ProcessSpec) -> Any:
        return Supervisor._spawn(self, spec) if spec.name == "hub-a" else super()._spawn(spec)


@dataclass
class RunningHub:
    """One hub with what it cannot do without: authorities and chain."""

    site: Site
    place: HubPlace
    supervisor: Supervisor

    def client(self, certificate: str = "", signer: DeviceSigner | None = None) -> Huilian:
        """A client of the public port, or of the partner port with a certificate."""
        ca = self.site.pki.issue("hub-a").ca.read_bytes()
        if not certificate:
            return Huilian.connect(f"localhost:{self.place.public_port}", root_certificates_pem=ca, signer=signer)
        files = self.site.pki.issue(certificate)
        pair = ClientCertificate(files.certificate.read_bytes(), files.key.read_bytes())
        address = f"localhost:{self.place.partner_port}"
        return Huilian.connect(address, root_certificates_pem=ca, client_certificate=pair)

    async def restart(self) -> None:
        """kill -9 and start again."""
        await self.supervisor.start(self.supervisor.kill(self.place.name))


@pytest_asyncio.fixture
async def running(tmp_path: Path, database_maker: DatabaseMaker) -> AsyncIterator[RunningHub]:
    database_url = await database_maker.empty_url() if database_maker.dialect == "postgres" else ""
    site = Site(tmp_path, SitePki(tmp_path / "pki", datetime.now(UTC)), database_url=database_url)
    supervisor, place = _HubForReal(tmp_path), site.hub("hub-a")
    try:
        await supervisor.start_all(places.authority_specs(site))
        published = await launch.published(supervisor, launch.hub_spec(site, place))
        await supervisor.start(places.chain_spec(site, {published["origin"]: published["chain_address"]}))
        contract = await deploy_contract(site.chain_url, site.chain_admin(), [published["chain_address"]])
        await launch.write_trust(site, [published], {}, contract)
        await supervisor.start(launch.hub_spec(site, place))
        yield RunningHub(site, place, supervisor)
    finally:
        supervisor.stop_all()


async def _register(hub: RunningHub, device: SoftwareAuthenticator) -> str:
    async with hub.client() as anonymous:
        keys = await anonymous.identity.key_set()
        authority = next(key for key in keys.sealing_keys if key.party_id == "identity_authority")
        person = Person.create(DEMO_BORROWER.name, DEMO_BORROWER.resident_id)
        sealed = person.seal_registration(authority.public_key)
        return (await anonymous.identity.register_person(sealed, device.public_jwk)).subject


async def test_kill_9_loses_nothing_sigterm_ends_cleanly_and_no_other_chain_will_do(
    running: RunningHub,
) -> None:
    device = SoftwareAuthenticator.generate(rp_id=places.RP_ID, origin=places.WEB_ORIGIN)
    subject = await _register(running, device)
    await _is_a_known_citizen(running, subject, device)
    moved = await _fund_and_move_the_clock(running)
    await _refused_call(running, subject, device)
    await running.restart()
    await _refusal_is_on_record(running, subject, device)
    await _is_a_known_citizen(running, subject, device)
    await _balance_and_clock_are_as_they_were(running, moved)
    _, process = running.supervisor._running[running.place.name]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 10) == 0
    assert '"event": "hub.stopped"' in running.supervisor.log_tail(running.place.name)
    await _does_not_serve_on_another_chain_than_the_pinned_one(running)


async def _is_a_known_citizen(running: RunningHub, subject: str, device: SoftwareAuthenticator) -> None:
    async with running.client(signer=DeviceSigner(subject, device)) as person:
        assert [consent async for consent in person.consents.list()] == []
        with pytest.raises(HuilianError, match="PERMISSION_DENIED"):
            await person.sandbox.fund(subject, 100)


async def _refused_call(running: RunningHub, subject: str, device: SoftwareAuthenticator) -> None:
    dataset, period = "housing_fund.account/v1", Period("2025-03", "2026-02")
    async with running.client(signer=DeviceSigner(subject, device)) as person:
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await person.exchange.fetch(
                consent_id="consent-unknown1", dataset_id=dataset, fields=("balance_fen",), period=period
            )


async def _refusal_is_on_record(running: RunningHub, subject: str, device: SoftwareAuthenticator) -> None:
    """The process that answered it was killed at once; the next one records it when it starts."""
    async with running.client(signer=DeviceSigner(subject, device)) as person:
        for _ in range(100):
            found = [record async for record in person.exchange.access_records()]
            if found:
                break
            await asyncio.sleep(0.1)
    assert [(each.outcome, each.recipient_id, each.times) for each in found] == [("NOT_FOUND", subject, 1)]


async def _fund_and_move_the_clock(running: RunningHub) -> datetime:
    async with running.client("operator.desk") as operator:
        assert await operator.sandbox.fund(places.BUYER_USCC, 12_345) == 12_345
        before = await operator.sandbox.now()
        moved = await operator.sandbox.move_clock(before + timedelta(days=90))
        assert timedelta(days=90) <= moved - before < timedelta(days=90, seconds=30)
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await operator.sandbox.move_clock(before)
        return moved


async def _balance_and_clock_are_as_they_were(running: RunningHub, moved: datetime) -> None:
    async with running.client("operator.desk") as operator:
        assert await operator.sandbox.now() >= moved
    async with running.client(places.BUYER_USCC) as owner:
        assert await owner.sandbox.balance(places.BUYER_USCC) == 12_345
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await owner.sandbox.balance("91350100M000100Y43")


async def _does_not_serve_on_another_chain_than_the_pinned_one(running: RunningHub) -> None:
    hub, chain = running.supervisor.kill(running.place.name), running.supervisor.kill("chain")
    other = [
        argument.replace(str(places.CHAIN_ID), "999").replace("chain.sqlite3", "other.sqlite3")
        for argument in chain.arguments
    ]
    await running.supervisor.start(replace(chain, arguments=other))
    with pytest.raises(StartFailed, match="WrongChain"):
        await running.supervisor.start(hub)


def test_a_hub_that_cannot_start_says_why_and_ends(tmp_path: Path) -> None:
    site = Site(tmp_path, SitePki(tmp_path / "pki", datetime.now(UTC)))
    spec = launch.hub_spec(site, site.hub("hub-a"))
    site.trust_file.write_text("{}")
    command = python("-m", "hub.main")
    environment = child_environment(spec)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.partition(" has ")[0]) == (2, "hub: trust anchors")
    environment["HUILIAN_COLOUR"] = "red"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "hub: HUILIAN_COLOUR: unknown variable\n")
