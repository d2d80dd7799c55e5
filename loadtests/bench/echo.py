"""The baseline of a hub call: `python -m loadtests.bench.echo PORT`, a bare grpc.aio server that answers bytes.

A call to `/echo/<n>` is answered with n bytes, so that the answer can be made as long as the hub's.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import uvloop

Handler = Callable[[bytes, Any], Awaitable[bytes]]


class _Echo(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Answers any unary method under `/echo/`."""

    def __init__(self) -> None:
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one method, made once."""
        method: str = handler_call_details.method
        if method not in self._handlers:
            self._handlers[method] = grpc.unary_unary_rpc_method_handler(_answer(int(method.rpartition("/")[2])))
        return self._handlers[method]


def _answer(size: int) -> Handler:
    content = bytes(size)

    async def answer(request: bytes, context: Any) -> bytes:
        return content

    return answer


async def serve(port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
