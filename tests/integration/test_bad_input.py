"""Bad input through the SDK into a running site: each kind has its own code, and the hub keeps exactly what it kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from huilian.consent.v1 import consent_service_pb2 as consent_pb2
from huilian.receivables.v1 import receivable_service_pb2 as receivables
from huilian_protocol.artefact import Recipient
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import Suite, generate_keypair, key_id
from huilian_sdk import Call, Huilian, Keystore, Person, SoftwareAuthenticator, new_id

from connectors.kit import sandbox_people
from connectors.kit.sandbox_companies import DEALER, SUPPLIER, drawn_companies
from deploy.journeys.invoicing import Trade, issue_invoice
from deploy.journeys.parties import Party, client_of, open_party, operator_of, register_enterprises
from deploy.journeys.step import Unexpected
from deploy.site import RP_ID, WEB_ORIGIN, HubPlace, Site
from tests.integration import citizens, hub_state
from tests.integration.citizens import Citizen, anybody, authority_key, registered
from tests.integration.erp_stand_in import SIGNED, SIGNED_CODE, SIGNED_NUMBER, UNSIGNED, WRONG_TOTAL
from tests.support.sites import HUB, RunningSite

pytestmark = pytest.mark.asyncio(loop_scope="session")

MALFORMED_RESIDENT_ID = "110105199005170000"
MALFORMED_USCC = "91449900MA0H00010X"
HELD = "certificate-held"


@dataclass
class Scene:
    """A person, a buyer and a supplier at the running hub. Attempts are made through their SDK clients only."""

    site: Site
    hub: HubPlace
    citizen: Citizen
    buyer: Party
    supplier: Party
    clients: dict[str, Huilian]
    receivables: dict[str, receivables.Receivable] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The hub's database file."""
        return self.hub.folder / "hub.sqlite"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(shared_site: RunningSite) -> AsyncIterator[Scene]:
    """Of all tests: what each of them prepares stands in no other's way."""
    site, hub = shared_site.site, shared_site.site.hub(HUB)
    async with AsyncExitStack() as stack:
        citizen = await stack.enter_async_context(registered(site, hub, sandbox_people.DEMO_BORROWER))
        buyer, supplier = await open_party(site, DEALER), await open_party(site, SUPPLIER)
        await register_enterprises(site, hub, [buyer, supplier])
        clients = {
            "operator": await stack.enter_async_context(operator_of(site, hub)),
            "anybody": await stack.enter_async_context(anybody(site, hub)),
            "buyer": await stack.enter_async_context(client_of(site, hub, buyer)),
            "supplier": await stack.enter_async_context(client_of(site, hub, supplier)),
        }
        made = Scene(site, hub, citizen, buyer, supplier, clients)
        await clients["buyer"].receivables.sync()
        async for receivable in clients["buyer"].receivables.list():
            made.receivables[receivable.invoice_number] = receivable
        yield made


Attempt = Callable[[Scene], Awaitable[Callable[[], Awaitable[object]]]]
"""Prepares, with everything allowed that it changes, and answers the one call that must be refused."""


# --- persons and enterprises


async def _malformed_resident_id(scene: Scene) -> Callable[[], Awaitable[object]]:
    client = scene.clients["anybody"]
    suite, key = await authority_key(client)
    # Person.create would not let it out, so this is a device with other software.
    person = Person(Identity("林晓雨", MALFORMED_RESIDENT_ID, bytes(32)))
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
    sealed = person.seal_registration(key, suite=suite)
    return lambda: client.identity.register_person(sealed, device.public_jwk)


async def _malformed_uscc(scene: Scene) -> Callable[[], Awaitable[object]]:
    keystore = scene.buyer.keystore
    return lambda: scene.clients["operator"].identity.register_enterprise(
        uscc=MALFORMED_USCC,
        name="沙盒",
        confirmation_certificate_pem=keystore.certificate_pem,
        token_public_jwk=keystore.token_public_jwk,
    )


# --- consents


async def _unknown_field(scene: Scene) -> Callable[[], Awaitable[object]]:
    citizen = scene.citizen
    return lambda: citizen.prepare([citizen.grant_of(["account_status", "favourite_colour"])])


