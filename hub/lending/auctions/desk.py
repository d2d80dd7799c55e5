"""Funders bid for a loan on a certificate: sealed bids with their money in escrow, best rate wins, a tie by time.

open (certificate blocked) -> bids are committed to until `closes_at`, opened until `reveals_until` -> award -> claim on
the chain -> the winner's money to the holder. The loan is the funder's, held by the bank (委托贷款): what comes back is
passed on. The holder set the highest rate, so that an award binds both. Locks: auction, claim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.lending.auctions import stored
from hub.lending.auctions.rules import (
    AuctionState,
    Bid,
    BidState,
    check_bidding,
    check_opening,
    check_revealing,
    winner,
)
from hub.lending.auctions.stored import Auction
from hub.lending.financings.claim_locks import FINANCED, REFUSED, ClaimLocks, invoice_identity
from hub.lending.loans.bookings import entrusted_account
from hub.lending.loans.desk import Loans, Opening
from hub.lending.ports import Mandates, Receivables
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.rounds import each
from hub.lending.rules import check_term, principal_on_certificate
from hub.lending.standing import no_longer_verified
from hub.lending.warnings.stops import Act, Asked, RedStops
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.paging import Page
from hub.receivables.service import Certificate, CertificateState

FUND_TOPIC = "lending.fund"
BATCH = 100
_S = AuctionState


@dataclass(frozen=True)
class AuctionDesk:
    """What the desk for auctions works with."""

    database: Database
    clock: Clock
    outbox: Outbox
    bank: BankCore
    receivables: Receivables
    mandates: Mandates
    stops: RedStops
    loans: Loans
    claims: ClaimLocks
    records: Records
    product: Product


@dataclass(frozen=True)
class Wish:
    """What a holder offers to funders; `wanted_fen` 0 asks for the most that the product gives."""

    auction_id: str
    certificate_id: str
    wanted_fen: int
    highest_rate: Decimal
    bidding: timedelta
    revealing: timedelta


class Auctions:
    """Use cases; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, desk: AuctionDesk) -> None:
        """Registers the handler of its topic with the outbox."""
        self._desk = desk
        desk.outbox.register(FUND_TOPIC, self.fund)

    async def admit(self, uscc: str) -> None:
        """An enterprise may bid from now on; the policy says who decides that."""
        await stored.admit(uscc, self._now())

    async def open(self, holder: str, wish: Wish) -> Auction:
        """Offers a held certificate to funders; it is blocked until the auction ends.

        Raises NOT_FOUND, ALREADY_EXISTS, STATE_CONFLICT, TERM_TOO_LONG, AMOUNT_EXCEEDS_RECEIVABLE, INVALID_ARGUMENT,
        PERMISSION_DENIED (no signer of the holder agreed). STATE_CONFLICT also where a red warning stands.
        """
        await self._lock(wish.auction_id)
        await self._desk.loans.take_id(wish.auction_id, "auction")
        certificate = await self._desk.receivables.get_certificate(wish.certificate_id)
        if certificate.holder_uscc != holder:
            raise HuilianError("NOT_FOUND", resource="certificate")
        if certificate.state is not CertificateState.HELD:
            raise HuilianError("STATE_CONFLICT", state=certificate.state)
        now = self._now()
        check_term(self._desk.product, business_date(now + wish.bidding + wish.revealing), certificate.due_date)
        auction = Auction(
            auction_id=wish.auction_id,
            state=_S.OPEN,
            certificate_id=wish.certificate_id,
            receivable_id=certificate.receivable_id,
            holder_uscc=holder,
            buyer_uscc=certificate.issuer_uscc,
            principal_fen=principal_on_certificate(self._desk.product, wish.wanted_fen, certificate.amount_fen),
            highest_rate=wish.highest_rate,
            due_date=certificate.due_date,
            closes_at=now + wish.bidding,
            reveals_until=now + wish.bidding + wish.revealing,
            claim_id=None,
            created_at=now,
        )
        await self._desk.stops.check(_asked(Act.OPEN_AUCTION, auction))
        await self._desk.mandates.require_mandate(holder, Power.FINANCE, wish.auction_id, auction.principal_fen)
        await self._desk.receivables.block_for_financing(wish.certificate_id, wish.auction_id)
        await stored.add(auction)
        await self._desk.records.auction("opened", auction)
        return auction

    async def bid(self, funder: str, auction_id: str, bid_id: str, commitment: bytes) -> Bid:
        """Commits a funder to a rate that nobody sees yet; the principal goes to escrow.

        Raises NOT_FOUND, PERMISSION_DENIED (no funder, a party of the certificate, or no signer agreed), STATE_CONFLICT
        (too late, or a second bid), ALREADY_EXISTS, INSUFFICIENT_FUNDS.
        """
        auction = await self._locked(auction_id)
        check_bidding(auction.state, auction.closes_at, self._now())
        if not await stored.is_funder(funder) or funder in (auction.holder_uscc, auction.buyer_uscc):
            raise HuilianError("PERMISSION_DENIED", "funders bid, and not on what is their own")
        if await stored.find_bid(bid_id) is not None:
            raise HuilianError("ALREADY_EXISTS", resource="bid")
        bids = await stored.bids_of(auction_id)
        if any(other.funder == funder for other in bids):
            raise HuilianError("STATE_CONFLICT", "one bid of a funder counts", state=BidState.SEALED)
        await self._desk.mandates.require_mandate(funder, Power.FUND, bid_id, auction.principal_fen)
        bid = Bid(bid_id, auction_id, funder, commitment, len(bids), BidState.SEALED, None, self._now())
        await stored.add_bid(bid)
        await self._desk.bank.open_account(_escrow(bid), funder, AccountKind.ESCROW)
        await self._move(f"bid:{bid_id}", deposit_account(funder), _escrow(bid), auction.principal_fen)
        await self._desk.records.bid("placed", bid)
        return bid

    async def reveal(self, funder: str, bid_id: str, annual_rate: Decimal, salt: bytes) -> Bid:
        """Opens a bid once no more are taken. A bid that nobody opens is lost, and its money given back.

        Raises NOT_FOUND, STATE_CONFLICT (too early, too late, open already), INVALID_ARGUMENT.
        """
        bid = await stored.find_bid(bid_id)
        if bid is None or bid.funder != funder:
            raise HuilianError("NOT_FOUND", resource="bid")
        auction = await self._locked(bid.auction_id)
        check_revealing(auction.state, auction.closes_at, auction.reveals_until, self._now())
        check_opening(bid, annual_rate, salt, auction.highest_rate)
        revealed = replace(bid, state=BidState.REVEALED, annual_rate=annual_rate)
        await stored.set_bid(revealed)
        await self._desk.records.bid("revealed", revealed)
        return revealed

    async def withdraw(self, holder: str, auction_id: str) -> Auction:
        """Takes the certificate back while bids are sealed. Raises NOT_FOUND, STATE_CONFLICT."""
        auction = await self._locked(auction_id)
        if auction.holder_uscc != holder:
            raise HuilianError("NOT_FOUND", resource="auction")
        check_bidding(auction.state, auction.closes_at, self._now())
        return await self._end(auction, _S.WITHDRAWN, "withdrawn")

    async def get(self, caller: str, auction_id: str) -> tuple[Auction, list[Bid]]:
        """An auction with the bids that the caller may see: its own, and to everybody in it those that won.

        Raises NOT_FOUND for somebody who is neither its holder nor a funder.
        """
        auction = await stored.find(auction_id)
        if caller != auction.holder_uscc and not await stored.is_funder(caller):
            raise HuilianError("NOT_FOUND", resource="auction")
        bids = await stored.bids_of(auction_id)
        return auction, [bid for bid in bids if bid.funder == caller or bid.state is BidState.WON]

    async def list_open(self, caller: str, size: int, token: str) -> Page[Auction]:
        """What a funder may bid for, newest first. Raises PERMISSION_DENIED, INVALID_ARGUMENT for a foreign token."""
        if not await stored.is_funder(caller):
            raise HuilianError("PERMISSION_DENIED", "for funders")
        return await stored.page_of_open(self._now(), size, token)

    async def claim_decided(self, claim_id: str) -> None:
        """The chain answered on a claim: the auctions that waited for it go on."""
        for auction_id in await stored.awarded_on_claim(claim_id):
            await self._put(auction_id)

    async def award(self) -> int:
        """Awards the auctions whose time to reveal is over; how many. Opens a transaction for each."""
        ids = await stored.ids_to_award(self._now(), BATCH)

        async def one(auction_id: str) -> None:
            async with self._desk.database.transaction():
                auction = await self._locked(auction_id)
                if auction.state is _S.OPEN:
                    await self._award(auction)

        await each(ids, one, str)
        return len(ids)

    async def fund(self, message: Message) -> None:
        """Pays an awarded auction out whose claim is ours, ends one whose claim or invoice was refused.

        Opens its own transaction; again it changes nothing.
        """
        waiting = await stored.find(str(message.payload["id"]))
        if waiting.state is _S.AWARDED:
            await self._desk.receivables.verify_invoice(waiting.receivable_id)
        async with self._desk.database.transaction():
            auction = await self._locked(str(message.payload["id"]))
            if auction.state is not _S.AWARDED or auction.claim_id is None:
                return
            claim_state = await self._desk.claims.state(auction.claim_id)
            if claim_state == REFUSED or (claim_state == FINANCED and self._today() >= auction.due_date):
                await self._end(auction, _S.FAILED, "failed")
            elif claim_state == FINANCED:
                await self._pay_out_if_lendable(auction)

    async def freezing(self, certificate: Certificate) -> None:
        """A court is about to freeze a certificate: its auction ends and gives it back."""
        if not await stored.exists(certificate.financing_id or ""):
            return
        auction = await self._locked(certificate.financing_id or "")
        if auction.state in (_S.OPEN, _S.AWARDED):
            await self._end(auction, _S.FAILED, "failed")

    async def _award(self, auction: Auction) -> None:
        bids = await stored.bids_of(auction.auction_id)
        best = winner(bids)
        if best is None or await self._desk.stops.is_stopped(_asked(Act.AWARD_AUCTION, auction)):
            await self._end(auction, _S.FAILED, "failed")
            return
        for bid in bids:
            if bid.bid_id != best.bid_id:
                await self._lose(auction, bid)
        await stored.set_bid(replace(best, state=BidState.WON))
        receivable = await self._desk.receivables.get_receivable(auction.receivable_id)
        identity = invoice_identity(receivable)
        claim_id, claim_state = await self._desk.claims.ensure(receivable.receivable_id, identity)
        awarded = await stored.move(auction, _S.AWARDED, claim_id)
        await self._desk.records.auction("awarded", awarded)
        if claim_state == FINANCED:
            await self._put(auction.auction_id)

    async def _pay_out_if_lendable(self, auction: Auction) -> None:
        if await no_longer_verified(self._desk.mandates, auction.holder_uscc, auction.buyer_uscc) is not None:
            await self._end(auction, _S.FAILED, "failed")
            return
        try:
            await self._desk.receivables.require_lendable_now(auction.receivable_id)
        except HuilianError as error:
            if error.code != "INVOICE_REFUSED":
                raise
            await self._end(auction, _S.FAILED, "failed")
        else:
            await self._pay_out(auction)

    async def _pay_out(self, auction: Auction) -> None:
        """The winner's money in escrow becomes what the bank owes the funder, and the bank lends as much."""
        won = winner(await stored.bids_of(auction.auction_id))
        assert won is not None and won.annual_rate is not None, "an awarded auction has a winner"
        loan_id = auction.auction_id
        await self._desk.bank.open_account(entrusted_account(loan_id), won.funder, AccountKind.ENTRUSTED)
        await self._move(f"auction:{loan_id}", _escrow(won), entrusted_account(loan_id), auction.principal_fen)
        await self._desk.receivables.mark_financed(auction.certificate_id, auction.auction_id)
        opening = Opening(
            loan_id=loan_id,
            borrower=auction.holder_uscc,
            is_person=False,
            revolving=False,
            terms=self._desk.product.terms_of(won.annual_rate, self._today(), auction.due_date),
            limit_fen=auction.principal_fen,
            principal_fen=auction.principal_fen,
            fee_fen=self._desk.product.fee_fen(auction.principal_fen),
            certificate_id=auction.certificate_id,
            financing_id=auction.auction_id,
            claim_id=auction.claim_id,
            funder=won.funder,
        )
        await self._desk.loans.open(opening, evidence={})
        await self._desk.records.auction("funded", await stored.move(auction, _S.FUNDED))

    async def _end(self, auction: Auction, state: AuctionState, event: str) -> Auction:
        """Nothing came of it: everybody has back what they put in."""
        for bid in await stored.bids_of(auction.auction_id):
            if bid.state is not BidState.LOST:
                await self._lose(auction, bid)
        await self._desk.receivables.release_block(auction.certificate_id, auction.auction_id)
        ended = await stored.move(auction, state)
        await self._desk.records.auction(event, ended)
        if ended.claim_id is not None:
            await self._desk.claims.release_if_unused(ended.claim_id)
        return ended

    async def _lose(self, auction: Auction, bid: Bid) -> None:
        await stored.set_bid(replace(bid, state=BidState.LOST))
        await self._move(f"bid-back:{bid.bid_id}", _escrow(bid), deposit_account(bid.funder), auction.principal_fen)

    async def _move(self, journal_id: str, source: str, target: str, amount_fen: int) -> None:
        lines = [Line(source, debit_fen=amount_fen), Line(target, credit_fen=amount_fen)]
        await self._desk.bank.post(journal_id, self._today(), "auction", lines)

    async def _lock(self, auction_id: str) -> None:
        await self._desk.database.lock("auction", auction_id)

    async def _locked(self, auction_id: str) -> Auction:
        await self._lock(auction_id)
        return await stored.find(auction_id)

    async def _put(self, auction_id: str) -> None:
        await self._desk.outbox.put(FUND_TOPIC, auction_id, {"id": auction_id})

    def _now(self) -> datetime:
        return self._desk.clock.now()

    def _today(self) -> date:
        return business_date(self._now())


def _escrow(bid: Bid) -> str:
    return f"escrow:{bid.bid_id}"


def _asked(act: Act, auction: Auction) -> Asked:
    return Asked(act, auction.auction_id, auction.buyer_uscc, auction.holder_uscc)
