"""The client: one connection, one caller, one facade per domain."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from huilian_protocol.clock import Clock, SystemClock
from huilian_protocol.tls import CaFile, TlsFiles

from huilian_sdk._accounting import Accounting
from huilian_sdk._auctions import Auctions
from huilian_sdk._calls import Calls, Environment, RetryPolicy, TokenSource
from huilian_sdk._certificates import Certificates
from huilian_sdk._collections import Collections
from huilian_sdk._consents import Consents
from huilian_sdk._convenience import Convenience
from huilian_sdk._credit import Credit
from huilian_sdk._dealer_loans import DealerLoans
from huilian_sdk._documents import Documents
from huilian_sdk._exchange import Exchange
from huilian_sdk._financing import FinancingRequests
from huilian_sdk._freezes import Freezes
from huilian_sdk._identity import Identity
from huilian_sdk._ledger import Ledger
from huilian_sdk._loans import Loans
from huilian_sdk._notices import Notices
from huilian_sdk._notifications import Notifications
from huilian_sdk._onboarding import Onboarding
from huilian_sdk._openings import Openings
from huilian_sdk._order_loans import OrderLoans
from huilian_sdk._payment_desk import PaymentDesk
from huilian_sdk._privacy import Privacy
from huilian_sdk._receivables import Receivables
from huilian_sdk._reconciliation import Reconciliation
from huilian_sdk._referrals import Referrals
from huilian_sdk._sandbox import Sandbox
from huilian_sdk._supervision import Supervision
from huilian_sdk._tokens import FixedToken, NoTokens, SignedTokens, TokenSigner
from huilian_sdk._transport import ClientCertificate, GrpcTransport, Transport
from huilian_sdk._warnings import Warnings
from huilian_sdk._workouts import Workouts

DEFAULT_TIMEOUT_S = 10.0


class Huilian:
    """A hub, seen by one caller.

    Every call has a deadline and, if it writes, a request id; what is safe to repeat is repeated while the hub is
    unavailable. Use it as ``async with``, or call :meth:`close`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        signer: TokenSigner | None = None,
        clock: Clock | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry: RetryPolicy | None = None,
        environment: Environment | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock or SystemClock()
        self._timeout_s, self._retry = timeout_s, retry or RetryPolicy()
        self._environment = environment or Environment()
        self._use(self._tokens(signer))

    @classmethod
    def connect(
        cls,
        target: str,
        *,
        root_certificates_pem: bytes | None = None,
        client_certificate: ClientCertificate | None = None,
        tls_files: TlsFiles | CaFile | None = None,
        server_name: str | None = None,
        signer: TokenSigner | None = None,
        clock: Clock | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry: RetryPolicy | None = None,
    ) -> Huilian:
        """A client of the hub at ``target`` ("host:port") over TLS, over mutual TLS with a ``client_certificate``.

        ``root_certificates_pem`` defaults to the system's. A process that runs for long gives ``tls_files`` instead of
        both: certificates that change in these files are used from the next call on. ``server_name`` is the name in the
        hub's certificate where it differs from the host. ``timeout_s`` is for all tries of a call together.
        """
        transport = GrpcTransport(
            target,
            root_certificates_pem=root_certificates_pem,
            client_certificate=client_certificate,
            tls_files=tls_files,
            server_name=server_name,
        )
        return cls(transport, signer=signer, clock=clock, timeout_s=timeout_s, retry=retry)

    def as_signer(self, signer: TokenSigner) -> Huilian:
        """The same connection for another caller, who is signed in by ``signer``."""
        return self._like(self._tokens(signer))

    def with_token(self, access_token: str) -> Huilian:
        """The same connection for whoever holds ``access_token``, for example a browser's session."""
        return self._like(FixedToken(access_token))

    async def close(self) -> None:
        """Close the connection, also for the clients that share it."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _like(self, tokens: TokenSource) -> Huilian:
        other = Huilian(
            self._transport,
            clock=self._clock,
            timeout_s=self._timeout_s,
            retry=self._retry,
            environment=self._environment,
        )
        other._use(tokens)
        return other

    def _tokens(self, signer: TokenSigner | None) -> TokenSource:
        if signer is None:
            return NoTokens()
        anonymous = Identity(self._calls(NoTokens()))

        async def challenge() -> bytes:
            return (await anonymous.create_challenge()).challenge

        return SignedTokens(signer, self._clock, anonymous.issue_token, challenge)

    def _calls(self, tokens: TokenSource) -> Calls:
        return Calls(self._transport, tokens, self._retry, self._timeout_s, self._environment)

    def _use(self, tokens: TokenSource) -> None:
        calls = self._calls(tokens)
        self.identity = Identity(calls)
        self.consents = Consents(calls)
        self.exchange = Exchange(calls)
        self.convenience = Convenience(calls)
        self.onboarding = Onboarding(calls)
        self.openings = Openings(calls)
        self.receivables = Receivables(calls)
        self.certificates = Certificates(calls)
        self.freezes = Freezes(calls)
        self.financing = FinancingRequests(calls)
        self.order_loans = OrderLoans(calls)
        self.auctions = Auctions(calls)
        self.loans = Loans(calls)
        self.workouts = Workouts(calls)
        self.credit = Credit(calls)
        self.collections = Collections(calls)
        self.warnings = Warnings(calls)
        self.referrals = Referrals(calls)
        self.payment_desk = PaymentDesk(calls)
        self.accounting = Accounting(calls)
        self.reconciliation = Reconciliation(calls)
        self.documents = Documents(calls)
        self.dealer_loans = DealerLoans(calls)
        self.ledger = Ledger(calls)
        self.privacy = Privacy(calls)
        self.notices = Notices(calls)
        self.notifications = Notifications(calls)
        self.supervision = Supervision(calls)
        self.sandbox = Sandbox(calls)
