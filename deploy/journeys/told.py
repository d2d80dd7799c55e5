"""Being told: an enterprise registers an address of its own, and what reaches it is signed by the hub."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from huilian_protocol.clock import SandboxClock
from huilian_protocol.jose import jwks_to_keys
from huilian_protocol.webhook import WebhookEvent, verify_webhook
from huilian_sdk import Huilian

from deploy.site import Site

PATIENCE_S = 30.0
Arrived = tuple[dict[str, str], bytes]


async def told(site: Site, enterprise: Huilian) -> Any:
    """A webhook under a name of its own, so that a step which was cut off is simply repeated; removed at the end."""
    webhook_id = f"webhook-{secrets.token_hex(8)}"
    async with _receiver(site) as (url, arrived):
        await enterprise.notifications.register_webhook(webhook_id, url)
        try:
            keys = jwks_to_keys(json.loads((await enterprise.identity.key_set()).signing_keys_jwks))
            event = await asyncio.wait_for(_event_of(webhook_id, arrived, keys, url, site), PATIENCE_S)
        finally:
            await enterprise.notifications.remove_webhook(webhook_id)
    first = await enterprise.notifications.get(event.id)
    before = {one.kind.code: one.kind.text_zh async for one in enterprise.notifications.list()}
    return {"signed_by": event.hub, "kind": first.kind.code, "text": first.kind.text_zh, "told_so_far": before}


async def _event_of(
    webhook_id: str, arrived: asyncio.Queue[Arrived], keys: dict[str, Any], url: str, site: Site
) -> WebhookEvent:
    while True:
        headers, body = await arrived.get()
        event = verify_webhook(keys, url, headers, body, SandboxClock(site.clock_file).now())
        if event.object_id == webhook_id:
            return event


@asynccontextmanager
async def _receiver(site: Site) -> AsyncIterator[tuple[str, asyncio.Queue[Arrived]]]:
    """The enterprise's own address, and what arrives there."""
    arrived: asyncio.Queue[Arrived] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        arrived.put_nowait((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/huilian", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    files = site.pki.issue("partner.receiver")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/huilian", arrived
    finally:
        await runner.cleanup()
