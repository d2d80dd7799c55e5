"""The application over HTTP, before a hub in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from mini_program_api.app import create_app
from mini_program_api.base import REQUEST_ID_HEADER
from tests.unit.sdk.fake_hub import FakeHub

KEY = "request-00000001"


@dataclass
class Api:
    """A client of the application, signed in unless it says otherwise."""

    client: Any
    hub: FakeHub

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str = "token-1", key: str | None = KEY
    ) -> tuple[int, Any]:
        """Status and JSON of one request under /api/v1."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key and method == "POST":
            headers[REQUEST_ID_HEADER] = key
        async with self.client.request(method, f"/api/v1{path}", json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        return await self.call("POST", path, body, **options)


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    hub = FakeHub()
    async with TestClient(TestServer(create_app(hub.client()))) as client:
        yield Api(client, hub)
