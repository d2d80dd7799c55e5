"""A small asynchronous client of Tryton's JSON-RPC (`POST /<database>/rpc/`).

Tryton marks values that JSON lacks with a `__class__` key (`trytond/protocols/jsonrpc.py`); `dumps` and `loads` speak
that dialect. Numbers with a fraction are read as `Decimal`, so a quantity never passes through a float on our side. Its
times carry no zone and are read as UTC. Failures are the kit's `UpstreamError`s.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from huilian_protocol.canonical import parse_json

from connectors.kit.contract import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

Row = dict[str, Any]
Domain = Sequence[Any]

REQUEST_TIMEOUT_S = 30.0


class TrytonRefused(UpstreamRefused):
    """Tryton's `UserError`: the data or the user's rights break one of its rules."""


class TrytonWarning(UpstreamRefused):
    """Tryton's `UserWarning`: a person has to confirm; `name` is the key under which a confirmation is stored."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message)


class TrytonLoginRefused(UpstreamRefused):
    """Tryton does not accept the user name and password, or the session."""


def dumps(value: Any) -> bytes:
    """JSON text in Tryton's dialect: of JSON's own types, Decimal, date and datetime, and collections of them."""
    return json.dumps(value, default=_encode, separators=(",", ":"), allow_nan=False).encode("ascii")


def loads(text: bytes) -> Any:
    """The value of a JSON text in Tryton's dialect; raises `ValueError` when it is none."""
    return parse_json(text, object_hook=_decode, parse_float=Decimal)


def _encode(value: Any) -> Row:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        fields = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(value, name) for name in fields}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"Tryton's JSON has no form for {type(value).__name__}")


def _decode(value: Row) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            clock = time(value["hour"], value["minute"], value["second"], value["microsecond"], UTC)
            return datetime.combine(date(value["year"], value["month"], value["day"]), clock)
        case _:
            return value


class TrytonClient:
    """One user's session with one database. It logs in at the first call and again when the session has ended."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        base_url: str,
        database: str,
        user: str,
        password: str,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._http = http
        self._root = base_url.rstrip("/")
        self._url = f"{self._root}/{quote(database)}/rpc/"
        self.user = user
        self._password = password
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._authorization: str | None = None
        self._context: Row = {}
        self._request_number = 0

    async def server_version(self) -> str:
        """Tryton's series, for example "8.2"; needs no login."""
        return str(_result(await self._post(f"{self._root}/rpc/", "common.server.version", [], {})))

    async def call(self, method: str, *arguments: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Calls `method` (for example `model.party.party.read`) and returns its result; raises an `UpstreamError`."""
        if self._authorization is None:
            await self._login()
        try:
            return await self._call_once(method, arguments, context)
        except TrytonLoginRefused:
            # Sessions end by themselves (`[session] timeout`); one new login, and a second refusal is final.
            await self._login()
            return await self._call_once(method, arguments, context)

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: Domain | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """The rows of `model` that `domain` selects. Dotted fields (`party.name`) come nested under `party.`."""
        rows: list[Row] = await self.call(f"model.{model}.search_read", domain, 0, limit, order, list(fields))
        return rows

    async def read(self, model: str, ids: Sequence[int], fields: Sequence[str]) -> list[Row]:
        """The rows with these ids, in any order; raises `TrytonRefused` when one is missing or hidden."""
        rows: list[Row] = await self.call(f"model.{model}.read", list(ids), list(fields))
        return rows

    async def create(self, model: str, values: Row) -> int:
        """Creates one record and returns its id."""
        ids: list[int] = await self.call(f"model.{model}.create", [values])
        return ids[0]

    async def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        """Changes the records with these ids."""
        await self.call(f"model.{model}.write", list(ids), values)

    async def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """Presses a workflow button, for example `confirm` of a purchase."""
        await self.call(f"model.{model}.{button}", list(ids))

    async def _call_once(self, method: str, arguments: Sequence[Any], context: Mapping[str, Any] | None) -> Any:
        merged = {**self._context, **(context or {})}
        headers = {"Authorization": self._authorization or ""}
        return _result(await self._post(self._url, method, [*arguments, merged], headers))

    async def _login(self) -> None:
        parameters = [self.user, {"password": self._password}, "en"]
        answer = _result(await self._post(self._url, "common.db.login", parameters, {}))
        user_id, token = answer[0], answer[1]
        session = f"{self.user}:{user_id}:{token}".encode()
        self._authorization = "Session " + base64.b64encode(session).decode()
        await self.refresh_context()

    async def refresh_context(self) -> None:
        """Reads the user's preferences anew; they travel with every call and say for which company it speaks."""
        self._context = {}
        self._context = await self._call_once("model.res.user.get_preferences", [True], None)

    async def _post(self, url: str, method: str, params: Sequence[Any], headers: Mapping[str, str]) -> bytes:
        self._request_number += 1
        body = dumps({"id": self._request_number, "method": method, "params": list(params)})
        try:
            async with self._http.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, timeout=self._timeout
            ) as response:
                _raise_for_status(response.status, method)
                return await response.read()
        except TimeoutError as error:
            raise UpstreamTimeout(f"{method}: no answer within the time limit") from error
        except aiohttp.ClientError as error:
            raise UpstreamUnavailable(f"{method}: {type(error).__name__}") from error


def _raise_for_status(status: int, method: str) -> None:
    if status in (401, 429):
        raise TrytonLoginRefused(f"{method}: HTTP {status}")
    if status in (502, 503, 504):
        raise UpstreamUnavailable(f"{method}: HTTP {status}")
    if status in (403, 404):
        raise UpstreamRefused(f"{method}: HTTP {status}")
    if status != 200:
        raise UpstreamMalformed(f"{method}: HTTP {status}")


def _result(text: bytes) -> Any:
    try:
        answer = loads(text)
    except (ValueError, KeyError, TypeError) as error:
        raise UpstreamMalformed("the answer is not Tryton's JSON") from error
    if not isinstance(answer, dict) or not ({"result", "error"} & answer.keys()):
        raise UpstreamMalformed("the answer holds neither result nor error")
    if "error" in answer:
        raise _error(answer["error"])
    return answer["result"]


def _error(error: Any) -> UpstreamError:
    match error:
        case ["UserError", [message, *_]]:
            return TrytonRefused(str(message))
        case ["UserWarning", [name, message, *_]]:
            return TrytonWarning(str(name), str(message))
        case ["LoginException", *_]:
            return TrytonLoginRefused("Tryton asks for a login parameter that this client does not have")
        case [message, *_]:
            return UpstreamMalformed(str(message))
        case _:
            return UpstreamMalformed("an error without a message")
