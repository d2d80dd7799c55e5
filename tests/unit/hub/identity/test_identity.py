"""Registrations and logins on both databases, with the sandbox's own identity authority behind the port."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.certificate import create_enterprise_ca, issue_enterprise_certificate
from huilian_protocol.client_assertion import sign_client_assertion
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, keys_to_jwks, public_key_to_jwk, thumbprint
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Person
from huilian_sdk.authenticator import SoftwareAuthenticator

from connectors.authorities.identity_authority.register import IdentityAuthority, load_authority_keys
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP
from hub.identity import store as identity_store
from hub.identity.login import CHALLENGE_LIFE, LoginService
from hub.identity.rules import check_registrar
from hub.identity.service import EnterpriseRegistration, IdentityService
from hub.identity.store import IdentityStore
from hub.platform.callers import Caller, Role
from hub.platform.database import Database
from hub.platform.tokens import TokenIssuer, TokenVerifier

HUB, WEB, RP_ID = "hub-a.huilian.example", "https://huilian.example", "huilian.example"
OPERATOR, OPERATOR_KEY = "operator.li", ec.derive_private_key(76, ec.SECP256R1())
USCC, OTHER_USCC = "91449900MA0H00010W", "91449900MA0H00029R"


@dataclass
class Office:
    """The services with the keys of everybody around them."""

    identity: IdentityService
    login: LoginService
    verifier: TokenVerifier
    database: Database
    clock: FixedClock
    authority: IdentityAuthority
    ca_key: ec.EllipticCurvePrivateKey
    ca_pem: str
    token_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def device(self) -> SoftwareAuthenticator:
        return SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB)

    async def register(self, person: Person, device: SoftwareAuthenticator) -> str:
        sealed = person.seal_registration(self.authority.keys.sealing.public)
        token, binding = await self.identity.ask_authority(sealed, json.dumps(device.public_jwk))
        async with self.database.transaction():
            await self.identity.save_person(token, binding)
        return binding.subject

    def registration(self, uscc: str = USCC) -> EnterpriseRegistration:
        certificate = issue_enterprise_certificate(
            self.ca_key,
            self.ca_pem,
            public_key=ec.generate_private_key(ec.SECP256K1()).public_key(),
            uscc=uscc,
            name="星河",
            not_before=self.clock.now() - timedelta(days=1),
            not_after=self.clock.now() + timedelta(days=30),
            serial=7,
        )
        jwk = json.dumps(public_key_to_jwk(self.token_key.public_key()))
        return EnterpriseRegistration(uscc, "星河", certificate, jwk)

    async def enrol(self, wanted: EnterpriseRegistration) -> None:
        async with self.database.transaction():
            await self.identity.register_enterprise(wanted)

    def client_assertion(self, jti: str = "jti-000001", audience: str = HUB) -> str:
        now = self.clock.now()
        return sign_client_assertion(self.token_key, client_id=USCC, audience=audience, now=now, jti=jti)


class _Authority:
    """The port, in front of the sandbox's authority without a network between."""

    def __init__(self, authority: IdentityAuthority) -> None:
        self._authority = authority

    async def bind_device_key(self, sealed_identity: bytes, device_public_key_jwk: str) -> str:
        key = jwk_to_public_key(json.loads(device_public_key_jwk))
        return self._authority.bind_device_key(sealed_identity, key, HUB)


@pytest.fixture
def office(database: Database, clock: FixedClock, tmp_path: Path) -> Office:
    authority = IdentityAuthority(load_authority_keys(tmp_path / "authority"), clock)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    begin, end = clock.now() - timedelta(days=1), clock.now() + timedelta(days=3_000)
    ca_pem = create_enterprise_ca(ca_key, "test CA", begin, end, 1)
    trust = TrustAnchors.from_dict(
        {
            "identity_authority_keys": keys_to_jwks([authority.keys.signing.public_key()]),
            "enterprise_ca": ca_pem,
            "hubs": [],
            "chain": {"chain_id": 1, "contract": "0x" + "22" * 20},
            "rp_id": RP_ID,
            "origin": WEB,
        }
    )
    hub_key, store = ec.generate_private_key(ec.SECP256R1()), IdentityStore(database)
    identity = IdentityService(store, _Authority(authority), trust, clock)
    numbers = iter(range(1, 1_000))
    login = LoginService(
        identity,
        store,
        TokenIssuer(lambda: hub_key, HUB, clock, lambda: f"token-{next(numbers):06d}"),
        trust,
        clock,
        origin=HUB,
        challenge_key=b"k" * 32,
        random_bytes=os.urandom,
        services={OPERATOR: (Role.OPERATOR, public_key_to_jwk(OPERATOR_KEY.public_key()))},
    )
    verifier = TokenVerifier({thumbprint(hub_key.public_key()): hub_key.public_key()}, HUB, clock)
    return Office(identity, login, verifier, database, clock, authority, ca_key, ca_pem)


