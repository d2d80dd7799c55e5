"""Actions over the wire, and through kill -9: a real process dies at every point, and the fine is paid once."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.action import verify_result
from huilian_protocol.clock import FixedClock
from huilian_protocol.jose import jwk_to_public_key, thumbprint

from connectors.gov_data.traffic_police.acceptance import ACTION_CASES
from connectors.kit.acceptance.actions import Payer
from connectors.kit.acceptance.cases import ActionCase
from connectors.kit.acceptance.edge import Edge, build_edge, running_edge
from connectors.kit.acceptance.upstream import Upstream
from connectors.kit.acceptance.world import NOW, World, open_result
from connectors.kit.contract import Connector
from connectors.kit.credentials import Credentials
from connectors.kit.keys import load_edge_keys
from connectors.kit.manifest import load_manifest
from connectors.kit.plugin import ConnectorContext, build_connector, limits_of
from connectors.kit.requests import ActRequest
from connectors.kit.rpc import ConnectorServicer
from connectors.kit.sandbox_server import Faults
from deploy.process import free_port

PACKAGE = "connectors.gov_data.traffic_police"
CASE: ActionCase = ACTION_CASES[0]


async def test_act_over_the_wire(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        server = grpc.aio.server()
        servicer = ConnectorServicer(edge.service, edge.actions)
        connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = connector_service_pb2_grpc.ConnectorServiceStub(channel)
            described = await stub.Describe(pb.DescribeRequest())
            artefact, request = Payer(edge, CASE).order()
            message = pb.ActRequest(
                **{field.name: getattr(request, field.name) for field in pb.ActRequest.DESCRIPTOR.fields}
            )
            answer = await stub.Act(message)
        await server.stop(0)
    assert [action.action_id for action in described.actions] == [CASE.action]
    assert described.actions[0].needs_exact_consent
    key = jwk_to_public_key(json.loads(described.edge_signing_key_jwk))
    verify_result(
        answer.edge_signature,
        {thumbprint(key): key},
        request_id=request.request_id,
        consent_sha256=artefact.sha256,
        action=CASE.action,
        envelope=answer.envelope,
    )


class Kills:
    """Ends this process at once, as the kernel does, when a named step is reached."""

    def __init__(self, inner: Connector, step: str) -> None:
        self.inner, self.step = inner, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def act(self, order: Any) -> Any:
        self.at("before the agency is asked")
        outcome = await self.inner.act(order)  # type: ignore[attr-defined]
        self.at("after the agency did it")
        return outcome

    def at(self, step: str) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


STEPS = ["before the agency is asked", "after the agency did it", "before the answer is on disk", "after it is on disk"]


class Site:
    """An agency sandbox in a process of its own, and an edge that can be built again over the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.world = World(clock=FixedClock(NOW))
        (folder / "agency").mkdir()
        (folder / "edge").mkdir()
        self.keys = load_edge_keys(folder / "edge")
        environment = {
            **os.environ,
            "HUILIAN_LISTEN": f"127.0.0.1:{self.port}",
            "HUILIAN_UPSTREAM_CREDENTIALS_FILE": str(folder / "agency" / "credentials.json"),
            "HUILIAN_CLOCK_FILE": str(folder / "clock.json"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        # The sandbox's clock stands where the world's does, to the day.
        (folder / "clock.json").write_text(json.dumps({"offset_seconds": int(NOW.timestamp() - time.time())}))
        command = [sys.executable, "-m", "connectors.kit.sandbox_host", PACKAGE]
        self.sandbox = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        _wait_for(self.port)

    def payments(self) -> int:
        """How many payments the agency took, by its own book."""
        book = self.folder / "agency" / "payments.jsonl"
        return len(book.read_text().splitlines()) if book.exists() else 0

    async def edge(self, stack: Any, step: str = "") -> Edge:
        """An edge over this site's files that kills its process at the named step."""
        manifest = load_manifest(PACKAGE)
        credentials = Credentials.load(self.folder / "agency" / "credentials.json")
        url = f"http://127.0.0.1:{self.port}"
        limits = limits_of(manifest)
        context = ConnectorContext(url, credentials, self.world.clock, os.urandom, limits, self.folder)
        connector = Kills(await build_connector(PACKAGE, context, stack), step)
        upstream = Upstream(manifest, connector, Faults(), context, self.folder / "agency")  # type: ignore[arg-type]
        edge = build_edge(self.world, upstream, self.keys, self.folder / "edge", lambda inner: inner)
        settle = edge.action_store.execute

        def settling(*arguments: Any) -> None:
            connector.at("before the answer is on disk")
            settle(*arguments)

        edge.action_store.execute = settling  # type: ignore[method-assign]
        return edge


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


def _act_and_die(site: Site, request: ActRequest, step: str) -> None:
    async def act() -> None:
        async with AsyncExitStack() as stack:
            edge = await site.edge(stack, step)
            await edge.actions.act(request)
            Kills(edge.service.connector, step).at("after it is on disk")

    asyncio.run(act())


async def _act(site: Site, make: Callable[[Edge], Any]) -> Any:
    async with AsyncExitStack() as stack:
        edge = await site.edge(stack)
        result = await make(edge)
        await edge.close()
        return result


@pytest.mark.parametrize("step", STEPS)
def test_a_fine_is_paid_once_through_kill_9(tmp_path: Path, step: str) -> None:
    site = Site(tmp_path)
    try:

        async def consented(edge: Edge) -> Any:
            return Payer(edge, CASE).order()

        artefact, request = asyncio.run(_act(site, consented))
        victim = multiprocessing.get_context("fork").Process(target=_act_and_die, args=(site, request, step))
        victim.start()
        victim.join(60)
        assert victim.exitcode == -signal.SIGKILL
        assert site.payments() == (0 if step == STEPS[0] else 1)

        async def again(edge: Edge) -> Any:
            answer = await edge.actions.act(request)
            assert await edge.actions.act(request) == answer
            assert edge.action_store.used(artefact.id, CASE.action) == 1
            return open_result(site.world.recipient, artefact, request, answer)

        result = asyncio.run(_act(site, again))
        assert result["status"] == "executed" and result["data"]["receipt_number"] == "JJ00000001"
        assert site.payments() == 1
    finally:
        site.sandbox.terminate()
        site.sandbox.wait(10)
