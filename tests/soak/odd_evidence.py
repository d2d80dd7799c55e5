"""Evidence that its makers (buyer, person, edge) really sign, each with something odd in it, properly recorded."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import timedelta
from typing import Any

import coincurve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from huilian_protocol.canonical import (
    b64u_decode,
    b64u_encode,
    canonicalise,
    parse_canonical,
    sha256_canonical,
)
from huilian_protocol.confirmation import confirmation_digest
from huilian_protocol.jose import sign_jws, thumbprint
from huilian_protocol.recipient_keys import MAX_DAYS
from huilian_protocol.recovery import ORDER

from tests.soak.lying_hub import NOW, log, mutated
from tests.soak.mutations import P256_ORDER
from tests.soak.mutators import mutate_bytes
from tests.soak.odd_receipts import b64
from tests.unit.ledger import receipt_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.protocol import world


def _mostly(rng: random.Random, usual: Any, *odd: Any) -> Any:
    """The usual thing, one time in five an odd one: with everything odd at once, only the first oddity would count."""
    return usual if rng.random() < 0.8 else rng.choice(odd)


def confirmation(rng: random.Random) -> bytes:
    """Other confirmations and certificates, really signed."""
    second, now = timedelta(seconds=1), int(NOW.timestamp())
    lives = [{"not_after": NOW}, {"not_after": NOW - second}, {"not_before": NOW}, {"not_before": NOW + second}]
    life = _mostly(rng, {}, *lives)
    another = world.key(7, world.ENTERPRISE.curve).public_key()
    who = _mostly(rng, {}, {"uscc": world.SUPPLIER_USCC}, {"name": "Ä" * 30}, {"public_key": another})
    ca = _mostly(rng, {}, {"ca_key": world.STRANGER})
    times = [{"confirmed_at": at} for at in (0, 2**53 - 1, now + 300, now + 301)]
    message = world.confirmation(**_mostly(rng, {}, {"amount_fen": 2**53 - 1}, {"chain_id": 5}, *times))
    secret = world.ENTERPRISE.private_numbers().private_value.to_bytes(32)
    signature = coincurve.PrivateKey(secret).sign_recoverable(confirmation_digest(message), hasher=None)
    certificate = _odd_pem(rng, world.certificate(**life, **who, **ca))
    evidence = {
        "confirmation": message.to_dict() | _mostly(rng, {}, {"dueDate": "2026-W35-6"}, {"dueDate": "2026-02-30"}),
        "signature": b64u_encode(_odd_signature(rng, signature[:64] + bytes([27 + signature[64]]))),
        "certificate": certificate,
    }
    content = {**message.to_dict(), "at": "2026-03-02T02:00:00Z"}
    return log(rng, Parts(receipt_world.record("receivable.confirmed", content, evidence), evidence))


def _odd_signature(rng: random.Random, signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64])
    other_v = bytes([55 - signature[64]])
    twin = signature[:32] + s.to_bytes(32)
    return rng.choice(
        [signature] * 20
        + [twin + other_v, twin + signature[64:], signature[:64] + other_v, signature[:64] + b"\x00", signature[:64]]
        + [bytes(32) + signature[32:], signature[:32] + bytes(32) + signature[64:], b"\xff" * 64 + b"\x1b"]
    )


def _odd_pem(rng: random.Random, pem: str) -> str:
    lines = pem.splitlines()
    body = "".join(lines[1:-1])
    der = b64u_decode(body.rstrip("=").translate(str.maketrans("+/", "-_")))
    return rng.choice(
        [lambda: pem] * 25
        + [
            lambda: pem.rstrip("\n"),
            lambda: pem.replace("\n", "\r\n"),
            lambda: "note\n" + pem,
            lambda: pem + pem,
            lambda: f"{lines[0]}\n{body}\n{lines[-1]}\n",
            lambda: pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
            lambda: _pem(mutate_bytes(rng, der)),
            lambda: _pem(der + b"\x00"),
            lambda: world.CA_PEM,
            lambda: "",
        ]
    )()


def _pem(der: bytes) -> str:
    body = b64(der)
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


ACTION = {"id": "traffic.fine.pay", "max_amount_fen": 20_000, "max_uses": 1, "parameters_commitment": None}


def _recipient(rng: random.Random, usual: dict[str, str]) -> dict[str, str]:
    """With a statement of several keys, which now and then says something odd."""
    keys = [{"id": usual["sealing_key_id"], "suite": "xwing"}, {"id": "A" * 43, "suite": "x25519"}]
    claims = {"sub": usual["id"], "keys": keys, "iat": 1_767_225_600, "exp": 1_767_225_600 + 86_400 * MAX_DAYS}
    twice, late = {**claims, "keys": [keys[0], keys[0]]}, {**claims, "exp": claims["exp"] + 1}
    odd = rng.choice(
        [{**claims, "keys": keys[::-1]}, {**claims, "keys": []}, twice, late, mutated(rng, claims, claims)]
    )
    said = claims if rng.random() < 0.5 else odd
    return {**usual, "key_statement": sign_jws(world.HUB, said, "huilian-recipient-keys+jwt", "root")}


def _artefact(rng: random.Random) -> dict[str, Any]:
    usual = world.artefact_dict()
    with_actions = {**usual, "type": "huilian-consent/v2", "actions": [ACTION]}
    amended = {**with_actions, "type": "huilian-consent/v3", "version": 2, "replaces": "A" * 43, "signer": None}
    several = {"type": "huilian-consent/v4", "recipient": _recipient(rng, usual["recipient"])}
    first = {**amended, **several, "version": 1, "replaces": None}
    later = rng.choice([amended, {**amended, "actions": []}, {**amended, **several}, first])
    chosen = rng.choice([usual, with_actions, {**with_actions, "datasets": []}, later])
    return chosen if rng.random() < 0.3 else mutated(rng, chosen, with_actions)


def consent_signed(rng: random.Random) -> bytes:
    """Any artefact, signed by the person's device and countersigned by the hub; now and then one of them misbehaves."""
    artefact = _artefact(rng)
    digest = sha256_canonical(artefact)
    times = {"issued_at": NOW + timedelta(seconds=rng.choice([-1, 0, 60, 61]))}
    lives = {"expires_at": NOW + timedelta(seconds=rng.choice([0, 1]))}
    binding = world.binding(
        **_mostly(rng, {}, times, lives, {"subject": "wh-2"}, {"signer": world.STRANGER}, {"assurance": ""})
    )
    assertion = world.DEVICE.sign(digest).to_dict()
    hashes = {
        "artefact_sha256": b64u_encode(digest),
        "assertion_sha256": b64u_encode(sha256_canonical(assertion)),
        "binding_sha256": b64u_encode(hashlib.sha256(binding.encode()).digest()),
    }
    token = sign_jws(world.HUB, hashes, "huilian-consent+jwt", thumbprint(world.HUB.public_key()))
    return canonicalise({"artefact": artefact, "assertion": assertion, "binding": binding, "countersignature": token})


