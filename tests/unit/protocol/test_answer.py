"""The edge's signature on an answer covers everything that could be swapped."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.answer import sign_answer, verify_answer
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint

KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
ANSWER = {
    "request_id": "request-1",
    "consent_sha256": b"\x07" * 32,
    "dataset": "tax.personal_income/v1",
    "fields": ["income_fen"],
    "envelope": b"sealed",
}


def test_the_signed_answer_verifies() -> None:
    verify_answer(sign_answer(KEY, **ANSWER), KEYS, **ANSWER)


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "request-2"},
        {"consent_sha256": b"\x08" * 32},
        {"dataset": "tax.enterprise/v1"},
        {"fields": ["income_fen", "tax_paid_fen"]},
        {"envelope": b"sealed to someone else"},
    ],
)
def test_any_other_answer_is_a_fault_of_the_provider(change: dict[str, object]) -> None:
    with pytest.raises(HuilianError) as refused:
        verify_answer(sign_answer(KEY, **ANSWER), KEYS, **{**ANSWER, **change})
    assert refused.value.code == "PROVIDER_FAULT"


def test_another_key_does_not_sign_for_the_edge() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(HuilianError) as refused:
        verify_answer(sign_answer(other, **ANSWER), KEYS, **ANSWER)
    assert refused.value.code == "PROVIDER_FAULT"
