"""The lending service among real receivables, books, ledger and vault; chain and agencies are fakes of the ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.canonical import canonicalise
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import key_id, payload_info, seal
from huilian_protocol.webauthn import Assertion

from hub.accounting.cases import Cases
from hub.accounting.closing import Closes
from hub.accounting.service import AccountKind, EmbeddedBook, Line, deposit_account
from hub.exchange.notices import Notices
from hub.exchange.service import Delivery, Read, Volume
from hub.ledger.service import LedgerService
from hub.lending.financings.stored import Financing
from hub.lending.flash.desk import Wish
from hub.lending.flash.evidence import RECIPIENT
from hub.lending.flash.rules import HOUSING, SOCIAL, TAX
from hub.lending.flash.stored import FlashApplication
from hub.lending.loans.model import Loan
from hub.lending.service import Collaborators, LendingService
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.outbox import Message, Outbox
from hub.platform.vault import SubjectVault, Wrapping
from hub.receivables.service import Certificate
from ledger.registry.fingerprints import InvoiceIdentity
from tests.support import consents
from tests.support.consents import Citizen
from tests.support.tables import everything
from tests.unit.hub.lending.fake_erp import FakeErpLedgers
from tests.unit.hub.lending.fake_registry import FakeRegistry
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import CA_KEY, CHAIN_ID, CONTRACT
from tests.unit.hub.receivables.world import World as TradeWorld

Answer = TypeVar("Answer")
BUYER, SUPPLIER, SECOND_TIER = trade.BUYER, trade.SUPPLIER, trade.SECOND_TIER
CONSENT = "consent-0001"
GOOD_INCOME: Mapping[str, Mapping[str, Any]] = {
    HOUSING: {"account_status": "NORMAL", "base_fen": 1_850_000, "deposit_months": 24},
    TAX: {"annual_income_fen": 22_200_000, "income_months": 12},
    SOCIAL: {"participation_status": "ACTIVE", "base_fen": 1_800_000, "consecutive_months": 24},
}


class FakeChain:
    """The port `Claims`, answered as hub/ledger does: through the outbox. Several hubs can share one `locked`."""

    def __init__(self, outbox: Outbox, database: Database, locked: dict[str, str] | None = None) -> None:
        self._outbox, self._database = outbox, database
        self.locked = {} if locked is None else locked
        self.away = False
        self.released: list[str] = []
        outbox.register("test.lock", self._answer)

    async def request(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        await self._outbox.put("test.lock", claim_id, {"claim_id": claim_id, "invoice": invoice.invoice_number})

    async def release(self, claim_id: str) -> None:
        """As hub/ledger does, whose message goes with the transaction: what is rolled back was never released."""
        self._database.after_commit(lambda: self._released(claim_id))

    def _released(self, claim_id: str) -> None:
        self.released.append(claim_id)
        self.locked = {invoice: owner for invoice, owner in self.locked.items() if owner != claim_id}

    async def _answer(self, message: Message) -> None:
        if self.away:
            raise HuilianError("CHAIN_UNAVAILABLE")
        claim_id, invoice = str(message.payload["claim_id"]), str(message.payload["invoice"])
        mine = self.locked.setdefault(invoice, claim_id) == claim_id
        payload: dict[str, object] = {"claim_id": claim_id, "state": "FINANCED", "reason": ""}
        if not mine:
            payload |= {"state": "REFUSED", "reason": "CLAIM_ALREADY_FINANCED"}
        async with self._database.transaction():
            await self._outbox.put("claim.decided", claim_id, payload)


def _payload(dataset: str, data: Mapping[str, Any] | None) -> bytes:
    status = "no_account" if data is None else "present"
    return canonicalise({"status": status, "data": dict(data or {}), "dataset": dataset})


@dataclass
class FakeSources:
    """The ports `Consents` and `Exchange`: a person's consent, and what each source says, sealed as an edge does."""

    people: consents.World
    answers: dict[str, Mapping[str, Any] | bytes | HuilianError | None] = field(default_factory=dict)
    artefacts: dict[str, Artefact] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    refusal: HuilianError | None = None
    cells: list[Volume] = field(default_factory=list)

    def grant(self, subject: str, consent_id: str = CONSENT, recipient: str = RECIPIENT) -> None:
        """A consent for the three sources with the fields that the sources know."""
        public = self.people.recipients[RECIPIENT].public
        period = {"from": "2024-03", "to": "2026-02"}
        sources = [(name, sorted(fields)) for name, fields in GOOD_INCOME.items()]
        self.artefacts[consent_id] = parse_artefact(
            {
                "type": "huilian-consent/v1",
                "id": consent_id,
                "version": 1,
                "subject": subject,
                "recipient": {"id": recipient, "sealing_key_id": key_id(public), "suite": "xwing"},
                "purpose": {"code": "LOAN_APPLICATION", "text": "审批闪电贷"},
                "datasets": [{"id": name, "fields": fields, "period": period} for name, fields in sources],
                "frequency": {"max_reads": 3},
                "data_life_days": 30,
                "valid_from": "2026-03-01T00:00:00Z",
                "valid_until": "2026-05-01T00:00:00Z",
                "legal_basis": "PIPL-13(1)(1),14,29",
                "evidence_level": "DEVICE_SIGNED",
            }
        )

    async def find(self, consent_id: str) -> _FoundConsent:
        if consent_id not in self.artefacts:
            raise HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
        return _FoundConsent(self.artefacts[consent_id])

    async def volumes(self, from_day: str, to_day: str, agency: str) -> list[Volume]:
        return [cell for cell in self.cells if from_day <= cell.day <= to_day and agency in ("", cell.agency)]

    async def fetch(self, requested_by: str, read: Read) -> Delivery:
        assert requested_by == RECIPIENT
        self.reads.append(read)
        if self.refusal is not None:
            raise self.refusal
        answer = self.answers.get(read.dataset, GOOD_INCOME[read.dataset])
        if isinstance(answer, HuilianError):
            raise answer
        artefact = self.artefacts[read.consent_id]
        payload = answer if isinstance(answer, bytes) else _payload(read.dataset, answer)
        info = payload_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            dataset=read.dataset,
            fields=read.fields,
            recipient=RECIPIENT,
            request_id=read.request_id,
        )
        key = self.people.recipients[RECIPIENT].public
        return Delivery(seal(artefact.recipient.suite, key, info, payload), "access-1", artefact)


