"""Hybrid signatures, retired keys, witnesses, and a chain of before: in receipts, judged by both verifiers alike."""

from __future__ import annotations

from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.trust import TrustAnchors

from tests.soak.lying_hub import signed
from tests.soak.verifier_agreement import compare
from tests.unit.ledger import receipt_world, witnessed_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.ledger.witnessed_world import NEW, OLD, WITNESSES, trust_bytes, trust_dict
from tests.unit.protocol import world


def _failed(data: bytes, trust: bytes) -> list[str]:
    kind, checks = compare(data, trust)
    assert kind == "receipt"
    return [name for name, ok in checks if not ok]


def _with_checkpoint(note: str) -> bytes:
    value = parse_canonical(witnessed_world.receipt(receipt_world.plain()))
    return signed({**value, "checkpoint": note})


NOTE: str = parse_canonical(witnessed_world.receipt(receipt_world.plain()))["checkpoint"]
BODY, _, TAIL = NOTE.partition("\n\n")
ED25519, ML_DSA, FIRST, SECOND = TAIL.splitlines()


@pytest.mark.parametrize("parts", [receipt_world.plain(), receipt_world.confirmed(), receipt_world.lent()])
@pytest.mark.parametrize("signer", [OLD, NEW], ids=["retired", "present"])
def test_receipts_of_before_and_of_now_verify(parts: Parts, signer: Any) -> None:
    assert _failed(witnessed_world.receipt(parts, signer), trust_bytes()) == []


def _note(*kept: str) -> str:
    return BODY + "\n\n" + "".join(f"{line}\n" for line in kept)


@pytest.mark.parametrize(
    "kept",
    [(ED25519,), (ML_DSA,), (), (ED25519, ED25519), (ED25519, ML_DSA, ML_DSA)],
    ids=["ML-DSA stripped", "Ed25519 stripped", "both stripped", "one twice", "one more"],
)
def test_hybrid_signatures_cannot_be_stripped(kept: tuple[str, ...]) -> None:
    assert _failed(_with_checkpoint(_note(*kept, FIRST, SECOND)), trust_bytes()) == ["checkpoint"]


def test_each_half_must_verify() -> None:
    body = NOTE.partition("\n\n")[0] + "\n"
    other = body.replace("\n3\n", "\n4\n")
    for mixed in [(NEW.lines(other).splitlines()[0], ML_DSA), (ED25519, NEW.lines(other).splitlines()[1])]:
        assert _failed(_with_checkpoint(_note(*mixed, FIRST, SECOND)), trust_bytes()) == ["checkpoint"]


def test_a_retired_key_signs_nothing_beyond_its_bound() -> None:
    data = witnessed_world.receipt(receipt_world.plain(), OLD)
    assert _failed(data, trust_bytes(until=3)) == []
    assert _failed(data, trust_bytes(until=2)) == ["checkpoint"]


def test_a_retired_key_beside_the_present_one_is_refused() -> None:
    old = OLD.lines(BODY + "\n").splitlines()[0]
    assert _failed(_with_checkpoint(_note(ED25519, ML_DSA, old, FIRST, SECOND)), trust_bytes()) == ["checkpoint"]


@pytest.mark.parametrize(
    "witnesses", [(), WITNESSES[:1], (WITNESSES[0], WITNESSES[0])], ids=["none", "one", "one twice"]
)
def test_fewer_witnesses_than_demanded_are_refused(witnesses: Any) -> None:
    data = witnessed_world.receipt(receipt_world.plain(), witnesses=witnesses)
    assert _failed(data, trust_bytes(at_least=2)) == ["witnesses"]
    assert _failed(data, trust_bytes(at_least=0)) == []


def test_more_witnesses_than_demanded_are_fine() -> None:
    assert _failed(witnessed_world.receipt(receipt_world.plain(), witnesses=WITNESSES), trust_bytes()) == []


def test_one_wrong_cosignature_spoils_the_rest() -> None:
    forged = WITNESSES[2].cosign("another text\n", witnessed_world.SECONDS).rstrip("\n")
    assert _failed(_with_checkpoint(_note(ED25519, ML_DSA, FIRST, SECOND, forged)), trust_bytes()) == ["witnesses"]


