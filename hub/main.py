"""The hub's composition root: everything is made here, handed to whoever needs it, started and stopped.

`python -m hub.main` serves; `… keys` prints what this hub publishes of itself for trust files, `… recipients` the keys
that its recipients' roots are to sign; `… rotate signing|sealing|convenience-sealing|log|chain-key|master` takes one
step of a key rotation, beside the hub that serves; `… import-share FILE` takes in this hub's share of a claim key;
`… close-day YYYY-MM-DD` closes a business day.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from functools import partial

import grpc
import uvloop
from huilian_protocol.clock import Clock, SystemClock
from huilian_protocol.purposes import PurposeList
from huilian_protocol.stopping import stop_on_signals
from huilian_protocol.tls import TlsFiles
from huilian_protocol.trust import TrustFile

from documents.pool import RenderingPool
from hub.accounting.account_statements import statement_of
from hub.accounting.cases import Cases
from hub.accounting.closing import Closes
from hub.accounting.reconciliation import Reconciliation
from hub.accounting.rpc import AccountingServicer
from hub.accounting.rpc_reconciliation import ReconciliationServicer
from hub.accounting.service import EmbeddedBook
from hub.commands import command
from hub.consent.rpc import ConsentServicer
from hub.consent.service import ConsentService
from hub.consortium import Consortium
from hub.convenience.payment_desk import PaymentDesk
from hub.convenience.payments import Payments
from hub.convenience.records import Records
from hub.convenience.rpc import ConvenienceServicer
from hub.convenience.rpc_desk import PaymentDeskServicer
from hub.erasures import erasure_service
from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.notice_rpc import NoticeServicer
from hub.exchange.pace import ReadPace
from hub.exchange.rpc import ExchangeServicer
from hub.exchange.service import ExchangeService
from hub.identity.authority import AuthorityClient
from hub.identity.keyset import KeyPublisher, SealingKey
from hub.identity.login import LoginService
from hub.identity.privacy_rpc import PrivacyServicer
from hub.identity.rpc import IdentityServicer, TokenServicer
from hub.identity.service import IdentityService
from hub.identity.store import IdentityStore
from hub.keys import BANK_RECIPIENT, CONVENIENCE_RECIPIENT, open_vault
from hub.ledger.chain.anchoring import LedgerMismatch
from hub.ledger.claims.desk import EpochDropped
from hub.ledger.subjects.desk import ChainExports
from hub.ledger_site import ChainNode, LedgerSite
from hub.lending.erp.client import GrpcErpLedgers
from hub.lending.jobs import LendingJobs
from hub.lending.papers.content import Papers
from hub.lending.papers.rpc import DocumentServicer
from hub.lending.registrations.client import GrpcRegistry
from hub.lending.service import Collaborators, LendingService
from hub.lending.servicers import servicers
from hub.log_keys import log_keyring, log_vkey
from hub.notification_site import join_notifications
from hub.onboarding.jobs import OnboardingJobs
from hub.onboarding.opening_files import OpeningFiles
from hub.onboarding.openings import Openings
from hub.onboarding.rechecks import Rechecks
from hub.onboarding.registry_client import GrpcBusinessRegistry
from hub.onboarding.rpc import OnboardingServicer
from hub.onboarding.rpc_openings import AccountOpeningServicer
from hub.onboarding.service import OnboardingService
from hub.operators import OperatorKeys
from hub.platform.admission import Admission
from hub.platform.channels import Channels
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.ids import random_id
from hub.platform.interceptors import Edge
from hub.platform.logs import set_up_logs
from hub.platform.outbox import Outbox
from hub.platform.rate_buckets import RateBuckets
from hub.platform.rate_limits import RateLimiter
from hub.platform.rates import Rates
from hub.platform.retention import Keep, Retention
from hub.platform.server import HubServer
from hub.platform.tokens import TokenIssuer, TokenVerifier
from hub.platform.vault import KeyVault, SigningKeys, SubjectVault, VaultLocked
from hub.receivables.authenticity.client import GrpcTaxAuthority
from hub.receivables.certificates.rpc import CertificateServicer
from hub.receivables.confirmations.desk import ConfirmationDomain
from hub.receivables.freezes.rpc import FreezeServicer
from hub.receivables.rpc import ReceivableServicer
from hub.receivables.sales.rpc import SalesServicer
from hub.receivables.service import ReceivablesService
from hub.receivables.trade.client import GrpcErpConnectors
from hub.recipients import PublishedRecipients, Statements
from hub.running import Hub
from hub.sandbox import CASH_ACCOUNT, CASH_NUMBER, SandboxServicer
from hub.settings import Mode, Settings, SettingsError, sandbox_clock
from hub.supervision.rpc import SupervisionServicer
from hub.supervision.service import SupervisionService
from ledger.anchor.rpc import WrongChain

CANNOT_START, MUST_NOT_RUN = 2, 3


class _Builder:
    """Makes the hub's parts in the order in which they need each other."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.trust_file = TrustFile(settings.trust_anchors_file)
        self.trust = self.trust_file()
        vault, wrapping = open_vault(settings, settings.more_suites)
        self.vault: KeyVault = vault
        self.sandbox_clock = sandbox_clock(settings)
        self.clock: Clock = self.sandbox_clock or SystemClock()
        self.subjects = SubjectVault(database, wrapping, os.urandom, self.clock)
        self.idempotency = Idempotency(database, self.clock, self.subjects)
        self.outbox = Outbox(database, self.clock)
        self.tls = TlsFiles(settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file)
        self.channels = Channels(self.tls)
        self.book = EmbeddedBook(database, self.clock)
        self.closes = Closes(database, self.clock, self.book)
        self.cases = Cases(database, self.clock, self.book)
        self.log_keyring = log_keyring(settings, vault)
        self.identity_store = IdentityStore(database)
        rates = Rates(settings.rate_limits, vault.secret("rate-limits"))
        self.pace = RateLimiter(RateBuckets(database), rates, SystemClock())
        self.hub = Hub(self._server(), database)

    def build(self) -> Hub:
        """Wire every domain."""
        self._books()
        self._ledger()
        join_notifications(self.settings, self.hub, self.database, self.clock, self.outbox, self.ledger, self.vault)
        self._identity()
        self._consent_and_exchange()
        self._onboarding()
        self._receivables()
        self._lending()
        self._privacy()
        supervision = SupervisionService(self.clock, self.exchange, self.ledger)
        self.hub.server.serve(SupervisionServicer(supervision, self.idempotency))
        self.hub.server.serve(SandboxServicer(self.clock, self.sandbox_clock, self.book, self.idempotency))
        self.hub.workers |= {"outbox": self.outbox.run, "rates": self.pace.run}
        keep = Keep.for_days(self.settings.messages_keep_days, self.settings.answers_keep_days)
        self.hub.workers["retention"] = Retention(self.database, self.clock, keep).run
        self.hub.before_close.append(self.channels.close)
        return self.hub

    def _server(self) -> HubServer:
        verifier = TokenVerifier(SigningKeys(self.vault.signing_keys), self.settings.origin, self.clock)
        edge = self.edge = Edge(Admission(verifier, self.identity_store), self.pace)
        return HubServer(edge, self.tls, self.settings.public_listen, self.settings.partner_listen)

    def _books(self) -> None:
        sandbox = {CASH_NUMBER: CASH_ACCOUNT} if self.settings.mode is Mode.SANDBOX else {}
        accounts = {**sandbox, **self.settings.bank_accounts}
        self.cash_account = next(iter(accounts.values()), None)
        reconciliation = Reconciliation(self.database, self.clock, self.book, self.cases, accounts)
        self.hub.server.serve(ReconciliationServicer(reconciliation, self.cases, self.idempotency))

    def _ledger(self) -> None:
        node = ChainNode(self.settings, self.trust.chain, self.vault, self.database, self.clock)
        site = LedgerSite(
            self.settings, self.database, self.clock, self.vault, self.subjects, self.trust_file, self.log_keyring, node
        )
        self.ledger = site.ledger
        consortium = Consortium(self.settings, self.vault, self.pace, self.channels.to)
        self.claims = site.claims(self.outbox, consortium.claim_keys())
        self.hub.server.serve(
            consortium.servicer(self.database, self.outbox, self.ledger, node.contract, self.trust_file)
        )
        site.join(self.hub, self.claims)
        consortium.watch(self.hub)

    def _identity(self) -> None:
        origin, store = self.settings.origin, self.identity_store
        authority = AuthorityClient(self.channels.to(self.settings.identity_authority), origin)
        recipients = {name: partial(self._keys_of, name) for name in (BANK_RECIPIENT, CONVENIENCE_RECIPIENT)}
        self.publisher = KeyPublisher(
            origin, self.vault.signing_keys, lambda: log_vkey(self.settings, self.vault), recipients, authority
        )
        self.identity = IdentityService(store, authority, self.trust_file, self.clock)
        login = LoginService(
            self.identity,
            store,
            TokenIssuer(self.vault.signing_key, origin, self.clock, random_id),
            self.trust,
            self.clock,
            origin=origin,
            challenge_key=self.vault.secret("login-challenge"),
            random_bytes=os.urandom,
            services=OperatorKeys(self.settings.operator_keys_file),
        )
        self.hub.server.serve(IdentityServicer(self.identity, self.publisher, self.idempotency))
        self.hub.server.serve(TokenServicer(login, self.database))

    def _keys_of(self, recipient: str) -> list[SealingKey]:
        return [SealingKey(recipient, k.suite, k.public_key) for k in self.vault.sealing_keys(recipient)]

    def _consent_and_exchange(self) -> None:
        sandbox = self.settings.mode is Mode.SANDBOX
        catalogue = Catalogue(
            [
                Connector(agency, self.channels.to(address), self.clock, takes_sandbox=sandbox)
                for agency, address in self.settings.connectors.items()
            ],
            self.trust_file,
        )
        statements = Statements(self.settings.recipient_statements_file, self.clock)
        recipients = PublishedRecipients(self.publisher, statements)
        opening_key = partial(self.vault.opening_key, CONVENIENCE_RECIPIENT)
        self.payments = Payments(self.database, self.clock, self.book, self.subjects, opening_key)
        self.consents = ConsentService(
            database=self.database,
            clock=self.clock,
            purposes=PurposeList.published(),
            persons=self.identity,
            recipients=recipients,
            ledger=self.ledger,
            trust=self.trust_file,
            signing_key=self.vault.signing_key,
        )
        self.read_pace = ReadPace(self.pace, self.consents)
        self.exchange = ExchangeService(
            database=self.database,
            clock=self.clock,
            ids=random_id,
            consents=self.consents,
            catalogue=catalogue,
            recipients=recipients,
            ledger=self.ledger,
            funds=self.payments,
            pace=self.read_pace,
            exports=ChainExports(self.database, self.clock, os.urandom, self.subjects, self.ledger),
            vault=self.subjects,
        )
        self.hub.before_serving.append(catalogue.begin)
        self.hub.workers |= {"revocations": self.consents.revocations.run, "exchange": self.exchange.run}
        self.hub.workers |= {"accesses": self.exchange.events.run, "status": self.exchange.board.run}
        self.hub.workers |= {"actions": self.exchange.actions.run, "turned_away": self.exchange.turned_away.run}
        self.edge.watcher = self.exchange.turned_away
        self.hub.before_close += [catalogue.close, self.exchange.drain, self.exchange.turned_away.close]
        self.hub.server.serve(ConsentServicer(self.consents, catalogue, self.idempotency))
        self.hub.server.serve(ExchangeServicer(self.exchange, self.idempotency))
        records = Records(self.consents, self.exchange, opening_key)
        self.hub.server.serve(ConvenienceServicer(records, self.payments))
        desk = PaymentDesk(
            self.database, self.clock, self.book, self.payments, self.exchange.actions, self.cash_account
        )
        self.hub.server.serve(PaymentDeskServicer(desk, self.database, self.idempotency))
        self.hub.server.serve(NoticeServicer(self.exchange.notices, self.idempotency))

    def _onboarding(self) -> None:
        registry = GrpcBusinessRegistry(self.channels.maybe_to(self.settings.business_registry))
        self.onboarding = OnboardingService(self.database, self.clock, registry, self.ledger)
        self.hub.server.serve(OnboardingServicer(self.onboarding, self.idempotency))
        files = OpeningFiles(self.database, self.clock, registry, self.ledger, self.subjects)
        self.hub.server.serve(AccountOpeningServicer(files, self.idempotency))
        rechecks = Rechecks(self.database, self.clock, registry, os.urandom)
        self.hub.workers["onboarding"] = OnboardingJobs(rechecks, Openings(files)).run

    def _receivables(self) -> None:
        chain = self.trust.chain
        self.erps: Mapping[str, grpc.aio.Channel] = {
            uscc: self.channels.to(address) for uscc, address in self.settings.erp_connectors.items()
        }
        self.receivables = ReceivablesService(
            database=self.database,
            clock=self.clock,
            ids=random_id,
            ledger=self.ledger,
            enterprises=self.identity,
            erps=GrpcErpConnectors(self.erps),
            tax=GrpcTaxAuthority(self.channels.maybe_to(self.settings.tax_authority)),
            mandates=self.onboarding,
            domain=ConfirmationDomain(chain.chain_id, chain.contract, lambda: self.trust_file().enterprise_ca),
        )
        for servicer in (ReceivableServicer, SalesServicer, CertificateServicer, FreezeServicer):
            self.hub.server.serve(servicer(self.receivables, self.idempotency))

    def _lending(self) -> None:
        registry = self.channels.maybe_to(self.settings.movable_asset_registry)
        lending = LendingService(
            Collaborators(
                database=self.database,
                clock=self.clock,
                ids=random_id,
                outbox=self.outbox,
                ledger=self.ledger,
                claims=self.claims,
                registry=GrpcRegistry(registry, f"hub.{self.settings.origin}"),
                names=self.identity.name_of,
                receivables=self.receivables,
                bank=self.book,
                days=self.closes,
                erps=GrpcErpLedgers(self.erps),
                cases=self.cases,
                consents=self.consents,
                exchange=self.exchange,
                persons=self.identity,
                inbox=self.exchange.notices,
                vault=self.subjects,
                trust=self.trust_file,
                opening_key=partial(self.vault.opening_key, BANK_RECIPIENT),
                mandates=self.onboarding,
            )
        )
        self.hub.workers["lending"] = LendingJobs(lending).run
        for servicer in servicers(lending, self.idempotency, self.clock):
            self.hub.server.serve(servicer)
        self.hub.server.serve(AccountingServicer(self.database, self.closes, lending.day_close.ask, self.idempotency))
        account, pool = partial(statement_of, self.database), RenderingPool()
        papers = Papers(lending.loans, self.receivables, lending.registered, self.ledger.receipt, account)
        self.hub.server.serve(DocumentServicer(papers, pool, self.clock, self.settings.verifier_url))
        self.hub.before_close.append(partial(asyncio.to_thread, pool.close))

    def _privacy(self) -> None:
        erasure = erasure_service(
            database=self.database,
            clock=self.clock,
            store=self.identity_store,
            persons=self.identity,
            consents=self.consents,
            ledger=self.ledger,
            vault=self.subjects,
            trust=self.trust,
            signing_key=self.vault.signing_key,
            origin=self.settings.origin,
        )
        erasure.when_erased(self.read_pace.forget)
        self.hub.workers["erasures"] = erasure.run
        self.hub.server.serve(PrivacyServicer(erasure, self.database))


