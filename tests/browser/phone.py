"""A person's device before the hub of the pages: a key that Chromium keeps, assertions that the hub checks itself."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.common.v1 import common_pb2, sandbox_service_pb2
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import restructuring_service_pb2 as restructuring_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key
from huilian_protocol.restructuring import read_restructuring
from huilian_protocol.sealing import Suite, generate_keypair
from huilian_protocol.webauthn import Assertion, verify_assertion
from playwright.sync_api import CDPSession, Page

from tests.browser import lending
from tests.browser.desk_hub import NOW, ORIGIN
from tests.unit.sdk.fake_hub import Asked, FakeHub, failure

NAME, NUMBER, SUBJECT = "沙盒甲", "11010519491231002X", "wh-sandbox-0001"
CHALLENGE, LOAN = b"c" * 64, "application-2026-0001"
IDENTITY, TOKENS = "huilian.identity.v1.IdentityService", "huilian.identity.v1.TokenService"


class PersonsHub(FakeHub):
    """Knows one person, by the key that was registered; has one loan and one offer for it."""

    def __init__(self) -> None:
        super().__init__()
        self.key: ec.EllipticCurvePublicKey | None = None
        self.origin, self.signed = "", False
        self.offer = lending.offer(LOAN, 3, lending.OFFERED, lending.FORMER, lending.OTHER)
        clock = sandbox_service_pb2.GetClockResponse()
        clock.now_time.FromDatetime(NOW)
        self.on("huilian.common.v1.SandboxService/GetClock", clock)
        sealing = pb.SealingKey(
            party_id="identity_authority", suite=Suite.XWING, public_key=generate_keypair(Suite.XWING).public
        )
        self.on(f"{IDENTITY}/GetKeySet", pb.GetKeySetResponse(origin=ORIGIN, sealing_keys=[sealing]))
        self.on(f"{IDENTITY}/RegisterPerson", self._register)
        self.on(f"{TOKENS}/CreateChallenge", pb.CreateChallengeResponse(challenge=CHALLENGE))
        self.on(f"{TOKENS}/IssueToken", self._token)
        self.on(f"{TOKENS}/RevokeToken", pb.RevokeTokenResponse())
        self.on("huilian.lending.v1.LoanService/ListLoans", self._loans)
        self.on(f"{lending.TERMS}/ListRestructurings", self._offers)
        self.on(f"{lending.TERMS}/SignRestructuring", self._sign)

    def _register(self, asked: Asked) -> Any:
        self.key = jwk_to_public_key(json.loads(asked.request.device_public_key_jwk))
        return pb.RegisterPersonResponse(subject=SUBJECT, key_binding="a.b.c")

    def _token(self, asked: Asked) -> Any:
        grant = asked.request.person
        if refused := self._refused(grant.assertion, CHALLENGE):
            return refused
        issued = pb.IssueTokenResponse(access_token="token-of-the-phone", subject=grant.subject)
        issued.expire_time.FromSeconds(int(NOW.timestamp()) + 900)
        return issued

    def _loans(self, _: Asked) -> Any:
        owed = common_pb2.Money(amount_fen=45_000_000, currency="CNY")
        state = loan_pb.LOAN_STATE_ACTIVE if self.signed else loan_pb.LOAN_STATE_OVERDUE
        loan = loan_pb.Loan(
            loan_id=LOAN, state=state, product_id="flash-loan", annual_rate="0.0435", outstanding_principal=owed,
            due_date="2027-07-02" if self.signed else "2027-02-20",
        )  # fmt: skip
        return loan_pb.ListLoansResponse(loans=[loan])

    def _offers(self, _: Asked) -> Any:
        return restructuring_pb.ListRestructuringsResponse(restructurings=[self.offer])

    def _sign(self, asked: Asked) -> Any:
        terms = read_restructuring(self.offer.terms)
        if refused := self._refused(asked.request.assertion, terms.challenge):
            return refused
        self.signed, self.offer.state = True, lending.SIGNED
        self.offer.signed_time.FromDatetime(NOW)
        return restructuring_pb.SignRestructuringResponse(loan=self._loans(asked).loans[0], restructuring=self.offer)

    def _refused(self, said: pb.DeviceAssertion, challenge: bytes) -> Any:
        assertion = Assertion(said.authenticator_data, said.client_data_json, said.signature)
        try:
            assert self.key is not None
            verify_assertion(assertion, self.key, challenge, "localhost", self.origin)
        except HuilianError as error:
            return failure(error)
        return None


def unlocked(page: Page) -> tuple[CDPSession, str]:
    """A device in the browser whose owner is there and unlocks it; the session and the device's id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True},
        **{"isUserVerified": True, "automaticPresenceSimulation": True},
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, str(made["authenticatorId"])
