"""The plain HTTP leg to an agency: limits on time and size, failures told apart, and helpers to read odd values."""

from __future__ import annotations

import hmac
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Self

import aiohttp

from connectors.kit.contract import UpstreamMalformed, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from connectors.kit.months import Month


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds on one exchange with an agency."""

    timeout_ms: int = 3_000
    max_answer_bytes: int = 262_144


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamAnswer:
    """Headers, whole body and status of an HTTP answer."""

    headers: Mapping[str, str]
    body: bytes
    status: int = 200


class UpstreamHttp:
    """An HTTP client for one agency. Use as an async context manager; connections are kept alive between reads."""

    def __init__(self, base_url: str, limits: UpstreamLimits) -> None:
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=self._limits.timeout_ms / 1_000)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str], answers: Container[int] = (200,)
    ) -> UpstreamAnswer:
        """Post `body`; HTTP statuses among `answers` are answers.

        Raises UpstreamTimeout, UpstreamUnavailable, UpstreamRefused or UpstreamMalformed for everything else.
        """
        return await self._exchange("POST", path, body, headers, answers)

    async def get(self, path: str, headers: Mapping[str, str], answers: Container[int] = (200,)) -> UpstreamAnswer:
        """Get what stands at `path`, a path with its query; raises as `post` does."""
        return await self._exchange("GET", path, None, headers, answers)

    async def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], answers: Container[int]
    ) -> UpstreamAnswer:
        assert self._session is not None, "enter the client before using it"
        try:
            # A redirect would carry a person's query to a place nobody configured.
            async with self._session.request(
                method, self._base_url + path, data=body, headers=dict(headers), allow_redirects=False
            ) as response:
                if response.status not in answers:
                    _refuse_status(response.status)
                return UpstreamAnswer(dict(response.headers), await self._bounded_body(response), response.status)
        except TimeoutError as error:
            raise UpstreamTimeout("no answer within the time limit") from error
        except aiohttp.ClientPayloadError as error:
            raise UpstreamMalformed("the answer broke off") from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamUnavailable("no connection", nothing_sent=True) from error
        except aiohttp.ClientError as error:
            raise UpstreamUnavailable("the connection broke") from error

    async def _bounded_body(self, response: aiohttp.ClientResponse) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            chunks += chunk
            if len(chunks) > self._limits.max_answer_bytes:
                raise UpstreamMalformed("the answer is larger than any record can be")
        return bytes(chunks)


def _refuse_status(status: int) -> NoReturn:
    if status in (400, 401, 403, 404):
        raise UpstreamRefused(f"the agency refused the request with HTTP {status}")
    if status in (429, 500, 502, 503, 504):
        raise UpstreamUnavailable(f"the agency answered HTTP {status}")
    raise UpstreamMalformed(f"unexpected HTTP status {status}")


def is_same(expected: str, given: str | None) -> bool:
    """Compare two signatures in constant time; whatever stands in a header is text enough to differ."""
    return given is not None and hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


_YUAN = re.compile(r"\A([0-9]{1,13})\.([0-9]{2})\Z")
_COMPACT_MONTH = re.compile(r"\A[0-9]{6}\Z")


def yuan_to_fen(value: object) -> int:
    """Read an amount such as "12345.67" without ever passing through a float; UpstreamMalformed otherwise."""
    match = _YUAN.match(value) if isinstance(value, str) else None
    if match is None:
        raise UpstreamMalformed("an amount is not yuan with two decimals")
    return int(match[1]) * 100 + int(match[2])


def fen_to_yuan(amount_fen: int) -> str:
    """Write an amount the way agencies do, "12345.67"; `amount_fen` must not be negative."""
    assert amount_fen >= 0
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def compact_month(month: Month) -> str:
    """Write a month the way agencies do, "202501"."""
    return f"{month.year:04d}{month.month:02d}"


def read_compact_month(value: object) -> Month:
    """Read "202501"; UpstreamMalformed otherwise."""
    if isinstance(value, str) and _COMPACT_MONTH.match(value) and 1 <= int(value[4:]) <= 12:
        return Month(int(value[:4]), int(value[4:]))
    raise UpstreamMalformed("a month is not written YYYYMM")