def consent_recorded(rng: random.Random) -> bytes:
    signed = consent_signed(rng)
    artefact = parse_canonical(signed)["artefact"]
    evidence = {"signed_consent": b64u_encode(signed)}
    content = {"consent_id": artefact.get("id"), "artefact_sha256": b64u_encode(sha256_canonical(artefact))}
    return log(rng, Parts(receipt_world.record("consent-granted", content, evidence), evidence))


CLIENT_DATA: tuple[dict[str, Any], ...] = (
    {}, {"crossOrigin": False}, {"crossOrigin": True}, {"crossOrigin": 0}, {"crossOrigin": None}, {"topOrigin": "x"},
    {"origin": "https://evil.example"}, {"type": "webauthn.create"}, {"n": 1.5}, {"n": 10**30},
    {"__proto__": {"type": "x"}},
)  # fmt: skip


def contract_signed(rng: random.Random) -> bytes:
    """A loan contract that the device signs with odd client data, flags or terms."""
    good = receipt_world.lent()
    contract = parse_canonical(b64u_decode(good.evidence["contract"]))
    if rng.random() < 0.5:
        contract = mutated(rng, contract, contract)
    signed = canonicalise(contract)
    assertion = _device_signs(rng, hashlib.sha256(signed).digest())
    evidence = {**good.evidence, "contract": b64u_encode(signed), "assertion": assertion}
    content = {key: contract.get(key) for key in ("borrower", "principal_fen", "currency", "terms")}
    content["loan_id"] = contract.get("application_id")
    return log(rng, Parts(receipt_world.record("loan.disbursed", content, evidence), evidence))


