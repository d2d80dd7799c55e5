"""A webhook leads into the open internet and nowhere else, however it is written."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from deploy.pki import SitePki
from hub.notification.addresses import check_url, is_allowed
from hub.notification.sender import Sender

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://", "https:///x", "https://user@example.com/", "https://example.com/#a",
        "https://example.com:22/", "https://example.com:99999/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/", "https://0.0.0.0/", "https://[fe80::1]/", "https://224.0.0.1/", "https://a\\@b/",
        "ftp://example.com/", "https://[fc00::1]:8443/", "https://100.64.0.1/",
    ],
)  # fmt: skip
def test_what_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        check_url(url)


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "https://example.com:8443/", "https://8.8.8.8/"])
def test_what_leads_outside_is_not(url: str) -> None:
    check_url(url)


def test_a_sandbox_may_name_its_own_networks() -> None:
    check_url("https://127.0.0.1:8443/", LOOPBACK)
    assert is_allowed("::ffff:127.0.0.1", LOOPBACK) and not is_allowed("10.0.0.1", LOOPBACK)


@given(st.ip_addresses(v=4))
def test_ipv4_in_ipv6_is_judged_as_what_it_is(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    assert is_allowed(str(mapped)) == is_allowed(str(address))
    assert not is_allowed(str(address)) or address.is_global


@pytest.mark.parametrize("text", ["", "x", "127.1", "0x7f.1", "2130706433"])
def test_what_is_no_address_is_not_allowed(text: str) -> None:
    assert not is_allowed(text)


Serve = Callable[[web.Request], Awaitable[web.Response]]


@pytest_asyncio.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[tuple[str, Path, list[str]]]:
    """An HTTPS server on this machine: its address, its CA and the paths it was asked for."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/away":
            raise web.HTTPTemporaryRedirect("https://127.0.0.1:1/secret")
        return web.Response(status=200, text="x" * 100)

    ca, tls = _tls(tmp_path)
    app = web.Application()
    app.router.add_post("/{any}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    yield f"https://localhost:{port}", ca, paths
    await runner.cleanup()


def _tls(folder: Path) -> tuple[Path, ssl.SSLContext]:
    files = SitePki(folder, datetime.now(UTC)).issue("receiver")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    return files.ca, tls


async def test_a_slow_dead_or_redirecting_receiver_has_a_word_of_its_own(
    receiver: tuple[str, Path, list[str]],
) -> None:
    address, ca, paths = receiver
    sender = Sender(LOOPBACK, ca, timeout_s=0.3)
    try:
        assert await sender.post(f"{address}/ok", {}, b"{}") == "200"
        assert await sender.post(f"{address}/away", {}, b"{}") == "307"
        assert await sender.post(f"{address}/slow", {}, b"{}") == "timeout"
        assert await sender.post("https://127.0.0.1:1025/", {}, b"{}") == "unreachable"
        assert paths == ["/ok", "/away", "/slow"]
    finally:
        await sender.close()


async def test_a_name_that_leads_inside_is_not_connected_to(receiver: tuple[str, Path, list[str]]) -> None:
    address, ca, paths = receiver
    sender = Sender((), ca, timeout_s=1)
    try:
        assert await sender.post(f"{address}/ok", {}, b"{}") == "unreachable"
        assert await sender.post(address.replace("localhost", "2130706433") + "/ok", {}, b"{}") == "unreachable"
        assert await sender.post(address.replace("localhost", "127.0.0.1") + "/ok", {}, b"{}") == "refused"
        assert paths == []
    finally:
        await sender.close()


async def test_an_unknown_certificate_is_not_believed(receiver: tuple[str, Path, list[str]]) -> None:
    address, _, paths = receiver
    sender = Sender(LOOPBACK, None, timeout_s=1)
    try:
        assert await sender.post(f"{address}/ok", {}, b"{}") == "unreachable"
        assert paths == []
    finally:
        await sender.close()
