"""The use cases of identity: register persons and enterprises, tell who they are.

The hub learns a person's network number and device key from a binding that the identity authority signed. It never
sees a name or a resident ID, and it cannot make a binding of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from huilian_protocol.binding import Binding, verify_binding
from huilian_protocol.clock import Clock
from huilian_protocol.delegation import link_from, verify_chain
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors, current

from hub.identity import rules
from hub.identity.ports import IdentityAuthority
from hub.identity.store import EnterpriseRow, IdentityStore


@dataclass(frozen=True, slots=True)
class EnterpriseRegistration:
    """What an enterprise brings."""

    uscc: str
    name: str
    confirmation_certificate_pem: str
    token_public_key_jwk: str


class IdentityService:
    """Persons and enterprises of one hub."""

    def __init__(
        self,
        store: IdentityStore,
        authority: IdentityAuthority,
        trust: TrustAnchors | Callable[[], TrustAnchors],
        clock: Clock,
    ) -> None:
        self._store, self._authority, self._trust, self._clock = store, authority, current(trust), clock

    async def ask_authority(self, sealed_identity: bytes, device_public_key_jwk: str) -> tuple[str, Binding]:
        """The authority's binding of a device key, checked against the pinned authority. Outside any transaction.

        Raises INVALID_ARGUMENT for a malformed key, BINDING_INVALID, and what the authority says of the person.
        """
        device_key = rules.read_public_jwk(device_public_key_jwk, "device_public_key_jwk")
        token = await self._authority.bind_device_key(sealed_identity, device_public_key_jwk)
        binding = verify_binding(token, self._trust().identity_authority_keys, self._clock.now())
        rules.check_binding_for(binding, device_key)
        return token, binding

    async def ask_guardianship(self, caller: str, sealed_request: bytes) -> bytes:
        """The authority's word that the caller is a child's guardian, checked. Outside any transaction.

        Raises DELEGATION_INVALID (also for somebody else's guardianship) and what the authority says of the request.
        """
        word = await self._authority.attest_guardianship(sealed_request)
        link = link_from(word)
        child = link.statement.delegator
        verify_chain([link], subject=child, delegate=caller, trust=self._trust(), now=self._clock.now())
        return word

    async def save_person(self, token: str, binding: Binding) -> None:
        """Register the person of a binding; one who registers again gets the new device key.

        Raises STATE_CONFLICT (state ERASED) for one who had their data destroyed: that is for good.
        """
        if await self._store.erasure(binding.subject) is not None:
            raise HuilianError("STATE_CONFLICT", "this person had their data destroyed", state="ERASED")
        await self._store.save_person(binding.subject, token, self._clock.now())

    async def key_binding(self, subject: str) -> str:
        """The binding of a person's device key; raises NOT_FOUND."""
        row = await self._store.person(subject)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="person")
        return row.key_binding

    async def device_binding(self, subject: str) -> Binding:
        """The checked binding of a person's device key as it holds now; raises NOT_FOUND or BINDING_INVALID."""
        token = await self.key_binding(subject)
        return verify_binding(token, self._trust().identity_authority_keys, self._clock.now())

    async def register_enterprise(self, wanted: EnterpriseRegistration) -> EnterpriseRow:
        """Register an enterprise.

        Raises USCC_MALFORMED, ENTERPRISE_CERTIFICATE_INVALID, INVALID_ARGUMENT or ALREADY_EXISTS.
        """
        uscc = rules.check_uscc(wanted.uscc)
        token_key = rules.read_public_jwk(wanted.token_public_key_jwk, "token_public_key_jwk")
        now = self._clock.now()
        rules.check_confirmation_certificate(
            wanted.confirmation_certificate_pem, uscc, wanted.name, self._trust().enterprise_ca, now
        )
        await self._store.lock_enterprise(uscc)
        if await self._store.enterprise(uscc) is not None:
            raise HuilianError("ALREADY_EXISTS", resource=f"enterprise {uscc}")
        row = EnterpriseRow(
            uscc=uscc,
            name=wanted.name,
            confirmation_certificate_pem=wanted.confirmation_certificate_pem,
            token_jwk=rules.canonical_jwk(token_key),
            registered_at=now,
        )
        await self._store.insert_enterprise(row)
        return row

    async def enterprise(self, uscc: str) -> EnterpriseRow:
        """A registered enterprise; raises USCC_MALFORMED or NOT_FOUND."""
        row = await self._store.enterprise(rules.check_uscc(uscc))
        if row is None:
            raise HuilianError("NOT_FOUND", resource=f"enterprise {uscc}")
        return row

    async def name_of(self, uscc: str) -> str:
        """An enterprise's registered name, empty for one that is not registered."""
        row = await self._store.enterprise(uscc)
        return "" if row is None else row.name

    async def enterprises(self, after_uscc: str, size: int) -> list[EnterpriseRow]:
        """Enterprises in order of USCC that follow `after_uscc`."""
        return await self._store.enterprises(after_uscc, size)

    async def confirmation_certificate(self, uscc: str) -> str:
        """PEM certificate of an enterprise's confirmation key; raises NOT_FOUND."""
        return (await self.enterprise(uscc)).confirmation_certificate_pem

    async def require_registered(self, uscc: str) -> None:
        """Raise NOT_FOUND unless an enterprise of this code is registered."""
        await self.enterprise(uscc)
