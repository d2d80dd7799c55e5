"""Certificates and CAs are replaced while a server and its clients go on: nothing fails, and what is old ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from huilian_protocol import tls
from huilian_protocol.tls import CaFile, RenewedChannel, TlsFiles, server_credentials

from deploy import pki as pki_module
from deploy.pki import SitePki


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.0)


@pytest.fixture
def pki(tmp_path: Path) -> SitePki:
    return SitePki(tmp_path, datetime.now(UTC))


class _Who(grpc.GenericRpcHandler):
    """Answers with the certificate that the client shows; `/slow` waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.begun = asyncio.Event()

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._slow if details.method == "/slow" else self._now)

    async def _now(self, _: bytes, context: Any) -> bytes:
        return bytes(next(iter(context.auth_context().get("x509_pem_cert", [b""]))))

    async def _slow(self, _: bytes, context: Any) -> bytes:
        self.begun.set()
        await self.let_go.wait()
        return await self._now(b"", context)


@asynccontextmanager
async def serving(files: TlsFiles, *, mutual: bool = True) -> AsyncIterator[tuple[_Who, str]]:
    server, who = grpc.aio.server(), _Who()
    server.add_generic_rpc_handlers((who,))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(files, mutual=mutual))
    await server.start()
    try:
        yield who, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def shown(files: TlsFiles) -> bytes:
    return files.certificate.read_bytes()


async def call(channel: grpc.aio.Channel, method: str = "/now") -> bytes:
    answer = await channel.unary_unary(method)(b"", timeout=5)
    assert isinstance(answer, bytes)
    return answer


def copied(files: TlsFiles, folder: Path) -> TlsFiles:
    """The same files as they are now; nobody renews these."""
    folder.mkdir()
    for path in files.paths:
        (folder / path.name).write_bytes(path.read_bytes())
    return TlsFiles(*(folder / path.name for path in files.paths))


async def refused(target: str, files: TlsFiles) -> bool:
    async with RenewedChannel(target, files) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(channel)
    return caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_ca_and_certificates_are_replaced_between_calls(pki: SitePki, tmp_path: Path) -> None:
    server, client = pki.issue("edge"), pki.issue("hub")
    async with serving(server) as (_, target), RenewedChannel(target, client) as channel:
        first = await call(channel)
        assert first == shown(client)
        pki.begin()
        old = copied(client, tmp_path / "old")
        assert await call(channel) == first, "the same certificate, under a longer list"
        pki.reissue()
        second = await call(channel)
        assert second == shown(client) != first
        async with RenewedChannel(target, old) as overlap:
            assert await call(overlap) == first, "in the overlap the old one still counts"
        pki.end()
        assert await call(channel) == second
        assert await refused(target, old)


async def test_a_call_under_way_ends_on_the_connection_on_which_it_began(pki: SitePki) -> None:
    server, client = pki.issue("edge"), pki.issue("hub")
    async with serving(server) as (who, target), RenewedChannel(target, client) as channel:
        began_with = shown(client)
        slow = asyncio.create_task(call(channel, "/slow"))
        await who.begun.wait()
        pki.begin()
        pki.reissue()
        pki.end()
        assert await call(channel) == shown(client)
        who.let_go.set()
        assert await slow == began_with


async def test_a_connection_that_is_not_needed_any_more_closes(pki: SitePki) -> None:
    server, client = pki.issue("edge"), pki.issue("hub")
    async with serving(server) as (_, target), RenewedChannel(target, client) as channel:
        for step in (pki.begin, pki.reissue, pki.end):
            await call(channel)
            step()
            await call(channel)
        retired = list(channel._retired)
        async with asyncio.timeout(5):
            await asyncio.gather(*(connection._closing for connection in retired if connection._closing))
        assert retired and all(connection.closed for connection in retired)


async def test_files_that_do_not_fit_leave_what_was_read_before(pki: SitePki, tmp_path: Path) -> None:
    server, client = pki.issue("edge"), pki.issue("hub")
    async with serving(server) as (_, target), RenewedChannel(target, client) as channel:
        before = await call(channel)
        kept = copied(server, tmp_path / "kept")
        for damaged in (
            b"",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            client.key.read_bytes(),
        ):
            server.key.write_bytes(damaged)
            async with RenewedChannel(target, client) as another:
                assert await call(another) == before
        server.key.unlink()
        async with RenewedChannel(target, client) as another:
            assert await call(another) == before
        server.key.write_bytes(kept.key.read_bytes())
        client.certificate.write_bytes(server.certificate.read_bytes())
        assert await call(channel) == before, "a certificate of somebody else's key is not shown"


async def test_without_client_certificates(pki: SitePki) -> None:
    server = pki.issue("edge")
    async with serving(server, mutual=False) as (_, target), RenewedChannel(target, CaFile(server.ca)) as channel:
        for step in (pki.begin, pki.reissue, pki.end):
            assert await call(channel) == b""
            step()
        assert await call(channel) == b""


def test_what_cannot_be_used_at_the_start_is_said(pki: SitePki) -> None:
    one, other = pki.issue("edge"), pki.issue("hub")
    with pytest.raises(ValueError, match="not the key of the certificate"):
        server_credentials(TlsFiles(one.certificate, other.key, one.ca), mutual=True)
    with pytest.raises(ValueError, match="holds no certificates"):
        server_credentials(TlsFiles(one.certificate, one.key, one.key), mutual=True)
    with pytest.raises(FileNotFoundError):
        server_credentials(TlsFiles(one.certificate, one.key.with_name("none"), one.ca), mutual=True)


def test_the_steps_come_in_order(pki: SitePki, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pki.issue("edge")
    step = lambda name: pki_module.main([str(tmp_path), name])  # noqa: E731
    assert step("reissue") == 2 and "ca.next.pem" in capsys.readouterr().err
    assert (step("begin"), step("begin")) == (0, 0)
    assert step("end") == 2 and "reissue first" in capsys.readouterr().err
    assert (step("reissue"), step("end"), step("end")) == (0, 0, 0)
    assert pki_module.main([str(tmp_path), "no-step"]) == 2 and "usage" in capsys.readouterr().err
