"""The sandbox companies: four fixed ones that the ERP and the demo know by name, and many drawn from a seed.

Every company is invented. The unified social credit codes (GB 32100-2015) carry valid check digits but lie under the
division code 449900, which no registration authority uses, so none can belong to a real company.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Literal

from stdnum.cn import uscc as uscc_rules

Role = Literal["core_enterprise", "supplier", "second_tier_supplier", "dealer", "enterprise"]
# "arrears" owes tax, "dishonest" is on the courts' list, "abnormal" cannot be found at its registered address.
Standing = Literal["normal", "arrears", "dishonest", "abnormal"]
DEFAULT_SEED = 20_260_202
DEFAULT_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class SandboxCompany:
    """One invented company. `key` is its handle in file names and logins; `uscc` its unified social credit code."""

    key: str
    uscc: str
    name_zh: str
    name_en: str
    role: Role
    address_zh: str
    standing: Standing = "normal"


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


_FIRST_WORDS = (
    "云帆春晖百味远航康宁锦程恒泰盛达嘉禾启明汇丰瑞祥鼎新华盈永固天合博远宏图金石众诚聚力"
    "安邦顺和兴业广源同创旭日东升长青海纳立信致远凌云卓越百川万象通源正大协成创元"
)
_TRADES = (
    *("软件", "教育科技", "餐饮管理", "物流", "医药", "建筑工程", "纺织", "食品", "机电设备", "农业发展", "环保科技"),
    *(
        "家具",
        "印刷包装",
        "汽车配件",
        "化工",
        "新能源",
        "电子商务",
        "商贸",
        "园林绿化",
        "文化传媒",
        "物业服务",
        "仪器仪表",
    ),
    *("酒店管理", "旅游", "塑料制品", "五金", "通信技术", "装饰设计", "橡胶", "造纸", "玻璃", "陶瓷", "水产"),
)
_STANDINGS: tuple[Standing, ...] = ("arrears", "dishonest", "abnormal", *("normal",) * 17)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def organisation_check(stem: str) -> str:
    """The check character of an organisation code's eight characters (GB 11714)."""
    total = sum(int(char, 36) * weight for char, weight in zip(stem, _ORGANISATION_WEIGHTS, strict=True))
    check = (11 - total % 11) % 11
    return "X" if check == 10 else str(check)


def invented_uscc(serial: int) -> str:
    """A valid unified social credit code (GB 32100) of no real company; `serial` from 0 to 9999."""
    stem = f"MA0J{serial:04d}"
    code = f"91449900{stem}{organisation_check(stem)}"
    return code + str(uscc_rules.calc_check_digit(code))


@functools.cache
def drawn_companies(seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> dict[str, SandboxCompany]:
    """`size` companies drawn from the seed, by USCC; some owe tax, some are on the courts' list."""
    rng = random.Random(seed)  # noqa: S311  repeatable on purpose; nothing secret comes from it
    words = [_FIRST_WORDS[start : start + 2] for start in range(0, len(_FIRST_WORDS), 2)]
    names = rng.sample([word + trade for word in words for trade in _TRADES], size)
    companies = (_drawn_company(serial, name) for serial, name in enumerate(names, start=1))
    return {company.uscc: company for company in companies}


def _drawn_company(serial: int, name: str) -> SandboxCompany:
    return SandboxCompany(
        key=f"enterprise-{serial:04d}",
        uscc=invented_uscc(serial),
        name_zh=f"沙盒{name}有限公司",
        name_en=f"Sandbox Enterprise {serial:04d} Co., Ltd.",
        role="enterprise",
        address_zh=f"沙盒市企业路{serial}号",
        standing=_STANDINGS[serial % len(_STANDINGS)],
    )


def company_by_uscc(uscc: str) -> SandboxCompany | None:
    """The sandbox company registered under this code, or None when there is none."""
    return next((company for company in COMPANIES if company.uscc == uscc), None) or drawn_companies().get(uscc)


def company_by_key(key: str) -> SandboxCompany:
    """The sandbox company with this handle; KeyError names an unknown one."""
    for company in COMPANIES:
        if company.key == key:
            return company
    raise KeyError(key)
