"""Resumptions and termination receipts: what they prove, and that nothing else passes for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import Resumption, SignedResumption, parse_resumption, verify_resumption
from huilian_protocol.termination import Ending, Termination, issue_termination, parse_termination, verify_termination
from huilian_protocol.trust import TrustAnchors

from tests.unit.protocol import world

TRUST = TrustAnchors.from_dict(world.trust_dict())
STATEMENT = Resumption("consent-00000001", 1, world.artefact().sha256, "pause-7")
SIGNED = SignedResumption(STATEMENT, world.binding(), world.DEVICE.sign(STATEMENT.sha256))


def test_a_resumption_proves_who_signed_it() -> None:
    assert verify_resumption(SIGNED.to_bytes(), TRUST, world.NOW) == (STATEMENT, world.SUBJECT)
    assert parse_resumption(STATEMENT.canonical()) == STATEMENT


@pytest.mark.parametrize("change", [{"pause_id": "pause-8"}, {"version": 2}, {"consent_id": "consent-00000002"}])
def test_a_resumption_is_good_for_this_pause_only(change: dict[str, object]) -> None:
    other = replace(SIGNED, statement=replace(STATEMENT, **change))  # type: ignore[arg-type]
    with pytest.raises(HuilianError, match="ASSERTION_INVALID"):
        verify_resumption(other.to_bytes(), TRUST, world.NOW)


def test_a_resumption_that_is_none_is_refused() -> None:
    for data in (b"", b"{}", SIGNED.to_bytes() + b" ", canonicalise({**parse_canonical(SIGNED.to_bytes()), "x": 1})):
        with pytest.raises(HuilianError, match="ARTEFACT_INVALID"):
            verify_resumption(data, TRUST, world.NOW)


def ended(**changes: object) -> Termination:
    artefact = world.artefact()
    made = Termination(
        consent_id=artefact.id,
        version=1,
        artefact_sha256=artefact.sha256,
        ending=Ending.REVOKED,
        ended_at=world.NOW,
        reads={grant.id: 1 for grant in artefact.datasets},
        deletion_due=world.NOW + timedelta(days=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


CONSENT = world.consent().to_bytes()


def test_a_receipt_proves_how_a_consent_ended() -> None:
    receipt = issue_termination(world.HUB, ended(), CONSENT)
    assert verify_termination(receipt, TRUST) == ended() == parse_termination(receipt)
    assert receipt == issue_termination(world.HUB, ended(), CONSENT)


def test_what_was_never_granted_was_rejected_or_ran_out() -> None:
    rejected = ended(ending=Ending.REJECTED, reads={})
    assert verify_termination(issue_termination(world.HUB, rejected, None), TRUST) == rejected
    with pytest.raises(HuilianError, match="RECEIPT_INVALID"):
        verify_termination(issue_termination(world.HUB, ended(), None), TRUST)


@pytest.mark.parametrize(
    "change",
    [
        {"consent_id": "consent-00000009"},
        {"artefact_sha256": bytes(32)},
        {"reads": {}},
        {"reads": {"housing_fund.account/v1": 4, "tax.income/v1": 0}},
        {"deletion_due": world.NOW - timedelta(seconds=1)},
    ],
)
def test_a_receipt_about_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(HuilianError, match="RECEIPT_INVALID"):
        verify_termination(issue_termination(world.HUB, ended(**change), CONSENT), TRUST)


def test_every_flipped_byte_is_refused() -> None:
    receipt = issue_termination(world.HUB, ended(), CONSENT)
    for place in range(0, len(receipt), 7):
        flipped = receipt[:place] + bytes([receipt[place] ^ 1]) + receipt[place + 1 :]
        with pytest.raises(HuilianError):
            verify_termination(flipped, TRUST)


def test_a_strangers_receipt_is_refused() -> None:
    with pytest.raises(HuilianError, match="RECEIPT_INVALID"):
        verify_termination(issue_termination(world.STRANGER, ended(), CONSENT), TRUST)
