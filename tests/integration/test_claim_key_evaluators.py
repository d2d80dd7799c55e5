"""Three hubs' evaluators over mTLS: the ceremony's files, imported shares, the group pinned by all, one hub stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from huilian.ledger.v1 import claim_service_pb2 as pb
from huilian.ledger.v1.claim_service_pb2_grpc import ClaimServiceStub
from huilian_protocol.clock import SystemClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error
from huilian_protocol.tls import RenewedChannel
from huilian_protocol.trust import TrustAnchors

from deploy.pki import SitePki, TlsFiles
from deploy.process import free_port
from hub.claim_keys import groups as pinned_groups
from hub.claim_keys import import_share
from hub.consortium import Consortium
from hub.evaluating import EvaluatorSettings, serve
from hub.keys import open_vault
from hub.ledger.claims.rpc import ClaimServicer
from hub.ledger.evaluators.client import PeerHub
from hub.platform.admission import Admission
from hub.platform.interceptors import Edge
from hub.platform.outbox import Outbox
from hub.platform.rate_limits import RateLimiter
from hub.platform.rates import Limit, Rate, Rates
from hub.platform.server import HubServer
from hub.platform.tokens import TokenVerifier
from hub.quorum import QuorumWatch, Serves
from hub.settings import Settings, SettingsError
from ledger.registry import p256
from ledger.registry.ceremony import main as ceremony
from ledger.registry.fingerprints import ClaimKeys, QuorumMissing
from tests.support.rates import MemoryBuckets

ORIGINS = ["hub-a.example", "hub-b.example", "hub-c.example"]
MOST = 40


class Nothing:
    """Stands where the evaluator needs no database, ledger or chain."""

    async def is_revoked(self, token_id: str) -> bool:
        return False


@dataclass
class Running:
    """The hubs' servers, the claim keys as one hub opens them, and how to call a hub as somebody."""

    servers: dict[str, HubServer]
    keys: dict[str, ClaimKeys]
    pki: SitePki

    def channel(self, origin: str, files: TlsFiles) -> grpc.aio.Channel:
        pair = (files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes())
        return grpc.aio.secure_channel(
            f"localhost:{self.servers[origin].partner_port}", grpc.ssl_channel_credentials(*pair)
        )


def _settings(folder: Path, origin: str, groups: Path, hubs: dict[str, str], tls: TlsFiles) -> Settings:
    return Settings.from_environment(
        {
            "HUILIAN_MODE": "sandbox",
            "HUILIAN_ORIGIN": origin,
            "HUILIAN_STATE_DIR": str(folder / origin),
            "HUILIAN_TLS_CERTIFICATE_FILE": str(tls.certificate),
            "HUILIAN_TLS_KEY_FILE": str(tls.key),
            "HUILIAN_TLS_CA_FILE": str(tls.ca),
            "HUILIAN_TRUST_ANCHORS_FILE": "unused.json",
            "HUILIAN_IDENTITY_AUTHORITY": "127.0.0.1:1",
            "HUILIAN_CHAIN_URL": "http://127.0.0.1:1",
            "HUILIAN_CLAIM_GROUPS_FILE": str(groups),
            "HUILIAN_HUBS": json.dumps(hubs),
        }
    )


@asynccontextmanager
async def _serving(
    folder: Path, origin: str, groups: Path, hubs: dict[str, str], pki: SitePki
) -> AsyncIterator[tuple[HubServer, ClaimKeys]]:
    files = pki.issue(f"hub.{origin}")
    settings, tls = _settings(folder, origin, groups, hubs, files), files
    vault, _ = open_vault(settings)
    share = next(groups.parent.glob(f"share.1.0.{origin}.json"))
    assert import_share(settings, vault, share)["epoch"] == 1
    share.unlink()
    rates = Rates({Limit.CLAIM_KEY: Rate(per_minute=1, burst=MOST)}, bytes(32))
    pace = RateLimiter(MemoryBuckets(), rates, SystemClock())
    nothing: Any = Nothing()
    server = HubServer(
        Edge(Admission(TokenVerifier({}, origin, SystemClock()), nothing), None), tls, "127.0.0.1:0", "127.0.0.1:0"
    )
    consortium = Consortium(settings, vault, pace, lambda address: RenewedChannel(address, tls))
    servicer: ClaimServicer = consortium.servicer(nothing, Outbox(nothing, SystemClock()), nothing, nothing, _no_trust)
    server.serve(servicer)
    await server.start()
    try:
        yield server, consortium.claim_keys()
    finally:
        await server.stop()


def _no_trust() -> TrustAnchors:
    raise AssertionError("nobody discloses anything here")


@pytest_asyncio.fixture
async def hubs(tmp_path: Path) -> AsyncIterator[Running]:
    """Hub A asks; B and C are started first, so that A knows their ports."""
    out, pki = tmp_path / "ceremony", SitePki(tmp_path / "pki", datetime.now(UTC))
    assert ceremony(["new", "--epoch", "1", "--threshold", "2", "--out", str(out), *ORIGINS]) == 0
    running = Running({}, {}, pki)
    async with AsyncExitStack() as stack:
        known: dict[str, str] = {}
        for origin in reversed(ORIGINS):
            server, keys = await stack.enter_async_context(
                _serving(tmp_path, origin, out / "groups.json", dict(known), pki)
            )
            running.servers[origin], running.keys[origin] = server, keys
            known[origin] = f"localhost:{server.partner_port}"
        yield running


