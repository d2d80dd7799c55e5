"""Sending transactions so that each happens exactly once, whatever dies in between.

A deed is stored under a purpose that names it, then signed by the one process that holds the lease; nonce and bytes
are stored before they are sent. After any failure, and after a reorganisation, the same bytes are sent again, and a
chain mines the same bytes only once. A transaction that offers too little is replaced by one with the same nonce at a
higher price; all of them are stored, and whichever is mined counts. Transactions leave in the order of their nonces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import coincurve
from huilian_protocol.clock import Clock

from ledger.anchor.contract import LedgerContract
from ledger.anchor.fees import bumped_price, suggested_price
from ledger.anchor.lease import Lease
from ledger.anchor.outbox import (
    Deed,
    LeaseLost,
    OpenTransaction,
    SettledTransaction,
    TransactionState,
    TransactionStore,
    Variant,
)
from ledger.anchor.profile import ChainProfile
from ledger.anchor.rpc import ChainUnavailable, quantity
from ledger.anchor.transaction import Transaction, address_of
from ledger.anchor.transmission import Answer, Transmission
from ledger.contract.calls import KeyStatus

logger = logging.getLogger(__name__)

Key = Callable[[], coincurve.PrivateKey]
_WORKER_S = 1.0


class NonceTaken(Exception):
    """Another transaction with our key took the nonce: the key is in use elsewhere, or the database was rolled back."""


class Sender:
    """Sends for one hub. Several processes may share store and key; the one with the lease does the work of all."""

    def __init__(
        self,
        contract: LedgerContract,
        key: coincurve.PrivateKey | Key,
        store: TransactionStore,
        profile: ChainProfile,
        lease: Lease,
        clock: Clock,
        timeout_s: float = 20.0,
        signs: str = "",
    ) -> None:
        """`key` is the hub's present key, or tells it at each use. `timeout_s` is how long `execute` waits for finality
        before it leaves the rest to the next call. Only purposes that begin with `signs` are signed here.
        """
        self._contract = contract
        self._rpc = contract.rpc
        self._key: Key = key if callable(key) else lambda: key
        self._store = store
        self._profile = profile
        self._lease = lease
        self._clock = clock
        self._timeout_s = timeout_s
        self._signs = signs
        self._working = asyncio.Lock()
        self._transmission = Transmission(self._rpc, profile, clock)
        self._checked: str | None = None

    @property
    def address(self) -> str:
        """The account of the present key, 0x-prefixed lower case."""
        return address_of(self._key())

    async def execute(self, purpose: str, data: bytes, gas_limit: int) -> SettledTransaction:
        """Call the contract once for this purpose and return the final result; later calls return the same.

        Raises `ChainUnavailable` when it cannot be known yet (call again), `NonceTaken`, and `ChainRefused` when the
        node will not have the transaction (e.g. no funds).
        """
        done = await self._store.settled(purpose)
        if done is not None:
            return done
        await self.prepare(purpose, data, gas_limit)
        return await self._until_settled(purpose)

    async def prepare(self, purpose: str, data: bytes, gas_limit: int) -> None:
        """Store that a call is to happen, in the caller's transaction if there is one; `settle` brings it to its end.

        A purpose that is known is left as it is.
        """
        await self._store.prepare(Deed(purpose, data, gas_limit), self._contract.address, self._clock.now())

    async def settle(self, purpose: str) -> SettledTransaction:
        """Bring what was prepared for a purpose to its end. Raises as `execute` does."""
        return await self._store.settled(purpose) or await self._until_settled(purpose)

    async def settled(self, purpose: str) -> SettledTransaction | None:
        """What became of a purpose; None as long as that is open. Sends nothing."""
        return await self._store.settled(purpose)

    async def resume(self, prefix: str = "") -> None:
        """Bring what is stored under purposes that begin with `prefix` to its end. Raises as `execute` does."""
        for open_one in await self._store.unsettled():
            if open_one.deed.purpose.startswith(prefix):
                await self._until_settled(open_one.deed.purpose)

    async def finish_signed(self) -> None:
        """Bring what is signed to its end and sign nothing new. Raises as `execute` does."""
        for open_one in await self._store.unsettled():
            if open_one.nonce is not None:
                await self._until_settled(open_one.deed.purpose)

    async def hold_lease(self) -> None:
        """Wait until this process is the one that signs. Raises `ChainUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                while await self._lease.token() is None:  # noqa: ASYNC110  the event is in the database
                    await asyncio.sleep(self._profile.poll_s)
        except TimeoutError:
            raise ChainUnavailable("another process does not stop signing") from None

    async def run(self, stop: asyncio.Event) -> None:
        """Do what other processes of this hub have prepared, until `stop` is set; then let them in at once."""
        while not stop.is_set():
            try:
                await self._work()
            except NonceTaken:
                raise
            except Exception as error:  # noqa: BLE001  whoever executes is told; here it is tried again
                logger.warning("ledger.sending_failed", extra={"error_type": type(error).__name__})
            try:
                await asyncio.wait_for(stop.wait(), _WORKER_S)
            except TimeoutError:
                continue
        await self._lease.give_back()

    async def final_block(self) -> str:
        """Return the newest block that nothing undoes any more, as a JSON-RPC block parameter."""
        depth = self._profile.finality_depth
        return hex(max(await self._rpc.number("eth_blockNumber") - depth, 0)) if depth else "latest"

    async def _until_settled(self, purpose: str) -> SettledTransaction:
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    await self._work()
                    done = await self._store.settled(purpose)
                    if done is not None:
                        return done
                    await asyncio.sleep(self._profile.poll_s)
        except TimeoutError:
            raise ChainUnavailable(f"{purpose} is not final yet") from None

    async def _work(self) -> None:
        """One pass over everything that is not final, if this process is the one that signs."""
        if self._working.locked():
            # Many wait at once, and one pass is for all of them.
            async with self._working:
                return
        async with self._working:
            token = await self._lease.token()
            if token is None:
                return
            try:
                await self._pass(token)
            except LeaseLost:
                self._lease.lost()

    async def _pass(self, token: int) -> None:
        in_flight = 0
        for open_one in await self._store.unsettled():
            if open_one.nonce is None:
                if in_flight >= self._profile.in_flight or not open_one.deed.purpose.startswith(self._signs):
                    continue
                open_one = await self._sign(token, open_one)
            if in_flight >= self._profile.in_flight:
                break
            if not await self._advance(token, open_one, first=not in_flight):
                in_flight += 1

    async def _sign(self, token: int, open_one: OpenTransaction) -> OpenTransaction:
        key, deed = self._key(), open_one.deed
        sender = address_of(key)
        await self._check_key(sender)
        first_nonce = await self._rpc.number("eth_getTransactionCount", sender, "latest")
        price = await suggested_price(self._rpc, self._profile)

        def sign(nonce: int) -> Variant:
            return self._signed(key, deed, nonce, price)

        return await self._store.sign(token, deed.purpose, sender, first_nonce, sign)

    def _signed(self, key: coincurve.PrivateKey, deed: Deed, nonce: int, price: int) -> Variant:
        to = bytes.fromhex(self._contract.address[2:])
        transaction = Transaction(self._contract.chain_id, nonce, price, deed.gas_limit, to, 0, deed.data)
        return Variant(transaction.sign(key), price)

    async def _check_key(self, sender: str) -> None:
        """A key that the contract knows as retired would only waste its nonces."""
        if self._checked != sender:
            await self._contract.check_chain()
            if (await self._contract.hub_key(sender)).status is KeyStatus.RETIRED:
                raise ChainUnavailable(f"{sender} is a retired key of this hub: finish `rotate chain-key`")
            self._checked = sender

    async def _advance(self, token: int, open_one: OpenTransaction, *, first: bool) -> bool:
        """Take a signed transaction as far as it goes now; tell whether it is mined."""
        receipt = None
        if open_one.state is not TransactionState.SIGNED:
            receipt = await self._receipt(open_one.variants)
        if receipt is None:
            if open_one.state is TransactionState.MINED:
                # Undone by a reorganisation: the same bytes again.
                self._transmission.forget(open_one)
                await self._store.mark(open_one.deed.purpose, TransactionState.SENT)
            elif first:
                open_one = await self._bump(token, open_one)
            answer = await self._transmission.send(open_one)
            if answer is not Answer.NOT_ASKED:
                receipt = await self._receipt(open_one.variants)
            if receipt is None:
                await self._note_sent(open_one, answer)
                return False
        return await self._settle_if_final(open_one, receipt)

    async def _note_sent(self, open_one: OpenTransaction, answer: Answer) -> None:
        if open_one.state is TransactionState.SIGNED or open_one.sent_at is None:
            await self._store.mark(open_one.deed.purpose, TransactionState.SENT, self._clock.now())
        if answer is Answer.KNOWN:
            await self._check_nonce(open_one)

    async def _bump(self, token: int, open_one: OpenTransaction) -> OpenTransaction:
        """Sign a replacement at a higher price when the first in line has waited too long."""
        wait, key = self._profile.bump_after_s, self._key()
        if not wait or open_one.sent_at is None or open_one.nonce is None or open_one.sender != address_of(key):
            return open_one
        if self._clock.now() - open_one.sent_at < timedelta(seconds=wait):
            return open_one
        offered = max(variant.gas_price for variant in open_one.variants)
        price = bumped_price(offered, await suggested_price(self._rpc, self._profile), self._profile)
        if price is None:
            return open_one
        variant = self._signed(key, open_one.deed, open_one.nonce, price)
        await self._store.add_variant(token, open_one.deed.purpose, variant, self._clock.now())
        return OpenTransaction(
            open_one.deed,
            open_one.state,
            open_one.sender,
            open_one.nonce,
            (*open_one.variants, variant),
            self._clock.now(),
        )

    async def _receipt(self, variants: Sequence[Variant]) -> tuple[Variant, dict[str, Any]] | None:
        """Return the variant that was mined, with its receipt."""
        for variant in reversed(variants):
            receipt = await self._rpc.call("eth_getTransactionReceipt", variant.hash)
            if isinstance(receipt, dict) and receipt.get("blockNumber") is not None:
                return variant, receipt
        return None

    async def _check_nonce(self, open_one: OpenTransaction) -> None:
        """Raise `NonceTaken` when the nonce is used up for good and none of our bytes used it."""
        nonce = open_one.nonce or 0
        mined = await self._rpc.number("eth_getTransactionCount", open_one.sender, await self.final_block())
        if mined > nonce and await self._receipt(open_one.variants) is None:
            raise NonceTaken(f"nonce {nonce} of {open_one.sender} was used by another transaction")

    async def _settle_if_final(self, open_one: OpenTransaction, mined: tuple[Variant, dict[str, Any]]) -> bool:
        variant, receipt = mined
        if await self._is_final(receipt):
            await self._store.settle(_settled(open_one.deed.purpose, variant, receipt))
            self._transmission.forget(open_one)
        elif open_one.state is not TransactionState.MINED:
            await self._store.mark(open_one.deed.purpose, TransactionState.MINED)
        return True

    async def _is_final(self, receipt: dict[str, Any]) -> bool:
        if self._profile.finality_depth == 0:
            return True
        number = quantity(receipt.get("blockNumber"))
        if await self._rpc.number("eth_blockNumber") - number < self._profile.finality_depth:
            return False
        # Between the two calls the chain may have changed its mind.
        block = await self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return isinstance(block, dict) and block.get("hash") == receipt.get("blockHash")


def _settled(purpose: str, variant: Variant, receipt: dict[str, Any]) -> SettledTransaction:
    block_hash = receipt.get("blockHash")
    if not isinstance(block_hash, str):
        raise ChainUnavailable("the receipt of a transaction names no block")
    succeeded = quantity(receipt.get("status")) == 1
    return SettledTransaction(
        purpose, variant.raw, variant.hash, succeeded, quantity(receipt.get("blockNumber")), block_hash
    )
