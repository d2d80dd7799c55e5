"""The supplier's day over gRPC: what is confirmed, what I hold, what financing would cost.

Reading only: it runs beside a sandbox in which the supplier journey has left receivables and certificates (`make run`
registers the companies, `make demo` walks the journey on a site of its own), and works on an empty one too.

    make run                                   # in another terminal
    PYTHONPATH=.:sdk .venv/bin/locust -f loadtests/supplier_grpc.py --headless -u 20 -r 5 -t 60s
"""

from __future__ import annotations

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
from locust import between, task

from connectors.kit.sandbox_companies import COMPANIES
from loadtests.grpc_user import GrpcUser, new_id

SUPPLIER = COMPANIES[1]
# The sandbox's keystores protect play money.
SANDBOX_PASSWORD = "sandbox-only"  # noqa: S105
HELD = certificate_pb.CERTIFICATE_STATE_HELD


class SupplierGrpc(GrpcUser):
    """One clerk of one supplier, over mTLS with the enterprise's own token key."""

    wait_time = between(0.1, 0.5)
    common_name = SUPPLIER.uscc

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.receivables = receivable_service_pb2_grpc.ReceivableServiceStub(self.channel)
        self.certificates = certificate_service_pb2_grpc.CertificateServiceStub(self.channel)
        self.financing = financing_service_pb2_grpc.FinancingServiceStub(self.channel)
        self.page = common_pb2.PageRequest(page_size=20)

    def on_start(self) -> None:
        """Sign in by a client assertion."""
        keystore = Keystore.load(self.site.folder / "keystores" / f"{SUPPLIER.key}.json", SANDBOX_PASSWORD)
        clock = SandboxClock(self.site.folder / "clock.json")
        audience = self.site.trust.hubs[0].origin
        assertion = sign_client_assertion(
            keystore.token_key, client_id=SUPPLIER.uscc, audience=audience, now=clock.now(), jti=new_id()
        )
        tokens = identity_service_pb2_grpc.TokenServiceStub(self.channel)
        request = identity_pb.IssueTokenRequest(client_assertion=assertion)
        self.token = self.call(tokens.IssueToken, request).access_token

    @task(3)
    def look_at_receivables(self) -> None:
        """What core enterprises have confirmed."""
        self.call(self.receivables.ListReceivables, receivable_pb.ListReceivablesRequest(page=self.page))

    @task(2)
    def look_at_certificates_and_a_price(self) -> None:
        """What I hold, and what it would cost to be paid today."""
        request = certificate_pb.ListCertificatesRequest(page=self.page)
        held = [one for one in self.call(self.certificates.ListCertificates, request).certificates if one.state == HELD]
        if held:
            quote = financing_pb.QuoteFinancingRequest(certificate_id=held[0].certificate_id)
            self.call(self.financing.QuoteFinancing, quote)

    @task(1)
    def look_at_financings(self) -> None:
        """My applications."""
        self.call(self.financing.ListFinancings, financing_pb.ListFinancingsRequest(page=self.page))
