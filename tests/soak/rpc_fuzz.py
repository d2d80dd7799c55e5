"""Every RPC of every service with messages made from its descriptor, as everybody: no INTERNAL, no hang, no leak.

One case is some calls of every method on a site of real processes, which all cases of a process share: what answers
name is sent again, so that later calls get past "no such thing". A refusal must come from the error catalogue and
repeat nothing that was sent in a place for free text.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import message_factory
from google.rpc import error_details_pb2, status_pb2
from huilian_protocol.errors import catalogue
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from connectors.kit.sandbox_companies import DEALER
from connectors.kit.sandbox_people import population
from deploy.launch import launch
from deploy.process import Supervisor
from deploy.site import BUYER_USCC, Site
from loadtests.no_limits import WITHOUT_LIMITS
from tests.integration.erp_stand_in import serving
from tests.soak.databases import new_postgres_url
from tests.soak.rpc_messages import CANARY, wires
from tests.soak.rpc_targets import Caller, Method, Pool, Targets, methods, prepared
from tests.support.sites import HUB, AmendingSupervisor, new_site

CALLS_PER_METHOD = 3
DEADLINE_S, STREAM_S = 20.0, 0.5
ENDING = ("RevokeToken", "Erase", "Destroy", "Delete", "Forget")
# What gRPC itself says of a message that is larger than a server takes.
TOO_LARGE = "RESOURCE_EXHAUSTED"
# In an answer these show that something was told which should not be.
TELLTALES = (CANARY, CANARY[:6], CANARY[-18:], "Traceback", 'File "', "site-packages", ".py")
# In a log these show that something was not foreseen, or told.
LOG_TELLTALES = ("rpc.failed", "call_failed", "Traceback", CANARY[:6], CANARY[-18:])


@dataclass
class Ground:
    """The site under fuzz, and how far its logs have been read."""

    site: Site
    supervisor: Supervisor
    pool: Pool = field(default_factory=Pool)
    read_to: dict[Path, int] = field(default_factory=dict)

    def news(self) -> list[str]:
        """Lines of logs since the last look that no fuzz may cause."""
        found = []
        for log in sorted((self.site.folder / "logs").glob("*.log")):
            text = log.read_bytes()[self.read_to.get(log, 0) :]
            self.read_to[log] = self.read_to.get(log, 0) + len(text)
            lines = text.decode(errors="replace").splitlines()
            found += [f"{log.stem}: {line[:400]}" for line in lines if any(bad in line for bad in LOG_TELLTALES)]
        return found


_ground: list[Ground] = []


async def case(rng: random.Random) -> int:
    """Some calls of every method; answers how many calls were made."""
    ground = await _running()
    who = rng.choice(sorted(population().values(), key=lambda person: person.resident_id))
    targets = await prepared(ground.site, ground.site.hub(HUB), who, ground.pool)
    try:
        # Blocking calls in a thread of their own: hypothesis draws what the next one sends.
        made = await asyncio.to_thread(_call_everything, targets, ground.pool, rng)
    except AssertionError as failure:
        raise AssertionError(f"{failure}; in the logs: {ground.news()}") from failure
    finally:
        targets.close()
    assert not (bad := ground.news()), bad
    assert not (ended := ground.supervisor.ended()), ended
    return made


async def _running() -> Ground:
    if not _ground:
        folder = Path(tempfile.mkdtemp(prefix="huilian-fuzz-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        site = new_site(folder)
        site.rate_limits = WITHOUT_LIMITS
        # The stricter database: it refuses characters and numbers that SQLite takes.
        site.database_url = await new_postgres_url()
        # A second buyer whose ERP has invoices in every state: receivables to fuzz with.
        erp = serving(site.pki.issue("erp_stand_in"))
        addresses = {BUYER_USCC: site.port("erp_connector"), DEALER.uscc: erp.__enter__()}
        erps = json.dumps({uscc: f"127.0.0.1:{port}" for uscc, port in addresses.items()})
        supervisor = AmendingSupervisor(folder, {HUB: {"HUILIAN_ERP_CONNECTORS": erps}})
        atexit.register(erp.__exit__, None, None, None)
        atexit.register(supervisor.stop_all)
        await launch(site, supervisor, [site.hub(HUB)], lambda line: None)
        _ground.append(Ground(site, supervisor))
    return _ground[0]


def _call_everything(targets: Targets, pool: Pool, rng: random.Random) -> int:
    made = sum(
        _call_some(targets, method, pool, rng.getrandbits(32)) for method in rng.sample(methods(), len(methods()))
    )
    _call_too_large(targets, rng.choice(methods()), pool)
    return made + 1


def _call_some(targets: Targets, method: Method, pool: Pool, number: int) -> int:
    """A few calls of one method, drawn from this seed; how many."""
    made: list[str] = []
    run = settings(
        max_examples=CALLS_PER_METHOD,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @run
    @given(st.sampled_from(targets.callers(method)), wires(method.descriptor.input_type, pool.frozen()))
    def play(caller: Caller, raw: bytes) -> None:
        made.append(caller.name)
        _call(method, caller, raw, pool)

    play()
    return len(made)


def _call_too_large(targets: Targets, method: Method, pool: Pool) -> None:
    _call(method, targets.callers(method)[0], b"\x0a\x80\x80\x80\x08" + b"x" * (16 * 1024 * 1024), pool)


def _call(method: Method, caller: Caller, raw: bytes, pool: Pool) -> None:
    started = time.monotonic()
    streams = method.descriptor.server_streaming
    limit_s = STREAM_S if streams else DEADLINE_S
    make = caller.channel.unary_stream if streams else caller.channel.unary_unary
    what = f"{method.path} as {caller.name} with {raw[:300].hex()}"
    try:
        answer = make(method.path, None, None)(raw, timeout=limit_s, metadata=caller.metadata)
        answers = [next(answer)] if streams else [answer]
    except grpc.RpcError as error:
        if not (streams and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED):
            _judge(error, what)
        answers = []
    except StopIteration:
        answers = []
    assert time.monotonic() - started < limit_s + 1.0, f"late: {what}"
    for one in answers:
        pool.learn(message_factory.GetMessageClass(method.descriptor.output_type).FromString(one))


def _judge(error: grpc.RpcError, what: str) -> None:
    """A refusal comes from the catalogue, is not INTERNAL, in time, and tells nothing."""
    trailers = dict(error.trailing_metadata() or ())
    details = trailers.get("grpc-status-details-bin", b"")
    told = f"{error.details()} {details.decode('utf-8', 'replace')}"
    assert not [bad for bad in TELLTALES if bad in told], f"told {told[:300]!r}: {what}"
    reason = _reason(details)
    if reason is None:
        assert error.code().name == TOO_LARGE, f"{error.code().name} {error.details()!r} without a reason: {what}"
        return
    entry = catalogue()[reason]
    assert reason not in {"INTERNAL", "DEADLINE_EXCEEDED"}, f"{reason}: {what}"
    assert entry.grpc == error.code().name, f"{reason} came as {error.code().name}: {what}"


def _reason(details: bytes) -> str | None:
    for packed in status_pb2.Status.FromString(details).details:
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info):
            return str(info.reason)
    return None