async def test_hubs_make_the_same_fingerprints_until_too_few_answer(hubs: Running) -> None:
    first, second, third = ORIGINS
    made = await hubs.keys[first].evaluate(1, [b"invoice"])
    assert await hubs.keys[second].evaluate(1, [b"invoice"]) == made
    await hubs.servers[second].stop()
    assert await hubs.keys[first].evaluate(1, [b"invoice"]) == made
    await hubs.servers[third].stop()
    with pytest.raises(QuorumMissing):
        await hubs.keys[first].evaluate(1, [b"invoice"])
    assert hubs.keys[first].epochs() == (1,)


async def _code(hubs: Running, files: TlsFiles, count: int = 1) -> str:
    elements = [p256.encode_element(p256.base())] * count
    async with hubs.channel(ORIGINS[1], files) as channel:
        try:
            await ClaimServiceStub(channel).EvaluateClaimKey(
                pb.EvaluateClaimKeyRequest(epoch=1, elements=elements), timeout=5
            )
        except grpc.RpcError as error:
            return from_rpc_error(error).code
    return "OK"


async def test_only_hubs_may_ask_and_each_only_so_often(hubs: Running) -> None:
    for name in ("connector.tax", "operator.desk", "channel.mini_program_api"):
        assert await _code(hubs, hubs.pki.issue(name)) == "PERMISSION_DENIED"
    guesser, other = hubs.pki.issue("hub.guesser.example"), hubs.pki.issue("hub.other.example")
    assert [await _code(hubs, guesser, 20) for _ in range(3)] == ["OK", "OK", "RATE_LIMITED"]
    assert await _code(hubs, other) == "OK"
    assert await _code(hubs, other, 65) == "INVALID_ARGUMENT"


async def test_a_share_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    out, tls = tmp_path / "ceremony", SitePki(tmp_path / "pki", datetime.now(UTC)).issue("hub.x")
    assert ceremony(["new", "--epoch", "1", "--threshold", "2", "--out", str(out), *ORIGINS]) == 0
    settings = _settings(tmp_path, ORIGINS[0], out / "groups.json", {}, tls)
    vault, _ = open_vault(settings)
    files = {path.name.removeprefix("share.1.0.").removesuffix(".json"): path for path in out.glob("share.*")}
    with pytest.raises(SettingsError, match=r"not the share of hub-a\.example"):
        import_share(settings, vault, files[ORIGINS[1]])
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"broken\.json"):
        import_share(settings, vault, tmp_path / "broken.json")
    for _ in range(2):
        assert import_share(settings, vault, files[ORIGINS[0]]) == {"epoch": 1, "generation": 0, "evaluator": 1}


@asynccontextmanager
async def _evaluator(folder: Path, origin: str, port: int, groups: Path, pki: SitePki) -> AsyncIterator[None]:
    """An evaluator that is no bank, as its own process runs it."""
    tls, stop = pki.issue(f"hub.{origin}"), asyncio.Event()
    settings = EvaluatorSettings.from_environment(
        {
            "HUILIAN_ORIGIN": origin,
            "HUILIAN_STATE_DIR": str(folder / origin),
            "HUILIAN_CLAIM_GROUPS_FILE": str(groups),
            "HUILIAN_LISTEN": f"127.0.0.1:{port}",
            "HUILIAN_TLS_CERTIFICATE_FILE": str(tls.certificate),
            "HUILIAN_TLS_KEY_FILE": str(tls.key),
            "HUILIAN_TLS_CA_FILE": str(tls.ca),
        }
    )
    import_share(settings, open_vault(settings)[0], groups.parent / f"share.1.0.{origin}.json")
    serving = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await serving


async def test_evaluators_that_are_no_banks_make_a_quorum_and_the_hub_tells_when_it_is_gone(tmp_path: Path) -> None:
    origins, pki = ["hub-a.example", "one.example", "two.example"], SitePki(tmp_path / "pki", datetime.now(UTC))
    out, ports = tmp_path / "ceremony", [free_port(), free_port()]
    assert ceremony(["new", "--epoch", "1", "--threshold", "2", "--out", str(out), *origins]) == 0
    hubs = dict(zip(origins[1:], [f"localhost:{port}" for port in ports], strict=True))
    told: list[bool] = []

    async def tell(works: bool) -> None:
        told.append(works)

    async with AsyncExitStack() as everything:
        groups = out / "groups.json"
        first, second = AsyncExitStack(), AsyncExitStack()
        await first.enter_async_context(_evaluator(tmp_path, origins[1], ports[0], groups, pki))
        await second.enter_async_context(_evaluator(tmp_path, origins[2], ports[1], groups, pki))
        _, keys = await everything.enter_async_context(_serving(tmp_path, origins[0], groups, hubs, pki))
        channels = [RenewedChannel(address, pki.issue("hub.hub-a.example")) for address in hubs.values()]
        peers = [PeerHub(channel) for channel in channels]
        asked: dict[str, Serves] = dict(zip(hubs, [peer.serves for peer in peers], strict=True))
        asked[origins[0]] = _itself
        watch = QuorumWatch(pinned_groups(groups), asked, tell)
        made = await keys.evaluate(1, [b"invoice"])
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await peers[0].disclosure_key(bytes(22))
        assert await watch.look()
        await first.aclose()
        assert await keys.evaluate(1, [b"invoice"]) == made
        assert await watch.look()
        await second.aclose()
        with pytest.raises(QuorumMissing):
            await keys.evaluate(1, [b"invoice"])
        assert not await watch.look()
        for channel in channels:
            await channel.close()
    assert told == [True, True, False]


async def _itself() -> bool:
    return True
