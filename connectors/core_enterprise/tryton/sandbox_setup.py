"""Sets up an empty Tryton as the ERP of the sandbox's core enterprise, through Tryton's own JSON-RPC.

Everything here is looked up before it is created, so running it again changes nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.jsonrpc import Row, TrytonClient
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.payments import METHOD
from connectors.core_enterprise.tryton.queries import USCC_IDENTIFIER_TYPE
from connectors.kit.sandbox_companies import SandboxCompany

ADMIN_USER = "admin"
# Known to everybody on purpose: sandbox databases listen on the loopback interface only and hold invented companies.
ADMIN_PASSWORD = "sandbox-erp-administrator"  # noqa: S105 - see above
CONNECTOR_USER = "huilian-connector"
CONNECTOR_PASSWORD = "sandbox-erp-connector"  # noqa: S105 - see above
PAYMENT_USER = "huilian-payments"
PAYMENT_PASSWORD = "sandbox-erp-payments"  # noqa: S105 - see above

# Value added tax on goods, 13 % (财政部 税务总局 海关总署公告2019年第39号, article 1).
VAT_RATE = Decimal("0.13")


async def find_one(client: TrytonClient, model: str, domain: list[Any]) -> int | None:
    """Id of the first record of `model` that `domain` selects, or None."""
    rows = await client.search_read(model, domain, ["id"], order=[["id", "ASC"]], limit=1)
    return int(rows[0]["id"]) if rows else None


async def ensure(client: TrytonClient, model: str, domain: list[Any], values: Row) -> int:
    """Id of the record that `domain` selects, created with `values` when there is none."""
    found = await find_one(client, model, domain)
    return found if found is not None else await client.create(model, values)


async def ensure_party(client: TrytonClient, company: SandboxCompany) -> int:
    """The party with this company's unified social credit code; Tryton itself checks the code's check character."""
    values = {
        "name": company.name_zh,
        "identifiers": [["create", [{"type": USCC_IDENTIFIER_TYPE, "code": company.uscc}]]],
        "addresses": [["create", [{"street": company.address_zh}]]],
    }
    return await ensure(client, "party.party", [["identifiers.code", "=", company.uscc]], values)


async def set_up_company(client: TrytonClient, buyer: SandboxCompany) -> int:
    """Company, chart of accounts, tax, product category, the connector's read-only user; returns the company's id."""
    company = await _ensure_company(client, buyer)
    await client.refresh_context()
    await _ensure_chart(client, company)
    accounts = await _accounts(client, company)
    tax = await _ensure_tax(client, company, accounts["tax"])
    await _ensure_category(client, accounts, tax)
    await _number_documents(client)
    await _ensure_connector_user(client, company)
    await _ensure_payments(client, company)
    return company


async def _ensure_company(client: TrytonClient, buyer: SandboxCompany) -> int:
    currency = await ensure(
        client,
        "currency.currency",
        [["code", "=", "CNY"]],
        {
            "name": "Renminbi",
            "code": "CNY",
            "numeric_code": "156",
            "symbol": "¥",
            "rounding": Decimal("0.01"),
            "digits": 2,
        },
    )
    party = await ensure_party(client, buyer)
    company = await ensure(
        client,
        "company.company",
        [["party", "=", party]],
        {"party": party, "currency": currency, "timezone": "Asia/Shanghai"},
    )
    users = await client.search_read("res.user", [["login", "=", ADMIN_USER]], ["id"])
    await client.write("res.user", [users[0]["id"]], {"companies": [["add", [company]]], "company": company})
    return company


async def _ensure_chart(client: TrytonClient, company: int) -> None:
    if await find_one(client, "account.account", [["company", "=", company]]) is not None:
        return
    template = await find_one(client, "account.account.template", [["parent", "=", None]])
    session, _, _ = await client.call("wizard.account.create_chart.create")
    account = {"company": company, "account_template": template}
    await client.call("wizard.account.create_chart.execute", session, {"account": account}, "create_account")
    accounts = await _accounts(client, company)
    properties = {
        "company": company,
        "account_receivable": accounts["receivable"],
        "account_payable": accounts["payable"],
        "category_account_expense": accounts["expense"],
        "category_account_revenue": accounts["revenue"],
    }
    await client.call("wizard.account.create_chart.execute", session, {"properties": properties}, "create_properties")
    await client.call("wizard.account.create_chart.delete", session)


async def _accounts(client: TrytonClient, company: int) -> dict[str, int]:
    """One account of each kind that purchasing needs. 6.3.6 is the tax account of Tryton's universal chart."""
    domains: dict[str, list[Any]] = {
        kind: [[f"type.{kind}", "=", True], ["closed", "!=", True]]
        for kind in ("receivable", "payable", "expense", "revenue")
    }
    domains["tax"] = [["code", "=", "6.3.6"]]
    found = {}
    for kind, domain in domains.items():
        account = await find_one(client, "account.account", [["company", "=", company], *domain])
        if account is None:
            raise LookupError(f"Tryton's universal chart has no account for {kind}")
        found[kind] = account
    return found


