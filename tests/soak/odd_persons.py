"""What a lying hub hands a person: termination receipts and exports of access records, damaged and signed again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from huilian_protocol.answer_count import CountedAction, CountedAnswer
from huilian_protocol.artefact import parse_artefact
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.jose import sign_jws, thumbprint
from huilian_protocol.termination import Ending, Termination

from tests.soak.lying_hub import AGENCY, CONSENTS, PINNED_SINCE, TRUST, mutated
from tests.soak.mutators import mutate
from tests.unit.ledger import access_world
from tests.unit.ledger.access_world import Chain
from tests.unit.protocol import test_delegation as delegations
from tests.unit.protocol import world

PERSONS_TRUST = canonicalise({**parse_canonical(TRUST), **PINNED_SINCE, "agencies": {access_world.AGENCY: AGENCY}})


def _amended(**changes: Any) -> bytes:
    """A second version that the person signed."""
    later = {"actions": [], "replaces": b64u_encode(bytes(32)), "signer": None, "version": 2}
    artefact = parse_artefact({**world.artefact_dict(), "type": "huilian-consent/v3", **later, **changes})
    assertion = world.DEVICE.sign(artefact.sha256)
    signature = countersign(world.HUB, artefact, world.binding(), assertion)
    return SignedConsent(artefact, world.binding(), assertion, signature).to_bytes()


_OFFICER = delegations.by_device(delegations.statement())
_COMPANY = delegations.statement(basis=delegations.Basis.COMPANY, delegator=world.BUYER_USCC)
DELEGATED = (
    delegations.consent((_OFFICER,)),
    delegations.consent((delegations.by_company(_COMPANY),), subject=world.BUYER_USCC),
    delegations.consent(delegations.chain_of_two({"depth": 2}, {}), signer=delegations.CLERK),
)
LATER = (_amended(), _amended(version=3), *DELEGATED)


def consent_of_later(rng: random.Random) -> bytes:
    """A later version, or one that somebody else signed: good, or damaged."""
    good, other = rng.sample(LATER, 2)
    return good if rng.random() < 0.3 else mutate(rng, good, other)


def chain_signed(rng: random.Random) -> bytes:
    """A delegate's consent over a damaged delegation that its delegator really signed."""
    link = parse_canonical(DELEGATED[0])["delegation"][0]
    other = parse_canonical(DELEGATED[2])["delegation"][rng.randrange(2)]
    statement = mutated(rng, link["statement"], other["statement"])
    signature = world.DEVICE.sign(sha256_canonical(statement)).to_dict()
    chain = [{"proof": {**link["proof"], "assertion": signature}, "statement": statement}]
    value = {**parse_canonical(DELEGATED[0]), "delegation": chain}
    parts = {"artefact_sha256": value["artefact"], "assertion_sha256": value["assertion"], "delegation_sha256": chain}
    claims = {name: b64u_encode(sha256_canonical(part)) for name, part in parts.items()}
    claims["binding_sha256"] = _binding_hash(value["countersignature"])
    token = sign_jws(world.HUB, claims, "huilian-consent+jwt", thumbprint(world.HUB.public_key()))
    return canonicalise({**value, "countersignature": token})


def _binding_hash(token: str) -> str:
    """The hash of the binding, which stays, out of a good countersignature."""
    found: str = parse_canonical(b64u_decode(token.split(".")[1]))["binding_sha256"]
    return found


# --- termination receipts


def _statement(rng: random.Random, consent: bytes | None) -> Termination:
    artefact = parse_artefact(parse_canonical(consent)["artefact"]) if consent else world.artefact()
    endings = list(Ending) if consent else [Ending.REJECTED, Ending.EXPIRED, Ending.REVOKED]
    made = Termination(
        consent_id=artefact.id,
        version=artefact.version,
        artefact_sha256=artefact.sha256,
        ending=rng.choice(endings),
        ended_at=world.NOW,
        reads={grant.id: rng.choice([0, 1, artefact.max_reads]) for grant in artefact.datasets},
        deletion_due=world.NOW + timedelta(days=rng.choice([0, 1])),
    )
    odd: tuple[dict[str, Any], ...] = (
        {"reads": {}},
        {"reads": {**made.reads, "tax.income/v2": 1}},
        {"reads": dict.fromkeys(made.reads, artefact.max_reads + 1)},
        {"version": made.version + 1},
        {"consent_id": "consent-other-1"},
        {"artefact_sha256": bytes(32)},
        {"deletion_due": world.NOW - timedelta(seconds=1)},
    )
    return replace(made, **rng.choice(odd)) if rng.random() < 0.3 else made