@dataclass(frozen=True)
class _FoundConsent:
    artefact: Artefact


class LendingWorld:
    """Everything a test needs. Calls run in a transaction of their own, as at the edge."""

    def __init__(
        self,
        database: Database,
        clock: FixedClock,
        ids: Ids,
        locked: dict[str, str] | None = None,
        before: LendingWorld | None = None,
    ) -> None:
        """`before` is the same hub before a restart: whoever is outside it stays who they are."""
        self.database, self.clock = database, clock
        self.outbox = Outbox(database, clock)
        self.chain = FakeChain(self.outbox, database, locked)
        if before is None:
            self.trade = TradeWorld(database, clock, ids)
            self.people = consents.World()
            self.sources, self.registry = FakeSources(self.people), FakeRegistry(clock)
            self.names, self.erps = dict[str, str](), FakeErpLedgers()
        else:
            outside = before.trade
            self.trade = TradeWorld(database, clock, ids, outside.erps, outside.directory, outside.mandates)
            self.people, self.sources, self.registry = before.people, before.sources, before.registry
            self.names, self.erps = before.names, before.erps
            self.chain.locked, self.chain.away = before.chain.locked, before.chain.away
        self.book = EmbeddedBook(database, clock)
        self.closes = Closes(database, clock, self.book)
        self.cases = Cases(database, clock, self.book)
        self.vault = SubjectVault(
            database, Wrapping(bytes(32), lambda size: bytes(size)), lambda size: bytes(size), clock
        )
        self.ledger = LedgerService(
            database, clock, lambda size: bytes(size), self.vault, lambda: CA_KEY, CHAIN_ID, CONTRACT
        )
        self.inbox = Notices(database, clock, ids, self.vault, lambda dataset: (dataset, dataset))
        self.service = LendingService(
            Collaborators(
                database=database,
                clock=clock,
                ids=ids,
                outbox=self.outbox,
                ledger=self.ledger,
                claims=self.chain,
                registry=self.registry,
                names=self.name_of,
                receivables=self.trade.service,
                bank=self.book,
                days=self.closes,
                erps=self.erps,
                cases=self.cases,
                consents=self.sources,
                exchange=self.sources,
                persons=self.people,
                inbox=self.inbox,
                vault=self.vault,
                trust=self.people.trust,
                mandates=self.trade.mandates,
                opening_key=lambda _: self.people.recipients[RECIPIENT].private,
            )
        )

    async def name_of(self, uscc: str) -> str:
        """An enterprise's name, as far as the test gave it one."""
        return self.names.get(uscc, "")

    def restarted(self) -> LendingWorld:
        """The hub after its process was killed and started again."""
        return LendingWorld(self.database, self.clock, self.trade.ids, before=self)

    async def run(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        """One use case in one transaction."""
        async with self.database.transaction():
            return await use_case()

    async def settle_outbox(self) -> None:
        """Deliver what is due, also what waited for a retry."""
        await self.outbox.drain()

    async def fund(self, party: str, amount_fen: int) -> None:
        """Play money on a party's deposit account."""
        async with self.database.transaction():
            await self.book.open_account("cash:sandbox", "bank", AccountKind.CASH)
            await self.book.open_account(deposit_account(party), party, AccountKind.DEPOSIT)
            lines = [Line("cash:sandbox", debit_fen=amount_fen), Line(deposit_account(party), credit_fen=amount_fen)]
            number = len((await self.book.trial_balance()).by_account)
            journal_id = f"fund:{party}:{amount_fen}:{number}:{self.clock.now().isoformat()}"
            await self.book.post(journal_id, self.clock.now().date(), "test", lines)

    async def balance(self, party: str) -> int:
        """What a party has."""
        return await self.book.balance_fen(deposit_account(party))

    async def held(self, certificate_id: str = "certificate-1", amount_fen: int = 50_000) -> Certificate:
        """A certificate that the supplier accepted."""
        return await self.trade.held(certificate_id, amount_fen)

    async def offered(
        self, amount_fen: int = 0, financing_id: str = "financing-1", certificate_id: str = "certificate-1"
    ) -> Financing:
        """An offer to the supplier on its certificate."""
        return await self.run(lambda: self.service.financings.apply(SUPPLIER, financing_id, certificate_id, amount_fen))

    async def withdrawn(self, financing_id: str = "financing-1") -> Financing:
        """The supplier takes the application back."""
        return await self.run(lambda: self.service.financings.withdraw(SUPPLIER, financing_id))

    async def signed(self, financing_id: str = "financing-1") -> Financing:
        """The supplier accepts."""
        return await self.run(lambda: self.service.financings.accept(SUPPLIER, financing_id))

    async def financing(self, financing_id: str = "financing-1", applicant: str = SUPPLIER) -> Financing:
        """As the applicant sees it."""
        return await self.service.financings.get(applicant, financing_id)

    async def disbursed(self, amount_fen: int = 0) -> Financing:
        """Held, applied, accepted, locked, paid out."""
        await self.held()
        await self.offered(amount_fen)
        await self.signed()
        await self.settle_outbox()
        return await self.financing()

    def borrower(self) -> Citizen:
        """A person with a bound device and a consent for lending."""
        citizen = self.people.citizen()
        self.sources.grant(citizen.subject)
        return citizen

    async def applied(
        self, citizen: Citizen, amount_fen: int = 5_000_000, application_id: str = "application-1", days: int = 90
    ) -> FlashApplication:
        """Previewed and decided."""
        items = await self.service.flash.preview(citizen.subject, CONSENT)
        wish = Wish(application_id, CONSENT, amount_fen, days)
        return await self.run(lambda: self.service.flash.apply(citizen.subject, wish, items))

    async def sign(self, citizen: Citizen, assertion: Assertion, application_id: str) -> FlashApplication:
        """The person's assertion reaches the bank."""
        return await self.run(lambda: self.service.flash.sign(citizen.subject, application_id, assertion))

    async def repay(self, borrower: str, amount_fen: int, loan_id: str = "application-1") -> Loan:
        """A repayment from the borrower's account."""
        return await self.run(lambda: self.service.repay(borrower, loan_id, amount_fen))

    async def draw(self, borrower: str, amount_fen: int, loan_id: str = "application-1") -> Loan:
        """A further draw."""
        return await self.run(lambda: self.service.loans.draw(borrower, loan_id, amount_fen))

    async def borrowed(self, citizen: Citizen, amount_fen: int = 5_000_000) -> FlashApplication:
        """Applied, signed with the person's device, paid out."""
        offer = await self.applied(citizen, amount_fen)
        return await self.sign(citizen, citizen.device.sign(offer.challenge), offer.application_id)

    async def snapshot(self) -> dict[str, list[str]]:
        """Every row of every table but the tax authority's answers, which stand by themselves: equal before and after
        means that nothing changed.
        """
        return await everything(self.database, but=["receivables_invoice_check"])

    async def check_books(self) -> None:
        """What must hold after every step: trial balance 0, loans in the books = loans by their events."""
        assert (await self.book.trial_balance()).difference_fen == 0
        for row in await self.database.fetch("SELECT loan_id, borrower FROM lending_loan"):
            loan = await self.service.loans.get(row["borrower"], row["loan_id"])
            assert await self.book.balance_fen(f"loan:{row['loan_id']}") == loan.owed.principal_fen

    async def check_limits(self) -> None:
        """Each limit is what its uses hold of it, and never more than it allows."""
        for limit in await self.database.fetch("SELECT * FROM lending_limit"):
            uses = await self.database.fetch(
                "SELECT COALESCE(SUM(blocked_fen), 0) AS blocked, COALESCE(SUM(utilised_fen), 0) AS utilised"
                " FROM lending_limit_use u WHERE limit_id = $1 OR EXISTS"
                " (SELECT 1 FROM lending_limit_hold h WHERE h.reference = u.reference AND h.limit_id = $2)",
                limit["limit_id"],
                limit["limit_id"],
            )
            held = (int(uses[0]["blocked"]), int(uses[0]["utilised"]))
            assert held == (limit["blocked_fen"], limit["utilised_fen"]), limit["limit_id"]
            assert sum(held) <= limit["limit_fen"]


def at_noon(year: int, month: int, day: int) -> datetime:
    """Noon in China on a day."""
    return datetime(year, month, day, 4, 0, tzinfo=UTC)


def move_to(clock: FixedClock, moment: datetime) -> None:
    """Move the clock forward to a moment."""
    assert moment >= clock.now()
    clock.advance(moment - clock.now() + timedelta(0))


async def refused(code: str, attempt: Awaitable[object]) -> HuilianError:
    """The refusal, which must carry this code."""
    try:
        await attempt
    except HuilianError as error:
        assert error.code == code, f"{error.code} instead of {code}: {error.detail}"
        return error
    raise AssertionError(f"{code} expected, nothing refused")
