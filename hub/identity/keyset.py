"""The published keys: what a client needs to seal to, and to check what the hub signs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import Suite, key_id

from hub.identity.ports import SealingAuthority

AUTHORITY_PARTY = "identity_authority"
FRESH_S, RETRY_S = 60.0, 5.0


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The public key of a party to whom data can be sealed."""

    party: str
    suite: Suite
    public_key: bytes


class KeyPublisher:
    """The key set of one hub. `recipients` are parties within the bank; agencies publish theirs in the catalogue.

    Keys are asked for at each use, since they rotate: of each party the present one first, then the announced one if
    any, then those that are retired and still open.
    """

    def __init__(
        self,
        origin: str,
        signing_keys: Callable[[], Sequence[ec.EllipticCurvePublicKey]],
        log_verifier_key: Callable[[], str],
        recipients: Mapping[str, Callable[[], Sequence[SealingKey]]],
        authority: SealingAuthority,
    ) -> None:
        self._origin, self._signing_keys, self._log_verifier_key = origin, signing_keys, log_verifier_key
        self._recipients, self._authority = recipients, authority
        self._authority_key: SealingKey | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    def recipient(self, recipient_id: str, sealing_key_id: str | None = None) -> SealingKey:
        """The recipient's present key, or the one with this id, such as an older consent names.

        Raises NOT_FOUND, or RECIPIENT_KEY_MISMATCH for a key that it never had.
        """
        if recipient_id not in self._recipients:
            raise HuilianError("NOT_FOUND", resource=f"recipient {recipient_id}")
        for key in self._recipients[recipient_id]():
            if sealing_key_id in {None, key_id(key.public_key)}:
                return key
        raise HuilianError("RECIPIENT_KEY_MISMATCH", "no key of this recipient")

    async def key_set(self) -> pb.GetKeySetResponse:
        """Everything published, with the identity authority's key; raises PROVIDER_UNAVAILABLE when it was never
        heard of.
        """
        keys = [key for keys in self._recipients.values() for key in keys()]
        keys.append(await self._authoritys())
        return pb.GetKeySetResponse(
            signing_keys_jwks=json.dumps(keys_to_jwks(self._signing_keys())),
            sealing_keys=[
                pb.SealingKey(party_id=k.party, suite=k.suite, key_id=key_id(k.public_key), public_key=k.public_key)
                for k in keys
            ],
            log_verifier_key=self._log_verifier_key(),
            origin=self._origin,
        )

    async def _authoritys(self) -> SealingKey:
        """The authority's key, at most FRESH_S old while it answers: anybody may ask us, so not each asks it too."""
        async with self._renewing:
            now = asyncio.get_running_loop().time()
            if self._authority_key is None or now >= self._renew_at:
                await self._renew(now)
            assert self._authority_key is not None, "renewing raises when there is none"
            return self._authority_key

    async def _renew(self, now: float) -> None:
        try:
            suite, public_key = await self._authority.sealing_key()
            self._authority_key, self._renew_at = SealingKey(AUTHORITY_PARTY, Suite(suite), public_key), now + FRESH_S
        except (HuilianError, ValueError) as error:
            self._renew_at = now + RETRY_S
            if self._authority_key is None:
                raise HuilianError(
                    "PROVIDER_UNAVAILABLE", "it has not told its key yet", provider=AUTHORITY_PARTY
                ) from error