async def _expired(scene: Scene) -> Callable[[], Awaitable[object]]:
    citizen = scene.citizen
    prepared = await citizen.prepare(life=citizens.SHORT_LIFE)
    await citizen.outlive(prepared.artefact)
    return lambda: citizen.sign(prepared)


async def _wrong_recipient_key(scene: Scene) -> Callable[[], Awaitable[object]]:
    citizen = scene.citizen
    prepared = await citizen.prepare()
    stranger = Recipient(citizens.RECIPIENT, key_id(generate_keypair(Suite.XWING).public), Suite.XWING)
    other = replace(prepared.artefact, recipient=stranger)
    return lambda: citizen.sign(prepared, signed=other)


async def _tampered_before_signing(scene: Scene) -> Callable[[], Awaitable[object]]:
    """The person signs something else than the hub offered."""
    citizen = scene.citizen
    prepared = await citizen.prepare()
    return lambda: citizen.sign(prepared, signed=replace(prepared.artefact, max_reads=1_000))


async def _tampered_after_signing(scene: Scene) -> Callable[[], Awaitable[object]]:
    """The hub's own offer, over a signature that was given for something else."""
    citizen = scene.citizen
    prepared, other = await citizen.prepare(), await citizen.prepare(max_reads=1)
    return lambda: citizen.sign(prepared, signed=other.artefact, handed_in=prepared.artefact)


async def _other_device(scene: Scene) -> Callable[[], Awaitable[object]]:
    citizen = scene.citizen
    prepared = await citizen.prepare()
    stranger = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
    return lambda: replace(citizen, device=stranger).sign(prepared)


# --- receivables


async def _total_does_not_match(scene: Scene) -> Callable[[], Awaitable[object]]:
    receivable = scene.receivables[WRONG_TOTAL]
    assert [reason.code for reason in receivable.reasons] == ["TOTAL_DIFFERS"]
    return lambda: scene.clients["buyer"].receivables.prepare_confirmation(receivable.receivable_id)


async def _signed_by_another_key(scene: Scene) -> Callable[[], Awaitable[object]]:
    hub, receivable_id = scene.clients["buyer"].receivables, scene.receivables[UNSIGNED].receivable_id
    message = await hub.prepare_confirmation(receivable_id)
    thief = Keystore.generate(DEALER.uscc, "沙盒")
    signature = thief.sign_confirmation(message)
    return lambda: hub.submit_confirmation(message, signature)


async def _another_amount_confirmed(scene: Scene) -> Callable[[], Awaitable[object]]:
    hub, receivable_id = scene.clients["buyer"].receivables, scene.receivables[UNSIGNED].receivable_id
    message = replace(await hub.prepare_confirmation(receivable_id), amount_fen=1)
    signature = scene.buyer.keystore.sign_confirmation(message)
    return lambda: hub.submit_confirmation(message, signature)


async def _above_the_receivable(scene: Scene) -> Callable[[], Awaitable[object]]:
    receivable = await _confirmed(scene)
    amount = receivable.amount.amount_fen + 1
    return lambda: scene.clients["buyer"].certificates.issue(receivable.receivable_id, amount)


async def _registered_but_not_verified(scene: Scene) -> Callable[[], Awaitable[object]]:
    """A certified key and a place in the hub's register make nobody a company that the registry agrees with."""
    abnormal = next(one for one in drawn_companies().values() if one.standing == "abnormal")
    party = await open_party(scene.site, abnormal)
    with pytest.raises(Unexpected, match="ABNORMAL"):
        await register_enterprises(scene.site, scene.hub, [party])
    receivable = await _confirmed(scene)
    await scene.clients["buyer"].certificates.issue(receivable.receivable_id, 100, certificate_id=HELD)
    await scene.clients["supplier"].certificates.accept(HELD)
    return lambda: scene.clients["supplier"].certificates.transfer(HELD, abnormal.uscc)


async def _request_id_reused(scene: Scene) -> Callable[[], Awaitable[object]]:
    citizen, request_id = scene.citizen, new_id()
    first, other = [citizen.grant_of(["base_fen"])], [citizen.grant_of(["account_status"])]
    await citizen.prepare(first, call=Call(request_id))
    return lambda: citizen.prepare(other, call=Call(request_id))