def test_a_cosignature_for_another_log_does_not_count() -> None:
    other = WITNESSES[1].cosign(BODY.replace("hub.", "hab.") + "\n", witnessed_world.SECONDS).rstrip("\n")
    assert _failed(_with_checkpoint(_note(ED25519, ML_DSA, FIRST, other)), trust_bytes()) == ["witnesses"]


@pytest.mark.parametrize("seconds", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_the_time_of_a_cosignature_is_covered_and_bounded(seconds: int) -> None:
    line = WITNESSES[1].cosign(BODY + "\n", seconds).rstrip("\n")
    failed = _failed(_with_checkpoint(_note(ED25519, ML_DSA, FIRST, line)), trust_bytes())
    assert failed == ([] if seconds < 2**63 else ["witnesses"])


def test_a_chain_or_account_that_nobody_pinned_is_refused() -> None:
    data = witnessed_world.receipt(receipt_world.plain())
    assert _failed(data, trust_bytes(chains_before=[])) == ["anchor on the chain"]
    value = trust_dict()
    value["hubs"][0] |= {"chain_addresses_before": [], "chain_epochs": []}
    assert _failed(data, canonicalise(value)) == ["anchor on the chain"]


def test_an_account_counts_in_the_blocks_of_its_epoch_only() -> None:
    data, block = witnessed_world.receipt(receipt_world.plain()), receipt_world.BLOCK
    account = receipt_world.address_of(receipt_world.CHAIN_KEY)
    for first, until, good in (
        (block, block + 1, True),
        (block, None, True),
        (block + 1, None, False),
        (0, block, False),
        (block, block, False),
    ):
        value = trust_dict()
        value["hubs"][0]["chain_epochs"] = [
            {"address": account.upper().replace("X", "x"), "from_block": first, "until_block": until}
        ]
        assert _failed(data, canonicalise(value)) == ([] if good else ["anchor on the chain"])


def test_a_confirmation_for_the_chain_of_before_still_counts() -> None:
    data = witnessed_world.receipt(receipt_world.confirmed())
    assert _failed(data, trust_bytes()) == []
    assert _failed(data, trust_bytes(chains_before=[])) == ["anchor on the chain", "evidence"]


def _hub(**changes: Any) -> dict[str, Any]:
    value = trust_dict()
    value["hubs"][0] |= changes
    return value


def _epoch(*vkeys: str, until: Any = None) -> dict[str, Any]:
    return {"vkeys": list(vkeys), "until_size": until}


ED, ML = (key.vkey() for key in NEW.keys.epochs[0].keys)
STRANGE = OLD.verifier.vkey().replace("hub.", "hab.", 1)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"log_epochs": [_epoch(ED, ML), _epoch(STRANGE)]}, ["checkpoint"]),
        ({"log_epochs": [_epoch(ML, ED)]}, ["checkpoint"]),
        ({"log_epochs": [_epoch(ED, ML, ED)]}, ["checkpoint"]),
        ({"log_epochs": [_epoch(ED, WITNESSES[0].key.vkey())]}, ["checkpoint"]),
        ({"witnesses": {"at_least": 4, "vkeys": [w.key.vkey() for w in WITNESSES]}}, ["witnesses"]),
        ({"witnesses": {"at_least": 1, "vkeys": [ED]}}, None),
        ({"witnesses": {"at_least": 1, "vkeys": ["x"]}}, ["witnesses"]),
        ({"log_epochs": [_epoch(OLD.verifier.vkey())]}, None),
        ({"log_epochs": [_epoch(ED, ML, until=-1)]}, None),
        ({"log_epochs": [_epoch()]}, None),
        ({"witnesses": {"at_least": -1, "vkeys": []}}, None),
    ],
)
def test_trust_anchors_that_contradict_themselves_open_nothing(changes: Any, failed: list[str] | None) -> None:
    data, trust = witnessed_world.receipt(receipt_world.plain()), canonicalise(_hub(**changes))
    if failed is not None:
        assert _failed(data, trust) == failed
        return
    with pytest.raises(ValueError, match=r"."):
        TrustAnchors.from_dict(parse_canonical(trust))
    assert compare(data, trust) == ("trust", ())


def test_a_hub_is_no_witness_of_its_own_log() -> None:
    own = WITNESSES[0].key.vkey().replace("hub-b.bank.example", world.trust_dict()["hubs"][0]["origin"])
    with pytest.raises(ValueError, match="no witness of its own"):
        TrustAnchors.from_dict(_hub(witnesses={"at_least": 1, "vkeys": [own]}))
