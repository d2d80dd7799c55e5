"""The connector's process as it runs in production: real processes, mTLS, settings, restarts, kill -9."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.artefact import Artefact, DatasetGrant
from huilian_protocol.clock import FixedClock, SystemClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks, thumbprint
from huilian_protocol.sealing import SealingKey, Suite, key_id
from huilian_protocol.status import from_rpc_error
from huilian_protocol.trust import TrustAnchors

from connectors.kit.acceptance.world import HUB_ORIGIN, ORIGIN, PERIOD, RP_ID, Device, World, open_answer, seal_subject
from connectors.kit.keys import SEALING_SUITE, load_edge_keys
from connectors.kit.requests import ReadAnswer, ReadRequest
from connectors.kit.sandbox_people import DEMO_BORROWER
from deploy.pki import SitePki, TlsFiles
from deploy.process import ProcessSpec, Supervisor, free_port, port_open, python
from tests.contract.connectors.hub_stand_in import RevocationList, running_hub
from tests.unit.protocol.world import trust_dict

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"
FIELDS = ("account_status", "balance_fen")


@dataclass
class Site:
    """A hub stand-in, an agency sandbox and its connector, each where it belongs."""

    world: World
    revocations: RevocationList
    supervisor: Supervisor
    spec: ProcessSpec
    tls: TlsFiles
    port: int

    async def stub(self, stack: AsyncExitStack, tls: TlsFiles | None = None):  # type: ignore[no-untyped-def]
        files = tls or self.tls
        credentials = grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        channel = await stack.enter_async_context(grpc.aio.secure_channel(f"localhost:{self.port}", credentials))
        return connector_service_pb2_grpc.ConnectorServiceStub(channel)

    def artefact(self, device: Device, max_reads: int) -> Artefact:
        now = datetime.now(UTC).replace(microsecond=0)
        return self.world.artefact(
            device,
            DATASET,
            FIELDS,
            datasets=(DatasetGrant(DATASET, FIELDS, PERIOD),),
            max_reads=max_reads,
            valid_from=now - timedelta(hours=1),
            valid_until=now + timedelta(days=1),
        )


def _trust(world: World, path: Path) -> Path:
    zero = "0x" + "0" * 40
    hub = {
        "origin": HUB_ORIGIN,
        "signing_keys": keys_to_jwks([world.hub.public_key()]),
        "log_vkey": "unused",
        "chain_address": zero,
    }
    anchors = {
        "identity_authority_keys": keys_to_jwks([world.authority.public_key()]),
        "enterprise_ca": "unused",
        "hubs": [hub],
        "chain": {"chain_id": 1, "contract": zero},
        "rp_id": RP_ID,
        "origin": ORIGIN,
    }
    path.write_text(json.dumps(anchors))
    return path


@asynccontextmanager
async def running_site(folder: Path) -> AsyncIterator[Site]:
    clock = SystemClock()
    world, revocations = World(clock=FixedClock(clock.now())), RevocationList(clock)
    pki = SitePki(folder / "pki", clock.now())
    hub_tls, edge_tls = pki.issue("hub"), pki.issue("housing_fund")
    supervisor, upstream, port = Supervisor(folder), free_port(), free_port()
    credentials = folder / "credentials.json"
    async with running_hub(revocations, hub_tls) as hub_port:
        sandbox = ProcessSpec(
            "sandbox",
            python("-m", "connectors.kit.sandbox_host", PACKAGE),
            port_open(upstream),
            {"HUILIAN_LISTEN": f"127.0.0.1:{upstream}", "HUILIAN_UPSTREAM_CREDENTIALS_FILE": str(credentials)},
        )
        environment = {
            "HUILIAN_LISTEN": f"127.0.0.1:{port}",
            "HUILIAN_TLS_CERTIFICATE_FILE": str(edge_tls.certificate),
            "HUILIAN_TLS_KEY_FILE": str(edge_tls.key),
            "HUILIAN_TLS_CA_FILE": str(edge_tls.ca),
            "HUILIAN_ALLOWED_CLIENTS": "hub",
            "HUILIAN_STATE_DIR": str(folder / "state"),
            "HUILIAN_TRUST_ANCHORS_FILE": str(_trust(world, folder / "trust.json")),
            "HUILIAN_HUB_ORIGIN": HUB_ORIGIN,
            "HUILIAN_HUB_ADDRESS": f"127.0.0.1:{hub_port}",
            "HUILIAN_UPSTREAM_URL": f"http://127.0.0.1:{upstream}",
            "HUILIAN_UPSTREAM_CREDENTIALS_FILE": str(credentials),
        }
        host = ProcessSpec("host", python("-m", "connectors.kit.host", PACKAGE), port_open(port), environment)
        try:
            await supervisor.start(sandbox)
            await supervisor.start(host)
            yield Site(world, revocations, supervisor, host, hub_tls, port)
        finally:
            supervisor.stop_all()


def _read_request(site: Site, described: pb.DescribeResponse, artefact: Artefact, device: Device, number: int):  # type: ignore[no-untyped-def]
    return pb.ReadRequest(
        request_id=f"request-{number:08d}",
        signed_consent=site.world.consent(device, artefact).to_bytes(),
        dataset_id=DATASET,
        fields=FIELDS,
        period=common_pb2.MonthPeriod(from_month=PERIOD.from_month, to_month=PERIOD.to_month),
        sealed_subject=seal_subject(device, artefact, described.agency_id, described.sealing_public_key),
        recipient_public_key=site.world.recipient.public,
    )


async def _read(stub, request: pb.ReadRequest) -> pb.ReadResponse:  # type: ignore[no-untyped-def]
    """Read, waiting while the edge has not yet heard from the hub."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await stub.Read(request, timeout=5, wait_for_ready=True)
            except grpc.RpcError as error:
                refusal = from_rpc_error(error)
                if refusal.code != "REVOCATIONS_STALE":
                    raise refusal from error
            await asyncio.sleep(0.05)


