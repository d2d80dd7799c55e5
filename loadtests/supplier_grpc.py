"""The supplier journey over gRPC: look, hand a certificate on and take it back, have a part of it financed.

Two clerks of two enterprises play together, over mTLS with their own token keys. The certificate comes from a trade
that was made in the sandbox's ERP and confirmed before (`loadtests/prepare.py`).
"""

from __future__ import annotations

import time
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.identity.v1 import identity_service_pb2_grpc
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import financing_service_pb2_grpc
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import certificate_service_pb2_grpc, receivable_service_pb2_grpc
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian_protocol.client_assertion import sign_client_assertion
from huilian_protocol.clock import SandboxClock
from huilian_sdk import Keystore
from locust import User, between, events, task

from connectors.kit.sandbox_companies import SECOND_TIER_SUPPLIER, SUPPLIER, SandboxCompany
from loadtests.certificates import CertificatePool
from loadtests.grpc_user import GrpcCaller, Refused, new_id
from loadtests.site import LoadSite

# The sandbox's keystores protect play money.
SANDBOX_PASSWORD = "sandbox-only"  # noqa: S105
PART_FEN = 20_000
PATIENCE_S, LOOK_S = 20.0, 0.25
ACCEPTED, SIGNED = financing_pb.FINANCING_STATE_ACCEPTED, financing_pb.FINANCING_STATE_SIGNED
PAGE = common_pb2.PageRequest(page_size=20)
_pool = CertificatePool()


class Clerk:
    """Somebody at a desk of one enterprise."""

    def __init__(self, environment: Any, company: SandboxCompany) -> None:
        self.uscc, self._site = company.uscc, LoadSite.running()
        keystore = Keystore.load(self._site.folder / "keystores" / f"{company.key}.json", SANDBOX_PASSWORD)
        self._key = keystore.token_key
        self.caller = GrpcCaller(environment, company.uscc, self._sign_in)
        channel = self.caller.channel
        self._tokens = identity_service_pb2_grpc.TokenServiceStub(channel)
        self.receivables = receivable_service_pb2_grpc.ReceivableServiceStub(channel)
        self.certificates = certificate_service_pb2_grpc.CertificateServiceStub(channel)
        self.financing = financing_service_pb2_grpc.FinancingServiceStub(channel)

    def call(self, method: Any, request: Any) -> Any:
        """One measured call."""
        return self.caller.call(method, request)

    def _sign_in(self) -> str:
        now = SandboxClock(self._site.folder / "clock.json").now()
        assertion = sign_client_assertion(
            self._key, client_id=self.uscc, audience=self._site.trust.hubs[0].origin, now=now, jti=new_id()
        )
        request = identity_pb.IssueTokenRequest(client_assertion=assertion)
        return str(self.caller.call(self._tokens.IssueToken, request, signed_in=False).access_token)


class SupplierGrpc(User):
    """A supplier and its own supplier with one certificate between them."""

    wait_time = between(0.1, 0.5)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.holder, self.other = (Clerk(environment, company) for company in (SUPPLIER, SECOND_TIER_SUPPLIER))

    def on_start(self) -> None:
        """Take a certificate, walk the journey once."""
        self.certificate_id = _pool.take(LoadSite.running().folder)
        self.hand_on()
        self.finance_a_part()

    def on_stop(self) -> None:
        """Let go of the connections."""
        for clerk in (self.holder, self.other):
            clerk.caller.close()

    @task(4)
    def look_around(self) -> None:
        """What is confirmed, what I hold, what I applied for."""
        clerk = self.holder
        clerk.call(clerk.receivables.ListReceivables, receivable_pb.ListReceivablesRequest(page=PAGE))
        clerk.call(clerk.certificates.ListCertificates, certificate_pb.ListCertificatesRequest(page=PAGE))
        clerk.call(clerk.financing.ListFinancings, financing_pb.ListFinancingsRequest(page=PAGE))

    @task(3)
    def hand_on(self) -> None:
        """Transfer the certificate to the other, who accepts it."""
        giver, receiver, new_id_ = self.holder, self.other, new_id()
        giver.call(
            giver.certificates.TransferCertificate,
            certificate_pb.TransferCertificateRequest(
                request_id=new_id(),
                certificate_id=self.certificate_id,
                new_certificate_id=new_id_,
                receiver_uscc=receiver.uscc,
            ),
        )
        # From here on this is the certificate, whatever becomes of the second call.
        self.certificate_id, self.holder, self.other = new_id_, receiver, giver
        accept = certificate_pb.AcceptCertificateRequest(request_id=new_id(), certificate_id=new_id_)
        receiver.call(receiver.certificates.AcceptCertificate, accept)

    @task(1)
    def finance_a_part(self) -> None:
        """Split a small part off, ask for its price, apply, sign, and wait for the money."""
        clerk, part_id = self.holder, self._split_off()
        clerk.call(clerk.financing.QuoteFinancing, financing_pb.QuoteFinancingRequest(certificate_id=part_id))
        financing_id = new_id()
        applied = financing_pb.ApplyForFinancingRequest(
            request_id=new_id(), financing_id=financing_id, certificate_id=part_id
        )
        financing = clerk.call(clerk.financing.ApplyForFinancing, applied).financing
        if financing.state == financing_pb.FINANCING_STATE_OFFERED:
            accept = financing_pb.AcceptFinancingRequest(request_id=new_id(), financing_id=financing_id)
            clerk.call(clerk.financing.AcceptFinancing, accept)
            self._await_money(clerk, financing_id)

    def _split_off(self) -> str:
        clerk = self.holder
        get = certificate_pb.GetCertificateRequest(certificate_id=self.certificate_id)
        whole_fen = clerk.call(clerk.certificates.GetCertificate, get).certificate.amount.amount_fen
        part_id, rest_id = new_id(), new_id()
        parts = [
            certificate_pb.SplitPart(certificate_id=part_id, amount_fen=PART_FEN),
            certificate_pb.SplitPart(certificate_id=rest_id, amount_fen=whole_fen - PART_FEN),
        ]
        split = certificate_pb.SplitCertificateRequest(
            request_id=new_id(), certificate_id=self.certificate_id, parts=parts
        )
        clerk.call(clerk.certificates.SplitCertificate, split)
        self.certificate_id = rest_id
        return part_id

    def _await_money(self, clerk: Clerk, financing_id: str) -> None:
        """The claim is locked on the chain before anything is paid; a refusal by the chain is a failure here."""
        started = time.perf_counter()
        get = financing_pb.GetFinancingRequest(financing_id=financing_id)
        state = SIGNED
        while state in {ACCEPTED, SIGNED} and time.perf_counter() - started < PATIENCE_S:
            time.sleep(LOOK_S)
            state = clerk.call(clerk.financing.GetFinancing, get).financing.state
        paid = state == financing_pb.FINANCING_STATE_DISBURSED
        self.environment.events.request.fire(
            request_type="grpc",
            name="from signature to money",
            response_time=(time.perf_counter() - started) * 1_000,
            response_length=0,
            exception=None if paid else Refused(financing_pb.FinancingState.Name(state)),
            context={},
        )


@events.init.add_listener  # type: ignore[untyped-decorator]
def make_a_trade(environment: Any, **_: Any) -> None:
    """The first certificates are there before the clock starts."""
    if SupplierGrpc in environment.user_classes:
        _pool.fill(LoadSite.running().folder)
