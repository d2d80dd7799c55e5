"""The use cases of onboarding: verify an enterprise, change its signers, take a signer's word for an act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, public_key_to_jwk, thumbprint
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange, verify_statement

from hub.onboarding import rules, store
from hub.onboarding.ports import BusinessRegistry, Ledger, RegistryEntry
from hub.onboarding.rules import SIGNERS_AT_MOST, Approval, Signer
from hub.onboarding.states import TRANSITIONS, VerificationEvent, VerificationState
from hub.onboarding.store import Standing, VerificationRow
from hub.platform.database import Database


@dataclass(frozen=True, slots=True)
class Applicant:
    """What an enterprise says of itself, signed by its legal person.

    The salt opens its commitment to the legal person's name and is not kept.
    """

    statement: EnterpriseVerification
    salt: bytes
    signature: bytes


class OnboardingService:
    """Enterprises, their legal persons' keys and their signers."""

    def __init__(self, database: Database, clock: Clock, registry: BusinessRegistry, ledger: Ledger) -> None:
        self._database, self._clock, self._registry, self._ledger = database, clock, registry, ledger

    async def ask_registry(self, applicant: Applicant) -> RegistryEntry | None:
        """The registry's entry, over the network and outside any transaction.

        Raises USCC_MALFORMED, ASSERTION_INVALID (the legal person's key did not sign it, or not just now),
        PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT: then nothing is verified.
        """
        uscc = rules.check_uscc(applicant.statement.uscc)
        rules.check_statement(applicant.statement, applicant.signature, self._clock.now())
        return await self._registry.look_up(uscc, applicant.salt)

    async def verify(self, applicant: Applicant, entry: RegistryEntry | None) -> VerificationRow:
        """Write down how an enterprise compares with its entry, inside the caller's transaction.

        Raises ASSERTION_INVALID, STATE_CONFLICT (LEGAL_PERSON_KEY) for another key of the legal person than the one it
        began with.
        """
        stated = applicant.statement
        rules.check_statement(stated, applicant.signature, self._clock.now())
        await self._lock(stated.uscc)
        known = await store.verification(stated.uscc)
        jwk = dict(public_key_to_jwk(stated.legal_person_key))
        reasons = rules.compare(entry, stated.name, stated.legal_person_commitment)
        before = VerificationState(known.state) if known else VerificationState.NEW
        was_verified = (known is not None and known.changes > 0) or before is VerificationState.VERIFIED
        if known is not None and was_verified and known.legal_person_jwk != jwk:
            raise HuilianError("STATE_CONFLICT", "the legal person has another key", state="LEGAL_PERSON_KEY")
        event = VerificationEvent.FAIL if reasons else VerificationEvent.PASS
        row = known or VerificationRow(uscc=stated.uscc, changes=0)
        row.name, row.state, row.reasons = stated.name, TRANSITIONS[before, event].value, list(reasons)
        row.legal_person_commitment, row.legal_person_jwk = stated.legal_person_commitment, jwk
        row.checked_at = self._clock.now()
        await store.save_verification(row, is_new=known is None)
        return row

    async def verification(self, uscc: str) -> VerificationRow:
        """How an enterprise compared with the registry. Raises USCC_MALFORMED, NOT_FOUND."""
        row = await store.verification(rules.check_uscc(uscc))
        if row is None:
            raise HuilianError("NOT_FOUND", resource="verification")
        return row

    async def change_signer(self, change: SignerChange, approvals: Sequence[Approval], proof: bytes) -> Signer:
        """Admit, change or dismiss a signer; `proof` is the signature of that signer's key, if it gets powers.

        Raises NOT_FOUND, STATE_CONFLICT (not verified, or another change came first), ASSERTION_INVALID,
        PERMISSION_DENIED, LIMIT_EXCEEDED (too many signers), ALREADY_EXISTS (the key is another signer's).
        """
        await self._lock(change.uscc)
        row = await self.verification(change.uscc)
        if row.state != VerificationState.VERIFIED:
            raise HuilianError("STATE_CONFLICT", "not verified", state=row.state)
        if change.number != row.changes + 1:
            raise HuilianError("STATE_CONFLICT", f"the next change has number {row.changes + 1}", state="CHANGED")
        known = await store.signers(change.uscc)
        _check_place(change, known)
        rules.check_proof(change, proof)
        rules.check_approvals(change, approvals, jwk_to_public_key(row.legal_person_jwk), known)
        signer = await store.apply_change(change)
        await self._record(change, approvals, proof)
        return signer

    async def signers(self, uscc: str) -> list[Signer]:
        """The signers of an enterprise, dismissed ones too."""
        return list((await store.signers(uscc)).values())

    async def authorise(self, mandate: Mandate, signature: bytes) -> None:
        """Take a signer's word for one act. Raises PERMISSION_DENIED, ASSERTION_INVALID."""
        signer = (await store.signers(mandate.uscc)).get(mandate.signer_id)
        rules.check_mandate(mandate, signer)
        assert signer is not None, "check_mandate asks for one"
        verify_statement(signer.public_key, mandate, signature)
        await store.add_mandate(mandate, signature, self._clock.now())

    async def require_verified(self, uscc: str) -> None:
        """Raise STATE_CONFLICT (ENTERPRISE_NOT_VERIFIED) unless the registry agreed with an enterprise when last asked.

        Being registered with the hub (`identity.RegisterEnterprise`) proves a key, not a company.
        """
        await self._check_verified(uscc, await store.standing(self._database, uscc))

    async def require_mandate(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        """Use up the word of a signer for one act of an enterprise, in the caller's transaction.

        A verified enterprise without signers acts by its own keys alone. A signer's powers and limit count as they are
        now, and each word is good for one act. Raises STATE_CONFLICT (ENTERPRISE_NOT_VERIFIED), PERMISSION_DENIED.
        """
        standing = await store.standing(self._database, uscc)
        await self._check_verified(uscc, standing)
        await self._use_word(uscc, standing, power, object_id, amount_fen)

    async def require_word(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        """As `require_mandate`, of an enterprise that need not be verified any more: paying what it owes and disputing
        what it does not stay open to one that was struck off. Raises PERMISSION_DENIED.
        """
        await self._use_word(uscc, await store.standing(self._database, uscc), power, object_id, amount_fen)

    async def _use_word(self, uscc: str, standing: Standing, power: Power, object_id: str, amount_fen: int) -> None:
        if not standing.has_signers:
            return
        signers = await store.signers(uscc)
        for number, mandate in await store.unused_mandates(uscc, power, object_id):
            covers = mandate.amount_fen >= amount_fen and _covers(mandate, signers.get(mandate.signer_id))
            if covers and await store.use_mandate(number, self._clock.now()):
                return
        raise HuilianError("PERMISSION_DENIED", "no signer authorised this act for this amount")

    async def _check_verified(self, uscc: str, standing: Standing) -> None:
        if not standing.verified:
            row = await store.verification(uscc)
            found = ", ".join(row.reasons) if row is not None else "never compared with the business registry"
            raise HuilianError("STATE_CONFLICT", found, state="ENTERPRISE_NOT_VERIFIED")

    async def _record(self, change: SignerChange, approvals: Sequence[Approval], proof: bytes) -> None:
        content = {
            "parties": [change.uscc],
            "uscc": change.uscc,
            "signer_id": change.signer_id,
            "key": thumbprint(change.public_key),
            "powers": sorted(power.value for power in change.powers),
            "limit_fen": change.limit_fen,
        }
        signed = [{"signer_id": one.signer_id, "signature": b64u_encode(one.signature)} for one in approvals]
        record_id = f"signer-change:{change.uscc}:{change.number}"
        evidence = {"approvals": signed, "proof": b64u_encode(proof)}
        await self._ledger.append("signer.changed", record_id, content, subject=None, evidence=evidence)

    async def _lock(self, uscc: str) -> None:
        await self._database.lock("onboarding", uscc)


def _check_place(change: SignerChange, known: dict[str, Signer]) -> None:
    if change.signer_id not in known and len(known) >= SIGNERS_AT_MOST:
        raise HuilianError("LIMIT_EXCEEDED", "too many signers", available_fen=0)
    others = (signer for signer in known.values() if signer.signer_id != change.signer_id and signer.active)
    if any(thumbprint(other.public_key) == thumbprint(change.public_key) for other in others):
        raise HuilianError("ALREADY_EXISTS", "one key, one signer", resource="signer's key")


def _covers(mandate: Mandate, signer: Signer | None) -> bool:
    return signer is not None and mandate.power in signer.powers and mandate.amount_fen <= signer.limit_fen