def _borrower() -> Person:
    return Person.create(DEMO_BORROWER.name, DEMO_BORROWER.resident_id)


async def _refusal(office: Office, action: object) -> str:
    with pytest.raises(HuilianError) as caught:
        async with office.database.transaction():
            await action  # type: ignore[misc]
    return caught.value.code


async def test_person_registers_logs_in_and_keeps_the_pseudonym_with_a_new_device(office: Office) -> None:
    first, second = office.device(), office.device()
    subject = await office.register(_borrower(), first)
    assert subject == await office.register(_borrower(), second)
    assert DEMO_BORROWER.resident_id not in subject
    challenge, _ = office.login.create_challenge()
    async with office.database.transaction():
        token, _ = await office.login.login_person(subject, second.sign(challenge), challenge, "")
    assert office.verifier.verify(token).caller.id == subject
    stale, _ = office.login.create_challenge()
    refused = await _refusal(office, office.login.login_person(subject, first.sign(stale), stale, ""))
    assert refused == "ASSERTION_INVALID"


async def test_hub_stores_neither_name_nor_resident_id(office: Office) -> None:
    subject = await office.register(_borrower(), office.device())
    stored = await office.identity.key_binding(subject)
    rows = json.dumps([dict(row) for row in await office.database.fetch("SELECT * FROM identity_person")], default=str)
    for secret in (DEMO_BORROWER.name, DEMO_BORROWER.resident_id):
        assert secret not in rows and secret not in stored


async def test_authority_refuses_a_name_that_is_not_the_holders(office: Office) -> None:
    stranger = Person.create(DEMO_GAP.name, DEMO_BORROWER.resident_id)
    with pytest.raises(HuilianError) as caught:
        await office.register(stranger, office.device())
    assert caught.value.code == "PERSON_NOT_VERIFIED"


async def test_a_binding_of_another_device_key_is_refused(office: Office) -> None:
    sealed = _borrower().seal_registration(office.authority.keys.sealing.public)
    other = office.device()

    class Swapping:
        async def bind_device_key(self, sealed_identity: bytes, device_public_key_jwk: str) -> str:
            return office.authority.bind_device_key(sealed_identity, other.public_key, HUB)

    office.identity._authority = Swapping()  # a lying authority behind the same port
    with pytest.raises(HuilianError) as caught:
        await office.identity.ask_authority(sealed, json.dumps(office.device().public_jwk))
    assert caught.value.code == "BINDING_INVALID"


async def test_challenge_counts_once_expires_and_must_be_ours(office: Office) -> None:
    device = office.device()
    subject = await office.register(_borrower(), device)
    challenge, _ = office.login.create_challenge()
    async with office.database.transaction():
        await office.login.login_person(subject, device.sign(challenge), challenge, "")
    again = office.login.login_person(subject, device.sign(challenge), challenge, "")
    assert await _refusal(office, again) == "UNAUTHENTICATED"
    late, _ = office.login.create_challenge()
    office.clock.advance(CHALLENGE_LIFE)
    assert await _refusal(office, office.login.login_person(subject, device.sign(late), late, "")) == "UNAUTHENTICATED"
    own, _ = office.login.create_challenge()
    forged = own[:-1] + bytes([own[-1] ^ 1])
    attempt = office.login.login_person(subject, device.sign(forged), forged, "")
    assert await _refusal(office, attempt) == "UNAUTHENTICATED"


async def test_enterprise_logs_in_by_client_assertion_once_per_jti(office: Office) -> None:
    await office.enrol(office.registration())
    async with office.database.transaction():
        token, _, client = await office.login.login_client(office.client_assertion(), "thumb")
    said = office.verifier.verify(token)
    assert (client, said.caller.role, said.certificate) == (USCC, Role.ENTERPRISE, "thumb")
    assert await _refusal(office, office.login.login_client(office.client_assertion(), "")) == "UNAUTHENTICATED"
    elsewhere = office.client_assertion("jti-000002", audience="hub-b.huilian.example")
    assert await _refusal(office, office.login.login_client(elsewhere, "")) == "UNAUTHENTICATED"


