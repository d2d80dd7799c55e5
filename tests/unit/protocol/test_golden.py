"""The canonical forms have not changed: what was signed yesterday verifies for ever."""

from __future__ import annotations

import pytest
from huilian_protocol.artefact import parse_artefact
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.receipt import parse_receipt

from tests.golden.cases import CASES, ENVELOPES, open_envelope
from tests.golden.freeze import FOLDER
from tests.unit.protocol import world


def frozen(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_bytes_are_as_frozen(name: str) -> None:
    assert CASES[name]() == frozen(name)


def test_every_golden_file_has_a_case() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*CASES, *ENVELOPES}


@pytest.mark.parametrize("name", ENVELOPES)
def test_old_envelopes_still_open(name: str) -> None:
    assert open_envelope(frozen(name)) == b'{"balance_fen":123456}'


def test_frozen_files_read_back_to_the_same_values() -> None:
    assert parse_artefact(frozen("artefact.json")) == world.artefact()
    assert parse_signed_consent(frozen("consent.signed.json")).to_bytes() == frozen("consent.signed.json")
    assert ReceivableConfirmation.from_dict(parse_canonical(frozen("confirmation.json"))) == world.confirmation()
    assert parse_receipt(frozen("receipt.json")).record["id"] == "access-00000001"
