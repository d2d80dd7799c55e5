"""What is frozen: name of the golden file -> the bytes that the code makes today."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from huilian_protocol import sealing
from huilian_protocol.action import ActionParameters, commit_parameters, parameters_info, result_info, sign_result
from huilian_protocol.answer import sign_answer
from huilian_protocol.answer_count import AnswerCount, CountedAction, CountedAnswer, sign_answer_count
from huilian_protocol.artefact import ActionGrant, Artefact
from huilian_protocol.bid import commit_bid
from huilian_protocol.binding import commit_identity
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.client_assertion import sign_client_assertion
from huilian_protocol.confirmation import confirmation_digest
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.delegation import Basis, Delegation, Link, sign_guardianship
from huilian_protocol.identity import Identity
from huilian_protocol.jose import public_key_to_jwk, thumbprint
from huilian_protocol.provenance import build_provenance
from huilian_protocol.receipt import Anchor, build_receipt
from huilian_protocol.recipient_keys import Recipient, sign_statement
from huilian_protocol.record import commit_record
from huilian_protocol.restructuring import Restructuring
from huilian_protocol.resumption import Resumption
from huilian_protocol.signers import EnterpriseVerification, Mandate, OpeningSubmission, Power, SignerChange
from huilian_protocol.termination import Ending, Termination, issue_termination
from huilian_protocol.webauthn import Assertion

from tests.unit.ledger import access_world
from tests.unit.protocol import world


def _hex(digest: bytes) -> bytes:
    return digest.hex().encode("ascii") + b"\n"


def _assertion() -> Assertion:
    """A device's signature has a random nonce; for the hash over its parts any bytes do."""
    return Assertion(bytes(37), b'{"type":"webauthn.get"}', bytes(range(70)))


def _signed_consent() -> bytes:
    parts = world.artefact(), world.binding(), _assertion()
    return SignedConsent(*parts, countersign(world.HUB, *parts)).to_bytes()


def _several_keys() -> Artefact:
    """The usual artefact, to a recipient with keys in two suites."""
    suites = (sealing.Suite.XWING, sealing.Suite.X25519)
    keys = [sealing.SealingKey(suite, sealing.public_key_of(suite, world.RECIPIENT_SEED)) for suite in suites]
    since = world.artefact().valid_from
    statement = sign_statement(world.key(107), "bank.lending", keys, since, since + timedelta(days=30))
    return replace(world.artefact(), recipient=Recipient("bank.lending", keys[0].id, keys[0].suite, statement))


def receipt_parts() -> dict[str, Any]:
    """The usual receipt's parts; the proofs are only shaped like proofs."""
    return {
        "record": {"id": "access-00000001", "outcome": "DELIVERED", "type": "access"},
        "salt": bytes(range(32)),
        "leaf_index": 2,
        "tree_size": 5,
        "inclusion_proof": [hashlib.sha256(bytes([number])).digest() for number in range(3)],
        "checkpoint": "hub.huilian.example/log\n5\nAAAA\n\n— hub.huilian.example/log AAAA\n",
        "anchor": Anchor(
            chain_id=1337,
            contract=world.CONTRACT,
            tx_hash="0x" + "01" * 32,
            block_number=7,
            block_hash="0x" + "02" * 32,
            raw_transaction="0x" + "03" * 110,
            size=5,
            root=bytes(range(32)),
        ),
        "evidence": {"note": "证据"},
    }


def _payload_info() -> dict[str, Any]:
    return sealing.payload_info(
        consent_sha256=world.artefact().sha256,
        purpose="flash_loan.credit",
        dataset="housing_fund.account/v1",
        fields=["monthly_deposit_fen", "balance_fen"],
        recipient="bank.lending",
        request_id="req-00000001",
    )


def _answer() -> bytes:
    token = sign_answer(
        world.STRANGER,
        request_id="req-00000001",
        consent_sha256=world.artefact().sha256,
        dataset="housing_fund.account/v1",
        fields=["monthly_deposit_fen", "balance_fen"],
        envelope=b"envelope",
    )
    return token.encode("ascii")


def _client_assertion() -> bytes:
    token = sign_client_assertion(
        world.HUB,
        client_id=world.BUYER_USCC,
        audience="hub.huilian.example",
        now=world.NOW + timedelta(seconds=1),
        jti="jti-00000001",
    )
    return token.encode("ascii")


def _parameters() -> ActionParameters:
    return ActionParameters({"amount_fen": 20_000, "decision_number": "449900000000100"}, world.SALT)


def _artefact_with_actions() -> Artefact:
    exact = ActionGrant("traffic_police.pay_fine/v1", 1, 20_000, commit_parameters(_parameters()))
    return replace(world.artefact(), actions=(exact, ActionGrant("utilities.pay_bill/v1", 12, 30_000)))


