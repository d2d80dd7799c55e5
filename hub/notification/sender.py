"""One POST to a partner's address: short, to a public address, following nobody elsewhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from huilian_protocol.errors import HuilianError

from hub.notification.addresses import Networks, check_url, is_allowed

TIMEOUT_S: Final = 10.0
GONE: Final = 410


class _Guarded(AbstractResolver):
    """Gives only addresses that may be connected to; the connection is made to the very address that was looked at."""

    def __init__(self, networks: Networks) -> None:
        self._inner, self._networks = ThreadedResolver(), networks

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if is_allowed(one["host"], self._networks)]
        if not allowed:
            raise OSError("no address of the open internet")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class Sender:
    """Posts to partners. `close` it at the end."""

    def __init__(self, networks: Networks = (), ca_file: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """`ca_file` holds more certificate authorities that are believed, beside the system's."""
        self._networks, self._timeout_s = networks, timeout_s
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        """How it ended: an HTTP status, or "timeout", "unreachable", "refused"; never the receiver's own words.

        A redirect is an answer like any other and not followed. The answer's body is not read.
        """
        try:
            check_url(url, self._networks)
        except HuilianError:
            return "refused"
        try:
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return str(answer.status)
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError, ValueError):
            return "unreachable"

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            # aiohttp closes its transports in the loop's next round.
            await asyncio.sleep(0)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Guarded(self._networks), ssl=self._tls, limit_per_host=4, ttl_dns_cache=10
            )
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )  # fmt: skip
        return self._session
