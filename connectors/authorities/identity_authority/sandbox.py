"""The identity authority's process: `python -m connectors.authorities.identity_authority.sandbox`. SANDBOX.

Serves `IdentityAuthorityService` over mTLS. `… rotate signing|sealing` takes one step of a key rotation beside it.
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
from huilian_protocol.sealing import Suite
from huilian_protocol.settings import SealingSuite, SettingsError
from pydantic import Field

from connectors.authorities.identity_authority.register import IdentityAuthority, load_authority_keys, published
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer, make_clock
from connectors.kit.settings import KeysSettings, TlsSettings


class AuthoritySettings(TlsSettings):
    """The identity authority's process."""

    state_dir: Path = Field(description="folder for the authority's keys")
    sealing_suite: SealingSuite = Field(default=Suite.XWING, description="xwing, x25519 or sm: for new sealing keys")


class IdentityAuthorityServicer(authority_service_pb2_grpc.IdentityAuthorityServiceServicer):
    """huilian.identity.v1.IdentityAuthorityService: proto in, proto out."""

    def __init__(self, authority: IdentityAuthority) -> None:
        self._authority = authority

    async def GetAuthorityKeys(self, request: pb.GetAuthorityKeysRequest, context: Any) -> pb.GetAuthorityKeysResponse:
        """The key to seal registrations to and the keys that sign bindings."""
        keys = self._authority.keys
        return pb.GetAuthorityKeysResponse(
            suite=keys.sealing_suite.value,
            sealing_public_key=keys.sealing.public,
            binding_keys_jwks=json.dumps(keys_to_jwks(keys.signing_keys())),
        )

    async def BindDeviceKey(self, request: pb.BindDeviceKeyRequest, context: Any) -> pb.BindDeviceKeyResponse:
        """Check a person and bind a device key."""
        try:
            device_key = jwk_to_public_key(parse_json(request.device_public_key_jwk.encode("utf-8")))
        except ValueError as error:
            raise HuilianError("INVALID_ARGUMENT", str(error), field="device_public_key_jwk") from error
        binding = self._authority.bind_device_key(request.sealed_identity, device_key, request.relying_party)
        return pb.BindDeviceKeyResponse(key_binding=binding)

    async def AttestGuardianship(
        self, request: pb.AttestGuardianshipRequest, context: Any
    ) -> pb.AttestGuardianshipResponse:
        """The authority's word about a parent and a child."""
        link = self._authority.attest_guardianship(request.sealed_request, request.relying_party)
        return pb.AttestGuardianshipResponse(delegation=link.to_bytes())


def build(settings: AuthoritySettings) -> EdgeServer:
    """The server, ready to start."""
    server = EdgeServer(settings)
    authority = IdentityAuthority(load_authority_keys(settings.state_dir, settings.sealing_suite), make_clock(settings))
    authority_service_pb2_grpc.add_IdentityAuthorityServiceServicer_to_server(
        IdentityAuthorityServicer(authority), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(AuthoritySettings.from_environment()).serve()


def rotate(purpose: str) -> dict[str, Any]:
    """One step for the ring "signing" or "sealing", beside the process that serves; what to put into trust files.

    Raises ValueError for another purpose.
    """
    settings = KeysSettings.from_environment()
    keys = load_authority_keys(settings.state_dir, settings.sealing_suite)
    keys.rotate(purpose)
    return published(keys)


def main(arguments: list[str]) -> int:
    """Command line entry: nothing serves, `rotate signing|sealing` takes one step of a rotation."""
    if not arguments:
        return run_process("identity_authority", run)
    try:
        if len(arguments) != 2 or arguments[0] != "rotate":
            raise ValueError("usage: rotate signing|sealing")
        sys.stdout.write(json.dumps(rotate(arguments[1]), indent=2) + "\n")
    except (SettingsError, OSError, ValueError) as error:
        sys.stderr.write(f"identity_authority: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
