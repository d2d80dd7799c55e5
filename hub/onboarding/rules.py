"""What the registry must say, whose signatures change signers, what a mandate is good for. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.errors import HuilianError, malformed_uscc
from huilian_protocol.jose import thumbprint
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange, verify_statement
from stdnum.cn import uscc as uscc_standard

from hub.onboarding.ports import RegistryEntry, RegistryStatus

SIGNERS_NEEDED = 2
SIGNERS_AT_MOST = 100
# Signing takes a person a moment; clocks differ. An older statement could be another day's, found somewhere.
STATEMENT_GOOD_FOR = timedelta(minutes=10)
TEXTS: Mapping[str, tuple[str, str]] = {
    "NOT_REGISTERED": ("登记机关查无此企业", "The business registry knows no such enterprise"),
    "NAME_DIFFERS": ("企业名称与登记不一致", "The name differs from the registered one"),
    "ABNORMAL": ("企业列入经营异常名录", "The enterprise is listed as operating abnormally"),
    "REVOKED": ("企业已被吊销或注销", "The enterprise's licence was revoked or it was dissolved"),
    "LEGAL_PERSON_DIFFERS": ("法定代表人与登记不一致", "The legal person differs from the registered one"),
}


@dataclass(frozen=True, slots=True)
class Signer:
    """Who may bind an enterprise. Without powers a signer is dismissed."""

    signer_id: str
    public_key: ec.EllipticCurvePublicKey
    powers: frozenset[Power]
    limit_fen: int

    @property
    def active(self) -> bool:
        """Whether this signer may do anything at all."""
        return bool(self.powers)


@dataclass(frozen=True, slots=True)
class Approval:
    """A signature under a change; `signer_id` is empty for the legal person."""

    signer_id: str
    signature: bytes


def check_uscc(text: str) -> str:
    """The code if it is well formed (GB 32100-2015). Raises USCC_MALFORMED."""
    if uscc_standard.compact(text) != text or not uscc_standard.is_valid(text):
        raise malformed_uscc(text)
    return text


def check_statement(statement: EnterpriseVerification, signature: bytes, now: datetime) -> None:
    """Raise ASSERTION_INVALID unless the key named as the legal person's signed just now that it is."""
    if abs(now - statement.stated_at) > STATEMENT_GOOD_FOR:
        raise HuilianError("ASSERTION_INVALID", "the legal person did not sign just now")
    verify_statement(statement.legal_person_key, statement, signature)


def check_proof(change: SignerChange, proof: bytes) -> None:
    """Raise ASSERTION_INVALID unless the key that gets powers by a change signed it: whose key it is agrees to it.

    Who is dismissed need not agree.
    """
    if change.powers:
        verify_statement(change.public_key, change, proof)


def compare(entry: RegistryEntry | None, name: str, legal_person_commitment: bytes) -> tuple[str, ...]:
    """Every reason why an enterprise is not who it says; none when the registry agrees."""
    if entry is None:
        return ("NOT_REGISTERED",)
    found = []
    if entry.name != name:
        found.append("NAME_DIFFERS")
    if entry.status is not RegistryStatus.IN_BUSINESS:
        found.append(entry.status.value)
    if not hmac.compare_digest(entry.legal_person_digest, legal_person_commitment):
        found.append("LEGAL_PERSON_DIFFERS")
    return tuple(found)


def compare_standing(entry: RegistryEntry | None, name: str) -> tuple[str, ...]:
    """What has changed for the worse at the registry since an enterprise was verified; its legal person is not asked
    for.
    """
    return compare(entry, name, entry.legal_person_digest if entry is not None else b"")


def check_approvals(
    change: SignerChange,
    approvals: Sequence[Approval],
    legal_person: ec.EllipticCurvePublicKey,
    signers: Mapping[str, Signer],
) -> None:
    """Raise unless the legal person, or two different active signers with different keys, signed this very change.

    Nobody approves their own change. Raises ASSERTION_INVALID for a wrong signature, PERMISSION_DENIED for too few.
    """
    by_key: set[str] = set()
    for approval in approvals:
        if not approval.signer_id:
            verify_statement(legal_person, change, approval.signature)
            return
        signer = signers.get(approval.signer_id)
        if signer is None or not signer.active or approval.signer_id == change.signer_id:
            raise HuilianError("PERMISSION_DENIED", "not a signer who may approve this change")
        verify_statement(signer.public_key, change, approval.signature)
        by_key.add(thumbprint(signer.public_key))
    if len(by_key) < SIGNERS_NEEDED:
        raise HuilianError("PERMISSION_DENIED", "the legal person or two signers change signers")


def check_mandate(mandate: Mandate, signer: Signer | None) -> None:
    """Raise PERMISSION_DENIED unless a signer's powers and limit cover a mandate."""
    if signer is None or mandate.power not in signer.powers:
        raise HuilianError("PERMISSION_DENIED", f"no signer of this enterprise who may {mandate.power}")
    if mandate.amount_fen > signer.limit_fen:
        raise HuilianError("PERMISSION_DENIED", f"above the signer's limit of {signer.limit_fen} fen")
