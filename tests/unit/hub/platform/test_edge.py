"""The edge over real sockets: TLS and mTLS, deadlines, tokens, field rules, unknown errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huilian.common.v1 import sandbox_service_pb2 as pb
from huilian.common.v1 import sandbox_service_pb2_grpc
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.consent.v1 import consent_service_pb2_grpc
from huilian_protocol import tls
from huilian_protocol.clock import FixedClock
from huilian_protocol.jose import thumbprint
from huilian_protocol.metadata import AUTHORIZATION, BEARER, RETRY_PUSHBACK_MS
from huilian_protocol.status import from_rpc_error
from huilian_protocol.tls import CaFile
from huilian_sdk._transport import GrpcTransport

from deploy.pki import SitePki, TlsFiles
from hub.platform.admission import Admission
from hub.platform.callers import Caller, Role, current_caller
from hub.platform.ids import Ids
from hub.platform.interceptors import Edge, Pace
from hub.platform.rate_limits import RateLimiter
from hub.platform.rates import Limit, Rate, Rates
from hub.platform.server import HubServer
from hub.platform.tokens import TokenIssuer, TokenVerifier
from tests.support.rates import MemoryBuckets

KEY = ec.derive_private_key(7, ec.SECP256R1())
ORIGIN = "hub.example"


class Sandbox(sandbox_service_pb2_grpc.SandboxServiceServicer):
    """Does what the test needs: answer, wait, break."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.cancelled = asyncio.Event()

    async def GetClock(self, request: pb.GetClockRequest, context: Any) -> pb.GetClockResponse:
        self.callers.append(current_caller())
        return pb.GetClockResponse()

    async def MoveClock(self, request: pb.MoveClockRequest, context: Any) -> pb.MoveClockResponse:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return pb.MoveClockResponse()

    async def FundAccount(self, request: pb.FundAccountRequest, context: Any) -> pb.FundAccountResponse:
        raise RuntimeError("李雷 110101199003078515 has no account")

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        self.callers.append(current_caller())
        return pb.GetAccountResponse(balance_fen=7)


class Revocations(consent_service_pb2_grpc.ConsentServiceServicer):
    """A stream of three messages."""

    async def WatchRevocations(self, request: Any, context: Any) -> AsyncIterator[consent_pb.WatchRevocationsResponse]:
        for cursor in range(3):
            yield consent_pb.WatchRevocationsResponse(cursor=cursor)


