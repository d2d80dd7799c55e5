"""The supplier journey: from an order in a real ERP to money at a second-tier supplier, and to its clearing.

Every step can be run again: its request ids are fixed, so a step that a crash cut off is simply repeated.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from huilian.lending.v1 import erp_ledger_service_pb2 as erp_ledger
from huilian.lending.v1 import financing_service_pb2 as lending
from huilian.lending.v1 import loan_service_pb2 as loans
from huilian.receivables.v1 import certificate_service_pb2 as certificates
from huilian.receivables.v1 import receivable_service_pb2 as receivables
from huilian_sdk import Call, Huilian

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.process import DATABASE
from connectors.core_enterprise.tryton.sandbox import Goods, SandboxErp
from connectors.core_enterprise.tryton.sandbox_setup import ADMIN_PASSWORD, ADMIN_USER
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SECOND_TIER_SUPPLIER, SUPPLIER
from deploy.journeys.account import CHINA, open_account
from deploy.journeys.conflicts import disclosed
from deploy.journeys.invoicing import issue_invoice, priced
from deploy.journeys.parties import Party, client_of, open_party, operator_of, register_enterprises
from deploy.journeys.receipts import receipt_of
from deploy.journeys.step import Step, Unexpected, refused, until
from deploy.journeys.told import told
from deploy.site import HubPlace, Site

PAYMENT_DAYS = 90
GOODS = (
    Goods("BRG-6204", "深沟球轴承 6204", Decimal(400), Decimal(1_250)),
    Goods("SHF-20", "传动轴 20mm", Decimal(50), Decimal(8_600)),
)
BUYER_FUNDS_FEN = 500_000_000


class SupplierJourney:
    """Holds what one step hands to the next. `receipts` is the folder for receipts."""

    def __init__(self, site: Site, hub: HubPlace, other_hub: HubPlace | None, receipts: Path) -> None:
        self._site, self._hub, self._other_hub, self._receipts = site, hub, other_hub, receipts
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str], Huilian] = {}
        self._receivable_id = ""
        self._invoice_number = ""
        self._loan_id = ""
        self._due = dt.date.min
        self._amount_fen = 0

    async def __aenter__(self) -> SupplierJourney:
        self._receipts.mkdir(parents=True, exist_ok=True)
        self._buyer, self._supplier, self._second = [
            await open_party(self._site, company) for company in (CORE_ENTERPRISE, SUPPLIER, SECOND_TIER_SUPPLIER)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def steps(self) -> list[Step]:
        """The journey in order."""
        steps = [
            Step("trade-in-erp", "订单、收货、发票 in a real Tryton", self._trade),
            Step("register-enterprises", "企业登记 enterprises with certified keys", self._register),
            Step("sync-and-match", "连接器拉单、三单匹配 three-way match", self._sync),
            Step("confirm", "核心企业确权 confirmation signed by EIP-712", self._confirm),
            Step("confirmation-receipt", "确权回执已锚定 receipt, anchored", self._confirmation_receipt),
            Step("issue-certificate", "开立凭证 certificate issued", self._issue),
            Step("accept-certificate", "供应商签收 accepted", self._accept),
            Step("split-certificate", "拆分 split", self._split),
            Step("transfer-certificate", "转让给二级供应商 transferred", self._transfer),
            Step("accept-transfer", "二级供应商签收 accepted by the second tier", self._accept_transfer),
            Step("told", "签名通知送达 told by a signed webhook", self._told),
            Step("quote", "融资报价 quote", self._quote),
            Step("apply-for-financing", "融资申请 application, offer", self._apply),
            Step("accept-financing", "签约 offer accepted", self._accept_financing),
            Step("disbursed", "链上锁定后放款 claim locked, then disbursed", self._disbursed),
            Step("receipts", "各步骤回执 receipts of each step", self._more_receipts),
        ]
        if self._other_hub is not None:
            steps += self._other_hub_steps(self._other_hub)
        return [
            *steps,
            Step("move-clock", "沙盒时钟拨到到期日 sandbox clock to the due date", self._move_clock),
            Step("cleared", "到期清分 cleared down the chain, loan repaid, certificate redeemed", self._cleared),
            Step("posted-in-erp", "付款回写 ERP、总账核对 posted in Tryton, ledgers agree", self._posted_in_erp),
            Step("clearing-receipts", "清分回执 receipts of the clearing", self._clearing_receipts),
            Step("open-account", "开户预审、一次到店 documents checked, one visit, account opened", self._open_account),
        ]

    def _other_hub_steps(self, other: HubPlace) -> list[Step]:
        return [
            Step("other-hub-confirm", "另一家银行同一发票确权 the same invoice at a second hub", self._at(other)),
            Step("other-hub-refused", "二次融资被拒 second financing refused", self._refused_at(other)),
            Step("conflict-disclosed", "两家银行互知冲突 the two banks learn of each other", self._disclosed_at(other)),
        ]

    # --- trade

    async def _trade(self) -> Any:
        today = await self._today()
        supplier = SUPPLIER
        async with aiohttp.ClientSession() as http:
            erp = SandboxErp(self._tryton(http))
            order = await erp.order(supplier, list(GOODS), ordered_on=today - dt.timedelta(days=9), payment_days=90)
            receipt = await erp.receive(order, received_on=today - dt.timedelta(days=3), delivery_note="SH-0001")
            self._invoice_number = await issue_invoice(
                self._site, priced(supplier.uscc, self._buyer.uscc, today, GOODS), "demo-invoice-1"
            )
            invoice = await erp.invoice(order, invoice_number=self._invoice_number, issued_on=today)
        return {"order": order.number, "receipt": receipt.number, "invoice": invoice.number}

    async def _register(self) -> Any:
        registered = await self._register_at(self._hub)
        # At this bank alone: a buyer with money at both would pay the invoice twice, and Tryton takes the first.
        fund = (await self._operator(self._hub)).sandbox.fund
        await fund(self._buyer.uscc, BUYER_FUNDS_FEN, call=Call("fund-buyer"))
        return registered

    async def _register_at(self, hub: HubPlace) -> Any:
        return {"registered": await register_enterprises(self._site, hub, [self._buyer, self._supplier, self._second])}

    async def _open_account(self) -> Any:
        second, operator = await self._client(self._hub, self._second), await self._operator(self._hub)
        return _plain(await open_account(second, operator, self._second))

    async def _sync(self) -> Any:
        answer = await (await self._client(self._hub, self._buyer)).receivables.sync(call=Call("sync-documents-1"))
        found = await self._matched(self._hub)
        self._receivable_id, self._amount_fen = found.receivable_id, found.amount.amount_fen
        self._due = dt.date.fromisoformat(found.due_date)
        return {"imported": answer.imported_documents, "receivable": _plain(found)}

    async def _matched(self, hub: HubPlace) -> receivables.Receivable:
        buyer = await self._client(hub, self._buyer)
        async for receivable in buyer.receivables.list():
            if receivable.invoice_number == self._invoice_number:
                if receivable.state == receivables.RECEIVABLE_STATE_DRAFT:
                    raise Unexpected(f"the invoice does not match: {[r.code for r in receivable.reasons]}")
                return receivable
        raise Unexpected(f"no receivable for invoice {self._invoice_number}")

    async def _confirm(self) -> Any:
        buyer = await self._client(self._hub, self._buyer)
        confirmed = await buyer.receivables.confirm(
            self._receivable_id, self._buyer.keystore, call=Call("confirm-receivable")
        )
        return _plain(confirmed)

    async def _confirmation_receipt(self) -> Any:
        return await self._receipt(self._buyer, f"confirmation:{self._receivable_id}", "confirmation")

    # --- certificates

    async def _issue(self) -> Any:
        buyer = await self._client(self._hub, self._buyer)
        issued = await buyer.certificates.issue(
            self._receivable_id, self._amount_fen, certificate_id="certificate-root", call=Call("issue-certificate")
        )
        return _plain(issued)

    async def _accept(self) -> Any:
        supplier = await self._client(self._hub, self._supplier)
        return _plain(await supplier.certificates.accept("certificate-root", call=Call("accept-certificate")))

    async def _split(self) -> Any:
        supplier = await self._client(self._hub, self._supplier)
        kept = self._amount_fen // 3
        parts = {"certificate-kept": kept, "certificate-passed": self._amount_fen - kept}
        children = await supplier.certificates.split("certificate-root", parts, call=Call("split-certificate"))
        return [_plain(child) for child in children]

    async def _transfer(self) -> Any:
        supplier = await self._client(self._hub, self._supplier)
        offered = await supplier.certificates.transfer(
            "certificate-passed",
            self._second.uscc,
            new_certificate_id="certificate-second",
            call=Call("transfer-certificate"),
        )
        return _plain(offered)

    async def _accept_transfer(self) -> Any:
        second = await self._client(self._hub, self._second)
        return _plain(await second.certificates.accept("certificate-second", call=Call("accept-transfer")))

    async def _told(self) -> Any:
        return await told(self._site, await self._client(self._hub, self._second))

    # --- money

    async def _quote(self) -> Any:
        second = await self._client(self._hub, self._second)
        return _plain(await second.financing.quote("certificate-second"))

    async def _apply(self) -> Any:
        second = await self._client(self._hub, self._second)
        financing = await second.financing.apply(
            "certificate-second", financing_id="financing-0001", call=Call("apply-for-financing")
        )
        if financing.state != lending.FINANCING_STATE_OFFERED:
            raise Unexpected(f"no offer: {_plain(financing)}")
        return _plain(financing)

    async def _accept_financing(self) -> Any:
        second = await self._client(self._hub, self._second)
        return _plain(await second.financing.accept("financing-0001", call=Call("accept-financing")))

    async def _disbursed(self) -> Any:
        second = await self._client(self._hub, self._second)

        async def look() -> lending.Financing | None:
            financing = await second.financing.get("financing-0001")
            if financing.state == lending.FINANCING_STATE_REJECTED:
                raise Unexpected(f"rejected: {_plain(financing)}")
            return financing if financing.state == lending.FINANCING_STATE_DISBURSED else None

        financing = await until(look, "the financing to be disbursed")
        self._loan_id = financing.loan_id
        balance = await second.sandbox.balance(self._second.uscc)
        if balance != financing.quote.principal.amount_fen - financing.quote.fee.amount_fen:
            raise Unexpected(f"the account holds {balance} fen after {_plain(financing.quote)}")
        return {"financing": _plain(financing), "balance_fen": balance}

    # --- the second hub

    def _at(self, other: HubPlace) -> Callable[[], Awaitable[Any]]:
        async def act() -> Any:
            await self._register_at(other)
            buyer = await self._client(other, self._buyer)
            await buyer.receivables.sync(call=Call("sync-documents-1"))
            found = await self._matched(other)
            await buyer.receivables.confirm(found.receivable_id, self._buyer.keystore, call=Call("confirm-receivable"))
            amount = found.amount.amount_fen
            await buyer.certificates.issue(
                found.receivable_id, amount, certificate_id="certificate-root", call=Call("issue-certificate")
            )
            supplier = await self._client(other, self._supplier)
            return _plain(await supplier.certificates.accept("certificate-root", call=Call("accept-certificate")))

        return act

    def _refused_at(self, other: HubPlace) -> Callable[[], Awaitable[Any]]:
        async def act() -> Any:
            supplier = await self._client(other, self._supplier)
            await supplier.financing.apply(
                "certificate-root", financing_id="financing-0001", call=Call("apply-for-financing")
            )
            await supplier.financing.accept("financing-0001", call=Call("accept-financing"))

            async def look() -> lending.Financing | None:
                financing = await supplier.financing.get("financing-0001")
                if financing.state == lending.FINANCING_STATE_DISBURSED:
                    raise Unexpected("the same invoice was financed twice")
                return financing if financing.state == lending.FINANCING_STATE_REJECTED else None

            financing = await until(look, "the second financing to be refused")
            if "CLAIM_ALREADY_FINANCED" not in [reason.code for reason in financing.reasons]:
                raise Unexpected(f"refused for another reason: {_plain(financing)}")
            # No account was ever opened for the supplier at this bank: no money came.
            await refused(supplier.sandbox.balance(self._supplier.uscc), "NOT_FOUND")
            return _plain(financing)

        return act

    def _disclosed_at(self, other: HubPlace) -> Callable[[], Awaitable[Any]]:
        return lambda: disclosed(self._site, self._hub, other)

    # --- the due date

    async def _move_clock(self) -> Any:
        operator = await self._operator(self._hub)
        noon = dt.datetime.combine(self._due, dt.time(12), CHINA)
        return {"now": (await operator.sandbox.move_clock(noon, call=Call("move-clock-1"))).isoformat()}

    async def _cleared(self) -> Any:
        buyer = await self._client(self._hub, self._buyer)
        second = await self._client(self._hub, self._second)
        supplier = await self._client(self._hub, self._supplier)

        async def look() -> receivables.Receivable | None:
            found = await buyer.receivables.get(self._receivable_id)
            return found if found.state == receivables.RECEIVABLE_STATE_SETTLED else None

        settled = await until(look, "the receivable to be settled")
        loan = await second.loans.get(self._loan_id)
        redeemed = [
            await second.certificates.get("certificate-second"),
            await supplier.certificates.get("certificate-kept"),
        ]
        if loan.state != loans.LOAN_STATE_CLOSED:
            raise Unexpected(f"the loan is not closed: {_plain(loan)}")
        if any(one.state != certificates.CERTIFICATE_STATE_REDEEMED for one in redeemed):
            raise Unexpected(f"not redeemed: {[_plain(one) for one in redeemed]}")
        balances = await self._balances()
        return {"receivable": _plain(settled), "loan": _plain(loan), "balances_fen": balances}

    async def _posted_in_erp(self) -> Any:
        """The buyer's own general ledger says what the bank's books say, and its invoice is paid."""
        operator = await self._operator(self._hub)

        async def look() -> erp_ledger.ErpPayment | None:
            found = [one async for one in operator.reconciliation.erp_payments(self._buyer.uscc)]
            posted = [one for one in found if one.receivable_id == self._receivable_id and one.entry_number]
            return posted[0] if posted else None

        payment = await until(look, "the payment to be posted in Tryton")
        compared = await operator.reconciliation.reconcile_erp(self._buyer.uscc, call=Call("reconcile-erp"))
        agrees = compared.compared_payments and not compared.open_case_ids
        if not agrees or payment.amount.amount_fen != self._amount_fen:
            raise Unexpected(f"not {self._amount_fen} fen in both ledgers: {_plain(payment)}, {_plain(compared)}")
        async with aiohttp.ClientSession() as http:
            row = [int(payment.invoice_document_id.removeprefix("invoice-"))]
            invoice = (await self._tryton(http).read("account.invoice", row, ["state"]))[0]
        if invoice["state"] != "paid":
            raise Unexpected(f"the invoice is {invoice['state']} in Tryton")
        return {"payment": _plain(payment), "compared": _plain(compared), "invoice": "paid"}

    async def _balances(self) -> dict[str, int]:
        """What each party holds; the buyer must have paid the receivable, the first tier must have got its part."""
        balances = {}
        for party in (self._buyer, self._supplier, self._second):
            balances[party.company.key] = await (await self._client(self._hub, party)).sandbox.balance(party.uscc)
        if balances[self._buyer.company.key] != BUYER_FUNDS_FEN - self._amount_fen:
            raise Unexpected(f"the buyer paid another amount than {self._amount_fen} fen: {balances}")
        if balances[self._supplier.company.key] != self._amount_fen // 3:
            raise Unexpected(f"the first tier did not get its part: {balances}")
        return balances

    # --- receipts

    async def _more_receipts(self) -> Any:
        wanted = {
            "certificate-issued": (self._buyer, "certificate-issued:certificate-root"),
            "certificate-accepted": (self._supplier, "certificate-accepted:certificate-root"),
            "certificate-split": (self._supplier, "certificate-split:certificate-root"),
            "certificate-transferred": (self._supplier, "certificate-transferred:certificate-second"),
            "financing-disbursed": (self._second, "financing-disbursed:financing-0001"),
        }
        return [await self._receipt(party, record, name) for name, (party, record) in wanted.items()]

    async def _clearing_receipts(self) -> Any:
        wanted = {
            "certificate-redeemed": (self._second, "certificate-redeemed:certificate-second"),
            "receivable-settled": (self._buyer, f"receivable-settled:{self._receivable_id}"),
        }
        return [await self._receipt(party, record, name) for name, (party, record) in wanted.items()]

    async def _receipt(self, party: Party, record_id: str, name: str) -> Any:
        client = await self._client(self._hub, party)
        receipt = await receipt_of(client, record_id)
        path = self._receipts / f"{name}.json"
        path.write_bytes(receipt)
        return {"record_id": record_id, "file": path.name, "bytes": len(receipt)}

    # --- helpers

    def _tryton(self, http: aiohttp.ClientSession) -> TrytonClient:
        return TrytonClient(
            http, base_url=self._site.tryton_url, database=DATABASE, user=ADMIN_USER, password=ADMIN_PASSWORD
        )

    async def _client(self, hub: HubPlace, party: Party) -> Huilian:
        return await self._kept(hub, party.uscc, lambda: client_of(self._site, hub, party))

    async def _operator(self, hub: HubPlace) -> Huilian:
        return await self._kept(hub, "operator", lambda: operator_of(self._site, hub))

    async def _kept(self, hub: HubPlace, who: str, connect: Callable[[], Huilian]) -> Huilian:
        """One connection for each party at each hub, however often a step is repeated."""
        if (hub.name, who) not in self._clients:
            self._clients[hub.name, who] = await self._stack.enter_async_context(connect())
        return self._clients[hub.name, who]

    async def _today(self) -> dt.date:
        return (await (await self._operator(self._hub)).sandbox.now()).astimezone(CHINA).date()


def _plain(message: Message) -> Any:
    return json.loads(json.dumps(MessageToDict(message, preserving_proto_field_name=True)))
