"""The baseline server answers as many bytes as it is asked for."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from deploy.process import ProcessSpec, Supervisor, free_port, port_open, python


@pytest.mark.parametrize("size", [0, 1, 4_096])
async def test_answers_have_the_wanted_length(tmp_path: Path, size: int) -> None:
    supervisor, port = Supervisor(tmp_path), free_port()
    try:
        await supervisor.start(ProcessSpec("echo", python("-m", "loadtests.bench.echo", str(port)), port_open(port)))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert len(await channel.unary_unary(f"/echo/{size}", None, None)(b"request", timeout=5)) == size
    finally:
        assert supervisor.stop_all() == []