async def test_an_operator_signs_in_over_mutual_tls_only_and_the_token_is_bound_to_it(office: Office) -> None:
    def assertion(key: ec.EllipticCurvePrivateKey = OPERATOR_KEY) -> str:
        now = office.clock.now()
        return sign_client_assertion(key, client_id=OPERATOR, audience=HUB, now=now, jti=f"jti-{secrets.token_hex(8)}")

    async with office.database.transaction():
        token, _, client = await office.login.login_client(assertion(), "desk-thumb")
    said = office.verifier.verify(token)
    assert (client, said.caller.role, said.certificate) == (OPERATOR, Role.OPERATOR, "desk-thumb")
    assert await _refusal(office, office.login.login_client(assertion(), "")) == "UNAUTHENTICATED"
    other = ec.derive_private_key(77, ec.SECP256R1())
    assert await _refusal(office, office.login.login_client(assertion(other), "desk-thumb")) == "UNAUTHENTICATED"


async def test_revoked_token_is_remembered(office: Office) -> None:
    store = IdentityStore(office.database)
    async with office.database.transaction():
        await office.login.revoke("token-000009")
        await office.login.revoke("token-000009")
    assert await store.is_revoked("token-000009") and not await store.is_revoked("token-000010")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"uscc": "91449900MA0H00010X"}, "USCC_MALFORMED"),
        ({"uscc": "91449900ma0h00010w"}, "USCC_MALFORMED"),
        ({"uscc": OTHER_USCC}, "ENTERPRISE_CERTIFICATE_INVALID"),
        ({"confirmation_certificate_pem": "-----BEGIN CERTIFICATE-----"}, "ENTERPRISE_CERTIFICATE_INVALID"),
        ({"token_public_key_jwk": '{"kty":"RSA"}'}, "INVALID_ARGUMENT"),
    ],
)
async def test_bad_registration_has_its_own_code_and_leaves_nothing(
    office: Office, change: dict[str, str], code: str
) -> None:
    wanted = replace(office.registration(), **change)
    assert await _refusal(office, office.identity.register_enterprise(wanted)) == code
    assert await office.identity.enterprises("", 10) == []


async def test_enterprise_registers_once(office: Office) -> None:
    await office.enrol(office.registration())
    again = office.identity.register_enterprise(office.registration())
    assert await _refusal(office, again) == "ALREADY_EXISTS"
    assert [row.uscc for row in await office.identity.enterprises("", 10)] == [USCC]


async def test_a_token_revoked_by_another_process_is_known_when_memory_is_old(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_store, "REVOKED_FRESH_S", 0.0)
    elsewhere, here = IdentityStore(office.database), IdentityStore(office.database)
    assert not await here.is_revoked("token-1")
    async with office.database.transaction():
        await elsewhere.revoke_token("token-1", office.clock.now() + timedelta(hours=1), office.clock.now())
    assert await elsewhere.is_revoked("token-1")
    assert await here.is_revoked("token-1")


async def test_two_registrations_of_one_code_give_one_enterprise(office: Office) -> None:
    async def enrol() -> str:
        try:
            await office.enrol(office.registration())
        except HuilianError as error:
            return error.code
        return "OK"

    assert sorted(await asyncio.gather(*(enrol() for _ in range(4)))) == ["ALREADY_EXISTS"] * 3 + ["OK"]


def test_an_enterprise_registers_itself_only() -> None:
    check_registrar(Caller(USCC, Role.ENTERPRISE), USCC)
    check_registrar(Caller("operator.desk", Role.OPERATOR), USCC)
    with pytest.raises(HuilianError, match="PERMISSION_DENIED"):
        check_registrar(Caller(OTHER_USCC, Role.ENTERPRISE), USCC)


async def test_a_token_revoked_while_somebody_looks_stays_revoked(database: Database) -> None:
    store = IdentityStore(database)

    def revoked_now(statement: str) -> None:
        if "identity_revoked_token" in statement:
            store._note_revoked("token-of-this-moment")

    database.on_statement = revoked_now
    assert await store.is_revoked("token-of-this-moment")
