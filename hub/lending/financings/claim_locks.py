"""Our lock on a receivable or an order: taken before the first loan on it, shared by all, given up with the last.

It has two halves, the chain's and the register's: PENDING until both say that the receivable is ours.
"""

from __future__ import annotations

from huilian_protocol.errors import HuilianError

from hub.lending.auctions import stored as stored_auctions
from hub.lending.financings import stored
from hub.lending.loans import stored as stored_loans
from hub.lending.orders import stored as stored_order_loans
from hub.lending.ports import Claims, Receivables
from hub.lending.registrations.desk import Registrations
from hub.lending.registrations.stored import Registration
from hub.lending.store import ClaimRow
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.legal_rules import QUERY_FIRST
from hub.receivables.service import Receivable
from ledger.registry.fingerprints import InvoiceIdentity

PRIOR_REGISTRATION = "他人登记在先 / another secured party registered first"
ORDER = "order:"
PENDING, FINANCED, REFUSED, RELEASED = "PENDING", "FINANCED", "REFUSED", "RELEASED"


class ClaimLocks:
    """Every call runs inside the caller's transaction."""

    def __init__(
        self, database: Database, ids: Ids, claims: Claims, registrations: Registrations, receivables: Receivables
    ) -> None:
        self._registrations = registrations
        self._receivables = receivables
        self._database = database
        self._ids = ids
        self._claims = claims

    async def ensure(self, resource: str, identity: InvoiceIdentity) -> tuple[str, str]:
        """Id and state (PENDING or FINANCED) of the claim on a receivable's id or an order's name; asked for if there
        is none. `identity` is what other banks know it by.
        """
        await self._lock(resource)
        row = await stored.live_claim(resource)
        if row is None:
            row = await stored.add_claim(self._ids(), resource)
            await self._registrations.open(row.claim_id, identity)
            await self._claims.request(row.claim_id, identity)
        return row.claim_id, await self._standing(row)

    async def decided(self, claim_id: str, state: str) -> bool:
        """Takes the chain's answer; whether it decides the claim. One that is ours there waits for the register."""
        claim = await self._locked(claim_id)
        if claim.state != PENDING:
            return False
        if state == FINANCED:
            await self._registrations.start(claim_id)
            return False
        await stored.set_claim(claim_id, state)
        return True

    async def registered(self, claim_id: str, ours: bool) -> None:
        """Takes the register's answer on a claim that is ours on the chain, under its lock.

        A registration that was made anew decides no claim: loans rest on it.
        """
        claim = await stored.find_claim(claim_id)
        if claim is None or claim.state != PENDING:
            return
        await stored.set_claim(claim_id, FINANCED if ours else REFUSED)
        if not ours:
            await self._claims.release(claim_id)

    async def lock(self, claim_id: str) -> None:
        """Lock a claim until the transaction ends. Raises NOT_FOUND."""
        await self._locked(claim_id)

    async def refusal(self, claim_id: str) -> HuilianError:
        """Why a claim was refused, in the catalogue's words."""
        if await self._registrations.conflicted(claim_id):
            return HuilianError("REGISTRATION_CONFLICT", reason=PRIOR_REGISTRATION, rule=QUERY_FIRST)
        return HuilianError("CLAIM_ALREADY_FINANCED")

    async def state(self, claim_id: str) -> str:
        """A claim's state for new money, under its lock: PENDING also while its registration is made anew, REFUSED when
        another's came first meanwhile.
        """
        return await self._standing(await self._locked(claim_id))

    async def content(self, claim_id: str) -> int | None:
        """What a claim's registration is over today, in fen: what is still owed on the receivable, what is still to be
        delivered of the order's lines that were lent on. None when that is nothing.
        """
        claim = await stored.find_claim(claim_id)
        if claim is None:
            return None
        if claim.receivable_id.startswith(ORDER):
            lines = await stored_order_loans.lines_of(claim.receivable_id.removeprefix(ORDER))
            return sum(line.open_fen for line in lines) or None
        return (await self._receivables.get_receivable(claim.receivable_id)).unpaid_fen or None

    async def registration(self, receivable_id: str) -> Registration | None:
        """The registration of the live claim on a receivable, or None."""
        claim = await stored.live_claim(receivable_id)
        return None if claim is None else await self._registrations.of_claim(claim.claim_id)

    async def changed(self, receivable_id: str, why: str) -> None:
        """Less is owed on a receivable than before: its registration is looked at, and amended."""
        claim = await stored.live_claim(receivable_id)
        if claim is not None:
            await self.looked_at(claim.claim_id, why)

    async def looked_at(self, claim_id: str, why: str) -> None:
        """Have a claim's registration looked at soon; once for each `why`."""
        await self._registrations.queue_look(claim_id, why)

    async def settled(self, receivable_id: str) -> None:
        """Nothing is owed on a receivable any more: its registration ends, for there is nothing left that it secures.

        The lock on the chain stays: nobody is to lend on an invoice that is paid.
        """
        claim = await stored.live_claim(receivable_id)
        if claim is not None:
            await self._locked(claim.claim_id)
            await self._registrations.release(claim.claim_id)

    async def voided(self, receivable_id: str) -> None:
        """A receivable is no more: where no loan rests on its claim any longer, as when the buyer paid it, nobody else
        would give the claim up.
        """
        claim = await stored.live_claim(receivable_id)
        if claim is not None:
            await self.release_if_unused(claim.claim_id)

    async def release_if_unused(self, claim_id: str) -> None:
        """Gives a claim up once no open loan, signed application or pending conversion rests on it."""
        claim = await self._locked(claim_id)
        if claim.state not in {PENDING, FINANCED}:
            return
        if await stored_loans.open_on_claim(claim_id) or await stored.ids_on_claim(claim_id):
            return
        if await stored_order_loans.waits_on_claim(claim_id) or await stored_auctions.awarded_on_claim(claim_id):
            return
        await stored.set_claim(claim_id, RELEASED)
        await self._claims.release(claim_id)
        await self._registrations.release(claim_id)

    async def _standing(self, claim: ClaimRow) -> str:
        if claim.state != FINANCED:
            return claim.state
        return {True: FINANCED, None: PENDING, False: REFUSED}[await self._registrations.stands(claim.claim_id)]

    async def _locked(self, claim_id: str) -> ClaimRow:
        claim = await stored.find_claim(claim_id)
        if claim is None:
            raise HuilianError("NOT_FOUND", resource="claim")
        await self._lock(claim.receivable_id)
        again = await stored.find_claim(claim_id)
        assert again is not None, "a claim is never deleted"
        return again

    async def _lock(self, receivable_id: str) -> None:
        await self._database.lock("lending-claim", receivable_id)


def invoice_identity(receivable: Receivable) -> InvoiceIdentity:
    """What other banks know a receivable by."""
    return InvoiceIdentity(
        seller_uscc=receivable.supplier_uscc,
        buyer_uscc=receivable.buyer_uscc,
        invoice_number=receivable.invoice_number,
        amount_fen=receivable.invoiced_fen,
        issue_date=receivable.issue_date,
    )
