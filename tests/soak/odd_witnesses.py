"""Receipts of a log with hybrid keys, a retired key and witnesses, good and damaged, each with trust anchors for it."""

from __future__ import annotations

import random
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_canonical

from tests.soak.lying_hub import MAKERS, mutated, signed
from tests.soak.mutators import mutate
from tests.unit.ledger import receipt_world, witnessed_world
from tests.unit.ledger.witnessed_world import NEW, OLD, WITNESSES

_BODY = receipt_world.checkpoint_body(receipt_world.plain())
_STRANGE_LINES = (
    *NEW.lines(_BODY).splitlines(),
    *OLD.lines(_BODY).splitlines(),
    *(witness.cosign(_BODY, seconds).rstrip("\n") for witness in WITNESSES for seconds in (0, 2**63, 2**64 - 1)),
    "— someone AAAAAAA=",
)


def _lines(rng: random.Random, note: str) -> str:
    """The note with some of its signature lines gone, doubled, moved, damaged, or taken from elsewhere."""
    body, _, tail = note.partition("\n\n")
    lines = tail.splitlines()
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(lines) + 1)
        way = rng.randrange(4)
        if way == 0 and at < len(lines):
            del lines[at]
        elif way == 1:
            lines.insert(at, rng.choice([*lines, *_STRANGE_LINES]))
        elif way == 2 and at < len(lines):
            where = rng.randrange(len(lines[at]))
            lines[at] = lines[at][:where] + rng.choice("AZaz09+/= —.") + lines[at][where + 1 :]
        else:
            rng.shuffle(lines)
    return body + "\n\n" + "".join(f"{line}\n" for line in lines)


def receipt(rng: random.Random) -> bytes:
    """A receipt with any of the log's signers and witnesses; mostly with damaged lines."""
    chosen = tuple(rng.sample(WITNESSES, rng.randrange(4)))
    good = witnessed_world.receipt(rng.choice(MAKERS)(), rng.choice([NEW, NEW, OLD]), chosen)
    if rng.random() < 0.3:
        return good
    value = parse_canonical(good)
    return signed({**value, "checkpoint": _lines(rng, value["checkpoint"])})


def trust(rng: random.Random) -> bytes:
    """Trust anchors with any demand and bound; now and then with damage in what is new about the hub."""
    value = witnessed_world.trust_dict(at_least=rng.randrange(5), until=rng.choice([2, 3, 3, 4]))
    if rng.random() < 0.3:
        other = _other_hub(rng, value["hubs"][0])
        value["hubs"][0] = {**value["hubs"][0], **mutated(rng, _since(value["hubs"][0]), other)}
    if rng.random() < 0.1:
        return mutate(rng, canonicalise(value), witnessed_world.trust_bytes(at_least=1))
    return canonicalise(value)


def _since(hub: dict[str, Any]) -> dict[str, Any]:
    names = ("chain_addresses_before", "chain_epochs", "log_epochs", "log_vkey", "witnesses")
    return {key: hub[key] for key in names}


def _other_hub(rng: random.Random, hub: dict[str, Any]) -> dict[str, Any]:
    other = _since(hub)
    other["log_epochs"] = [{"vkeys": [OLD.verifier.vkey()], "until_size": rng.choice([None, 0, 3])}]
    other["witnesses"] = {"at_least": 1, "vkeys": [WITNESSES[0].key.vkey(), NEW.verifier.vkey()]}
    return other
