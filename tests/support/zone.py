"""The convenience zone on a real database, before a real edge that acts and its sandbox agency."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from huilian_protocol.action import ActionParameters, commit_parameters
from huilian_protocol.artefact import ActionGrant, DatasetGrant
from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import FixedClock
from huilian_protocol.purposes import PurposeList
from huilian_protocol.sealing import Suite, generate_keypair

from connectors.gov_data.traffic_police.sandbox_register import Decision, added_fen, decisions_of
from connectors.kit.acceptance.world import seal_parameters
from connectors.kit.sandbox_people import Person, first_of_kind
from connectors.kit.sandbox_server import today_in_china
from hub.accounting.service import AccountKind, EmbeddedBook, Line, deposit_account
from hub.consent.rules import Terms
from hub.consent.service import Consent, ConsentService
from hub.convenience.payments import Payment, Payments
from hub.convenience.ports import RECIPIENT
from hub.convenience.records import Records
from hub.exchange.actions import Action, Performed
from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.resilience import Limits
from hub.exchange.service import ExchangeService
from hub.ledger.service import LedgerService
from hub.ledger.subjects.desk import ChainExports
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.vault import SubjectVault, Wrapping
from tests.support.consents import Citizen, World
from tests.support.edge import RunningEdge, running_edge

POLICE, PAY_FINE = "traffic_police", "traffic_police.pay_fine/v1"
OPENING_FEN = 5_000_000
DEBTOR = first_of_kind("dishonest_debtor")


@dataclass
class Zone:
    """Everything that a payment passes."""

    exchange: ExchangeService
    consents: ConsentService
    payments: Payments
    records: Records
    book: EmbeddedBook
    connector: Connector
    edge: RunningEdge
    database: Database
    clock: FixedClock
    world: World
    citizen: Citizen
    person: Person
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def fine(self, number: int = 0) -> tuple[Decision, int]:
        """One of the person's unpaid fines, and what is owed for it today."""
        fine = [one for one in decisions_of(self.person) or () if not one.is_settled][number]
        return fine, fine.fine_fen + added_fen(fine, today_in_china(self.clock.now()))

    def parameters(self, number: int = 0, **changes: Any) -> ActionParameters:
        """What pays this fine."""
        fine, owed_fen = self.fine(number)
        return ActionParameters({"amount_fen": owed_fen, "decision_number": fine.number, **changes}, os.urandom(32))

    async def consent(
        self,
        parameters: ActionParameters,
        *,
        max_amount_fen: int | None = None,
        max_uses: int = 1,
        datasets: tuple[DatasetGrant, ...] = (),
        **changes: Any,
    ) -> Consent:
        """The person's consent to exactly this payment."""
        amount_fen = parameters.values["amount_fen"] if max_amount_fen is None else max_amount_fen
        terms = {
            "purpose": "PUBLIC_PAYMENT",
            "recipient": RECIPIENT,
            "datasets": datasets,
            "max_reads": 1,
            "data_life_days": 30,
            "valid_until": self.clock.now() + timedelta(days=30),
            "actions": (ActionGrant(PAY_FINE, max_uses, amount_fen, commit_parameters(parameters)),),
            **changes,
        }
        return await self.granted(Terms(**terms))

    async def granted(self, terms: Terms) -> Consent:
        """A consent in force."""
        catalogue, subject = self.exchange.catalogue, self.citizen.subject
        datasets = await catalogue.datasets([grant.id for grant in terms.datasets])
        actions = await catalogue.actions([grant.id for grant in terms.actions])
        consent_id = f"consent-{next(self._numbers):08d}"
        async with self.database.transaction():
            prepared = await self.consents.prepare(subject, consent_id, terms, datasets, actions)
        agency = self.connector.agency
        sealed = {agency: self.citizen.sealed_to(agency, self.edge.keys.sealing.public, consent_id)}
        signed = self.citizen.device.sign(prepared.artefact.sha256)
        async with self.database.transaction():
            return await self.consents.grant(subject, prepared.artefact_bytes, signed, sealed)

    def order(self, consent: Consent, parameters: ActionParameters, request_id: str = "") -> Action:
        """What the person's phone sends."""
        request_id, key = request_id or f"order-{next(self._numbers):08d}", self.edge.keys.sealing.public
        artefact = consent.artefact
        sealed = seal_parameters(artefact, parameters, PAY_FINE, self.connector.agency, request_id, key)
        return Action(request_id, artefact.id, PAY_FINE, sealed)

    async def pay(self, wanted: Action) -> Performed:
        """Order it as the person."""
        return await self.exchange.actions.perform(self.citizen.subject, wanted)

    async def payment(self, wanted: Action) -> Payment:
        """What became of it."""
        return await self.payments.get(self.citizen.subject, wanted.request_id)

    async def balance_fen(self) -> int:
        """What is on the person's account."""
        return await self.book.balance_fen(deposit_account(self.citizen.subject))

    async def outcomes(self) -> list[str]:
        """Outcomes of the person's access records, oldest first."""
        page = await self.exchange.access_records(self.citizen.subject, "", 200)
        return [access.content["outcome"] for access in reversed(page.records)]

    def paid_fen_at_the_agency(self) -> dict[str, int]:
        """What the agency's own cash book says, by fine or bill; it would show one that was paid twice."""
        kept = self.edge.upstream.kept / "payments.jsonl"
        payments = [parse_json(line) for line in kept.read_bytes().splitlines()] if kept.exists() else []
        paid = {payment["target"]: payment["amount_fen"] for payment in payments}
        assert len(paid) == len(payments), "nothing was paid twice"
        return paid

    async def check_books(self) -> None:
        """Books and payments agree, and nothing was made or lost."""
        async with self.database.transaction():
            assert (await self.payments.reconcile()).is_clean
            assert (await self.book.trial_balance()).difference_fen == 0

    async def check_at_rest(self, opening_fen: int = OPENING_FEN) -> None:
        """Nothing is under way: the person has what was not paid, and the agency got exactly what was."""
        await self.check_books()
        assert await self.balance_fen() == opening_fen - sum(self.paid_fen_at_the_agency().values())