async def _confirmed(scene: Scene) -> receivables.Receivable:
    """A receivable with its buyer's confirmation."""
    hub, receivable = scene.clients["buyer"].receivables, scene.receivables[SIGNED]
    if receivable.state == receivables.RECEIVABLE_STATE_MATCHED:
        issued = dt.date.fromisoformat(receivable.issue_date)
        total = receivable.amount.amount_fen
        trade = Trade(SUPPLIER.uscc, DEALER.uscc, issued, total, code=SIGNED_CODE, number=SIGNED_NUMBER)
        assert await issue_invoice(scene.site, trade, "stand-in-invoice") == SIGNED
        receivable = await hub.confirm(receivable.receivable_id, scene.buyer.keystore)
        scene.receivables[SIGNED] = receivable
    return receivable


ATTEMPTS: dict[str, tuple[str, Attempt]] = {
    "malformed resident ID": ("RESIDENT_ID_MALFORMED", _malformed_resident_id),
    "malformed USCC": ("USCC_MALFORMED", _malformed_uscc),
    "unknown field in a consent": ("UNKNOWN_FIELD", _unknown_field),
    "expired consent": ("CONSENT_EXPIRED", _expired),
    "wrong recipient key": ("RECIPIENT_KEY_MISMATCH", _wrong_recipient_key),
    "artefact tampered with before signing": ("ARTEFACT_TAMPERED", _tampered_before_signing),
    "artefact tampered with after signing": ("ARTEFACT_TAMPERED", _tampered_after_signing),
    "signed by another device": ("ASSERTION_INVALID", _other_device),
    "invoice total that does not match": ("MATCH_FAILED", _total_does_not_match),
    "confirmation signed by another key": ("CONFIRMATION_MISMATCH", _signed_by_another_key),
    "confirmation of another amount": ("CONFIRMATION_MISMATCH", _another_amount_confirmed),
    "amount above the receivable": ("AMOUNT_EXCEEDS_RECEIVABLE", _above_the_receivable),
    "certificate for an enterprise that is not verified": ("STATE_CONFLICT", _registered_but_not_verified),
    "request id repeated with other input": ("REQUEST_ID_REUSED", _request_id_reused),
}


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_refused_with_its_own_code_and_nothing_changed(scene: Scene, name: str) -> None:
    code, attempt = ATTEMPTS[name]
    call = await attempt(scene)
    before = await hub_state.quiet_dump(scene.database)
    with pytest.raises(HuilianError) as refusal:
        await call()
    assert (refusal.value.code, bool(refusal.value.text_zh)) == (code, True)
    after = hub_state.dump(scene.database)
    # What the tax authority said of an invoice is kept, whatever becomes of the confirmation that asked for it.
    assert set(hub_state.difference(before, after)) <= {"receivables_invoice_check"}
    assert hub_state.log_size(after) == hub_state.log_size(before)


async def test_what_is_allowed_does_change_what_the_hub_keeps(scene: Scene) -> None:
    """The comparison above would see a change if there were one."""
    before = await hub_state.quiet_dump(scene.database)
    consent = await scene.citizen.granted()
    after = hub_state.dump(scene.database)
    assert {"consent_consent", "consent_sealed_subject", "ledger_leaf"} <= set(hub_state.difference(before, after))
    assert hub_state.log_size(after) == hub_state.log_size(before) + 1
    assert consent.state == consent_pb2.CONSENT_STATE_GRANTED


async def test_a_refused_read_leaves_its_record_and_nothing_else(scene: Scene) -> None:
    """Every refusal of data is on record (that is asked for), and no read is counted for it."""
    citizen = scene.citizen
    consent = await citizen.granted()
    before = await hub_state.quiet_dump(scene.database)
    with pytest.raises(HuilianError) as refusal:
        await citizen.hub.exchange.fetch(
            consent_id=consent.consent_id,
            dataset_id=citizens.HOUSING_FUND,
            fields=[*citizens.FIELDS, "balance_fen"],
            period=citizen.period(),
        )
    assert refusal.value.code == "FIELD_NOT_GRANTED"
    changed = hub_state.difference(before, hub_state.dump(scene.database))
    logged = {name: rows for name, rows in changed.items() if not name.startswith("ledger_")}
    assert logged == {"exchange_read": 1}
