"""The HTTP leg to an agency: what certainly did nothing is told from what may have done something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError

from connectors.gov_data.traffic_police.acceptance import ACTION_CASES
from connectors.kit.acceptance.actions import Payer
from connectors.kit.acceptance.edge import running_edge
from connectors.kit.contract import UpstreamMalformed, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from connectors.kit.upstream import UpstreamHttp, UpstreamLimits

POLICE = "connectors.gov_data.traffic_police"
NOBODY = "http://127.0.0.1:9"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def agency(serve: Serve) -> AsyncIterator[UpstreamHttp]:
    """A client of an agency that treats each connection in this way."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(treat, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, UpstreamHttp(f"http://127.0.0.1:{port}", UpstreamLimits(300, 1_024)) as http:
        yield http


def saying(answer: bytes) -> Serve:
    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return say


async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with UpstreamHttp(NOBODY, UpstreamLimits()) as http:
        with pytest.raises(UpstreamUnavailable) as failure:
            await http.post("/", b"{}", {})
    assert failure.value.nothing_sent


async def test_a_connection_that_breaks_after_the_request_may_have_done_something() -> None:
    async with agency(saying(b"")) as http:
        with pytest.raises(UpstreamUnavailable) as failure:
            await http.post("/", b"{}", {})
    assert not failure.value.nothing_sent


async def test_silence_is_a_timeout() -> None:
    async with agency(silent) as http:
        with pytest.raises(UpstreamTimeout):
            await http.get("/", {})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UpstreamRefused),
        (404, UpstreamRefused),
        (429, UpstreamUnavailable),
        (503, UpstreamUnavailable),
        (302, UpstreamMalformed),
        (418, UpstreamMalformed),
    ],
)
async def test_statuses_are_told_apart(status: int, error: type[Exception]) -> None:
    async with agency(saying(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n" % status)) as http:
        with pytest.raises(error):
            await http.get("/", {})


async def test_a_status_that_is_an_answer_comes_back_as_one() -> None:
    async with agency(saying(b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno")) as http:
        answer = await http.get("/", {}, answers=(200, 404))
    assert (answer.status, answer.body) == (404, b"no")


async def test_an_endless_answer_is_cut() -> None:
    async with agency(saying(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)) as http:
        with pytest.raises(UpstreamMalformed, match="larger"):
            await http.get("/", {})


async def test_an_action_at_an_agency_that_is_not_there_costs_nothing(tmp_path: Path) -> None:
    async with running_edge(POLICE, tmp_path) as edge:
        payer = Payer(edge, ACTION_CASES[0])
        artefact, request = payer.order()
        connector = edge.service.connector
        there = connector._http  # type: ignore[attr-defined]
        async with UpstreamHttp(NOBODY, UpstreamLimits()) as nobody:
            connector._http = nobody  # type: ignore[attr-defined]
            with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
                await edge.actions.act(request)
        assert payer.used(artefact) == 0
        connector._http = there  # type: ignore[attr-defined]
        await edge.actions.act(payer.order()[1])
        await edge.actions.close()
        assert edge.upstream.faults.acts == 1


async def test_an_action_that_did_go_out_is_not_given_back_by_a_later_closed_door(tmp_path: Path) -> None:
    async with running_edge(POLICE, tmp_path) as edge:
        payer = Payer(edge, ACTION_CASES[0])
        artefact, request = payer.order()
        connector = edge.service.connector
        there = connector._http  # type: ignore[attr-defined]
        async with agency(silent) as dead, UpstreamHttp(NOBODY, UpstreamLimits()) as nobody:
            for http in (dead, nobody):
                connector._http = http  # type: ignore[attr-defined]
                with pytest.raises(HuilianError):
                    await edge.actions.act(request)
        assert payer.used(artefact) == 1
        connector._http = there  # type: ignore[attr-defined]
        await edge.actions.act(request)
        assert edge.upstream.faults.acts == payer.used(artefact) == 1
