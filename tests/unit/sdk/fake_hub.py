"""A hub in memory behind the client's transport seam: answers by method path, remembers what it was asked."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc.aio import AioRpcError, Metadata
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status
from huilian_sdk import Environment, Huilian, Reply

SERVICES = {
    "huilian.identity.v1.IdentityService": "huilian.identity.v1.identity_service_pb2",
    "huilian.identity.v1.PrivacyService": "huilian.identity.v1.privacy_service_pb2",
    "huilian.identity.v1.TokenService": "huilian.identity.v1.identity_service_pb2",
    "huilian.consent.v1.ConsentService": "huilian.consent.v1.consent_service_pb2",
    "huilian.exchange.v1.ExchangeService": "huilian.exchange.v1.exchange_service_pb2",
    "huilian.convenience.v1.ConvenienceService": "huilian.convenience.v1.convenience_service_pb2",
    "huilian.convenience.v1.PaymentDeskService": "huilian.convenience.v1.payment_desk_service_pb2",
    "huilian.exchange.v1.NoticeService": "huilian.exchange.v1.notice_service_pb2",
    "huilian.notification.v1.NotificationService": "huilian.notification.v1.notification_service_pb2",
    "huilian.supervision.v1.SupervisionService": "huilian.supervision.v1.supervision_service_pb2",
    "huilian.receivables.v1.ReceivableService": "huilian.receivables.v1.receivable_service_pb2",
    "huilian.receivables.v1.CertificateService": "huilian.receivables.v1.certificate_service_pb2",
    "huilian.receivables.v1.FreezeService": "huilian.receivables.v1.freeze_service_pb2",
    "huilian.lending.v1.FinancingService": "huilian.lending.v1.financing_service_pb2",
    "huilian.lending.v1.FlashLoanService": "huilian.lending.v1.loan_service_pb2",
    "huilian.lending.v1.CreditService": "huilian.lending.v1.credit_service_pb2",
    "huilian.lending.v1.DealerLoanService": "huilian.lending.v1.dealer_loan_service_pb2",
    "huilian.receivables.v1.SalesService": "huilian.receivables.v1.sales_service_pb2",
    "huilian.lending.v1.OrderLoanService": "huilian.lending.v1.order_loan_service_pb2",
    "huilian.lending.v1.AuctionService": "huilian.lending.v1.auction_service_pb2",
    "huilian.lending.v1.LoanService": "huilian.lending.v1.loan_service_pb2",
    "huilian.lending.v1.WorkoutService": "huilian.lending.v1.workout_service_pb2",
    "huilian.lending.v1.RestructuringService": "huilian.lending.v1.restructuring_service_pb2",
    "huilian.lending.v1.CollectionService": "huilian.lending.v1.collection_service_pb2",
    "huilian.lending.v1.ReferralService": "huilian.lending.v1.referral_service_pb2",
    "huilian.lending.v1.WarningService": "huilian.lending.v1.warning_service_pb2",
    "huilian.lending.v1.DocumentService": "huilian.lending.v1.document_service_pb2",
    "huilian.onboarding.v1.OnboardingService": "huilian.onboarding.v1.onboarding_service_pb2",
    "huilian.accounting.v1.AccountingService": "huilian.accounting.v1.accounting_service_pb2",
    "huilian.accounting.v1.ReconciliationService": "huilian.accounting.v1.reconciliation_service_pb2",
    "huilian.lending.v1.ErpLedgerService": "huilian.lending.v1.erp_ledger_service_pb2",
    "huilian.onboarding.v1.AccountOpeningService": "huilian.onboarding.v1.account_opening_service_pb2",
    "huilian.ledger.v1.LedgerService": "huilian.ledger.v1.ledger_service_pb2",
    "huilian.common.v1.SandboxService": "huilian.common.v1.sandbox_service_pb2",
}


def messages(path: str) -> tuple[type[Message], type[Message]]:
    """The request and response classes of a method, looked up in its service's descriptor."""
    service, method = path.strip("/").split("/")
    module: Any = importlib.import_module(SERVICES[service])
    descriptor = module.DESCRIPTOR.services_by_name[service.rsplit(".", 1)[1]].methods_by_name[method]
    return getattr(module, descriptor.input_type.name), getattr(module, descriptor.output_type.name)


def failure(error: HuilianError, **trailers: str) -> AioRpcError:
    """``error`` as a gRPC call raises it; keyword names become trailers with dashes."""
    status = to_rpc_status(error)
    pairs = [(name.replace("_", "-"), value) for name, value in trailers.items()]
    metadata = Metadata(*pairs, ("grpc-status-details-bin", status.SerializeToString()))
    return AioRpcError(getattr(grpc.StatusCode, error.entry.grpc), Metadata(), metadata, details=status.message)


@dataclass
class Asked:
    """One call that reached the hub."""

    path: str
    request: Any
    timeout_s: float
    metadata: dict[str, str]


@dataclass
class FakeHub:
    """A :class:`huilian_sdk.Transport`. An answer is a message, an exception, or a function of what was asked."""

    answers: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    time_s: float = 0.0
    closed: bool = False

    def on(self, path: str, *answers: Any) -> None:
        """Answer calls of ``path`` in this order; the last answer is repeated."""
        messages(f"/{path}")
        self.answers[f"/{path}"] = list(answers)

    async def unary(self, path: str, request: bytes, *, timeout_s: float, metadata: Any) -> Reply:
        kind, _ = messages(path)
        message: Any = kind()
        message.ParseFromString(request)
        asked = Asked(path, message, timeout_s, dict(metadata))
        self.asked.append(asked)
        queue = self.answers[path]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer = answer(asked)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer.SerializeToString(), dict(self.trailers))

    async def close(self) -> None:
        self.closed = True

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s += seconds

    def environment(self) -> Environment:
        """An environment without real time or chance: ids count up, jitter is full, sleeping moves the time."""
        return Environment(ids=self._ids(), sleep=self.sleep, monotonic=lambda: self.time_s, jitter=lambda: 1.0)

    def client(self, **options: Any) -> Huilian:
        """A client of this hub."""
        return Huilian(self, environment=self.environment(), **options)

    @staticmethod
    def _ids() -> Callable[[], str]:
        numbers = iter(range(1, 10_000))
        return lambda: f"id-{next(numbers):08d}"
