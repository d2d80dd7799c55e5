"""What the identity authority does: checks a person against its register and binds a device key to a network number.

It learns name and resident ID from the device alone (sealed, so neither a hub nor the network reads them) and tells the
relying party only a network number: another one for each relying party, so two of them cannot compare their people.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import issue_binding
from huilian_protocol.clock import Clock
from huilian_protocol.delegation import Basis, Delegation, Link, sign_guardianship
from huilian_protocol.errors import HuilianError
from huilian_protocol.guardianship import GuardianshipRequest, guardianship_info
from huilian_protocol.identity import Identity
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import Suite, open_sealed, registration_info
from stdnum.cn import ric

from connectors.kit.keys import SEALING_SUITE, EdgeKeys, write_private
from connectors.kit.sandbox_families import Child, find_child
from connectors.kit.sandbox_people import find_person
from connectors.kit.sandbox_server import CHINA
from connectors.kit.verification import open_identity

AUTHORITY_ID = "identity_authority"
BINDING_LIFE = timedelta(days=730)
# A custody order may change who the guardian is, so the word is renewed every year.
GUARDIANSHIP_LIFE = timedelta(days=366)


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

    def attest_guardianship(self, sealed_request: bytes, relying_party: str) -> Link:
        """The word that the one inside `sealed_request` is the guardian of the other, as a delegation that the guardian
        cannot pass on. It ends when the child comes of age, whatever is asked.

        Raises HuilianError SEALED_DATA_INVALID, RESIDENT_ID_MALFORMED, PERSON_NOT_VERIFIED (the guardian) or
        DELEGATION_INVALID (the register knows no such guardian of such a child, or it is asked for too long).
        """
        asked = _open_request(sealed_request, self.keys)
        _check_person(asked.guardian)
        now = self._clock.now().replace(microsecond=0)
        _check_guardian(asked, find_child(asked.ward.name, asked.ward.resident_id), now)
        statement = Delegation(
            id=f"guardianship-{os.urandom(12).hex()}",
            basis=Basis.GUARDIAN,
            delegator=self.network_number(relying_party, asked.ward.resident_id),
            delegate=self.network_number(relying_party, asked.guardian.resident_id),
            grants=asked.grants,
            purposes=asked.purposes,
            valid_from=now,
            valid_until=asked.valid_until,
            identity_commitment=asked.ward.commitment(),
        )
        return sign_guardianship(self.keys.signing, statement)

    def network_number(self, relying_party: str, resident_id: str) -> str:
        """The person's pseudonym (网号) at this relying party: the same every time, unlinkable to any other's."""
        # The separator cannot be part of either, so no two pairs share one input.
        message = f"{relying_party}\x00{resident_id}".encode()
        return "net-" + hmac.new(self.keys.network_secret, message, hashlib.sha256).hexdigest()[:40]


def _open_request(sealed: bytes, keys: AuthorityKeys) -> GuardianshipRequest:
    opened = open_sealed(sealed, keys.opening_key, guardianship_info(authority=AUTHORITY_ID))
    try:
        return GuardianshipRequest.from_bytes(opened)
    except ValueError:
        # `from None`: the parser's message could quote personal data.
        raise HuilianError("SEALED_DATA_INVALID", "the sealed request is malformed") from None


def _check_guardian(asked: GuardianshipRequest, child: Child | None, now: datetime) -> None:
    # One answer for an unknown child and another's child: nobody learns here who is whose.
    if child is None or asked.guardian.resident_id not in child.guardians:
        raise _no_guardian("the register knows no such guardian")
    of_age = datetime.combine(child.comes_of_age, time(), CHINA)
    if now >= of_age:
        raise _no_guardian("of age: nobody consents for them any more")
    if not now < asked.valid_until <= min(of_age, now + GUARDIANSHIP_LIFE):
        raise _no_guardian("at most a year, and no longer than until the child comes of age")


def _no_guardian(reason: str) -> HuilianError:
    return HuilianError("DELEGATION_INVALID", reason, reason=reason)


def _check_person(identity: Identity) -> None:
    if ric.compact(identity.resident_id) != identity.resident_id or not ric.is_valid(identity.resident_id):
        raise HuilianError("RESIDENT_ID_MALFORMED")
    if find_person(identity.name, identity.resident_id) is None:
        raise HuilianError("PERSON_NOT_VERIFIED")
