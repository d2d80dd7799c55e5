"""A recipient's keys in several suites: signed together by its root, chosen by one rule, never fewer on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Artefact, Recipient, parse_artefact
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks, thumbprint
from huilian_protocol.recipient_keys import (
    MAX_DAYS,
    KeyName,
    choose,
    read_statement,
    sign_statement,
    verify_statement,
)
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair
from huilian_protocol.trust import TrustAnchors
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol.world import artefact_dict, trust_dict

BANK = "bank.lending"
FROM = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = FROM + timedelta(days=30)
ROOT, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ROOTS = {thumbprint(ROOT.public_key()): ROOT.public_key()}
KEYS = [SealingKey(suite, generate_keypair(suite).public) for suite in (Suite.XWING, Suite.X25519)]
NAMES = [KeyName(key.id, key.suite) for key in KEYS]


def statement(keys: Sequence[SealingKey] = KEYS, root: ec.EllipticCurvePrivateKey = ROOT, **changes: Any) -> str:
    said = {"recipient": BANK, "issued_at": FROM, "expires_at": UNTIL, **changes}
    return sign_statement(root, said["recipient"], keys, said["issued_at"], said["expires_at"])


def with_statement(said: str) -> Artefact:
    first = read_statement(said).keys[0]
    return replace(parse_artefact(artefact_dict()), recipient=Recipient(BANK, first.id, first.suite, said))


suites = st.lists(st.sampled_from(list(Suite)), unique=True)


@given(offered=suites, accepted=suites)
def test_the_data_owner_decides_then_the_recipient(offered: list[Suite], accepted: list[Suite]) -> None:
    names = [KeyName(f"key-{suite}", suite) for suite in offered]
    chosen = choose(names, accepted)
    if not accepted:
        assert chosen == (names[0] if names else None)
    elif not set(offered) & set(accepted):
        assert chosen is None
    else:
        assert chosen is not None and chosen in names
        better = accepted[: accepted.index(chosen.suite)]
        assert not set(better) & set(offered), "nothing that the data owner likes better was on offer"


@given(offered=suites.filter(bool), accepted=suites.filter(bool))
def test_an_order_of_the_data_owners_makes_the_recipients_count_for_nothing(
    offered: list[Suite], accepted: list[Suite]
) -> None:
    names = [KeyName(f"key-{suite}", suite) for suite in offered]
    assert choose(names, accepted) == choose(names[::-1], accepted)


def test_a_statement_holds_for_its_recipient_and_its_time() -> None:
    said = statement()
    stated = verify_statement(said, ROOTS, BANK, FROM)
    assert (list(stated.keys), stated.issued_at, stated.expires_at) == (NAMES, FROM, UNTIL)
    for roots, recipient, at in (
        ({}, BANK, FROM),
        ({thumbprint(STRANGER.public_key()): STRANGER.public_key()}, BANK, FROM),
        (ROOTS, "bank.convenience", FROM),
        (ROOTS, BANK, FROM - timedelta(seconds=1)),
        (ROOTS, BANK, UNTIL),
    ):
        with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
            verify_statement(said, roots, recipient, at)


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": []},
        {"keys": [KEYS[0], SealingKey(Suite.XWING, generate_keypair(Suite.XWING).public)]},
        {"expires_at": FROM},
        {"expires_at": FROM + timedelta(days=MAX_DAYS, seconds=1)},
        {"recipient": ""},
    ],
)
def test_a_root_signs_nothing_that_nobody_would_accept(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        statement(**changes)


def test_an_artefact_carries_the_statement_and_comes_back_the_same() -> None:
    artefact = with_statement(statement())
    raw = artefact.to_dict()
    assert raw["type"] == "huilian-consent/v4" and raw["recipient"]["suite"] == "xwing"
    assert parse_artefact(artefact.canonical()) == artefact
    assert artefact.recipient.key_for([Suite.X25519]) == NAMES[1]
    with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
        artefact.recipient.key_for([Suite.SM])
    for key in NAMES:
        artefact.check_recipient(BANK, key.id)
    with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
        artefact.check_recipient(BANK, "another")


def test_one_key_is_an_artefact_of_the_older_types_byte_for_byte() -> None:
    assert parse_artefact(artefact_dict()).to_dict() == artefact_dict()
    assert "key_statement" not in json.dumps(artefact_dict())


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("sealing_key_id", NAMES[1].id),
        ("suite", "x25519"),
        ("id", "bank.convenience"),
        ("key_statement", ""),
        ("key_statement", "e30.e30.e30"),
        ("key_statement", "x" * 4_097),
    ],
    ids=["another key", "another suite", "another recipient", "empty", "not signed", "too long"],
)
def test_an_artefact_whose_recipient_contradicts_its_statement_is_none(member: str, value: str) -> None:
    raw = with_statement(statement()).to_dict()
    raw["recipient"] = {**raw["recipient"], member: value}
    with pytest.raises(HuilianError, match="ARTEFACT_INVALID"):
        parse_artefact(raw)


@pytest.mark.parametrize("kind", ["huilian-consent/v1", "huilian-consent/v3"])
def test_a_statement_under_an_older_type_is_refused(kind: str) -> None:
    raw = with_statement(statement()).to_dict() | {"type": kind}
    with pytest.raises(HuilianError, match="ARTEFACT_INVALID"):
        parse_artefact(raw)


def test_where_a_root_is_pinned_only_its_statements_count() -> None:
    trust = TrustAnchors.from_dict(trust_dict() | {"recipients": {BANK: keys_to_jwks([ROOT.public_key()])}})
    trust.check_recipient(with_statement(statement()).recipient, FROM)
    stripped = statement(KEYS[1:])
    for recipient in (
        parse_artefact(artefact_dict()).recipient,
        with_statement(statement(root=STRANGER)).recipient,
        replace(with_statement(stripped).recipient, key_statement=_moved(statement(), stripped)),
    ):
        with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
            trust.check_recipient(recipient, FROM)
    unpinned = TrustAnchors.from_dict(trust_dict())
    unpinned.check_recipient(parse_artefact(artefact_dict()).recipient, FROM)


def _moved(signed: str, payload: str) -> str:
    """The signature of one statement under the payload of another."""
    header, _, signature = signed.split(".")
    return ".".join((header, payload.split(".")[1], signature))


def test_the_command_signs_what_a_hub_tells(tmp_path: Path) -> None:
    pem = ROOT.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "root.pem").write_bytes(pem)
    command = [sys.executable, "-m", "huilian_protocol.recipient_keys", str(tmp_path / "root.pem"), BANK]
    told = json.dumps([key.to_dict() for key in KEYS])
    done = subprocess.run([*command, "30"], input=told, capture_output=True, text=True, check=True)
    stated = verify_statement(done.stdout.strip(), ROOTS, BANK, datetime.now(UTC))
    assert list(stated.keys) == NAMES
    failed = subprocess.run([*command, "9999"], input=told, capture_output=True, text=True, check=False)
    assert failed.returncode == 2 and "up to" in failed.stderr