def _termination(rng: random.Random) -> dict[str, Any]:
    consent = rng.choice([*CONSENTS, *LATER, None])
    text = None if consent is None else b64u_encode(consent)
    return {
        "type": "huilian-termination/v1",
        "statement": _statement(rng, consent).to_dict(),
        "signed_consent": text,
    }


def _sealed(body: dict[str, Any]) -> bytes:
    claims = {"termination_sha256": b64u_encode(sha256_canonical(body))}
    token = sign_jws(world.HUB, claims, "huilian-termination+jwt", thumbprint(world.HUB.public_key()))
    return canonicalise({**body, "signature": token})


def termination(rng: random.Random) -> bytes:
    """A receipt that may contradict the consent inside, signed by the hub."""
    return _sealed(_termination(rng))


def termination_damaged(rng: random.Random) -> bytes:
    """Any part damaged; mostly the hub signs what that gave."""
    good, other = _termination(rng), _termination(rng)
    if rng.random() < 0.3:
        return mutate(rng, _sealed(good), _sealed(other))
    body = mutated(rng, good, other)
    body.pop("signature", None)
    return _sealed(body)


# --- exports of access records


def _chain(rng: random.Random, **stated: Any) -> Chain:
    length = rng.choice([1, 3, 5])
    first = rng.randint(1, length)
    acted = {rng.randint(1, length): rng.choice(["EXECUTED", "REJECTED"])} if rng.random() < 0.5 else {}
    return Chain(length, first, rng.randint(first, length), stated=stated, acted=acted)


def _counts(rng: random.Random, chain: Chain) -> list[str]:
    """What the edge signed: mostly all that it did, else something more or less."""
    answers = [number for number in range(1, chain.length + 1) if number not in chain.acted]
    actions = [
        CountedAction(f"request-{number:08d}", access_world.ACTION, outcome, access_world.time_of(number))
        for number, outcome in chain.acted.items()
    ]
    extra: tuple[CountedAnswer, ...] = ()
    if rng.random() < 0.4:
        which = rng.randrange(4)
        answers = answers[1:] if which == 0 else answers
        at = access_world.time_of(rng.randint(1, chain.length))
        extra = (CountedAnswer("request-99999999", access_world.DATASET, at),) if which == 1 else ()
        actions = [replace(action, outcome="REJECTED") for action in actions] if which == 2 else actions
        actions = [] if which == 3 else actions
    token = chain.count(*answers, extra=extra, actions=tuple(actions))
    return [_odd_token(rng, token)] if rng.random() < 0.3 else [token]


def _odd_token(rng: random.Random, token: str) -> str:
    """A count with damaged claims that the edge signed, or that nobody did."""
    claims = parse_canonical(b64u_decode(token.split(".")[1]))
    changed = mutated(rng, claims, {**claims, "agency": "tax"})
    key = rng.choice([access_world.EDGE_KEY, world.HUB])
    return sign_jws(key, changed, "huilian-answer-count+jwt", thumbprint(key.public_key()))


def export(rng: random.Random) -> bytes:
    """An export that may leave records out, show them twice, or come with counts that contradict it."""
    chain = _chain(rng)
    shown = list(range(chain.first, chain.last + 1))
    around = chain.neighbours()
    if rng.random() < 0.4:
        shown = rng.choice([shown[1:], [*shown, shown[-1]], [*shown, rng.randint(1, chain.length)], shown[::-1]])
    if rng.random() < 0.3:
        around = rng.choice([around[1:], around * 2, [rng.randint(1, chain.length)]])[:2]
    return chain.export(
        records=[chain.exported(number) for number in shown],
        neighbours=[chain.exported(number) for number in around],
        edge_counts=_counts(rng, chain) if rng.random() < 0.7 else [],
    )


def export_stated(rng: random.Random) -> bytes:
    """An export whose statement says something else, logged, anchored and signed as if it were good."""
    honest = _chain(rng)
    content = {key: value for key, value in honest.statement["content"].items() if key != "chain"}
    changed = mutated(rng, content, {**content, "first_sequence": 2, "count": 1, "head": b64u_encode(bytes(32))})
    kept = {key: value for key, value in changed.items() if key != "chain"}
    return Chain(honest.length, honest.first, honest.last, stated=kept, acted=honest.acted).export()


def export_damaged(rng: random.Random) -> bytes:
    """Any part of an export damaged."""
    return mutate(rng, export(rng), export(rng))


FILES: tuple[Callable[[random.Random], bytes], ...] = (
    consent_of_later,
    chain_signed,
    termination,
    termination_damaged,
    export,
    export_stated,
    export_damaged,
)