@asynccontextmanager
async def running_zone(
    database: Database,
    clock: FixedClock,
    ids: Ids,
    folder: Path,
    *,
    person: Person = DEBTOR,
    agency: str = POLICE,
    opening_fen: int = OPENING_FEN,
) -> AsyncIterator[Zone]:
    """A zone for one person with money on the account."""
    world = World()
    world.recipients[RECIPIENT] = generate_keypair(Suite.XWING)
    vault = SubjectVault(database, Wrapping(os.urandom(32), os.urandom), os.urandom, clock)
    citizen = world.citizen(1, person.name, person.resident_id)
    ledger = LedgerService(database, clock, os.urandom, vault, lambda: world.hub_key, 1, "0x" + "22" * 20)
    book = EmbeddedBook(database, clock)
    payments = Payments(database, clock, book, vault, lambda _: world.recipients[RECIPIENT].private)
    consents = ConsentService(
        database=database,
        clock=clock,
        purposes=PurposeList.published(),
        persons=world,
        recipients=world,
        ledger=ledger,
        trust=world.trust,
        signing_key=lambda: world.hub_key,
    )
    await _fund(database, book, clock, citizen.subject, opening_fen)
    async with running_edge(world.trust, clock, folder / "edge", f"connectors.gov_data.{agency}") as edge:
        connector = Connector(agency, edge.channel(), clock, Limits(deadline_s=5.0, failures_to_open=1_000))
        exchange = ExchangeService(
            database=database,
            clock=clock,
            ids=ids,
            consents=consents,
            catalogue=Catalogue([connector]),
            recipients=world,
            ledger=ledger,
            funds=payments,
            vault=vault,
            exports=ChainExports(database, clock, os.urandom, vault, ledger),
        )
        records = Records(consents, exchange, lambda _: world.recipients[RECIPIENT].private)
        yield Zone(
            exchange, consents, payments, records, book, connector, edge, database, clock, world, citizen, person
        )
        await exchange.drain()
        await connector.close()


async def _fund(database: Database, book: EmbeddedBook, clock: FixedClock, subject: str, amount_fen: int) -> None:
    account = deposit_account(subject)
    async with database.transaction():
        await book.open_account("cash:test", "bank", AccountKind.CASH)
        await book.open_account(account, subject, AccountKind.DEPOSIT)
        lines = [Line("cash:test", amount_fen, 0), Line(account, 0, amount_fen)]
        await book.post("fund", business_date(clock.now()), "opening", lines)
