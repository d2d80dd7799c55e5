"""A person's own side: who they are, kept by themselves and sealed to nobody but the authority and the agencies."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from huilian_protocol.action import ActionParameters, parameters_info
from huilian_protocol.binding import SALT_BYTES
from huilian_protocol.errors import HuilianError
from huilian_protocol.guardianship import GuardianshipRequest, guardianship_info
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import SealingKey, Suite, registration_info, seal, subject_info
from huilian_protocol.trust import TrustAnchors
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from huilian_sdk._errors import typed
from huilian_sdk._files import read_private, write_private

__all__ = ["Person", "check_resident_id"]

MAX_NAME_CHARS = 100
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)


def check_resident_id(text: str) -> str:
    """The resident ID in its standard form (GB 11643: 18 characters, upper-case X).

    Raises :class:`HuilianError` RESIDENT_ID_MALFORMED, which does not repeat the number.
    """
    number = text.strip().upper()
    if _EIGHTEEN.fullmatch(number):
        try:
            return str(ric.validate(number))
        except ValidationError as error:
            raise typed(HuilianError("RESIDENT_ID_MALFORMED", type(error).__name__)) from None
    raise typed(HuilianError("RESIDENT_ID_MALFORMED", "not 17 digits and a check character"))


class Person:
    """Name, resident ID and the salt that opens the commitment in the person's key bindings."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    @classmethod
    def create(
        cls, name: str, resident_id: str, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> Person:
        """A person with a fresh salt. Raises :class:`HuilianError` RESIDENT_ID_MALFORMED or INVALID_ARGUMENT (name)."""
        tidy = unicodedata.normalize("NFC", name.strip())
        if not 0 < len(tidy) <= MAX_NAME_CHARS:
            raise typed(HuilianError("INVALID_ARGUMENT", "a name has 1 to 100 characters", field="name"))
        return cls(Identity(tidy, check_resident_id(resident_id), random_bytes(SALT_BYTES)))

    @classmethod
    def company(cls, name: str, uscc: str) -> Person:
        """A company as the subject of a delegate's consent, to be sealed to agencies like a person; no secret in it."""
        return cls(Identity(name, uscc, bytes(SALT_BYTES)))

    @classmethod
    def load(cls, path: Path | str) -> Person:
        """Read a file that :meth:`save` wrote. Raises ``ValueError`` for another file."""
        return cls(Identity.from_bytes(read_private(path)))

    def save(self, path: Path | str) -> None:
        """Write name, resident ID and salt to a file that only its owner can read."""
        write_private(path, self._identity.to_bytes())

    @property
    def identity(self) -> Identity:
        """The identity itself; its representation shows nothing."""
        return self._identity

    def seal_registration(
        self,
        public_key: bytes,
        *,
        suite: Suite = Suite.XWING,
        authority: str = "identity_authority",
        trust: TrustAnchors | None = None,
    ) -> bytes:
        """The identity sealed to the identity authority, for registering or binding another device.

        Raises :class:`HuilianError` KEY_NOT_PINNED for a key that ``trust`` does not know.
        """
        if trust is not None:
            _pinned(lambda: trust.check_authority_key(SealingKey(suite, public_key)))
        return seal(suite, public_key, registration_info(authority=authority), self._identity.to_bytes())

    def seal_subject(
        self,
        public_key: bytes,
        *,
        suite: Suite = Suite.XWING,
        agency: str,
        consent_id: str,
        subject: str,
        trust: TrustAnchors | None = None,
    ) -> bytes:
        """The identity sealed to one agency under one consent; the hub forwards it and cannot read it.

        The key comes from a hub; with ``trust``, a hub that offers one of its own is found out: raises
        :class:`HuilianError` KEY_NOT_PINNED.
        """
        if trust is not None:
            _pinned(lambda: trust.check_agency_key(agency, SealingKey(suite, public_key)))
        info = subject_info(consent_id=consent_id, subject=subject, agency=agency)
        return seal(suite, public_key, info, self._identity.to_bytes())

    def seal_guardianship(
        self,
        ward: Person,
        public_key: bytes,
        *,
        suite: Suite = Suite.XWING,
        grants: Sequence[str],
        purposes: Sequence[str],
        valid_until: datetime,
        authority: str = "identity_authority",
    ) -> bytes:
        """The request for the authority's word that this person is the guardian of ``ward``, sealed to the authority.

        Keep ``ward``: its salt is what agencies will recognise the child by (:meth:`seal_subject`).
        """
        request = GuardianshipRequest(
            self._identity, ward.identity, tuple(sorted(grants)), tuple(sorted(purposes)), valid_until
        )
        return seal(suite, public_key, guardianship_info(authority=authority), request.to_bytes())

    def seal_parameters(
        self,
        parameters: ActionParameters,
        public_key: bytes,
        *,
        suite: Suite = Suite.XWING,
        action: str,
        agency: str,
        consent_id: str,
        subject: str,
        request_id: str,
        trust: TrustAnchors | None = None,
    ) -> bytes:
        """What to do (which fine, how much) sealed to one agency for one request under one consent.

        The consent names its commitment (:func:`huilian_protocol.action.commit_parameters`). Raises
        :class:`HuilianError` KEY_NOT_PINNED as :meth:`seal_subject` does.
        """
        if trust is not None:
            _pinned(lambda: trust.check_agency_key(agency, SealingKey(suite, public_key)))
        info = parameters_info(
            action=action, agency=agency, consent_id=consent_id, request_id=request_id, subject=subject
        )
        return seal(suite, public_key, info, parameters.to_bytes())


def _pinned(check: Callable[[], None]) -> None:
    try:
        check()
    except HuilianError as error:
        raise typed(error) from None
