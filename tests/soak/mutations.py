"""Damaged consents, assertions, bindings, envelopes and receipts: each refused with a code or a reason.

One campaign over every document that somebody outside has to be able to trust. "Refused" means: a HuilianError of the
catalogue that can be put on the wire, or from the offline verifier a failed check that says why.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from huilian_protocol.answer import sign_answer, verify_answer
from huilian_protocol.artefact import Artefact
from huilian_protocol.binding import commit_identity, verify_binding
from huilian_protocol.canonical import (
    b64u_decode,
    b64u_encode,
    canonicalise,
    parse_canonical,
    parse_json,
    sha256_canonical,
)
from huilian_protocol.confirmation import ReceivableConfirmation, verify_confirmation
from huilian_protocol.consent import SignedConsent, verify_device_signature, verify_evidence
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint
from huilian_protocol.receipt import parse_receipt
from huilian_protocol.resumption import Resumption, SignedResumption, verify_resumption
from huilian_protocol.sealing import Suite, generate_keypair, open_sealed, payload_info, seal
from huilian_protocol.status import to_rpc_status
from huilian_protocol.termination import Ending, Termination, issue_termination, verify_termination
from huilian_protocol.webauthn import Assertion
from huilian_sdk.authenticator import SoftwareAuthenticator

from ledger.verify import verify_bytes
from tests.soak.mutators import mutate, mutate_bytes, mutate_jws
from tests.unit.ledger import receipt_world
from tests.unit.protocol import world
from tests.unit.protocol.test_delegation import by_device, consent, statement

MUTATIONS_OF_EACH = 8
P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
TRUST = receipt_world.trust()
NOW = world.NOW


class Accepted(AssertionError):
    """A damaged document went through."""


def refused(document: bytes | str, check: Callable[[], object]) -> int:
    """Expect a refusal of the catalogue that the wire can carry; answers 1."""
    try:
        check()
    except HuilianError as error:
        to_rpc_status(error).SerializeToString()
        return 1
    raise Accepted(repr(document)[:2_000])


# --- the documents, two valid ones of each kind


def _consents() -> tuple[SignedConsent, SignedConsent]:
    """Of two different people with different devices, so that no part of one fits the other."""
    device = SoftwareAuthenticator(world.key(204), rp_id=world.RP_ID, origin=world.ORIGIN)
    artefact = world.artefact(id="consent-00000002", subject="wh-0000000000000002", data_life_days=31)
    commitment = commit_identity("李四", world.RESIDENT_ID, world.SALT)
    binding = world.binding(
        subject=artefact.subject, device_key=device.public_key, identity_commitment=commitment, issued_at=world.NOW
    )
    return world.consent(), world.consent(artefact, by=device, bound=binding)


CONSENTS = _consents()
BINDINGS = tuple(consent.binding for consent in CONSENTS)
RECEIPTS = tuple(
    parts.receipt()
    for parts in (
        receipt_world.confirmed(),
        receipt_world.consented(),
        receipt_world.lent(),
        receipt_world.accessed(),
        receipt_world.acted(),
        receipt_world.plain(),
        receipt_world.confirmed(amount_fen=1),
    )
)
DELEGATED = tuple(consent((by_device(statement(id=f"delegation-{number}")),), max_reads=number) for number in (2, 3))
KEYS = {suite: generate_keypair(suite) for suite in Suite}
INFO = payload_info(
    consent_sha256=bytes(32), purpose="LOAN", dataset="tax.income/v1", fields=["a"], recipient="bank", request_id="r-1"
)
EDGE_KEYS = {thumbprint(world.STRANGER.public_key()): world.STRANGER.public_key()}


RESUMPTIONS = tuple(
    SignedResumption(statement, consent.binding, device.sign(statement.sha256)).to_bytes()
    for consent, device in zip(
        CONSENTS,
        (world.DEVICE, SoftwareAuthenticator(world.key(204), rp_id=world.RP_ID, origin=world.ORIGIN)),
        strict=True,
    )
    for statement in [Resumption(consent.artefact.id, 1, consent.artefact.sha256, "pause-1")]
)
TERMINATIONS = tuple(
    issue_termination(
        world.HUB,
        Termination(
            consent_id=consent.artefact.id,
            version=1,
            artefact_sha256=consent.artefact.sha256,
            ending=Ending.REVOKED,
            ended_at=NOW,
            reads={grant.id: 1 for grant in consent.artefact.datasets},
            deletion_due=NOW,
        ),
        consent.to_bytes(),
    )
    for consent in CONSENTS
)


# --- one check of each kind


def _resumption(rng: random.Random) -> int:
    data = mutate(rng, *rng.sample(RESUMPTIONS, 2))
    return refused(data, lambda: verify_resumption(data, TRUST, NOW))


def _termination(rng: random.Random) -> int:
    data = mutate(rng, *rng.sample(TERMINATIONS, 2))
    verdict = verify_bytes(data, TRUST, NOW)
    if verdict.ok or not all(check.reason for check in verdict.checks):
        raise Accepted(repr(data)[:2_000])
    return refused(data, lambda: verify_termination(data, TRUST))


def _delegated_consent(rng: random.Random) -> int:
    """A consent that a delegate signed, its chain with it."""
    data = mutate(rng, *rng.sample(DELEGATED, 2))
    return refused(data, lambda: verify_evidence(data, TRUST, NOW))


def _consent(rng: random.Random) -> int:
    good, other = rng.sample(CONSENTS, 2)
    data = mutate(rng, good.to_bytes(), other.to_bytes())
    verdict = verify_bytes(data, TRUST, NOW)
    if verdict.ok or not all(check.reason for check in verdict.checks):
        raise Accepted(repr(data)[:2_000])
    return refused(data, lambda: verify_evidence(data, TRUST, NOW))


def _assertion(rng: random.Random) -> int:
    """The bare assertion over an artefact, as the hub gets it before it countersigns."""
    good, other = rng.sample(CONSENTS, 2)
    artefact, binding, assertion = good.artefact, good.binding, good.assertion
    part = rng.choice(["authenticator_data", "client_data_json", "signature", "swap", "artefact", "binding"])
    if part == "swap":
        assertion = rng.choice([other.assertion, replace(assertion, signature=other.assertion.signature)])
    elif part == "artefact":
        artefact = _other_artefact(rng, artefact)
    elif part == "binding":
        binding = mutate_jws(rng, binding, world.binding(signer=world.STRANGER))
    else:
        assertion = replace(assertion, **{part: mutate_bytes(rng, getattr(assertion, part))})
    if (artefact, binding, assertion) == (good.artefact, good.binding, good.assertion):
        return 0
    return refused(
        repr((artefact, binding, assertion)),
        lambda: verify_device_signature(artefact, binding, assertion, TRUST, NOW),
    )


def _other_artefact(rng: random.Random, artefact: Artefact) -> Artefact:
    recipient = replace(artefact.recipient, id="bank.other")
    changes = [{"max_reads": 999}, {"recipient": recipient}, {"subject": "wh-9"}, {"datasets": artefact.datasets[:1]}]
    return replace(artefact, **rng.choice(changes))


def _assertion_json(rng: random.Random) -> int:
    """The JSON form of an assertion, as it lies in a signed consent; the countersignature is not asked."""
    good = CONSENTS[0]
    data = {**good.assertion.to_dict()}
    name = rng.choice(sorted(data))
    damaged: object = rng.choice([None, 1, "", "=", "ä", data[name] + "=", data[name][:-1], [data[name]], "A" * 9_999])
    data[name] = damaged  # type: ignore[assignment]

    def check() -> None:
        try:
            assertion = Assertion.from_dict(data)
        except ValueError as error:
            raise HuilianError("ASSERTION_INVALID", str(error)) from error
        verify_device_signature(good.artefact, good.binding, assertion, TRUST, NOW)

    return refused(repr(data), check)


def _binding(rng: random.Random) -> int:
    good, other = rng.sample(BINDINGS, 2)
    damaged = mutate_jws(rng, good, rng.choice([other, world.binding(signer=world.STRANGER)]))
    if damaged in BINDINGS:
        return 0
    return refused(damaged, lambda: verify_binding(damaged, TRUST.identity_authority_keys, NOW))


def _envelope(rng: random.Random) -> int:
    """An envelope with a changed byte or member, for another use, or for another key."""
    suite = rng.choice(list(Suite))
    good, other = (seal(suite, KEYS[suite].public, INFO, rng.randbytes(60)) for _ in range(2))
    way, key, info = rng.randrange(8), KEYS[suite].private, dict(INFO)
    data = good
    if way == 0:
        info[rng.choice(sorted(info))] = rng.choice(["x", "", ["a", "b"], []])
    elif way == 1:
        key = generate_keypair(suite).private
    elif way == 2:
        key = KEYS[next(one for one in Suite if one is not suite)].private
    else:
        data = mutate(rng, good, other)
    if data == other:
        return 0
    return refused(data, lambda: open_sealed(data, key, info))


def _receipt(rng: random.Random) -> int:
    good, other = rng.sample(RECEIPTS, 2)
    data = mutate(rng, good, other)
    if data in RECEIPTS:
        return 0
    verdict = verify_bytes(data, TRUST, NOW)
    if verdict.ok or not all(check.reason for check in verdict.checks):
        raise Accepted(repr(data)[:2_000])
    return refused(data, lambda: parse_receipt(data))


def _consent_by_a_lying_hub(rng: random.Random) -> int:
    """The hub damages what the person or the authority signed, and countersigns that with its real key."""
    good, other = rng.sample(CONSENTS, 2)
    value = parse_canonical(good.to_bytes())
    part = rng.choice(["artefact", "assertion", "binding"])
    damaged = parse_json_or_none(mutate(rng, canonicalise({part: value[part]}), _part(other, part)))
    if not isinstance(damaged, dict) or part not in damaged:
        return 0
    value[part] = damaged[part]
    hashes = {
        "artefact_sha256": b64u_encode(sha256_canonical(value["artefact"])),
        "assertion_sha256": b64u_encode(sha256_canonical(value["assertion"])),
        "binding_sha256": b64u_encode(hashlib.sha256(str(value["binding"]).encode("utf-8", "replace")).digest()),
    }
    value["countersignature"] = sign_jws(world.HUB, hashes, "huilian-consent+jwt", thumbprint(world.HUB.public_key()))
    data = canonicalise(value)
    if data in (good.to_bytes(), other.to_bytes()):
        return 0
    return refused(data, lambda: verify_evidence(data, TRUST, NOW))


def _twin_inside(rng: random.Random) -> int:
    """ECDSA's second signature (r, n - s) of the same content, where another signature already covers the first.

    The outermost signature of a document has such a twin by the nature of ECDSA; it says the same and forges nothing.
    """
    good = rng.choice(CONSENTS)
    if rng.random() < 0.5:
        r, s = decode_dss_signature(good.assertion.signature)
        twin = replace(good, assertion=replace(good.assertion, signature=encode_dss_signature(r, P256_ORDER - s)))
    else:
        head, _, tail = good.binding.rpartition(".")
        raw = b64u_decode(tail)
        s = P256_ORDER - int.from_bytes(raw[32:], "big")
        twin = replace(good, binding=f"{head}.{b64u_encode(raw[:32] + s.to_bytes(32, 'big'))}")
    return refused(repr(twin), lambda: verify_evidence(twin.to_bytes(), TRUST, NOW))


def _part(consent: SignedConsent, part: str) -> bytes:
    return canonicalise({part: parse_canonical(consent.to_bytes())[part]})


def _receipt_by_a_lying_hub(rng: random.Random) -> int:
    """The hub damages a part that somebody else can check, and signs the receipt again with its real key."""
    good, other = rng.sample(RECEIPTS, 2)
    value, donor = parse_canonical(good), parse_canonical(other)
    part = rng.choice(_PROVEN)
    damaged = parse_json_or_none(mutate(rng, canonicalise({part: value[part]}), canonicalise({part: donor[part]})))
    if not isinstance(damaged, dict) or damaged.get(part) == value[part] or "signature" in damaged:
        return 0
    unsigned = {**{key: item for key, item in value.items() if key != "signature"}, **damaged}
    if part not in damaged:
        del unsigned[part]
    try:
        claims = {"receipt_sha256": b64u_encode(sha256_canonical(unsigned))}
    except ValueError:
        return 0
    signature = sign_jws(world.HUB, claims, "huilian-receipt+jwt", thumbprint(world.HUB.public_key()))
    data = canonicalise({**unsigned, "signature": signature})
    verdict = verify_bytes(data, TRUST, NOW)
    if verdict.ok or not all(check.reason for check in verdict.checks):
        raise Accepted(repr(data)[:4_000])
    return 1


# What the verifier proves without believing the hub. The block's number and hash are the hub's own statement.
_PROVEN = ("record", "salt", "leaf_index", "tree_size", "inclusion_proof", "checkpoint", "evidence")


def parse_json_or_none(data: bytes) -> Any:
    """What the bytes hold if they are JSON that has a canonical form."""
    try:
        value = parse_json(data)
        canonicalise(value)
    except ValueError:
        return None
    return value


def _answer(rng: random.Random) -> int:
    """An edge's signature over an answer that is not quite this one."""
    envelope = rng.randbytes(40)
    said = {"request_id": "r-1", "consent_sha256": bytes(32), "dataset": "tax.income/v1", "fields": ["a", "b"]}
    token = sign_answer(world.STRANGER, envelope=envelope, **said)  # type: ignore[arg-type]
    way = rng.randrange(3)
    if way == 0:
        token = mutate_jws(rng, token, BINDINGS[0])
    elif way == 1:
        envelope = mutate_bytes(rng, envelope)
    else:
        said[rng.choice(["request_id", "dataset"])] = rng.choice(["r-2", "tax.income/v2"])
    known = sign_answer(world.STRANGER, envelope=envelope, **said)  # type: ignore[arg-type]
    if token == known:
        return 0
    return refused(token, lambda: verify_answer(token, EDGE_KEYS, envelope=envelope, **said))  # type: ignore[arg-type]