def _device_signs(rng: random.Random, challenge: bytes) -> dict[str, str]:
    sha256 = hashlib.sha256
    client = {"type": "webauthn.get", "challenge": b64u_encode(challenge), "origin": world.ORIGIN}
    spelled = json.dumps(client | _mostly(rng, {}, *CLIENT_DATA), indent=rng.choice([None, 1])).encode()
    spelled = rng.choice([spelled] * 15 + [b"\xef\xbb\xbf" + spelled, spelled + b" ", spelled[:-1] + b',"type":"x"}'])
    flags = _mostly(rng, 0x05, 0x1D, 0x01, 0x04, 0x85)
    data = sha256(_mostly(rng, world.RP_ID, "x").encode()).digest() + bytes([flags]) + bytes(4)
    data += _mostly(rng, b"", b"\xa0")
    key = _mostly(rng, world.key(104), world.STRANGER)
    signature = key.sign(data + sha256(spelled).digest(), ec.ECDSA(hashes.SHA256()))
    signature = _odd_der(rng, signature)
    parts = {"authenticator_data": data, "client_data_json": spelled, "signature": signature}
    return {name: b64u_encode(part) for name, part in parts.items()}


def _odd_der(rng: random.Random, der: bytes) -> bytes:
    """The same signature in another spelling, its twin, or none."""
    r, s = decode_dss_signature(der)
    return rng.choice(
        [der] * 20
        + [encode_dss_signature(r, P256_ORDER - s), encode_dss_signature(r, s + P256_ORDER), encode_dss_signature(0, s)]
        + [b"\x30\x81" + der[1:], der + b"\x00", der[:2] + b"\x02" + bytes([der[3] + 1]) + b"\x00" + der[4:]]
    )


def edge_signature(rng: random.Random) -> bytes:
    """Claims of an edge and a record that say nearly the same, in types that some languages take for equal."""
    same: dict[str, Any] = {
        "request_id": _mostly(rng, "r", 1, True, 0, None, "é"),
        "consent_sha256": "x",
        "dataset": _mostly(rng, rng.choice(["tax", "tax.income/v1", "other.x/v1"]), [], {}, False),
        "fields": rng.choice(
            [["a", "b"]] * 8 + [[], ["a", 1], [1, 2], "ab", {"a": 1}, ["\U0001f600", "\uffee"], [["a"]], None]
        ),
    }
    other = dict(same)
    key = rng.choice(sorted(same))
    if rng.random() < 0.5 and isinstance(same[key], (bool, int)):
        other[key] = int(same[key]) if isinstance(same[key], bool) else bool(same[key])
    if rng.random() < 0.5 and isinstance(same["fields"], (str, dict)):
        other["fields"] = sorted(same["fields"])
    if rng.random() < 0.3 and isinstance(same["fields"], list):
        other["fields"] = same["fields"][::-1]
    payload = b64u_encode(rng.choice([canonicalise(same)] * 6 + [json.dumps(same).encode(), b"[]", b"null"]))
    signed = sign_jws(world.STRANGER, same, "huilian-answer+jwt", thumbprint(world.STRANGER.public_key()))
    token = rng.choice(
        [signed] * 12 + [f"e30.{payload}.AA"] * 6 + [f".{payload}.", payload, f"a.{payload}.b.c", f"é.{payload}.+"]
    )
    evidence = {"edge_signature": token}
    return log(rng, Parts(receipt_world.record("access", {**other, "outcome": "x"}, evidence), evidence))
