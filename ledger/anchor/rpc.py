"""A node's JSON-RPC, asynchronously: the few calls of the hot paths, without web3's cost per call."""

from __future__ import annotations

import itertools
from typing import Any

import aiohttp
from huilian_protocol.canonical import parse_json

CALL_TIMEOUT_S = 10
"""Longest time that one call to a node may take."""


class ChainUnavailable(Exception):
    """The node does not answer, or not with JSON-RPC; a transaction that was being sent may still be mined."""


class ChainRefused(Exception):
    """The node answered with an error. `code` is its number, `data` the revert data if there is any."""

    def __init__(self, code: int, message: str, data: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class WrongChain(Exception):
    """The node serves another chain than the one configured; nothing may be sent to it."""


def quantity(value: object) -> int:
    """Read a hexadecimal quantity. Raises `ChainUnavailable`: a node that answers anything else is not well."""
    try:
        return int(str(value), 16)
    except ValueError:
        raise ChainUnavailable("a quantity is no hexadecimal number") from None


def _refusal(error: object) -> ChainRefused:
    told: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    code, data = told.get("code"), told.get("data")
    return ChainRefused(
        code if isinstance(code, int) else 0, str(told.get("message", "")), data if isinstance(data, str) else None
    )


class JsonRpc:
    """One node. Close it when done."""

    def __init__(self, url: str, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, *params: object) -> Any:
        """Return a method's result. Raises `ChainUnavailable` or `ChainRefused`."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        try:
            async with self._open_session().post(self._url, json=body) as response:
                answer = parse_json(await response.read())
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise ChainUnavailable(f"{method}: {type(error).__name__}") from error
        if not isinstance(answer, dict):
            raise ChainUnavailable(f"{method}: the answer is not JSON-RPC")
        if "error" in answer:
            raise _refusal(answer["error"])
        return answer.get("result")

    async def number(self, method: str, *params: object) -> int:
        """Return a method's result that is a quantity. Raises as `call`, and `ChainUnavailable` if it is none."""
        return quantity(await self.call(method, *params))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        # Made on first use: a session belongs to the running loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session
