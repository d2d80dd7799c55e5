"""Sending transactions so that each happens exactly once, whatever dies in between.

Nonce and signed bytes are stored before they are sent, under a purpose that names the deed; after any failure the
same bytes are sent again, and a chain mines the same bytes only once. Transactions leave in the order of their nonces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import coincurve
from huilian_protocol.keccak import keccak256

from ledger.anchor.contract import LedgerContract
from ledger.anchor.profile import ChainProfile
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, quantity
from ledger.anchor.transaction import Transaction, address_of

# A node that has these bytes already says so in one of these words; the receipt will tell whether it is true.
_KNOWN = ("already known", "known transaction", "nonce too low", "alreadyknown")


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A signed transaction in the store, sent or not."""

    purpose: str
    nonce: int
    raw: bytes

    @property
    def hash(self) -> str:
        """The transaction hash, 0x-prefixed."""
        return "0x" + keccak256(self.raw).hex()


@dataclass(frozen=True, slots=True)
class SettledTransaction:
    """A transaction that is final. `succeeded` is False when the contract refused it."""

    purpose: str
    raw: bytes
    hash: str
    succeeded: bool
    block_number: int
    block_hash: str


class TransactionStore(Protocol):
    """Durable memory of one sending key on one chain."""

    async def settled(self, purpose: str) -> SettledTransaction | None:
        """Return the final transaction of this purpose, if there is one."""

    async def prepare(self, purpose: str, first_nonce: int, sign: Callable[[int], bytes]) -> PreparedTransaction:
        """Return the stored transaction of this purpose, or store `sign(nonce)` with the next nonce.

        `first_nonce` is used by an empty store. Concurrent calls never share a nonce.
        """

    async def unsettled(self) -> Sequence[PreparedTransaction]:
        """Return all transactions that are not final, by nonce."""

    async def settle(self, transaction: SettledTransaction) -> None:
        """Store that a transaction is final."""


class NonceTaken(Exception):
    """Another transaction with our key took the nonce: the key is in use elsewhere, or the database was rolled back."""


class Sender:
    """Sends for one key. Several processes may share store and key."""

    def __init__(
        self,
        contract: LedgerContract,
        key: coincurve.PrivateKey,
        store: TransactionStore,
        profile: ChainProfile,
        timeout_s: float = 20.0,
    ) -> None:
        """`timeout_s` is how long `execute` waits for finality before it leaves the rest to the next call."""
        self.address = address_of(key)
        self._contract = contract
        self._rpc = contract.rpc
        self._key = key
        self._store = store
        self._profile = profile
        self._timeout_s = timeout_s

    async def execute(self, purpose: str, data: bytes, gas_limit: int) -> SettledTransaction:
        """Call the contract once for this purpose and return the final result; later calls return the same.

        Raises `ChainUnavailable` when it cannot be known yet (call again), `NonceTaken`, and `ChainRefused` when the
        node will not have the transaction (e.g. no funds).
        """
        done = await self._store.settled(purpose)
        if done is not None:
            return done
        first_nonce = await self._rpc.number("eth_getTransactionCount", self.address, "latest")
        gas_price = await self._rpc.number("eth_gasPrice")

        def sign(nonce: int) -> bytes:
            to = bytes.fromhex(self._contract.address[2:])
            return Transaction(self._contract.chain_id, nonce, gas_price, gas_limit, to, 0, data).sign(self._key)

        return await self._finish(await self._store.prepare(purpose, first_nonce, sign))

    async def resume(self, prefix: str = "") -> None:
        """Bring the stored transactions whose purpose begins with `prefix` to their end. Raises as `execute` does."""
        for prepared in await self._store.unsettled():
            if prepared.purpose.startswith(prefix):
                await self._finish(prepared)

    async def _finish(self, prepared: PreparedTransaction) -> SettledTransaction:
        try:
            async with asyncio.timeout(self._timeout_s):
                settled = await self._wait_until_final(prepared)
        except TimeoutError:
            raise ChainUnavailable(f"{prepared.purpose} is not final yet") from None
        await self._store.settle(settled)
        return settled

    async def _wait_until_final(self, prepared: PreparedTransaction) -> SettledTransaction:
        while True:
            receipt = await self._rpc.call("eth_getTransactionReceipt", prepared.hash)
            if not isinstance(receipt, dict):
                # Not mined, or undone by a reorganisation: the same bytes again, with those before it.
                await self._push(prepared)
            elif await self._is_final(receipt):
                return _settled(prepared, receipt)
            await asyncio.sleep(self._profile.poll_s if receipt else 0)

    async def _push(self, last: PreparedTransaction) -> None:
        known = False
        for prepared in await self._store.unsettled():
            if prepared.nonce <= last.nonce:
                known = await self._send(prepared)
        if known:
            await self._check_nonce(last)
            await asyncio.sleep(self._profile.poll_s)

    async def _send(self, prepared: PreparedTransaction) -> bool:
        """Send the bytes; return whether the node says that it has them, or another transaction in their place."""
        try:
            await self._rpc.call("eth_sendRawTransaction", "0x" + prepared.raw.hex())
        except ChainRefused as error:
            if not any(word in str(error).lower() for word in _KNOWN):
                raise
            return True
        return False

    async def _check_nonce(self, prepared: PreparedTransaction) -> None:
        mined = await self._rpc.number("eth_getTransactionCount", self.address, "latest")
        if mined > prepared.nonce and await self._rpc.call("eth_getTransactionReceipt", prepared.hash) is None:
            raise NonceTaken(f"nonce {prepared.nonce} of {self.address} was used by another transaction")

    async def _is_final(self, receipt: dict[str, Any]) -> bool:
        if self._profile.finality_depth == 0:
            return True
        head = await self._rpc.number("eth_blockNumber")
        return head - quantity(receipt.get("blockNumber")) >= self._profile.finality_depth


def _settled(prepared: PreparedTransaction, receipt: dict[str, Any]) -> SettledTransaction:
    block_hash = receipt.get("blockHash")
    if not isinstance(block_hash, str):
        raise ChainUnavailable("the receipt of a transaction names no block")
    return SettledTransaction(
        prepared.purpose,
        prepared.raw,
        prepared.hash,
        quantity(receipt.get("status")) == 1,
        quantity(receipt.get("blockNumber")),
        block_hash,
    )