def _confirmation(rng: random.Random) -> int:
    """A buyer's confirmation: another message, signature, certificate or authority."""
    content = receipt_world.confirmed().evidence
    message = ReceivableConfirmation.from_dict(content["confirmation"])
    signature = b64u_decode(content["signature"])
    certificate, ca = content["certificate"], TRUST.enterprise_ca
    way = rng.randrange(4)
    if way == 0:
        message = replace(message, **rng.choice(_OTHER_CONFIRMATIONS))
    elif way == 1:
        signature = mutate_bytes(rng, signature)
    elif way == 2:
        certificate = mutate_bytes(rng, certificate.encode()).decode("latin-1")
    else:
        certificate = world.certificate(
            public_key=world.key(rng.randint(200, 900), world.ENTERPRISE.curve).public_key()
        )
    if _same_certificate(certificate, content["certificate"]) and way == 2:
        return 0
    return refused(repr((message, signature)), lambda: verify_confirmation(message, signature, certificate, ca))


_OTHER_CONFIRMATIONS = (
    {"amount_fen": 1},
    {"receivable_id": "rcv-2"},
    {"supplier_uscc": world.BUYER_USCC},
    {"evidence_hash": hashlib.sha256(b"").digest()},
    {"chain_id": 1},
    {"confirmed_at": int(NOW.timestamp()) + 1},
)


def _same_certificate(one: str, other: str) -> bool:
    """PEM ignores what stands around its base64 and how that is broken into lines."""
    return "".join(one.split()) in "".join(other.split()) or "".join(other.split()) in "".join(one.split())


KINDS = (
    _consent,
    _consent_by_a_lying_hub,
    _twin_inside,
    _assertion,
    _assertion_json,
    _binding,
    _envelope,
    _receipt,
    _receipt_by_a_lying_hub,
    _answer,
    _confirmation,
    _resumption,
    _termination,
    _delegated_consent,
)


async def case(rng: random.Random) -> int:
    """Some mutations of every kind; answers how many were refused."""
    return sum(kind(rng) for kind in KINDS for _ in range(MUTATIONS_OF_EACH))