class Revoked:
    """Token ids that were ended."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    async def is_revoked(self, token_id: str) -> bool:
        return token_id in self.ids


@dataclass
class Site:
    server: HubServer
    sandbox: Sandbox
    revoked: Revoked
    issuer: TokenIssuer
    pki: SitePki
    edge: Edge

    def public(self) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(self.pki.issue("hub").ca.read_bytes())
        return grpc.aio.secure_channel(f"localhost:{self.server.public_port}", credentials)

    def partner(self, files: TlsFiles | None) -> grpc.aio.Channel:
        pair = (files.key.read_bytes(), files.certificate.read_bytes()) if files else (None, None)
        credentials = grpc.ssl_channel_credentials(self.pki.issue("hub").ca.read_bytes(), *pair)
        return grpc.aio.secure_channel(f"localhost:{self.server.partner_port}", credentials)


@pytest_asyncio.fixture
async def site(tmp_path: Path, clock: FixedClock, ids: Ids) -> AsyncIterator[Site]:
    async with running(tmp_path, clock, ids) as site:
        yield site


@asynccontextmanager
async def running(tmp_path: Path, clock: FixedClock, ids: Ids, pace: Pace | None = None) -> AsyncIterator[Site]:
    pki = SitePki(tmp_path, datetime.now(UTC))
    hub, revoked, sandbox = pki.issue("hub"), Revoked(), Sandbox()
    verifier = TokenVerifier({thumbprint(KEY.public_key()): KEY.public_key()}, ORIGIN, clock)
    edge = Edge(Admission(verifier, revoked), pace)
    server = HubServer(edge, hub, "127.0.0.1:0", "127.0.0.1:0")
    server.serve(sandbox)
    server.serve(Revocations())
    await server.start()
    yield Site(server, sandbox, revoked, TokenIssuer(lambda: KEY, ORIGIN, clock, ids), pki, edge)
    await server.stop()


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return ((AUTHORIZATION, BEARER + token),)


async def _code(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value).code


async def test_health_and_reflection_answer_anybody(site: Site) -> None:
    async with site.public() as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_call_does_not_pass_every_method_that_there_is(site: Site) -> None:
    methods = consent_pb.DESCRIPTOR.services_by_name["ConsentService"].methods
    async with site.public() as channel:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    # grpc.aio has a task for each method that is registered with it, and goes through all of them at every call.
    assert len(asyncio.all_tasks()) < len(methods)


async def test_a_token_makes_the_caller(site: Site) -> None:
    token, _ = site.issuer.issue(Caller("net-1", Role.CITIZEN))
    async with site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        request = pb.GetAccountRequest(party_id="party-01")
        assert (await stub.GetAccount(request, metadata=_bearer(token), timeout=5)).balance_fen == 7
        assert await _code(stub.GetAccount(request, timeout=5)) == "UNAUTHENTICATED"
        assert await _code(stub.GetAccount(request, metadata=_bearer(token + "A"), timeout=5)) == "UNAUTHENTICATED"
        assert await _code(stub.GetAccount(request, metadata=((AUTHORIZATION, "Basic x"),), timeout=5)) == (
            "UNAUTHENTICATED"
        )
        site.revoked.ids.add("id-00000001")
        assert await _code(stub.GetAccount(request, metadata=_bearer(token), timeout=5)) == "UNAUTHENTICATED"
    assert site.sandbox.callers == [Caller("net-1", Role.CITIZEN)]


async def test_an_old_token_does_not_lock_the_door_that_is_open_to_all(site: Site) -> None:
    async with site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        await stub.GetClock(pb.GetClockRequest(), metadata=_bearer("old"), timeout=5)
    assert [caller.role for caller in site.sandbox.callers] == [Role.ANONYMOUS]


async def test_the_wrong_role_is_denied(site: Site) -> None:
    token, _ = site.issuer.issue(Caller("net-1", Role.CITIZEN))
    async with site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        request = pb.FundAccountRequest(request_id="request-1", party_id="party-01", amount_fen=1)
        assert await _code(stub.FundAccount(request, metadata=_bearer(token), timeout=5)) == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        ("operator.desk", Caller("operator.desk", Role.OPERATOR)),
        ("91350100M000100Y43", Caller("91350100M000100Y43", Role.ENTERPRISE)),
    ],
)
async def test_a_partner_is_known_by_its_certificate(site: Site, name: str, caller: Caller) -> None:
    async with site.partner(site.pki.issue(name)) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        await stub.GetAccount(pb.GetAccountRequest(party_id="party-01"), timeout=5)
    assert site.sandbox.callers == [caller]


async def test_a_certificate_that_means_nothing_is_nobody(site: Site) -> None:
    async with site.partner(site.pki.issue("operator")) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        assert await _code(stub.GetAccount(pb.GetAccountRequest(party_id="party-01"), timeout=5)) == "UNAUTHENTICATED"


async def test_the_partner_port_wants_a_certificate_of_the_site(site: Site, tmp_path: Path) -> None:
    foreign = SitePki(tmp_path / "foreign", datetime.now(UTC)).issue("operator.desk")
    for files in (None, foreign):
        async with site.partner(files) as channel:
            stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
            assert await _code(stub.GetClock(pb.GetClockRequest(), timeout=5)) == "UNAVAILABLE"


async def test_a_bound_token_is_good_on_its_own_connection_only(site: Site) -> None:
    from hub.platform.peers import peer_of

    mine, other = site.pki.issue("operator.desk"), site.pki.issue("operator.other")
    bound_to = peer_of({"x509_pem_cert": [mine.certificate.read_bytes()], "x509_common_name": [b"operator.desk"]})
    token, _ = site.issuer.issue(Caller("91350100M000100Y43", Role.ENTERPRISE), bound_to.certificate)
    request = pb.GetAccountRequest(party_id="party-01")
    async with site.partner(mine) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        await stub.GetAccount(request, metadata=_bearer(token), timeout=5)
    for channel in (site.partner(other), site.public()):
        async with channel:
            stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
            assert await _code(stub.GetAccount(request, metadata=_bearer(token), timeout=5)) == "UNAUTHENTICATED"
    assert [caller.role for caller in site.sandbox.callers] == [Role.ENTERPRISE]


async def test_a_broken_field_rule_names_the_field_and_not_its_value(site: Site) -> None:
    async with site.partner(site.pki.issue("operator.desk")) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetAccount(pb.GetAccountRequest(party_id="secret"), timeout=5)
    error = from_rpc_error(caught.value)
    assert (error.code, error.params["field"]) == ("INVALID_ARGUMENT", "party_id")
    assert "secret" not in str(caught.value)


async def test_an_unforeseen_error_tells_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async with site.partner(site.pki.issue("operator.desk")) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.FundAccount(
                pb.FundAccountRequest(request_id="request-1", party_id="party-01", amount_fen=1), timeout=5
            )
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "李雷" not in str(caught.value) and "RuntimeError" not in str(caught.value)
    logged = [record for record in caplog.records if record.message == "rpc.failed"]
    assert [record.error_type for record in logged] == ["RuntimeError"]  # type: ignore[attr-defined]
    assert "李雷" not in caplog.text


async def test_time_is_kept_back_to_say_that_it_ran_out(site: Site) -> None:
    async with site.partner(site.pki.issue("operator.desk")) as channel:
        await channel.channel_ready()
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        request = pb.MoveClockRequest(request_id="request-1")
        request.target_time.GetCurrentTime()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.MoveClock(request, timeout=0.4)
    assert from_rpc_error(caught.value).code == "DEADLINE_EXCEEDED"
    details = dict(caught.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(details["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info) and info.reason == "DEADLINE_EXCEEDED", "said by the hub, not by the client"
    await asyncio.wait_for(site.sandbox.cancelled.wait(), 5)


async def test_streams_pass_the_same_door(site: Site) -> None:
    request = consent_pb.WatchRevocationsRequest()
    async with site.partner(site.pki.issue("connector.tax")) as channel:
        stub = consent_service_pb2_grpc.ConsentServiceStub(channel)
        assert [message.cursor async for message in stub.WatchRevocations(request, timeout=5)] == [0, 1, 2]
    async with site.partner(site.pki.issue("operator.desk")) as channel:
        stub = consent_service_pb2_grpc.ConsentServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(stub.WatchRevocations(request, timeout=5)))
    assert from_rpc_error(caught.value).code == "PERMISSION_DENIED"


async def test_every_call_leaves_one_line_without_content(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="hub.platform.interceptors")
    async with site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        await stub.GetClock(pb.GetClockRequest(), metadata=(("huilian-trace-id", "trace-1"),), timeout=5)
        await _code(stub.GetAccount(pb.GetAccountRequest(party_id="party-01"), timeout=5))
    lines = [(r.method, r.code, r.trace_id) for r in caplog.records if r.message == "rpc.finished"]  # type: ignore[attr-defined]
    sandbox = "/huilian.common.v1.SandboxService"
    assert lines == [(f"{sandbox}/GetClock", "OK", "trace-1"), (f"{sandbox}/GetAccount", "UNAUTHENTICATED", "")]


async def test_whoever_calls_too_often_is_told_when_to_come_back(tmp_path: Path, clock: FixedClock, ids: Ids) -> None:
    rates = Rates({limit: Rate(per_minute=6, burst=3) for limit in (Limit.PUBLIC, Limit.REFUSED)})
    pace = RateLimiter(MemoryBuckets(), rates, clock)
    async with running(tmp_path, clock, ids, pace) as site, site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        for _ in range(3):
            await stub.GetClock(pb.GetClockRequest(), timeout=5)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetClock(pb.GetClockRequest(), timeout=5)
        error = from_rpc_error(caught.value)
        assert (error.code, error.params) == ("RATE_LIMITED", {"retry_after_seconds": "10"})
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (RETRY_PUSHBACK_MS, "10000") in list(caught.value.trailing_metadata() or ())
        # Those whom the door refuses are counted too.
        closed = [await _code(stub.FundAccount(pb.FundAccountRequest(), timeout=5)) for _ in range(4)]
        assert closed == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]


@pytest.mark.parametrize("seconds", [-1, 2**62, 7_258_118_400])
async def test_an_instant_that_is_none_is_refused_by_its_field(site: Site, seconds: int) -> None:
    request = pb.MoveClockRequest(request_id="request-0001")
    request.target_time.seconds = seconds
    async with site.partner(site.pki.issue("operator.desk")) as channel:
        assert await _code(sandbox_service_pb2_grpc.SandboxServiceStub(channel).MoveClock(request, timeout=5)) == (
            "INVALID_ARGUMENT"
        )


async def test_bytes_that_are_no_message_are_the_callers_fault(site: Site) -> None:
    async with site.public() as channel:
        call = channel.unary_unary("/huilian.common.v1.SandboxService/GetClock", None, None)
        assert await _code(call(b"\x0b\xff\xff", timeout=5)) == "INVALID_ARGUMENT"


async def test_who_watches_the_door_hears_of_every_call_that_nobody_served(site: Site) -> None:
    heard: list[tuple[str, str, str]] = []

    class Listener:
        async def at_the_door(self, method: str, request: Any, code: str) -> None:
            heard.append((method.rsplit("/")[-1], type(request).__name__, code))

    site.edge.watcher = Listener()
    async with site.public() as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        await stub.GetClock(pb.GetClockRequest(), timeout=5)
        assert await _code(stub.GetAccount(pb.GetAccountRequest(), timeout=5)) == "UNAUTHENTICATED"
        bad = _bearer("no.token.atall")
        assert await _code(stub.GetAccount(pb.GetAccountRequest(), metadata=bad, timeout=5)) == "UNAUTHENTICATED"
    assert heard == [("GetAccount", "GetAccountRequest", "UNAUTHENTICATED")] * 2


async def test_both_ports_and_the_sdk_follow_certificates_that_are_replaced(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.0)
    partner, hub = site.pki.issue("operator.desk"), site.pki.issue("hub")
    old = partner.read()
    public = GrpcTransport(f"localhost:{site.server.public_port}", tls_files=CaFile(hub.ca))
    mutual = GrpcTransport(f"localhost:{site.server.partner_port}", tls_files=partner)
    health = "/grpc.health.v1.Health/Check"
    for step in (site.pki.begin, site.pki.reissue, site.pki.end):
        for transport in (public, mutual):
            await transport.unary(health, b"", timeout_s=5, metadata=())
        step()
    for transport in (public, mutual):
        await transport.unary(health, b"", timeout_s=5, metadata=())
        await transport.close()
    shown = tls.Pem(hub.ca.read_bytes(), old.key, old.certificate)
    async with grpc.aio.secure_channel(f"localhost:{site.server.partner_port}", shown.channel()) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
