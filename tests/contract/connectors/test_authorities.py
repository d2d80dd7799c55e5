"""The authorities' processes over mTLS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc as pb_grpc
from huilian_protocol.binding import verify_binding
from huilian_protocol.identity import Identity
from huilian_protocol.jose import jwks_to_keys, public_key_to_jwk
from huilian_protocol.sealing import Suite, registration_info, seal
from huilian_protocol.status import from_rpc_error

from connectors.authorities.certificate_authority.issuer import load_authority
from connectors.authorities.identity_authority.register import AUTHORITY_ID, load_authority_keys
from connectors.kit.acceptance.world import new_signing_key
from connectors.kit.sandbox_people import DEMO_BORROWER
from deploy.pki import SitePki
from deploy.process import ProcessSpec, Supervisor, free_port, port_open, python


@asynccontextmanager
async def running(name: str, folder: Path) -> AsyncIterator[grpc.aio.Channel]:
    """The authority's process and a channel to it from a hub."""
    pki, port = SitePki(folder / "pki", datetime.now(UTC)), free_port()
    tls, hub = pki.issue(name), pki.issue("hub")
    environment = {
        "HUILIAN_LISTEN": f"127.0.0.1:{port}",
        "HUILIAN_TLS_CERTIFICATE_FILE": str(tls.certificate),
        "HUILIAN_TLS_KEY_FILE": str(tls.key),
        "HUILIAN_TLS_CA_FILE": str(tls.ca),
        "HUILIAN_ALLOWED_CLIENTS": "hub",
        "HUILIAN_STATE_DIR": str(folder / name),
    }
    module = f"connectors.authorities.{name}.sandbox"
    supervisor = Supervisor(folder)
    try:
        await supervisor.start(ProcessSpec(name, python("-m", module), port_open(port), environment))
        credentials = grpc.ssl_channel_credentials(
            hub.ca.read_bytes(), hub.key.read_bytes(), hub.certificate.read_bytes()
        )
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            yield channel
    finally:
        assert supervisor.stop_all() == []


async def test_a_device_key_is_bound(tmp_path: Path) -> None:
    prepared = load_authority_keys(tmp_path / "identity_authority")
    async with running("identity_authority", tmp_path) as channel:
        stub = pb_grpc.IdentityAuthorityServiceStub(channel)
        keys = await stub.GetAuthorityKeys(pb.GetAuthorityKeysRequest(), timeout=5)
        assert keys.sealing_public_key == prepared.sealing.public, "keys can be made before the start"
        identity = Identity(DEMO_BORROWER.name, DEMO_BORROWER.resident_id, b"s" * 32).to_bytes()
        info = registration_info(authority=AUTHORITY_ID)
        device = public_key_to_jwk(new_signing_key().public_key())
        request = pb.BindDeviceKeyRequest(
            sealed_identity=seal(Suite(keys.suite), keys.sealing_public_key, info, identity),
            device_public_key_jwk=json.dumps(device),
            relying_party="hub.one",
        )
        answer = await stub.BindDeviceKey(request, timeout=5)
        binding = verify_binding(
            answer.key_binding, jwks_to_keys(json.loads(keys.binding_keys_jwks)), datetime.now(UTC)
        )
        assert public_key_to_jwk(binding.device_key) == device
        request.device_public_key_jwk = "{}"
        with pytest.raises(grpc.RpcError) as refusal:
            await stub.BindDeviceKey(request, timeout=5)
        assert from_rpc_error(refusal.value).params["field"] == "device_public_key_jwk"


async def test_the_certificate_authority_answers(tmp_path: Path) -> None:
    async with running("certificate_authority", tmp_path) as channel:
        stub = pb_grpc.CertificateAuthorityServiceStub(channel)
        answer = await stub.GetCertificateAuthority(pb.GetCertificateAuthorityRequest(), timeout=5)
        folder = tmp_path / "certificate_authority"
        # The files exist by now, so neither clock nor serial number is asked for.
        assert answer.ca_certificate_pem == load_authority(folder, None, lambda: 0).certificate_pem  # type: ignore[arg-type]
        with pytest.raises(grpc.RpcError) as refusal:
            await stub.IssueCertificate(pb.IssueCertificateRequest(signing_request_pem="no request"), timeout=5)
        assert from_rpc_error(refusal.value).code == "INVALID_ARGUMENT"
