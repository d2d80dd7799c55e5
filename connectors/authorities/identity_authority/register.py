"""What the identity authority does: checks a person against its register and binds a device key to a network number.

It learns name and resident ID from the device alone (sealed, so neither a hub nor the network reads them) and tells the
relying party only a network number: another one for each relying party, so two of them cannot compare their people.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import issue_binding
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import Suite, registration_info
from stdnum.cn import ric

from connectors.kit.keys import SEALING_SUITE, EdgeKeys, write_private
from connectors.kit.sandbox_people import find_person
from connectors.kit.verification import open_identity

AUTHORITY_ID = "identity_authority"
BINDING_LIFE = timedelta(days=730)


class AuthorityKeys(EdgeKeys):
    """What the authority seals, signs and derives network numbers with; sealing and signing keys rotate in rings."""

    def __init__(self, folder: Path, suite: Suite = SEALING_SUITE) -> None:
        super().__init__(folder, suite)
        secret = folder / "network.secret"
        if not secret.exists():
            write_private(secret, os.urandom(32))
        self.network_secret = secret.read_bytes()


def load_authority_keys(folder: Path, suite: Suite = SEALING_SUITE) -> AuthorityKeys:
    """The authority's keys from its state folder; made on the first call, before anything is started."""
    return AuthorityKeys(folder, suite)


def published(keys: AuthorityKeys) -> dict[str, Any]:
    """The authority's entries in the trust files of devices, hubs, edges and verifiers."""
    return {
        "identity_authority_keys": keys_to_jwks(keys.signing_keys()),
        "identity_authority_sealing_keys": [key.to_dict() for key in keys.sealing_keys()],
    }


class IdentityAuthority:
    """Issues key bindings for people of the sandbox population."""

    def __init__(self, keys: AuthorityKeys, clock: Clock) -> None:
        self.keys = keys
        self._clock = clock

    def bind_device_key(self, sealed_identity: bytes, device_key: ec.EllipticCurvePublicKey, relying_party: str) -> str:
        """A binding of this device key to the person inside `sealed_identity`.

        Raises HuilianError SEALED_DATA_INVALID, RESIDENT_ID_MALFORMED (GB 11643 check digit, birth date or division)
        or PERSON_NOT_VERIFIED.
        """
        info = registration_info(authority=AUTHORITY_ID)
        identity = open_identity(sealed_identity, self.keys.opening_key, info)
        _check_person(identity)
        now = self._clock.now()
        return issue_binding(
            self.keys.signing,
            issuer=AUTHORITY_ID,
            subject=self.network_number(relying_party, identity.resident_id),
            device_key=device_key,
            identity_commitment=identity.commitment(),
            issued_at=now,
            expires_at=now + BINDING_LIFE,
        )

    def network_number(self, relying_party: str, resident_id: str) -> str:
        """The person's pseudonym (网号) at this relying party: the same every time, unlinkable to any other's."""
        # The separator cannot be part of either, so no two pairs share one input.
        message = f"{relying_party}\x00{resident_id}".encode()
        return "net-" + hmac.new(self.keys.network_secret, message, hashlib.sha256).hexdigest()[:40]


def _check_person(identity: Identity) -> None:
    if ric.compact(identity.resident_id) != identity.resident_id or not ric.is_valid(identity.resident_id):
        raise HuilianError("RESIDENT_ID_MALFORMED")
    if find_person(identity.name, identity.resident_id) is None:
        raise HuilianError("PERSON_NOT_VERIFIED")
