"""The identity authority's process: `python -m connectors.authorities.identity_authority.sandbox`. SANDBOX.

Serves `IdentityAuthorityService` over mTLS.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, keys_to_jwks
from pydantic import Field

from connectors.authorities.identity_authority.register import IdentityAuthority, load_authority_keys
from connectors.kit.keys import SEALING_SUITE
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer, make_clock
from connectors.kit.settings import TlsSettings


class AuthoritySettings(TlsSettings):
    """The identity authority's process."""

    state_dir: Path = Field(description="folder for the authority's keys")


class IdentityAuthorityServicer(authority_service_pb2_grpc.IdentityAuthorityServiceServicer):
    """huilian.identity.v1.IdentityAuthorityService: proto in, proto out."""

    def __init__(self, authority: IdentityAuthority) -> None:
        self._authority = authority

    async def GetAuthorityKeys(self, request: pb.GetAuthorityKeysRequest, context: Any) -> pb.GetAuthorityKeysResponse:
        """The key to seal registrations to and the keys that sign bindings."""
        keys = self._authority.keys
        return pb.GetAuthorityKeysResponse(
            suite=SEALING_SUITE.value,
            sealing_public_key=keys.sealing.public,
            binding_keys_jwks=json.dumps(keys_to_jwks([keys.signing.public_key()])),
        )

    async def BindDeviceKey(self, request: pb.BindDeviceKeyRequest, context: Any) -> pb.BindDeviceKeyResponse:
        """Check a person and bind a device key."""
        try:
            device_key = jwk_to_public_key(parse_json(request.device_public_key_jwk.encode("utf-8")))
        except ValueError as error:
            raise HuilianError("INVALID_ARGUMENT", str(error), field="device_public_key_jwk") from error
        binding = self._authority.bind_device_key(request.sealed_identity, device_key, request.relying_party)
        return pb.BindDeviceKeyResponse(key_binding=binding)


def build(settings: AuthoritySettings) -> EdgeServer:
    """The server, ready to start."""
    server = EdgeServer(settings)
    authority = IdentityAuthority(load_authority_keys(settings.state_dir), make_clock(settings))
    authority_service_pb2_grpc.add_IdentityAuthorityServiceServicer_to_server(
        IdentityAuthorityServicer(authority), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(AuthoritySettings.from_environment()).serve()


if __name__ == "__main__":
    sys.exit(run_process("identity_authority", run))
