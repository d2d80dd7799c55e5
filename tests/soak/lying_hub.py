"""A hub that logs, anchors and signs whatever it likes, so that damage is found only by the deeper checks."""

from __future__ import annotations

import random
from typing import Any

from huilian_protocol.canonical import (
    b64u_encode,
    canonicalise,
    parse_canonical,
    parse_json,
    sha256_canonical,
)
from huilian_protocol.jose import keys_to_jwks, sign_jws, thumbprint
from huilian_protocol.record import commit_record
from huilian_protocol.sealing import Suite, public_key_of

from tests.soak.mutators import mutate
from tests.unit.ledger import naive_tree, receipt_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.protocol import world

PINNED = {
    "log_vkey": receipt_world.SIGNER.verifier.vkey(),
    "chain_address": receipt_world.address_of(receipt_world.CHAIN_KEY),
}
TRUST = canonicalise({**world.trust_dict(), "hubs": [{**world.trust_dict()["hubs"][0], **PINNED}]})
SEALING = [
    {"suite": suite.value, "public_key": b64u_encode(public_key_of(suite, world.RECIPIENT_SEED))} for suite in Suite
]
AGENCY = {"sealing_keys": SEALING, "signing_keys": keys_to_jwks([world.STRANGER.public_key()])}
PINNED_SINCE = {"agencies": {"tax": AGENCY, "housing_fund": AGENCY}, "identity_authority_sealing_keys": SEALING}
TRUST_WITH_AGENCIES = canonicalise({**parse_canonical(TRUST), **PINNED_SINCE})
NOW = world.NOW
MAKERS = (
    receipt_world.confirmed,
    receipt_world.consented,
    receipt_world.lent,
    receipt_world.accessed,
    receipt_world.acted,
    receipt_world.plain,
)
RECEIPTS = tuple(maker().receipt() for maker in MAKERS)
CONSENTS = (
    world.consent().to_bytes(),
    world.consent(world.artefact(id="consent-2", data_life_days=31)).to_bytes(),
)


def log(rng: random.Random, parts: Parts) -> bytes:
    """The receipt of a record somewhere in a tree of any shape."""
    size = rng.choice([1, 2, 3, 4, 7, 8, 9, 33])
    index = rng.randrange(size)
    leaves = [rng.randbytes(32) for _ in range(size)]
    leaves[index] = commit_record(parts.record, receipt_world.SALT)
    root = naive_tree.root(leaves)
    raw = receipt_world.transaction(root, size)
    parts.overrides |= {
        "leaf_index": index,
        "tree_size": size,
        "inclusion_proof": naive_tree.path(index, leaves),
        "checkpoint": receipt_world.SIGNER.sign(size, root),
        "anchor": receipt_world.anchor(raw, root, size=size),
    }
    return parts.receipt()


def signed(value: dict[str, Any]) -> bytes:
    """The receipt with the hub's signature over what it says now."""
    unsigned = {key: item for key, item in value.items() if key != "signature"}
    claims = {"receipt_sha256": b64u_encode(sha256_canonical(unsigned))}
    token = sign_jws(world.HUB, claims, "huilian-receipt+jwt", thumbprint(world.HUB.public_key()))
    return canonicalise({**unsigned, "signature": token})


def mutated(rng: random.Random, good: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A damaged object that still has a canonical form."""
    while True:
        try:
            value = parse_json(mutate(rng, canonicalise(good), canonicalise(other)))
            canonicalise(value)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
