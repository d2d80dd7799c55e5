"""The real transport against a real TLS server on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status
from huilian_sdk import Call, ClientCertificate, DeadlineError, Huilian, NotFoundError, RetryPolicy, UnavailableError

NAME = "hub.test"
FROM, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Party:
    """A key with its certificate."""

    key_pem: bytes
    certificate_pem: bytes


def party(name: str) -> Party:
    """A self-signed certificate, which is then its own root."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), FROM, UNTIL)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return Party(
        key.private_bytes(pem, pkcs8, serialization.NoEncryption()),
        certificate.sign(key, hashes.SHA256()).public_bytes(pem),
    )


SERVER, CLIENT, STRANGER = party(NAME), party("client"), party("stranger")


class LoanServer(grpc.GenericRpcHandler):
    """Serves GetLoan by hand, so that nothing of the hub takes part."""

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._get) if details.method.endswith("/GetLoan") else None

    async def _get(self, request: bytes, context: Any) -> bytes:
        loan_id = pb.GetLoanRequest.FromString(request).loan_id
        if loan_id == "loan-missing1":
            status = to_rpc_status(HuilianError("NOT_FOUND", resource="loan"))
            pairs = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(grpc.StatusCode.NOT_FOUND, status.message, pairs)
        if loan_id == "loan-slow0001":
            import asyncio

            await asyncio.sleep(30)
        context.set_trailing_metadata((("huilian-replayed", "true"), ("other-bin", b"\x00")))
        peer = context.auth_context().get("x509_common_name", [b"-"])[0].decode()
        return pb.GetLoanResponse(loan=pb.Loan(loan_id=loan_id, borrower_id=peer)).SerializeToString()


async def serve(require_client: bool) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((LoanServer(),))
    credentials = grpc.ssl_server_credentials(
        [(SERVER.key_pem, SERVER.certificate_pem)],
        root_certificates=CLIENT.certificate_pem if require_client else None,
        require_client_auth=require_client,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    return server, f"127.0.0.1:{port}"


@pytest_asyncio.fixture
async def target() -> AsyncIterator[str]:
    server, address = await serve(require_client=False)
    yield address
    await server.stop(None)


def client(address: str, **options: Any) -> Huilian:
    once = RetryPolicy(attempts=1)
    usual = {"root_certificates_pem": SERVER.certificate_pem, "server_name": NAME, "retry": once}
    return Huilian.connect(address, **(usual | options))


async def test_a_call_over_tls(target: str) -> None:
    call = Call()
    async with client(target) as hub:
        loan = await hub.loans.get("loan-00000001", call=call)
    assert loan.loan_id == "loan-00000001" and call.replayed


async def test_the_servers_error_arrives_typed(target: str) -> None:
    async with client(target) as hub:
        with pytest.raises(NotFoundError) as caught:
            await hub.loans.get("loan-missing1")
    assert caught.value.params == {"resource": "loan"}


async def test_the_deadline_reaches_the_server(target: str) -> None:
    async with client(target) as hub:
        with pytest.raises(DeadlineError):
            await hub.loans.get("loan-slow0001", call=Call(timeout_s=0.2))


async def test_a_server_with_another_certificate_is_not_trusted(target: str) -> None:
    async with client(target, root_certificates_pem=STRANGER.certificate_pem) as hub:
        with pytest.raises(UnavailableError):
            await hub.loans.get("loan-00000001", call=Call(timeout_s=2.0))


async def test_nobody_home_is_unavailable() -> None:
    server, address = await serve(require_client=False)
    await server.stop(None)
    async with client(address) as hub:
        with pytest.raises(UnavailableError):
            await hub.loans.get("loan-00000001", call=Call(timeout_s=2.0))


async def test_mutual_tls_names_the_client() -> None:
    server, address = await serve(require_client=True)
    mine = ClientCertificate(CLIENT.certificate_pem, CLIENT.key_pem)
    strangers = ClientCertificate(STRANGER.certificate_pem, STRANGER.key_pem)
    async with client(address, client_certificate=mine) as hub:
        assert (await hub.loans.get("loan-00000001")).borrower_id == "client"
    for certificate in (None, strangers):
        async with client(address, client_certificate=certificate) as hub:
            with pytest.raises(UnavailableError):
                await hub.loans.get("loan-00000001", call=Call(timeout_s=2.0))
    await server.stop(None)