async def _ensure_tax(client: TrytonClient, company: int, account: int) -> int:
    values = {
        "name": "增值税 13%",
        "description": "VAT 13%",
        "company": company,
        "type": "percentage",
        "rate": VAT_RATE,
        "invoice_account": account,
        "credit_note_account": account,
    }
    return await ensure(client, "account.tax", [["company", "=", company], ["name", "=", values["name"]]], values)


async def _ensure_category(client: TrytonClient, accounts: dict[str, int], tax: int) -> int:
    values = {
        "name": "外购件 Purchased parts",
        "accounting": True,
        "account_expense": accounts["expense"],
        "account_revenue": accounts["revenue"],
        "supplier_taxes": [["add", [tax]]],
    }
    return await ensure(client, "product.category", [["accounting", "=", True]], values)


async def _number_documents(client: TrytonClient) -> None:
    """Purchase orders become PO000001, goods receipts GR000001, returns RT000001: nobody mistakes one for another."""
    for kind, prefix in (("Purchase", "PO"), ("Supplier Shipment", "GR"), ("Supplier Return Shipment", "RT")):
        sequences = await client.search_read("ir.sequence", [["sequence_type.name", "=", kind]], ["id"])
        await client.write("ir.sequence", [row["id"] for row in sequences], {"prefix": prefix, "padding": 6})


async def _ensure_connector_user(client: TrytonClient, company: int) -> int:
    group = await _ensure_reader_group(client)
    values = {
        "name": "Huilian connector (read only)",
        "login": CONNECTOR_USER,
        "password": CONNECTOR_PASSWORD,
        "companies": [["add", [company]]],
        "company": company,
        "groups": [["add", [group]]],
    }
    return await ensure(client, "res.user", [["login", "=", CONNECTOR_USER]], values)


async def _ensure_reader_group(client: TrytonClient) -> int:
    name = "Huilian connector"
    group = await ensure(client, "res.group", [["name", "=", name]], {"name": name})
    for model in manifest().reads:
        access = {"model": model, "group": group, "perm_read": True, "perm_write": False}
        access |= {"perm_create": False, "perm_delete": False}
        await ensure(client, "ir.model.access", [["model", "=", model], ["group", "=", group]], access)
    return group


async def _ensure_payments(client: TrytonClient, company: int) -> None:
    """The accountant who posts what the bank paid, and the method it goes by: 1.1.1 is cash in the universal chart."""
    group = await find_one(client, "res.group", [["name", "=", "Accounting"]])
    accountant = {
        "name": "Huilian payments",
        "login": PAYMENT_USER,
        "password": PAYMENT_PASSWORD,
        "companies": [["add", [company]]],
        "company": company,
        "groups": [["add", [group]]],
    }
    await ensure(client, "res.user", [["login", "=", PAYMENT_USER]], accountant)
    cash = await find_one(client, "account.account", [["company", "=", company], ["code", "=", "1.1.1"]])
    method = {
        "name": METHOD,
        "company": company,
        "journal": await find_one(client, "account.journal", [["type", "=", "cash"]]),
        "credit_account": cash,
        "debit_account": cash,
    }
    await ensure(client, "account.invoice.payment.method", [["name", "=", METHOD]], method)
