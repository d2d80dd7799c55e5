"""The process of one connector: `python -m connectors.kit.host connectors.gov_data.housing_fund`.

With `keys` after the package it prints what this edge publishes of itself for trust files, making its keys if need be;
with `rotate sealing|signing` it takes one step of a key rotation, beside the edge that serves, and prints the same.

The composition root of an edge: the only place that reads the environment, the real clock and real randomness.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.tls import RenewedChannel
from huilian_protocol.trust import TrustAnchors, TrustFile

from connectors.kit.action_store import ActionStore
from connectors.kit.action_verification import ActionVerifier
from connectors.kit.actions import ActionService
from connectors.kit.credentials import Credentials
from connectors.kit.keys import load_edge_keys, published
from connectors.kit.manifest import load_manifest
from connectors.kit.plugin import ConnectorContext, build_connector, connector_folder, limits_of
from connectors.kit.process import CANNOT_START, run_process
from connectors.kit.revocations import RevocationCopy, RevocationFollower, VerifyResumption
from connectors.kit.rpc import ConnectorServicer
from connectors.kit.server import EdgeServer, make_clock
from connectors.kit.service import EdgeService
from connectors.kit.settings import HostSettings, KeysSettings
from connectors.kit.store import EdgeStore
from connectors.kit.verification import ReadVerifier

logger = logging.getLogger(__name__)

SERVICE = "huilian.connector.v1.ConnectorService"
_SWEEP_S = 60.0
_HEALTH_S = 0.2
# By default a channel whose hub was away for minutes tries again after up to two more: nobody could read meanwhile.
_RECONNECT = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 2_000))


def pinned_trust(settings: HostSettings) -> TrustFile:
    """The trust anchors, narrowed to the one hub whose revocations this edge follows; renewed with their file.

    A consent that another hub countersigned is refused: its revocation would never be heard of here.
    """

    def only_this_hub(trust: TrustAnchors) -> TrustAnchors:
        hubs = tuple(hub for hub in trust.hubs if hub.origin == settings.hub_origin)
        if not hubs:
            raise ValueError(f"HUILIAN_HUB_ORIGIN: the trust anchors know no hub {settings.hub_origin}")
        return replace(trust, hubs=hubs)

    return TrustFile(settings.trust_anchors_file, only_this_hub)


class EdgeServices(NamedTuple):
    """What one edge serves, and how fresh its copy of revocations is."""

    reads: EdgeService
    actions: ActionService
    revocations: RevocationCopy


async def build_services(package: str, settings: HostSettings, clock: Clock, stack: AsyncExitStack) -> EdgeServices:
    """Wire the edge of one agency and start following revocations; `stack` stops and closes everything."""
    manifest, keys = load_manifest(package), load_edge_keys(settings.state_dir, settings.sealing_suite)
    limits = limits_of(manifest)
    credentials = Credentials.load(settings.upstream_credentials_file)
    context = ConnectorContext(
        settings.upstream_url, credentials, clock, os.urandom, limits, connector_folder(settings.state_dir)
    )
    connector = await build_connector(package, context, stack)
    copy = RevocationCopy(clock, timedelta(seconds=settings.revocations_max_age_seconds))
    verifier = ReadVerifier(manifest, pinned_trust(settings), keys.opening_key, clock)
    store = EdgeStore(settings.state_dir / "edge.sqlite3")
    timeout_s = limits.timeout_ms / 1_000
    service = EdgeService(manifest, connector, verifier, store, copy, keys, clock, timeout_s)
    stack.push_async_callback(service.close)
    judge = ActionVerifier(manifest, verifier, keys.opening_key)
    actions = ActionService(service, judge, ActionStore(store), copy, clock, timeout_s)
    stack.push_async_callback(actions.close)
    await _follow_revocations(settings, service, copy, verifier.resumption, stack)
    await stack.enter_async_context(_background(asyncio.create_task(_sweep(service, actions))))
    return EdgeServices(service, actions, copy)


async def _follow_revocations(
    settings: HostSettings,
    service: EdgeService,
    copy: RevocationCopy,
    resumptions: VerifyResumption,
    stack: AsyncExitStack,
) -> None:
    name = settings.hub_server_name
    options: list[tuple[str, str | int]] = [*_RECONNECT]
    if name is not None:
        options.append(("grpc.ssl_target_name_override", name))
    channel = RenewedChannel(settings.hub_address, settings.tls_files(), options)
    await stack.enter_async_context(channel)
    follower = RevocationFollower(channel, copy, service.learn, service.notice_cursor, resumptions)
    await stack.enter_async_context(_background(asyncio.create_task(follower.run())))


@contextlib.asynccontextmanager
async def _background(task: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _sweep(reads: EdgeService, actions: ActionService) -> None:
    while True:
        try:
            await reads.forget_answers()
            await actions.forget_answers()
        except Exception as error:  # noqa: BLE001  the disk may be full for a moment; the next round tries again
            logger.error("sweep_failed error=%s", type(error).__name__)
        await asyncio.sleep(_SWEEP_S)


async def run(package: str, settings: HostSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    async with AsyncExitStack() as stack:
        services = await build_services(package, settings, make_clock(settings), stack)
        server = EdgeServer(settings)
        servicer = ConnectorServicer(services.reads, services.actions)
        connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(servicer, server.grpc)
        await stack.enter_async_context(_background(asyncio.create_task(_tell_health(services.revocations, server))))
        await server.serve()


async def _tell_health(revocations: RevocationCopy, server: EdgeServer) -> None:
    """The process is up before it may read: the health of the service itself says whether it would refuse as stale."""
    while True:
        await server.tell(SERVICE, serving=revocations.is_fresh())
        await asyncio.sleep(_HEALTH_S)


async def tell_keys(package: str, rotated: str | None = None) -> None:
    """Print this edge's entry of a trust file: `{agency id: public keys}`; before it, take a step of rotation."""
    settings = KeysSettings.from_environment()
    keys = load_edge_keys(settings.state_dir, settings.sealing_suite)
    if rotated is not None:
        keys.rotate(rotated)
    sys.stdout.write(json.dumps({load_manifest(package).agency_id: published(keys)}, indent=2) + "\n")


def main(arguments: list[str]) -> int:
    """Command line entry; 2 with a message on stderr when settings or files are wrong."""
    match arguments:
        case [package, "keys"]:
            return run_process(package, lambda: tell_keys(package))
        case [package, "rotate", purpose]:
            return run_process(package, lambda: tell_keys(package, purpose))
        case [package]:
            return run_process(package, lambda: run(package, HostSettings.from_environment()))
    sys.stderr.write("usage: python -m connectors.kit.host PACKAGE [keys | rotate sealing|signing]\n")
    return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
