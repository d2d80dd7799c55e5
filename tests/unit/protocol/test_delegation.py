"""Delegations: every link is proved, narrows, and is in time; who is forged, expired, too deep or wider is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.binding import commit_identity
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.certificate import issue_enterprise_certificate
from huilian_protocol.consent import SignedConsent, countersign, parse_signed_consent, verify_evidence
from huilian_protocol.delegation import (
    Basis,
    Delegation,
    DeviceProof,
    EnterpriseProof,
    Link,
    chain_from,
    sign_guardianship,
)
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_sdk.authenticator import SoftwareAuthenticator

from tests.unit.protocol import world

TRUST = TrustAnchors.from_dict(world.trust_dict())
OFFICER, CLERK = "wh-0000000000000002", "wh-0000000000000003"
DEVICES = {
    name: SoftwareAuthenticator(world.key(number), rp_id=world.RP_ID, origin=world.ORIGIN)
    for name, number in ((OFFICER, 202), (CLERK, 203))
}
GRANTS = ("housing_fund.account/v1", "tax.income/v1")


def binding_of(subject: str) -> str:
    if subject == world.SUBJECT:
        return world.binding()
    return world.binding(subject=subject, device_key=DEVICES[subject].public_key)


def statement(**changes: Any) -> Delegation:
    made = Delegation(
        id="delegation-1",
        basis=Basis.PERSON,
        delegator=world.SUBJECT,
        delegate=OFFICER,
        grants=GRANTS,
        purposes=("flash_loan.credit",),
        valid_from=world.FROM,
        valid_until=world.UNTIL,
    )
    return replace(made, **changes)


def by_device(made: Delegation, device: SoftwareAuthenticator | None = None) -> Link:
    signer = device or (world.DEVICE if made.delegator == world.SUBJECT else DEVICES[made.delegator])
    return Link(made, DeviceProof(binding_of(made.delegator), signer.sign(made.sha256)))


def by_company(made: Delegation, secret: int = 106, uscc: str = world.BUYER_USCC) -> Link:
    key = world.key(secret, ec.SECP256K1())
    pem = issue_enterprise_certificate(
        world.CA_KEY,
        world.CA_PEM,
        uscc=uscc,
        name="核心企业",
        public_key=key.public_key(),
        not_before=world.FROM,
        not_after=world.UNTIL,
        serial=7,
    )
    raw = PrivateKey.from_int(secret).sign_recoverable(made.sha256, hasher=None)
    return Link(made, EnterpriseProof(pem, raw[:64] + bytes([27 + raw[64]])))


def consent(chain: tuple[Link, ...], subject: str = world.SUBJECT, signer: str = OFFICER, **changes: Any) -> bytes:
    artefact: Artefact = replace(world.artefact(), subject=subject, signer=signer, **changes)
    bound, assertion = binding_of(signer), DEVICES[signer].sign(artefact.sha256)
    parts = (artefact, bound, assertion)
    return SignedConsent(*parts, countersign(world.HUB, *parts, chain), chain).to_bytes()


def refused(data: bytes) -> HuilianError:
    with pytest.raises(HuilianError) as caught:
        verify_evidence(data, TRUST, world.NOW)
    return caught.value


def test_a_delegate_consents_and_the_subject_is_recognised_by_the_delegators_commitment() -> None:
    verified = verify_evidence(consent((by_device(statement()),)), TRUST, world.NOW)
    assert verified.is_delegated and verified.binding.subject == OFFICER
    verified.subject.check(world.NAME, world.RESIDENT_ID, world.SALT)
    with pytest.raises(HuilianError, match="SUBJECT_MISMATCH"):
        verified.subject.check("李四", world.RESIDENT_ID, world.SALT)


def test_a_companys_officer_consents_for_the_company() -> None:
    made = statement(basis=Basis.COMPANY, delegator=world.BUYER_USCC)
    verified = verify_evidence(consent((by_company(made),), world.BUYER_USCC), TRUST, world.NOW)
    verified.subject.check("核心企业", world.BUYER_USCC, b"")
    with pytest.raises(HuilianError, match="SUBJECT_MISMATCH"):
        verified.subject.check("核心企业", world.SUPPLIER_USCC, b"")


def test_a_guardian_consents_for_a_child_by_the_identity_authoritys_word() -> None:
    child = world.artefact().subject
    made = statement(basis=Basis.GUARDIAN, identity_commitment=world_commitment())
    verified = verify_evidence(consent((sign_guardianship(world.AUTHORITY, made),), child), TRUST, world.NOW)
    verified.subject.check(world.NAME, world.RESIDENT_ID, world.SALT)
    forged = sign_guardianship(world.STRANGER, made)
    assert refused(consent((forged,), child)).code == "DELEGATION_INVALID"


def world_commitment() -> bytes:
    return commit_identity(world.NAME, world.RESIDENT_ID, world.SALT)


def chain_of_two(first: dict[str, Any], second: dict[str, Any]) -> tuple[Link, ...]:
    root = by_device(statement(**first))
    narrower = statement(
        **{"id": "delegation-2", "delegator": OFFICER, "delegate": CLERK, "parent": root.statement.sha256, **second}
    )
    return root, by_device(narrower)


def test_a_delegation_with_depth_is_passed_on_once() -> None:
    verify_evidence(consent(chain_of_two({"depth": 2}, {}), signer=CLERK), TRUST, world.NOW)


LATER = world.UNTIL + timedelta(days=1)
FORGED: dict[str, Callable[[], bytes]] = {
    "signed by another device": lambda: consent((by_device(statement(), DEVICES[CLERK]),)),
    "expired": lambda: consent((by_device(statement(valid_until=world.NOW)),)),
    "not yet": lambda: consent((by_device(statement(valid_from=world.NOW + timedelta(seconds=1))),)),
    "too deep": lambda: consent(chain_of_two({"depth": 1}, {}), signer=CLERK),
    "wider grants": lambda: consent(chain_of_two({"depth": 2, "grants": GRANTS[:1]}, {"grants": GRANTS}), signer=CLERK),
    "longer": lambda: consent(chain_of_two({"depth": 2}, {"valid_until": LATER}), signer=CLERK),
    "another parent": lambda: consent(chain_of_two({"depth": 2}, {"parent": bytes(32)}), signer=CLERK),
    "a dataset that is not delegated": lambda: consent((by_device(statement(grants=GRANTS[:1])),)),
    "another purpose": lambda: consent((by_device(statement(purposes=("other",))),)),
    "outlives": lambda: consent((by_device(statement(valid_until=world.NOW + timedelta(days=1))),)),
    "ends elsewhere": lambda: consent((by_device(statement(delegate=CLERK)),)),
    "another subject": lambda: consent((by_device(statement()),), "wh-0000000000000009"),
    "another company's key": lambda: consent(
        (by_company(statement(basis=Basis.COMPANY, delegator=world.BUYER_USCC), uscc=world.SUPPLIER_USCC),),
        world.BUYER_USCC,
    ),
    "a person's proof for a company": lambda: consent(
        (by_device(statement(basis=Basis.COMPANY)),),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_chain_that_does_not_hold_is_refused_with_its_reason(name: str) -> None:
    error = refused(FORGED[name]())
    assert error.code == "DELEGATION_INVALID" and error.params["reason"]


def test_a_chain_is_bound_by_the_countersignature() -> None:
    good = parse_signed_consent(consent((by_device(statement()),)))
    other = by_device(statement(id="delegation-9"))
    assert refused(replace(good, delegation=(other,)).to_bytes()).code == "COUNTERSIGNATURE_INVALID"
    assert refused(replace(good, delegation=()).to_bytes()).code == "DELEGATION_INVALID"


def test_a_chain_of_four_is_no_chain() -> None:
    link = by_device(statement()).to_dict()
    assert len(chain_from([link] * 3)) == 3
    for raw in ([link] * 4, [], {}, [{**link, "extra": 1}], [{**link, "proof": {"assertion": {}}}]):
        with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
            chain_from(raw)


def test_a_document_reads_back() -> None:
    for link in (by_device(statement()), by_company(statement(basis=Basis.COMPANY, delegator=world.BUYER_USCC))):
        assert chain_from([parse_canonical(link.to_bytes())]) == (link,)


def test_artefacts_of_a_delegate_and_amendments_are_v3_and_nothing_else_is() -> None:
    first = world.artefact()
    second = replace(first, version=2, replaces=first.sha256)
    for later in (second, replace(first, signer=OFFICER), replace(second, signer=OFFICER)):
        assert later.to_dict()["type"] == "huilian-consent/v3"
        assert parse_artefact(later.canonical()) == later
    bare = {**second.to_dict(), "version": 1, "replaces": None}
    for odd in (bare, {**second.to_dict(), "replaces": None}, {**bare, "signer": world.SUBJECT}):
        with pytest.raises(HuilianError, match="ARTEFACT_INVALID"):
            parse_artefact(odd)
