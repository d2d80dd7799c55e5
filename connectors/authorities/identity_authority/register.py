"""What the identity authority does: checks a person against its register and binds a device key to a network number.

It learns name and resident ID from the device alone (sealed, so neither a hub nor the network reads them) and tells the
relying party only a network number: another one for each relying party, so two of them cannot compare their people.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import issue_binding
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import KeyPair, generate_keypair, registration_info
from stdnum.cn import ric

from connectors.kit.keys import SEALING_SUITE, load_sealing_key, load_signing_key, write_private
from connectors.kit.sandbox_people import find_person
from connectors.kit.verification import open_identity

AUTHORITY_ID = "identity_authority"
BINDING_LIFE = timedelta(days=730)


@dataclass(frozen=True, slots=True, repr=False)
class AuthorityKeys:
    """What the authority seals, signs and derives network numbers with."""

    sealing: KeyPair
    signing: ec.EllipticCurvePrivateKey
    network_secret: bytes


def load_authority_keys(folder: Path) -> AuthorityKeys:
    """The authority's keys from its state folder; made on the first call, before anything is started."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = folder / "network.secret"
    if not secret.exists():
        write_private(secret, generate_keypair(SEALING_SUITE).private)
    sealing = load_sealing_key(folder / "sealing.key")
    return AuthorityKeys(sealing, load_signing_key(folder / "signing.pem"), secret.read_bytes())


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
        identity = open_identity(sealed_identity, self.keys.sealing.private, info)
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
