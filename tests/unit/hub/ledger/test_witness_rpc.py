"""The witness protocol over gRPC: a hub's client asks another hub's servicer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_status.rpc_status import to_status
from huilian.ledger.v1 import witness_service_pb2_grpc as pb_grpc
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status

from hub.ledger.witnesses.client import GrpcWitness
from hub.ledger.witnesses.rpc import WitnessServicer
from hub.platform.database import Database
from ledger.merkle.cosignature import WitnessPolicy, check_cosignatures
from ledger.verify import verify_bytes
from tests.unit.hub.ledger.test_witness import Log
from tests.unit.hub.ledger.witness_support import LOG, WITNESS, failed, service, trust


class _Errors(grpc.aio.ServerInterceptor):
    """As the hub's edge does it: our errors become the status with its details."""

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)

        async def call(request: Any, context: Any) -> Any:
            try:
                return await handler.unary_unary(request, context)
            except HuilianError as error:
                await context.abort_with_status(to_status(to_rpc_status(error)))

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


@asynccontextmanager
async def _witness(database: Database, clock: FixedClock) -> AsyncIterator[GrpcWitness]:
    server = grpc.aio.server(interceptors=[_Errors()])
    pb_grpc.add_WitnessServiceServicer_to_server(WitnessServicer(service(database, clock)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield GrpcWitness(channel, WITNESS.key)
    await server.stop(None)


async def test_every_answer_survives_the_wire(database: Database, clock: FixedClock) -> None:
    log = Log()
    async with _witness(database, clock) as witness:
        assert await witness.witnessed(LOG) is None
        first = await log.grow(3)
        answer = await witness.add_checkpoint(0, [], first)
        assert check_cosignatures(first + answer.cosignatures, WitnessPolicy(1, (WITNESS.key,)))
        assert await witness.witnessed(LOG) == first
        second = await log.grow(5)
        assert (await witness.add_checkpoint(0, [], second)).known_size == 3
        assert (await witness.add_checkpoint(3, await log.proof(3, 5), second)).cosignatures
        forked = await witness.add_checkpoint(0, [], await Log("other").grow(5))
        assert failed(verify_bytes(forked.equivocation, trust(), clock.now())) == []
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await witness.add_checkpoint(5, [bytes(32)], await log.grow(6))


async def test_a_witness_that_cannot_be_reached_is_an_error_with_a_code() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(HuilianError):
            await GrpcWitness(channel, WITNESS.key).witnessed(LOG)
