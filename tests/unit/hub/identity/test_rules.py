"""What an enterprise may call itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.certificate import create_enterprise_ca, issue_enterprise_certificate
from huilian_protocol.errors import HuilianError

from hub.identity.rules import check_confirmation_certificate

NOW = datetime(2026, 3, 2, tzinfo=UTC)
USCC, OTHER_USCC, NAME = "91449900MA0H00010W", "91449900MA0H00029R", "沙盒星河装备制造有限公司"


@pytest.mark.parametrize(
    ("uscc", "name", "is_certified"),
    [(USCC, NAME, True), (OTHER_USCC, NAME, False), (USCC, "沙盒人民银行", False), (USCC, NAME + " ", False)],
)
def test_an_enterprise_bears_the_code_and_the_name_that_the_ca_certified(
    uscc: str, name: str, is_certified: bool
) -> None:
    ca_key, life = ec.generate_private_key(ec.SECP256R1()), timedelta(days=1)
    ca_pem = create_enterprise_ca(ca_key, "CA", NOW - life, NOW + life, 1)
    key = ec.generate_private_key(ec.SECP256K1()).public_key()
    pem = issue_enterprise_certificate(
        ca_key,
        ca_pem,
        public_key=key,
        uscc=USCC,
        name=NAME,
        not_before=NOW - life,
        not_after=NOW + life,
        serial=2,
    )
    if is_certified:
        check_confirmation_certificate(pem, uscc, name, ca_pem, NOW)
        return
    with pytest.raises(HuilianError, match="ENTERPRISE_CERTIFICATE_INVALID"):
        check_confirmation_certificate(pem, uscc, name, ca_pem, NOW)
