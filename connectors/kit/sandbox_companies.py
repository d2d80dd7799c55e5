"""The fixed sandbox companies that the ERP, the certificate authority, the tax sandbox and the demo agree on.

Every company is invented. The unified social credit codes (GB 32100-2015) carry valid check digits but lie under the
division code 449900, which no registration authority uses, so none can belong to a real company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["core_enterprise", "supplier", "second_tier_supplier", "dealer"]


@dataclass(frozen=True, slots=True)
class SandboxCompany:
    """One invented company. `key` is its handle in file names and logins; `uscc` its unified social credit code."""

    key: str
    uscc: str
    name_zh: str
    name_en: str
    role: Role
    address_zh: str


CORE_ENTERPRISE = SandboxCompany(
    key="xinghe",
    uscc="91449900MA0H00010W",
    name_zh="沙盒星河装备制造有限公司",
    name_en="Sandbox Xinghe Equipment Manufacturing Co., Ltd.",
    role="core_enterprise",
    address_zh="沙盒市装备大道1号",
)
SUPPLIER = SandboxCompany(
    key="tongda",
    uscc="91449900MA0H00029R",
    name_zh="沙盒通达精密零件有限公司",
    name_en="Sandbox Tongda Precision Parts Co., Ltd.",
    role="supplier",
    address_zh="沙盒市零件路2号",
)
SECOND_TIER_SUPPLIER = SandboxCompany(
    key="ruilin",
    uscc="91449900MA0H00037L",
    name_zh="沙盒瑞林金属材料有限公司",
    name_en="Sandbox Ruilin Metal Materials Co., Ltd.",
    role="second_tier_supplier",
    address_zh="沙盒市材料路3号",
)
DEALER = SandboxCompany(
    key="anshun",
    uscc="91449900MA0H00045F",
    name_zh="沙盒安顺设备销售有限公司",
    name_en="Sandbox Anshun Equipment Sales Co., Ltd.",
    role="dealer",
    address_zh="沙盒市商贸街4号",
)

COMPANIES: tuple[SandboxCompany, ...] = (CORE_ENTERPRISE, SUPPLIER, SECOND_TIER_SUPPLIER, DEALER)


def company_by_uscc(uscc: str) -> SandboxCompany | None:
    """The sandbox company registered under this code, or None when there is none."""
    return next((company for company in COMPANIES if company.uscc == uscc), None)


def company_by_key(key: str) -> SandboxCompany:
    """The sandbox company with this handle; KeyError names an unknown one."""
    for company in COMPANIES:
        if company.key == key:
            return company
    raise KeyError(key)
