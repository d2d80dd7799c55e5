"""The business registry's process: `python -m connectors.authorities.business_registry.sandbox`. SANDBOX.

Serves `BusinessRegistryService` over mTLS from the invented sandbox companies. A legal person's name leaves as a salted
digest only: who asks already knows the name, or learns nothing.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from huilian.onboarding.v1 import business_registry_service_pb2 as pb
from huilian.onboarding.v1 import business_registry_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from pydantic import Field
from stdnum.cn import uscc

from connectors.kit.process import run_process
from connectors.kit.sandbox_companies import SandboxCompany, company_by_uscc
from connectors.kit.server import EdgeServer
from connectors.kit.settings import TlsSettings

_SURNAMES, _GIVEN = "赵钱孙李周吴郑王冯陈", "安宁康平和顺明远嘉诚"


class BusinessRegistryServicer(business_registry_service_pb2_grpc.BusinessRegistryServiceServicer):
    """huilian.onboarding.v1.BusinessRegistryService."""

    async def LookUpEnterprise(self, request: pb.LookUpEnterpriseRequest, context: Any) -> pb.LookUpEnterpriseResponse:
        """What is registered."""
        return look_up(request.uscc, request.salt)


def look_up(code: str, salt: bytes) -> pb.LookUpEnterpriseResponse:
    """The entry of a code. Raises HuilianError USCC_MALFORMED."""
    if uscc.compact(code) != code or not uscc.is_valid(code):
        raise HuilianError("USCC_MALFORMED", uscc=code)
    company = company_by_uscc(code)
    if company is None:
        return pb.LookUpEnterpriseResponse(found=False)
    is_found_there = company.standing != "abnormal"
    return pb.LookUpEnterpriseResponse(
        found=True,
        name=company.name_zh,
        status=pb.REGISTRY_STATUS_IN_BUSINESS if is_found_there else pb.REGISTRY_STATUS_ABNORMAL,
        legal_person_digest=hashlib.sha256(salt + legal_person_of(company).encode()).digest(),
    )


def legal_person_of(company: SandboxCompany) -> str:
    """The invented legal person of a sandbox company, the same every time."""
    drawn = hashlib.sha256(company.uscc.encode()).digest()
    return f"沙盒{_SURNAMES[drawn[0] % 10]}{_GIVEN[drawn[1] % 10]}"


def build(settings: TlsSettings) -> EdgeServer:
    """The server, ready to start."""
    server = EdgeServer(settings)
    business_registry_service_pb2_grpc.add_BusinessRegistryServiceServicer_to_server(
        BusinessRegistryServicer(), server.grpc
    )
    return server


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    await build(RegistrySettings.from_environment()).serve()


class RegistrySettings(TlsSettings):
    """The business registry's process."""

    state_dir: Path = Field(description="folder of the process, as every authority has one; nothing is kept in it")


if __name__ == "__main__":
    sys.exit(run_process("business_registry", run))
