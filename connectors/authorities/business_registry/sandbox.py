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
from huilian_protocol.errors import malformed_uscc
from pydantic import Field
from stdnum.cn import uscc

from connectors.kit.process import run_process
from connectors.kit.sandbox_companies import SandboxCompany, company_by_uscc
from connectors.kit.server import EdgeServer
from connectors.kit.settings import TlsSettings

# Of the drawn companies that are otherwise in order.
STRUCK_OFF_ONE_IN, LICENCE_OVER_ONE_IN, PAWNBROKER_ONE_IN = 50, 40, 60
LICENCE_OVER = "2025-12-31"
_SURNAMES, _GIVEN = "赵钱孙李周吴郑王冯陈", "安宁康平和顺明远嘉诚"


class BusinessRegistryServicer(business_registry_service_pb2_grpc.BusinessRegistryServiceServicer):
    """huilian.onboarding.v1.BusinessRegistryService."""

    async def LookUpEnterprise(self, request: pb.LookUpEnterpriseRequest, context: Any) -> pb.LookUpEnterpriseResponse:
        """What is registered."""
        return look_up(request.uscc, request.salt)


def look_up(code: str, salt: bytes) -> pb.LookUpEnterpriseResponse:
    """The entry of a code. Raises HuilianError USCC_MALFORMED."""
    if uscc.compact(code) != code or not uscc.is_valid(code):
        raise malformed_uscc(code)
    company = company_by_uscc(code)
    if company is None:
        return pb.LookUpEnterpriseResponse(found=False)
    return pb.LookUpEnterpriseResponse(
        found=True,
        name=company.name_zh,
        status=_status(company),
        legal_person_digest=hashlib.sha256(salt + legal_person_of(company).encode()).digest(),
        licence_until=LICENCE_OVER if _drawn(company, LICENCE_OVER_ONE_IN, "licence") else "",
        business_scope=_scope(company),
        serious_violation=company.standing == "dishonest",
    )


def _status(company: SandboxCompany) -> pb.RegistryStatus.ValueType:
    if company.standing == "abnormal":
        return pb.REGISTRY_STATUS_ABNORMAL
    struck_off = _drawn(company, STRUCK_OFF_ONE_IN, "status")
    return pb.REGISTRY_STATUS_REVOKED if struck_off else pb.REGISTRY_STATUS_IN_BUSINESS


def _scope(company: SandboxCompany) -> str:
    """What the company may trade in; a few have a trade that banks look at twice."""
    own = f"一般项目：{company.name_zh.removeprefix('沙盒').removesuffix('有限公司')}相关的生产、销售及服务"
    return f"{own}；典当业务" if _drawn(company, PAWNBROKER_ONE_IN, "scope") else own


def _drawn(company: SandboxCompany, one_in: int, what: str) -> bool:
    """Whether a drawn company is the one in so many of which something is true; the named companies never are."""
    lot = hashlib.sha256(f"{what}:{company.uscc}".encode()).digest()
    return company.role == "enterprise" and int.from_bytes(lot[:4], "big") % one_in == 0


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
