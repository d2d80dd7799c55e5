"""What identity needs of others; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hub.platform.callers import Caller


class TokenIssuer(Protocol):
    """Makes access tokens (hub/platform/tokens.py)."""

    def issue(self, caller: Caller, certificate: str = "") -> tuple[str, datetime]:
        """A token for this caller and when it ends; bound to the peer's certificate when there is one (RFC 8705)."""
        ...


class IdentityAuthority(Protocol):
    """The national identity authority, over the network."""

    async def bind_device_key(self, sealed_identity: bytes, device_public_key_jwk: str) -> str:
        """The binding of a device key to the person inside the sealed identity.

        Raises RESIDENT_ID_MALFORMED, PERSON_NOT_VERIFIED, SEALED_DATA_INVALID or PROVIDER_UNAVAILABLE.
        """
        ...

    async def attest_guardianship(self, sealed_request: bytes) -> bytes:
        """The delegation by which a guardian consents for a child, as the authority signed it.

        Raises DELEGATION_INVALID, RESIDENT_ID_MALFORMED, PERSON_NOT_VERIFIED, SEALED_DATA_INVALID or
        PROVIDER_UNAVAILABLE.
        """
        ...


class SealingAuthority(Protocol):
    """The key of the identity authority, over the network."""

    async def sealing_key(self) -> tuple[str, bytes]:
        """Suite and public key to which registrations are sealed; raises PROVIDER_UNAVAILABLE."""
        ...
