"""What binds a borrower: a person's device key over a text, as its binding by the identity authority names it."""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.binding import verify_binding
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

from hub.lending.ports import Persons


class PersonSignatures:
    """Checks signatures of persons."""

    def __init__(self, persons: Persons, clock: Clock, trust: Callable[[], TrustAnchors]) -> None:
        self._persons, self._clock, self._trust = persons, clock, trust

    async def verify(self, subject: str, challenge: bytes, assertion: Assertion) -> dict[str, object]:
        """What proves a person's signature over a challenge: the assertion and the binding of its key.

        Raises NOT_FOUND (no such person), BINDING_INVALID, ASSERTION_INVALID.
        """
        token = await self._persons.key_binding(subject)
        trust = self._trust()
        binding = verify_binding(token, trust.identity_authority_keys, self._clock.now())
        if binding.subject != subject:
            raise HuilianError("BINDING_INVALID", "the binding is another person's")
        verify_assertion(assertion, binding.device_key, challenge, trust.rp_id, trust.origin)
        return {"assertion": assertion.to_dict(), "binding": token}
