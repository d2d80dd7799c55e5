"""OAuth 2.0 client credentials (RFC 6749, 4.4) towards the bureau: a token for minutes, renewed before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlencode

from huilian_protocol.canonical import parse_json

from connectors.gov_data.credit_bureau import wire
from connectors.kit.contract import UpstreamMalformed, UpstreamRefused
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamAnswer, UpstreamHttp

_EARLY = timedelta(seconds=30)


class Login:
    """Exchanges with the bureau under a valid access token."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context, self._http = context, http
        self._token, self._good_until = "", datetime.min.replace(tzinfo=context.clock.now().tzinfo)
        self._renewing = asyncio.Lock()

    async def exchange(self, method: str, path: str, body: bytes | None, answers: Collection[int]) -> UpstreamAnswer:
        """One exchange; a token that the bureau no longer takes is renewed once. Raises as `UpstreamHttp` does."""
        answer = await self._send(method, path, body, await self.token(), (*answers, 401))
        if answer.status == 401:
            answer = await self._send(method, path, body, await self.token(renew=True), (*answers, 401))
        if answer.status == 401:
            raise UpstreamRefused("the bureau does not accept its own token")
        return answer

    async def token(self, *, renew: bool = False) -> str:
        """A valid access token; raises UpstreamRefused when the bureau does not know our credentials."""
        async with self._renewing:
            if renew or self._context.clock.now() >= self._good_until:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        credentials = self._context.credentials
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"],
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._http.post(wire.TOKEN_PATH, urlencode(form).encode("ascii"), headers)
        try:
            value = parse_json(answer.body)
            token, seconds = str(value["access_token"]), int(value["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise UpstreamMalformed("the bureau's token is malformed") from None
        if not (token.isascii() and token.isalnum() and 0 < seconds <= 86_400):
            raise UpstreamMalformed("the bureau's token is malformed")
        self._token, self._good_until = token, self._context.clock.now() + timedelta(seconds=seconds) - _EARLY

    async def _send(
        self, method: str, path: str, body: bytes | None, token: str, answers: Collection[int]
    ) -> UpstreamAnswer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        if method == "GET":
            return await self._http.get(path, headers, answers)
        assert body is not None
        return await self._http.post(path, body, headers, answers)