def _amended_artefact() -> Artefact:
    first = world.artefact()
    return replace(first, version=2, replaces=first.sha256, max_reads=5)


def _delegation() -> Delegation:
    return Delegation(
        id="delegation-00000001",
        basis=Basis.COMPANY,
        delegator=world.BUYER_USCC,
        delegate=world.SUBJECT,
        grants=("tax.enterprise/v1",),
        purposes=("LOAN_APPLICATION",),
        valid_from=world.FROM,
        valid_until=world.UNTIL,
    )


def _guardianship() -> Link:
    child = replace(
        _delegation(),
        basis=Basis.GUARDIAN,
        delegator="wh-0000000000000009",
        identity_commitment=commit_identity(world.NAME, world.RESIDENT_ID, world.SALT),
    )
    return sign_guardianship(world.AUTHORITY, child)


def _resumption() -> Resumption:
    return Resumption("consent-00000001", 1, world.artefact().sha256, "pause-7")


def _termination() -> bytes:
    artefact = world.artefact()
    statement = Termination(
        consent_id=artefact.id,
        version=1,
        artefact_sha256=artefact.sha256,
        ending=Ending.REVOKED,
        ended_at=world.NOW,
        reads={grant.id: 1 for grant in artefact.datasets},
        deletion_due=world.NOW,
    )
    return issue_termination(world.HUB, statement, _signed_consent())


def _parameters_info() -> dict[str, Any]:
    return parameters_info(
        action="traffic_police.pay_fine/v1",
        agency="traffic_police",
        consent_id="consent-00000001",
        request_id="req-00000001",
        subject=world.SUBJECT,
    )


def _result_info() -> dict[str, Any]:
    return result_info(
        consent_sha256=_artefact_with_actions().sha256,
        purpose="flash_loan.credit",
        action="traffic_police.pay_fine/v1",
        recipient="bank.lending",
        request_id="req-00000001",
    )


def _action_result() -> bytes:
    token = sign_result(
        world.STRANGER,
        request_id="req-00000001",
        consent_sha256=_artefact_with_actions().sha256,
        action="traffic_police.pay_fine/v1",
        envelope=b"envelope",
    )
    return token.encode("ascii")


def _answer_count() -> bytes:
    answers = (CountedAnswer("req-00000001", "housing_fund.account/v1", world.NOW),)
    count = AnswerCount("housing_fund", "consent-00000001", world.NOW, answers)
    return sign_answer_count(world.STRANGER, count).encode("ascii")


def _action_count() -> bytes:
    actions = (CountedAction("req-00000002", "traffic_police.pay_fine/v1", "EXECUTED", world.NOW),)
    count = AnswerCount("traffic_police", "consent-00000001", world.NOW, (), actions)
    return sign_answer_count(world.STRANGER, count).encode("ascii")


def _provenance() -> bytes:
    """The receipts are whole; what they say is a chain of one certificate."""
    confirmed = {"amountFen": 120, "buyerUscc": world.BUYER_USCC, "dueDate": "2026-04-05", "receivableId": "r-000001"}
    issued = {"amount_fen": 100, "certificate_id": "certificate-1", "holder_uscc": world.SUPPLIER_USCC}
    records = [
        {"id": "confirmation:r-000001", "type": "receivable.confirmed", "content": confirmed},
        {"id": "certificate-issued:certificate-1", "type": "certificate.issued", "content": issued},
    ]
    receipts = [build_receipt(world.HUB, **{**receipt_parts(), "record": record}) for record in records]
    return build_provenance("certificate-1", receipts)