async def test_read_revoke_kill_and_restart(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, AsyncExitStack() as stack:
        stub = await site.stub(stack)
        described = await stub.Describe(pb.DescribeRequest(), timeout=5, wait_for_ready=True)
        assert (described.agency_id, described.sandbox) == ("housing_fund", True)
        assert {field.name for field in described.datasets[0].fields} >= set(FIELDS)
        assert (await stub.Check(pb.CheckRequest(), timeout=5)).is_up

        device = site.world.device(DEMO_BORROWER)
        artefact = site.artefact(device, max_reads=2)
        first = _read_request(site, described, artefact, device, 1)
        answer = await _read(stub, first)
        request = ReadRequest(first.request_id, b"", DATASET, FIELDS, PERIOD, b"", b"")
        sealed = ReadAnswer(answer.envelope, answer.edge_signature, datetime.now(UTC))
        payload = open_answer(site.world.recipient, artefact, request, sealed)
        assert payload["data"]["account_status"] == "NORMAL"

        spec = site.supervisor.kill("host")
        await site.supervisor.start(spec)
        assert await _read(stub, first) == answer, "a retry after a crash gets the first answer"
        again = await stub.Describe(pb.DescribeRequest(), timeout=5)
        assert again == described, "keys survive a crash"
        await _read(stub, _read_request(site, described, artefact, device, 2))
        with pytest.raises(HuilianError, match="CONSENT_EXHAUSTED"):
            await _read(stub, _read_request(site, described, artefact, device, 3))

        revoked = site.artefact(device, max_reads=2)
        await _read(stub, _read_request(site, described, revoked, device, 4))
        site.revocations.revoke(revoked.id)
        await asyncio.sleep(0.5)
        site.supervisor.kill("host")
        await site.supervisor.start(spec)
        with pytest.raises(HuilianError, match="CONSENT_REVOKED"):
            await _read(stub, _read_request(site, described, revoked, device, 5))


async def test_only_listed_clients_and_well_formed_requests(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, AsyncExitStack() as stack:
        stranger = SitePki(tmp_path / "pki", datetime.now(UTC)).issue("stranger")
        stub = await site.stub(stack, stranger)
        with pytest.raises(grpc.RpcError) as refusal:
            await stub.Describe(pb.DescribeRequest(), timeout=5, wait_for_ready=True)
        assert from_rpc_error(refusal.value).code == "PERMISSION_DENIED"
        stub = await site.stub(stack)
        with pytest.raises(grpc.RpcError) as refusal:
            await stub.Read(pb.ReadRequest(request_id="x"), timeout=5, wait_for_ready=True)
        assert from_rpc_error(refusal.value).code == "INVALID_ARGUMENT"
        foreign = SitePki(tmp_path / "other", datetime.now(UTC)).issue("hub")
        credentials = grpc.ssl_channel_credentials(
            site.tls.ca.read_bytes(), foreign.key.read_bytes(), foreign.certificate.read_bytes()
        )
        channel = await stack.enter_async_context(grpc.aio.secure_channel(f"localhost:{site.port}", credentials))
        with pytest.raises(grpc.RpcError):
            await connector_service_pb2_grpc.ConnectorServiceStub(channel).Describe(pb.DescribeRequest(), timeout=3)
        assert site.supervisor.stop_all() == [], "SIGTERM is enough"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "HUILIAN_LISTEN"),
        ({"HUILIAN_LISTEN": "here"}, "HUILIAN_LISTEN"),
        ({"HUILIAN_LISTENN": "127.0.0.1:1"}, "HUILIAN_LISTENN: unknown variable"),
    ],
)
async def test_settings_are_named(environment: dict[str, str], named: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUILIAN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.kit.host", PACKAGE),
        stderr=asyncio.subprocess.PIPE,
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert named in said.decode()


async def test_an_interrupt_stops_it_cleanly(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site:
        process = site.supervisor._running["host"][1]
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 10) == 0


async def _keys(state: Path, *command: str, **environment: str) -> tuple[int | None, bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUILIAN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.kit.host", PACKAGE, *(command or ("keys",))),
        stdout=asyncio.subprocess.PIPE,
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), "HUILIAN_STATE_DIR": str(state), **environment},
    )
    said, _ = await process.communicate()
    return process.returncode, said


