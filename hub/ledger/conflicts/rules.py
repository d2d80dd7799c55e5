"""What two banks in a conflict say to each other: its form, its seal, and the proof that both mean one invoice. Pure.

The owner commitment of a lock on the chain is the hash of an X25519 key. Who is refused asks the lock's hub for that
key and seals its notice to it; the notice proves knowledge of the identifier behind the fingerprint, so that nobody
learns a counterpart by walking through the chain's locks.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws
from huilian_protocol.sealing import KeyPair, Suite, open_sealed, public_key_of, seal
from huilian_protocol.strict import object_with, text_at

from ledger.contract.calls import COMMITMENT_BYTES

NOTICE, REPLY = "huilian-conflict-notice+jwt", "huilian-conflict-reply+jwt"
_KEY_BYTES, _PROOF_BYTES = 32, 32


@dataclass(frozen=True, slots=True)
class Party:
    """All that a counterpart learns: hub, claim, and when it was asked for (whole seconds)."""

    hub: str
    claim_id: str
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What a refused hub says: who it is, the proof, and the key to which the answer is sealed."""

    party: Party
    proof: bytes
    reply_to: bytes


def disclosure_key(hold_id: str, salt: bytes) -> KeyPair:
    """The X25519 key behind a hold's owner commitment; it exists only where the salt is known."""
    private = hashlib.sha256(b"huilian-owner/v1" + salt + hold_id.encode()).digest()
    return KeyPair(private, public_key_of(Suite.X25519, private))


def commitment_of(public_key: bytes) -> bytes:
    """The owner commitment that belongs to a disclosure key, 22 bytes."""
    return hashlib.sha256(b"huilian-owner/v1" + public_key).digest()[:COMMITMENT_BYTES]


def proof_of(identifier: bytes, commitment: bytes, party: Party) -> bytes:
    """The proof that this party knows an identifier of the invoice that is locked under the commitment."""
    said = b"\0".join([b"huilian-conflict/v1", commitment, party.hub.encode(), party.claim_id.encode()])
    return hmac.digest(identifier, said, hashlib.sha256)


def proves(identifiers: Sequence[bytes], commitment: bytes, notice: Notice) -> bool:
    """Whether the notice was made by somebody who knows one of these identifiers."""
    made = [proof_of(identifier, commitment, notice.party) for identifier in identifiers]
    return any([hmac.compare_digest(one, notice.proof) for one in made])


def sign_notice(key: ec.EllipticCurvePrivateKey, commitment: bytes, notice: Notice) -> str:
    """The notice as a JWS of the refused hub."""
    payload = {
        **_statement(commitment, notice.party),
        "proof": b64u_encode(notice.proof),
        "reply_to": b64u_encode(notice.reply_to),
    }
    return sign_jws(key, payload, NOTICE, thumbprint(key.public_key()))


def sign_reply(key: ec.EllipticCurvePrivateKey, commitment: bytes, party: Party) -> str:
    """The answer as a JWS of the hub that holds the lock."""
    return sign_jws(key, _statement(commitment, party), REPLY, thumbprint(key.public_key()))


def read_notice(token: str, keys: Mapping[str, ec.EllipticCurvePublicKey], commitment: bytes) -> Notice:
    """A notice that one of these keys signed about this lock. Raises HuilianError or ValueError."""
    payload = verify_jws(token, keys, NOTICE)
    value = object_with(payload, ["claim_id", "claimed_at", "hub", "owner_commitment", "proof", "reply_to"], "notice")
    proof, reply_to = b64u_decode(text_at(value, "proof")), b64u_decode(text_at(value, "reply_to"))
    if (len(proof), len(reply_to)) != (_PROOF_BYTES, _KEY_BYTES):
        raise ValueError("a notice has a proof and a key of 32 bytes each")
    return Notice(_party(value, commitment), proof, reply_to)


def read_reply(token: str, keys: Mapping[str, ec.EllipticCurvePublicKey], commitment: bytes) -> Party:
    """An answer that one of these keys signed about this lock. Raises HuilianError or ValueError."""
    payload = verify_jws(token, keys, REPLY)
    return _party(object_with(payload, ["claim_id", "claimed_at", "hub", "owner_commitment"], "reply"), commitment)


def seal_to(public_key: bytes, use: str, commitment: bytes, token: str) -> bytes:
    """Seal a notice or a reply to whom it is for."""
    return seal(Suite.X25519, public_key, _info(use, commitment), token.encode("ascii"))


def open_from(envelope: bytes, private_key: bytes, use: str, commitment: bytes) -> str:
    """Open a notice or a reply. Raises HuilianError SEALED_DATA_INVALID, ValueError for what is no ASCII."""
    return open_sealed(envelope, private_key, _info(use, commitment)).decode("ascii")


def _info(use: str, commitment: bytes) -> dict[str, Any]:
    return {"owner_commitment": b64u_encode(commitment), "use": use}


def _statement(commitment: bytes, party: Party) -> dict[str, Any]:
    return {
        "claim_id": party.claim_id,
        "claimed_at": format_time(party.claimed_at),
        "hub": party.hub,
        "owner_commitment": b64u_encode(commitment),
    }


def _party(value: dict[str, Any], commitment: bytes) -> Party:
    if value["owner_commitment"] != b64u_encode(commitment):
        raise ValueError("about another lock")
    return Party(text_at(value, "hub"), text_at(value, "claim_id"), parse_time(text_at(value, "claimed_at")))