CASES: dict[str, Callable[[], bytes]] = {
    "access_export.json": lambda: access_world.Chain(3).export(),
    "action.info.parameters.json": lambda: canonicalise(_parameters_info()),
    "action.info.result.json": lambda: canonicalise(_result_info()),
    "action.parameters.json": lambda: _parameters().to_bytes(),
    "action.parameters.commitment": lambda: commit_parameters(_parameters()).encode("ascii") + b"\n",
    "action.result.jws": _action_result,
    "answer.jws": _answer,
    "answer_count.actions.jws": _action_count,
    "answer_count.jws": _answer_count,
    "artefact.actions.json": lambda: _artefact_with_actions().canonical(),
    "artefact.amended.json": lambda: _amended_artefact().canonical(),
    "artefact.delegated.json": lambda: replace(world.artefact(), signer="wh-0000000000000002").canonical(),
    "artefact.several_keys.json": lambda: _several_keys().canonical(),
    "recipient_keys.jws": lambda: _several_keys().recipient.key_statement.encode(),
    "artefact.json": lambda: world.artefact().canonical(),
    "artefact.sha256": lambda: _hex(world.artefact().sha256),
    "bid.commitment.sha256": lambda: _hex(
        commit_bid(
            auction_id="auction-00000001",
            bid_id="bid-00000001",
            funder=world.SUPPLIER_USCC,
            annual_rate=Decimal("0.0450"),
            salt=bytes(range(32)),
        )
    ),
    "binding.jws": lambda: world.binding().encode("ascii"),
    "client_assertion.jws": _client_assertion,
    "confirmation.eip712.json": lambda: canonicalise(world.confirmation().to_typed_data()),
    "confirmation.json": lambda: canonicalise(world.confirmation().to_dict()),
    "confirmation.keccak256": lambda: _hex(confirmation_digest(world.confirmation())),
    "consent.signed.json": _signed_consent,
    "delegation.company.json": lambda: canonicalise(_delegation().to_dict()),
    "delegation.guardian.json": lambda: _guardianship().to_bytes(),
    "resumption.json": lambda: _resumption().canonical(),
    "termination.json": _termination,
    "identity.json": lambda: Identity(world.NAME, world.RESIDENT_ID, world.SALT).to_bytes(),
    "identity_commitment.sha256": lambda: _hex(commit_identity(world.NAME, world.RESIDENT_ID, world.SALT)),
    "jwk.json": lambda: canonicalise(public_key_to_jwk(world.HUB.public_key())),
    "jwk.thumbprint": lambda: thumbprint(world.HUB.public_key()).encode("ascii") + b"\n",
    "provenance.json": _provenance,
    "receipt.json": lambda: build_receipt(world.HUB, **receipt_parts()),
    "record_commitment.sha256": lambda: _hex(commit_record(receipt_parts()["record"], bytes(range(32)))),
    "opening_submission.json": lambda: OpeningSubmission(
        world.SUPPLIER_USCC, "opening-0001", 1, "", {"ARTICLES": bytes(32), "BUSINESS_LICENCE": b"\x01" * 32}
    ).canonical(),
    "mandate.json": lambda: Mandate(
        world.SUPPLIER_USCC, Power.FINANCE, "financing-0001", 5_000_000, "signer-01"
    ).canonical(),
    "restructuring.json": lambda: Restructuring(
        "financing-0001",
        1,
        5_000_000,
        "0.0385",
        date(2026, 8, 20),
        {"kind": "equal_instalment", "first_due_date": "2026-05-20", "every_months": 1},
        datetime(2026, 3, 12, 1, 30, tzinfo=UTC),
    ).canonical(),
    "sealing.info.payload.json": lambda: canonicalise(_payload_info()),
    "sealing.info.registration.json": lambda: canonicalise(sealing.registration_info(authority="identity_authority")),
    "sealing.info.subject.json": lambda: canonicalise(
        sealing.subject_info(consent_id="consent-00000001", subject=world.SUBJECT, agency="housing_fund")
    ),
    "enterprise_verification.json": lambda: EnterpriseVerification(
        world.SUPPLIER_USCC,
        "沙盒供应商",
        bytes(range(32)),
        world.HUB.public_key(),
        datetime(2026, 3, 2, 1, 30, tzinfo=UTC),
    ).canonical(),
    "signer_change.json": lambda: SignerChange(
        world.SUPPLIER_USCC,
        1,
        "signer-01",
        world.HUB.public_key(),
        frozenset({Power.FINANCE, Power.ACCEPT}),
        5_000_000,
    ).canonical(),
    "sealing.public_keys.json": lambda: canonicalise(
        {
            suite.value: b64u_encode(sealing.public_key_of(suite, world.RECIPIENT_SEED))
            for suite in (sealing.Suite.XWING, sealing.Suite.X25519)
        }
    ),
    "sealing.public_key.sm.json": lambda: canonicalise(
        {"sm": b64u_encode(sealing.public_key_of(sealing.Suite.SM, world.RECIPIENT_SEED))}
    ),
}


def _envelope(suite: sealing.Suite) -> bytes:
    public = sealing.public_key_of(suite, world.RECIPIENT_SEED)
    return sealing.seal(suite, public, _payload_info(), b'{"balance_fen":123456}')


# Sealing is randomised: these are made once, and must open for ever.
ENVELOPES: dict[str, Callable[[], bytes]] = {
    "sealing.envelope.xwing.json": lambda: _envelope(sealing.Suite.XWING),
    "sealing.envelope.x25519.json": lambda: _envelope(sealing.Suite.X25519),
    "sealing.envelope.sm.json": lambda: _envelope(sealing.Suite.SM),
}


def open_envelope(envelope: bytes) -> bytes:
    """The plaintext of a frozen envelope."""
    return sealing.open_sealed(envelope, world.RECIPIENT_SEED, _payload_info())
