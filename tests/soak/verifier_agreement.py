"""Two verifiers, written separately in Python and TypeScript, judge the same files: each check must come out the same.

A damaged file mostly fails at the outer signature and tells nothing about what lies deeper. So most files here come
from a hub that signs whatever it likes: it damages one part, then logs, anchors and signs the result properly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from huilian_protocol.canonical import (
    b64u_encode,
    canonicalise,
    parse_canonical,
    parse_json,
    sha256_canonical,
)
from huilian_protocol.trust import TrustAnchors

from ledger.verify import verify_bytes
from tests.soak import odd_evidence, odd_histories, odd_persons, odd_receipts, odd_witnesses
from tests.soak.lying_hub import CONSENTS, MAKERS, NOW, RECEIPTS, TRUST, TRUST_WITH_AGENCIES, log, mutated, signed
from tests.soak.mutators import mutate
from tests.support.second_verifier import Outcome, second_verifier
from tests.unit.ledger.receipt_world import Parts

FILES_OF_EACH = 3
WITNESSED_FILES = 12


class Disagreement(AssertionError):
    """The two verifiers found something else in the same file."""


def compare(data: bytes, trust: bytes = TRUST, now: datetime = NOW) -> Outcome:
    """Give both the file; answers what both found."""
    second = second_verifier()
    second.ask(data, trust, int(now.timestamp()))
    first, reasons = _first(data, trust, now)
    answer = second.answer()
    if first != answer:
        raise Disagreement(f"python {first} {reasons}\ntypescript {answer} {second.reasons}\n{data!r}\ntrust {trust!r}")
    return first


def _first(data: bytes, trust: bytes, now: datetime) -> tuple[Outcome, list[str]]:
    try:
        anchors = TrustAnchors.from_dict(parse_json(trust))
    except (ValueError, TypeError) as error:
        return ("trust", ()), [str(error)]
    verdict = verify_bytes(data, anchors, now)
    outcome = (verdict.kind, tuple((check.name, check.ok) for check in verdict.checks))
    return outcome, [check.reason for check in verdict.checks]


# --- files that nobody has signed again


def _damaged(rng: random.Random) -> bytes:
    good, other = rng.sample(RECEIPTS, 2)
    return mutate(rng, good, other)


def _damaged_consent(rng: random.Random) -> bytes:
    return mutate(rng, *rng.sample(CONSENTS, 2))


# --- files of a hub that signs anything


def _logged(rng: random.Random) -> bytes:
    return log(rng, rng.choice(MAKERS)())


def _part_signed_again(rng: random.Random) -> bytes:
    """Any part damaged, only the outer signature made new."""
    good, other = (parse_canonical(item) for item in rng.sample(RECEIPTS, 2))
    part = rng.choice(sorted(set(good) - {"signature"}))
    return signed({**good, **mutated(rng, {part: good[part]}, {part: other[part]})})


def _evidence_recorded(rng: random.Random) -> bytes:
    """Damaged evidence, recorded, logged, anchored and signed as if it were good."""
    good, other = rng.choice(MAKERS[:4])(), rng.choice(MAKERS[:4])()
    evidence = mutated(rng, good.evidence, other.evidence)
    record = {**good.record, "evidence_sha256": b64u_encode(sha256_canonical(evidence))}
    return log(rng, Parts(record, evidence))


def _record_logged(rng: random.Random) -> bytes:
    """A damaged record with good evidence, logged, anchored and signed."""
    good, other = rng.choice(MAKERS)(), rng.choice(MAKERS)()
    return log(rng, Parts(mutated(rng, good.record, other.record), good.evidence))


def _content_logged(rng: random.Random) -> bytes:
    """The same with the damage in the content."""
    good, other = rng.choice(MAKERS)(), rng.choice(MAKERS)()
    content = mutated(rng, good.record["content"], other.record["content"])
    return log(rng, Parts({**good.record, "content": content}, good.evidence))


ODD_TIMES = (
    "2026-03-02T02:00:60Z", "2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-02t02:00:00z", "2026-03-02T02:00:00.0Z",
    "2025-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z",
    "2026-03-02T01:54:59Z", "2026-03-02T01:55:00Z", "２０26-03-02T02:00:00Z", "2026-03-02T02:00:00Z\n",
)  # fmt: skip


def _odd_time(rng: random.Random) -> bytes:
    parts = rng.choice(MAKERS)()
    return log(rng, Parts({**parts.record, "recorded_at": rng.choice(ODD_TIMES)}, parts.evidence))


FILES: tuple[Callable[[random.Random], bytes], ...] = (
    _damaged,
    _damaged_consent,
    _logged,
    _part_signed_again,
    _evidence_recorded,
    _record_logged,
    _content_logged,
    _odd_time,
    odd_receipts.odd_checkpoint,
    odd_receipts.odd_transaction,
    odd_evidence.confirmation,
    odd_evidence.consent_signed,
    odd_evidence.consent_recorded,
    odd_evidence.contract_signed,
    odd_evidence.edge_signature,
)


def _under_damaged_trust(rng: random.Random) -> None:
    """A good file under trust anchors that are damaged in any way."""
    other = parse_canonical(TRUST)
    other["hubs"] = [*other["hubs"], {**other["hubs"][0], "origin": "second"}]
    other["chain"]["chain_id"] = 1338
    good = rng.choice([TRUST, TRUST_WITH_AGENCIES, TRUST_WITH_AGENCIES])
    compare(rng.choice(RECEIPTS + CONSENTS), mutate(rng, good, canonicalise(other)), NOW)


async def case(rng: random.Random) -> int:
    """Some files of every kind; answers how many were judged alike."""
    for make in FILES:
        for _ in range(FILES_OF_EACH):
            trust = rng.choice([TRUST, TRUST_WITH_AGENCIES])
            compare(make(rng), trust, NOW + timedelta(days=rng.choice([0, 0, 60, -60])))
    for _ in range(FILES_OF_EACH):
        _under_damaged_trust(rng)
    for _ in range(WITNESSED_FILES):
        compare(odd_witnesses.receipt(rng), odd_witnesses.trust(rng))
    for make in odd_persons.FILES:
        for _ in range(FILES_OF_EACH):
            compare(make(rng), rng.choice([TRUST, odd_persons.PERSONS_TRUST]))
    for make in odd_histories.FILES:
        for _ in range(FILES_OF_EACH):
            compare(make(rng), rng.choice([TRUST, TRUST, odd_persons.PERSONS_TRUST]))
    kinds = len(FILES) + 1 + len(odd_persons.FILES) + len(odd_histories.FILES)
    return FILES_OF_EACH * kinds + WITNESSED_FILES
