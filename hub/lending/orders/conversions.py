"""What becomes of an order loan when goods come, or do not.

- A receivable that the buyer confirms is pledged in the same transaction (Civil Code §440(6), §761: future receivables
  are pledged and assigned in advance), and its own claim is asked for.
- Once that claim is ours, a loan on the receivable repays its part of the order loan: no money leaves the bank.
- Where another bank holds the claim, and where the buyer cancels, that part of the principal is called in.
- A receivable that is given up, or whose invoice is taken back, takes nothing over: its goods can be billed anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import DecisionTables
from hub.lending.financings.claim_locks import FINANCED, REFUSED, ClaimLocks, invoice_identity
from hub.lending.limits.desk import Limits, Parties, limit_id
from hub.lending.loans.desk import CONVERSION, Loans, Opening
from hub.lending.loans.model import Loan
from hub.lending.orders import rules as order_rules
from hub.lending.orders import stored
from hub.lending.orders.rules import ApplicationState, OrderLine
from hub.lending.orders.stored import CONVERTED, PENDING, Conversion, OrderApplication
from hub.lending.ports import Mandates, Receivables
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.referrals.desk import Referrals
from hub.lending.warnings.desk import EarlyWarnings
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.outbox import Message, Outbox
from hub.receivables.service import FrozenKind, Receivable, ReceivableState

CONVERT_TOPIC, CHANGED_TOPIC = "lending.convert", "lending.order-changed"
UNSOUND = (
    ReceivableState.DRAFT,
    ReceivableState.MATCHED,
    ReceivableState.DISPUTED,
    ReceivableState.DILUTED,
    ReceivableState.VOID,
)
"""Disputed or diluted since it was pledged, and not confirmed anew, or given up: it secures nothing."""


@dataclass(frozen=True)
class OrderDesk:
    """What the desk for order loans works with; `receivable_product` is what delivered goods are lent on."""

    database: Database
    clock: Clock
    ids: Ids
    outbox: Outbox
    receivables: Receivables
    mandates: Mandates
    loans: Loans
    limits: Limits
    claims: ClaimLocks
    decisions: DecisionLog
    tables: DecisionTables
    referrals: Referrals
    warnings: EarlyWarnings
    records: Records
    product: Product
    receivable_product: Product


class Conversions:
    """Use cases; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, desk: OrderDesk, closed: Callable[[Loan], Awaitable[None]]) -> None:
        """Registers the handlers of its topics with the outbox; `closed` is told of a loan that is repaid."""
        self._desk = desk
        self._closed = closed
        desk.outbox.register(CONVERT_TOPIC, self.convert)
        desk.outbox.register(CHANGED_TOPIC, self.order_changed)

    async def claim_decided(self, claim_id: str) -> None:
        """The chain answered on a claim: receivables that waited for it go on."""
        for conversion in await stored.conversions_on(claim_id=claim_id, state=PENDING):
            await self._put(conversion)

    async def receivable_confirmed(self, receivable: Receivable) -> None:
        """The buyer confirmed a receivable: where its goods were lent on as an order, it is pledged at once."""
        delivered = await self._desk.receivables.delivered_fen(receivable)
        orders = {order_id for order_id, _ in delivered}
        for application in await stored.open_on_orders(receivable.buyer_uscc, orders):
            await self._take_as_security(application, receivable)

    async def receivable_voided(self, receivable: Receivable) -> None:
        """A receivable is no more: what still waited for its claim ends. Its claim goes with the last that needs it."""
        for conversion in await stored.conversions_on(receivable_id=receivable.receivable_id, state=PENDING):
            await self._look_again(conversion)
        await self._desk.claims.voided(receivable.receivable_id)

    async def convert(self, message: Message) -> None:
        """The claim on a pledged receivable was decided: it takes over its part of the order loan, or it does not.

        Opens its own transaction; again it changes nothing.
        """
        async with self._desk.database.transaction():
            conversion_id = str(message.payload["id"])
            loan_id, receivable_id = conversion_id.split(":")
            # The receivable before the order loan, as where it is confirmed: a dispute comes before all of this or
            # after it, never in between.
            receivable = await self._desk.receivables.lock_receivable(receivable_id)
            application = await self._lock(loan_id)
            conversion = await stored.find_conversion(conversion_id)
            if conversion is None or conversion.state != PENDING:
                return
            claim_state = await self._desk.claims.state(conversion.claim_id)
            if receivable.state is ReceivableState.VOID:
                await self._end_without(application, conversion)
            elif receivable.state in UNSOUND:
                return  # it goes on once the receivable is confirmed anew
            elif claim_state == FINANCED:
                await self._take_over(application, conversion, receivable)
            elif claim_state == REFUSED:
                await self._lose(application, conversion, receivable)

    async def orders_changed(self, buyer_uscc: str, order_document_ids: frozenset[str]) -> None:
        """There is news about orders of a buyer: loans on them are looked at."""
        for application in await stored.open_on_orders(buyer_uscc, order_document_ids):
            await self._desk.outbox.put(CHANGED_TOPIC, self._desk.ids(), {"id": application.loan_id})

    async def order_changed(self, message: Message) -> None:
        """Calls in the principal on what the buyer cancelled. Opens its own transaction; again it changes nothing."""
        async with self._desk.database.transaction():
            application = await self._lock(str(message.payload["id"]))
            if application.state is not ApplicationState.DISBURSED:
                return
            order = await self._desk.receivables.find_order(application.buyer_uscc, application.order_document_id)
            ordered = order.ordered_fen
            for line in await stored.lines_of(application.loan_id):
                expected_fen = line.billed_before_fen + line.ordered_fen - line.cancelled_fen
                gone_fen = expected_fen - ordered.get(line.line_id, 0)
                await self._call_in(application.loan_id, line, gone_fen)
            await self._less_to_come(application)

    async def loan_closed(self, loan: Loan) -> None:
        """A loan on a receivable was repaid: the receivable is free."""
        for conversion in await stored.conversions_on(receivable_loan_id=loan.record.loan_id):
            await self._free(conversion)

    async def secured_on(self, receivable_id: str) -> list[Loan]:
        """The open loans that a pledged receivable secures, as of today."""
        taken_over = await stored.conversions_on(receivable_id=receivable_id, state=CONVERTED)
        ids = [conversion.receivable_loan_id for conversion in taken_over if conversion.receivable_loan_id]
        loans = [await self._desk.loans.find(loan_id) for loan_id in ids]
        return [loan for loan in loans if not loan.record.closed]

    async def shortfall_fen(self, loan: Loan) -> int:
        """By how much the principal of a loan is above what its receivables are worth today, at the advance rate."""
        secured_fen = 0
        for conversion in await stored.conversions_on(receivable_loan_id=loan.record.loan_id):
            receivable = await self._desk.receivables.get_receivable(conversion.receivable_id)
            delivered = {} if receivable.state in UNSOUND else await self._desk.receivables.delivered_fen(receivable)
            application = await stored.find(conversion.loan_id)
            assert application is not None, "a conversion has its order loan: a foreign key says so"
            lines = await stored.lines_of(conversion.loan_id)
            billed_fen = sum(delivered.get((application.order_document_id, line.line_id), 0) for line in lines)
            secured_fen += order_rules.share_of(self._desk.receivable_product.advance_rate, billed_fen)
        return max(0, int(loan.owed.principal_fen) - secured_fen)

    async def _take_as_security(self, application: OrderApplication, receivable: Receivable) -> None:
        await self._desk.database.lock("order-loan", application.loan_id)
        before = await stored.find_conversion(f"{application.loan_id}:{receivable.receivable_id}")
        if before is not None and before.state != PENDING:
            # Confirmed anew after a dispute: it converted before, or it was lost to another bank.
            return
        if await self._desk.receivables.is_frozen(FrozenKind.RECEIVABLE, receivable.receivable_id):
            return
        held = await self._desk.receivables.get_receivable(receivable.receivable_id)
        if (
            held.state is ReceivableState.CONFIRMED and not held.direct_fen
        ):  # part paid it is due: nothing is lent on it
            await self._desk.receivables.pledge(receivable.receivable_id, application.loan_id)
        claim_id, claim_state = await self._desk.claims.ensure(receivable.receivable_id, invoice_identity(receivable))
        if before is not None:
            # Its claim may have been decided while it was disputed or diluted: it is looked at again.
            await self._look_again(before)
            return
        conversion = Conversion(
            loan_id=application.loan_id,
            receivable_id=receivable.receivable_id,
            state=PENDING,
            claim_id=claim_id,
            receivable_loan_id=None,
            principal_fen=0,
            lent_fen=0,
            created_at=self._desk.clock.now(),
        )
        await stored.add_conversion(conversion)
        if claim_state == FINANCED:
            await self._put(conversion)

    async def _take_over(self, application: OrderApplication, conversion: Conversion, receivable: Receivable) -> None:
        """Books the goods as delivered; a loan on the receivable repays their part of the order loan with its interest.

        What the receivable does not secure stays on the order loan as called in.
        """
        leaves_fen = secured_fen = 0
        for line, billed_fen in await self._billed(application, receivable):
            moved, part = order_rules.deliver(line, billed_fen, self._desk.receivable_product.advance_rate)
            await stored.set_line(application.loan_id, moved)
            leaves_fen += part.principal_fen
            secured_fen += order_rules.share_of(self._desk.receivable_product.advance_rate, billed_fen)
        loan = await self._desk.loans.locked(application.loan_id)
        owed_fen = min(leaves_fen + int(loan.owed.interest_fen + loan.owed.fees_fen), int(loan.owed.total_fen))
        due_fen = int(loan.owed.interest_fen + loan.owed.fees_fen)
        lent_fen = min(owed_fen, secured_fen, await self._free_limit_fen(application, receivable, due_fen))
        ended = replace(conversion, state=CONVERTED, principal_fen=leaves_fen)
        if lent_fen > 0 and leaves_fen > 0 and self._today() < receivable.due_date:
            loan_id = await self._lend_on(application, conversion, receivable, lent_fen, max(0, lent_fen - due_fen))
            ended = replace(ended, receivable_loan_id=loan_id, lent_fen=lent_fen)
        await stored.end_conversion(ended)
        await self._less_to_come(application)
        await self._desk.records.conversion(application, ended)
        if ended.receivable_loan_id is None:
            await self._free(ended)
        if ended.lent_fen:
            # The limits passed from loan to loan above, in one step.
            borrower = loan.record.borrower
            take = self._desk.loans.take
            after = await take(loan, ended.lent_fen, borrower, frees_limit=False, settled_by=CONVERSION)
            if after.record.closed:
                await self._closed(after)

    async def _lend_on(
        self,
        application: OrderApplication,
        conversion: Conversion,
        receivable: Receivable,
        lent_fen: int,
        given_back_fen: int,
    ) -> str:
        product, loan_id = self._desk.receivable_product, self._desk.ids()
        identity = limit_id(product.product_id, receivable.buyer_uscc)
        parties = self._parties(application, receivable)
        await self._desk.limits.take_over(identity, loan_id, lent_fen, parties, application.loan_id, given_back_fen)
        opening = Opening(
            loan_id=loan_id,
            borrower=application.applicant_uscc,
            is_person=False,
            revolving=False,
            terms=product.terms_of(application.converted_rate, self._today(), receivable.due_date),
            limit_fen=lent_fen,
            principal_fen=lent_fen,
            fee_fen=0,
            claim_id=conversion.claim_id,
        )
        await self._desk.loans.open(opening, evidence={})
        return loan_id

    async def _free_limit_fen(self, application: OrderApplication, receivable: Receivable, due_fen: int) -> int:
        product = self._desk.receivable_product
        identity = limit_id(product.product_id, receivable.buyer_uscc)
        await self._desk.limits.ensure(identity, product.party_limit_fen)
        parties = self._parties(application, receivable)
        return await self._desk.limits.room_fen(identity, parties, application.loan_id, due_fen)

    def _parties(self, application: OrderApplication, receivable: Receivable) -> Parties:
        return Parties(self._desk.receivable_product.product_id, receivable.buyer_uscc, application.applicant_uscc)

    async def _lose(self, application: OrderApplication, conversion: Conversion, receivable: Receivable) -> None:
        """Another bank holds the invoice: its goods secure nothing here, and their principal is called in."""
        called_fen = 0
        for line, billed_fen in await self._billed(application, receivable):
            called_fen += await self._call_in(application.loan_id, line, billed_fen)
        await self._end_without(application, conversion, called_fen)
        await self._less_to_come(application)

    async def _end_without(self, application: OrderApplication, conversion: Conversion, called_fen: int = 0) -> None:
        """The receivable takes nothing over; so much principal left the order loan's lines all the same."""
        ended = replace(conversion, state=stored.REFUSED, principal_fen=called_fen)
        await stored.end_conversion(ended)
        await self._desk.records.conversion(application, ended)
        await self._free(ended)

    async def _billed(self, application: OrderApplication, receivable: Receivable) -> list[tuple[OrderLine, int]]:
        """The loan's lines that the receivable bills, each with how much of what is open, in fen."""
        delivered = await self._desk.receivables.delivered_fen(receivable)
        billed = []
        for line in await stored.lines_of(application.loan_id):
            fen = min(delivered.get((application.order_document_id, line.line_id), 0), line.open_fen)
            if fen > 0:
                billed.append((line, fen))
        return billed

    async def _call_in(self, loan_id: str, line: OrderLine, gone_fen: int) -> int:
        part_fen = min(gone_fen, line.open_fen)
        if part_fen <= 0:
            return 0
        after, called_fen = order_rules.cancel(line, part_fen)
        await stored.set_line(loan_id, after)
        return called_fen

    async def _free(self, conversion: Conversion) -> None:
        """Gives a pledged receivable back when it secures nothing any more; its claim too."""
        waiting = await stored.conversions_on(receivable_id=conversion.receivable_id, state=PENDING)
        if waiting or await self.secured_on(conversion.receivable_id):
            return
        receivable = await self._desk.receivables.get_receivable(conversion.receivable_id)
        if receivable.state is ReceivableState.PLEDGED:
            await self._desk.receivables.release_pledge(conversion.receivable_id, conversion.loan_id)
        # Also of a receivable that was disputed meanwhile: it secures nothing here any more.
        await self._desk.claims.release_if_unused(conversion.claim_id)

    async def _less_to_come(self, application: OrderApplication) -> None:
        """What is left to be delivered may have changed: the order's registration is amended, once for each amount."""
        if application.claim_id is not None:
            left_fen = sum(line.open_fen for line in await stored.lines_of(application.loan_id))
            await self._desk.claims.looked_at(application.claim_id, f"left-{left_fen}")

    async def _lock(self, loan_id: str) -> OrderApplication:
        await self._desk.database.lock("order-loan", loan_id)
        application = await stored.find(loan_id)
        if application is None:
            raise HuilianError("NOT_FOUND", resource="order loan")
        return application

    async def _look_again(self, conversion: Conversion) -> None:
        """Even if the message that its claim was decided was delivered before."""
        await self._desk.outbox.put(CONVERT_TOPIC, self._desk.ids(), {"id": conversion.id})

    async def _put(self, conversion: Conversion) -> None:
        await self._desk.outbox.put(CONVERT_TOPIC, conversion.id, {"id": conversion.id})

    def _today(self) -> date:
        return business_date(self._desk.clock.now())
