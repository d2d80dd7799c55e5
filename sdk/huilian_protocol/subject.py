"""How whoever is told a name and a number recognises the subject of a consent."""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.binding import check_commitment
from huilian_protocol.certificate import EnterpriseIdentity
from huilian_protocol.errors import HuilianError

__all__ = ["SubjectProof"]


@dataclass(frozen=True, slots=True)
class SubjectProof:
    """Exactly one of: a salted commitment to a person's name and resident ID, or a company as its CA certified it."""

    commitment: bytes | None = None
    enterprise: EnterpriseIdentity | None = None

    def check(self, name: str, number: str, salt: bytes) -> None:
        """Raises :class:`HuilianError` SUBJECT_MISMATCH unless name and number (resident ID, or USCC) are the
        subject's.
        """
        if self.enterprise is not None:
            if (name, number) != (self.enterprise.name, self.enterprise.uscc):
                raise HuilianError("SUBJECT_MISMATCH", "the certificate is another company's")
            return
        assert self.commitment is not None, "one of the two is always there"
        check_commitment(self.commitment, name, number, salt)