async def build(settings: Settings) -> Hub:
    """A hub that is wired, migrated and bound to its ports; nothing runs yet. Call it in the server's own task."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database)
    try:
        await database.open()
        await database.migrate()
        return _Builder(settings, database).build()
    except BaseException:
        # The driver's thread would keep a process alive that cannot start.
        await database.close()
        raise


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = stop_on_signals()
    hub = await build(settings)
    await hub.run(stop)


def main(arguments: list[str]) -> int:
    """Command line entry; 2 with a message on stderr when settings, keys or files are wrong, 3 when it must not run."""
    try:
        settings = Settings.from_environment()
        answer = asyncio.run(command(settings, arguments))
        if answer is not None:
            sys.stdout.write(json.dumps(answer, indent=2) + "\n")
            return 0
        set_up_logs(settings.log_level)
        uvloop.run(serve(settings))
    except (SettingsError, VaultLocked, OSError, ValueError) as error:
        sys.stderr.write(f"hub: {error}\n")
        return CANNOT_START
    except (LedgerMismatch, WrongChain, EpochDropped) as error:
        sys.stderr.write(f"hub: {type(error).__name__}: {error}\n")
        return MUST_NOT_RUN
    except BaseExceptionGroup as group:
        # A worker found it out while the hub was running.
        for reason in group.exceptions:
            sys.stderr.write(f"hub: {type(reason).__name__}: {reason}\n")
        return MUST_NOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