async def test_an_edge_tells_its_keys_before_it_ever_served(tmp_path: Path) -> None:
    status, said = await _keys(tmp_path / "state")
    assert status == 0
    assert await _keys(tmp_path / "state", HUILIAN_LISTEN="127.0.0.1:1") == (0, said), "the same keys again"
    keys = load_edge_keys(tmp_path / "state")
    value = trust_dict() | {"agencies": json.loads(said)}
    pinned = TrustAnchors.from_dict(value)
    pinned.check_agency_key("housing_fund", SealingKey(SEALING_SUITE, keys.sealing.public))
    pinned.check_agency_signing_key("housing_fund", thumbprint(keys.signing.public_key()))


async def test_an_edges_keys_rotate_by_command(tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = load_edge_keys(state)
    first = running.sealing.public
    for _ in range(2):
        status, said = await _keys(state, "rotate", "sealing", HUILIAN_SEALING_SUITE="x25519")
        assert status == 0
    assert (running.sealing_suite, len(running.sealing.public)) == (Suite.X25519, 32)
    assert [key.public_key for key in running.sealing_keys()] == [running.sealing.public, first]
    assert json.loads(said)["housing_fund"]["sealing_keys"] == [key.to_dict() for key in running.sealing_keys()]
    assert running.opening_key(key_id(first)) != running.sealing.private
    assert (await _keys(state, "rotate", "everything"))[0] == 2
