"""The port `ErpLedgers`: a general ledger in memory, which posts once per payment id as a connector does."""

from __future__ import annotations

from collections.abc import Sequence

from huilian_protocol.errors import HuilianError

from hub.lending.erp.rules import ErpEntry, ErpPayment


class FakeErpLedgers:
    """`buyers` have an ERP; nobody has one until a test says so."""

    def __init__(self) -> None:
        self.buyers: set[str] = set()
        self.entries: list[ErpEntry] = []
        self.refusal: HuilianError | None = None
        self.lose_answers = False
        self.calls = 0

    def has(self, buyer_uscc: str) -> bool:
        return buyer_uscc in self.buyers

    async def record_payment(self, payment: ErpPayment) -> str:
        self.calls += 1
        if self.refusal is not None:
            raise self.refusal
        known = [entry for entry in self.entries if entry.payment_id == payment.payment_id]
        if not known:
            self.post(payment.invoice_document_id, payment.payment_id, payment.amount_fen, payment)
        if self.lose_answers:
            raise HuilianError("PROVIDER_TIMEOUT", provider="ERP")
        return f"MOVE-{payment.payment_id}"

    def post(self, invoice: str, payment_id: str, debit_fen: int, like: ErpPayment) -> None:
        """Whoever posts it: one more entry, of the day of a payment."""
        sides = (max(debit_fen, 0), max(-debit_fen, 0))
        self.entries.append(ErpEntry(f"entry-{len(self.entries)}", invoice, payment_id, like.value_date, *sides))

    async def ledger_entries(self, buyer_uscc: str, invoice_document_ids: Sequence[str]) -> list[ErpEntry]:
        assert buyer_uscc in self.buyers
        return [entry for entry in self.entries if entry.invoice_document_id in invoice_document_ids]
