"""JSON-RPC 2.0 over HTTP."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web
from huilian_protocol.canonical import parse_json

from ledger.embedded_chain.methods import RpcError

_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600
_MAX_BODY_BYTES = 4 * 1024 * 1024
_MAX_BATCH = 1_000


class Answers(Protocol):
    """What answers the calls, for example `Methods`."""

    def answer(self, method: str, params: list[Any]) -> Any:
        """Return a method's result. Raises `RpcError`."""


def application(methods: Answers) -> web.Application:
    """Return the web application: POST / takes a call or a batch, GET /healthz says that the chain is up."""

    async def post(request: web.Request) -> web.Response:
        try:
            body = parse_json(await request.read())
        except ValueError:
            return web.json_response(_error(None, _PARSE_ERROR, "parse error"))
        return web.json_response(_answer_all(methods, body))

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"head": methods.answer("eth_blockNumber", [])})

    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_post("/", post)
    app.router.add_get("/healthz", healthz)
    return app


def _answer_all(methods: Answers, body: Any) -> Any:
    if isinstance(body, list) and 0 < len(body) <= _MAX_BATCH:
        return [_answer(methods, call) for call in body]
    return _answer(methods, body)


def _answer(methods: Answers, call: Any) -> dict[str, Any]:
    if not (
        isinstance(call, dict) and isinstance(call.get("method"), str) and isinstance(call.get("params", []), list)
    ):
        return _error(None, _INVALID_REQUEST, "invalid request")
    try:
        result = methods.answer(call["method"], call.get("params", []))
    except RpcError as error:
        return _error(call.get("id"), error.code, str(error), error.data)
    return {"jsonrpc": "2.0", "id": call.get("id"), "result": result}


def _error(call_id: Any, code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    return {"jsonrpc": "2.0", "id": call_id, "error": error | ({"data": data} if data is not None else {})}
