"""A person with a passkey in software, who knows only the address of `mini_program_api`."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any, Self

import aiohttp
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.clock import SandboxClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import Suite
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Person, SoftwareAuthenticator

from connectors.kit import sandbox_people
from deploy.journeys.step import until
from deploy.site import RP_ID, WEB_ORIGIN, HubPlace, Site


class Phone:
    """One person's phone. `receipts` is where it keeps what proves something."""

    def __init__(self, site: Site, hub: HubPlace, receipts: Path, owner: sandbox_people.Person) -> None:
        self._site, self._hub, self._receipts, self._owner = site, hub, receipts, owner
        self._device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
        self._clock = SandboxClock(site.clock_file)
        # As an app brings them along: keys from here are believed, keys from the network are compared with them.
        self._trust = TrustAnchors.load(site.trust_file)
        self._token = self._subject = self._salt = ""

    async def __aenter__(self) -> Self:
        self._receipts.mkdir(parents=True, exist_ok=True)
        trusted = ssl.create_default_context(cafile=str(self._site.pki.issue("channel.mini_program_api").ca))
        self._http = aiohttp.ClientSession(
            f"https://127.0.0.1:{self._site.port('mini_program_api')}",
            connector=aiohttp.TCPConnector(ssl=trusted),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def _register(self) -> Any:
        made = await self._post("/persons", "register-person-1", self._person(self._owner.resident_id))
        self._subject, self._salt = made["subject"], made["salt"]
        return {"subject": self._subject, "key_binding": made["key_binding"]}

    async def _login(self) -> Any:
        challenge = (await self._post("/login/challenges", "", None))["challenge"]
        proof = {"subject": self._subject, "challenge": challenge, "assertion": self._sign_with_device(challenge)}
        answer = await self._post("/login/device", "", proof)
        self._token = answer["access_token"]
        return {"subject": answer["subject"], "expires_at": answer["expires_at"]}

    def _me(self) -> Person:
        return Person(Identity(self._owner.name, self._owner.resident_id, b64u_decode(self._salt)))

    async def _agency_keys(self) -> dict[str, tuple[Suite, bytes]]:
        return {
            one["agency_id"]: (Suite(one["sealing_suite"]), b64u_decode(one["sealing_public_key"]))
            for one in (await self._get("/catalogue"))["agencies"]
        }

    def _seal(self, consent_id: str, offered: dict[str, tuple[Suite, bytes]]) -> dict[str, str]:
        """Who this is, for each agency, sealed on the phone to keys that it pins."""
        sealed = {
            agency: self._me().seal_subject(
                key, suite=suite, agency=agency, consent_id=consent_id, subject=self._subject, trust=self._trust
            )
            for agency, (suite, key) in offered.items()
        }
        return {agency: b64u_encode(envelope) for agency, envelope in sealed.items()}

    def _person(self, resident_id: str) -> dict[str, Any]:
        return {"name": self._owner.name, "resident_id": resident_id, "device_public_jwk": self._device.public_jwk}

    def _sign_with_device(self, challenge: str) -> dict[str, str]:
        return self._device.sign(b64u_decode(challenge)).to_dict()

    async def _keep_receipt(self, record_id: str, name: str) -> None:
        async def look() -> bytes | None:
            try:
                return await self._download(f"/receipts/{record_id}")
            except HuilianError as error:
                if error.code != "RECEIPT_PENDING":
                    raise
                return None

        (self._receipts / f"{name}.json").write_bytes(await until(look, f"the receipt of {record_id}"))

    async def _get(self, path: str) -> Any:
        return json.loads(await self._download(path))

    async def _post(self, path: str, request_id: str, body: Any) -> Any:
        headers = self._headers() | ({"Idempotency-Key": request_id} if request_id else {})
        async with self._http.post(f"/api/v1{path}", json=body, headers=headers) as response:
            return json.loads(await _content(response))

    async def _download(self, path: str) -> bytes:
        async with self._http.get(f"/api/v1{path}", headers=self._headers()) as response:
            return await _content(response)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """The body; a problem (RFC 9457) becomes the error that it names."""
    content = await response.read()
    if response.status >= 400:
        problem = json.loads(content)
        raise HuilianError(problem["code"], f"{response.status} {problem.get('detail', '')}")
    return content
