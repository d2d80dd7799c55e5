"""The chain: validates a transaction, journals it, runs it as a block of its own, and can be asked about it."""

from __future__ import annotations

from dataclasses import dataclass

import rlp
from huilian_protocol.clock import Clock
from huilian_protocol.keccak import keccak256

from ledger.anchor.transaction import InvalidTransaction, SignedTransaction, decode
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.machine import BLOCK_GAS_LIMIT, Machine, Message, Outcome

_CALL_DATA_GAS = {True: 4, False: 16}
_BASE_GAS = 21_000
_CREATION_GAS = 32_000


class Refused(Exception):
    """The transaction cannot enter the chain; the text is a node's usual wording."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block and its one transaction (none in block 0)."""

    number: int
    timestamp: int
    parent_hash: str
    hash: str
    signed: SignedTransaction | None
    outcome: Outcome | None


class EmbeddedChain:
    """A chain with one block per transaction. Not thread-safe; one process owns it."""

    def __init__(self, journal: Journal, genesis: Genesis, clock: Clock) -> None:
        """Replay the journal. Raises `GenesisMismatch` when the journal is another chain's."""
        self._journal = journal
        self._clock = clock
        self.genesis = journal.genesis(genesis)
        self.machine = Machine(self.genesis.chain_id)
        for address, wei in self.genesis.allocations.items():
            self.machine.allocate(address, wei)
        self.blocks = [_seal(None, self.genesis.timestamp, None, None)]
        self._by_transaction: dict[str, int] = {}
        self._by_hash: dict[str, int] = {self.blocks[0].hash: 0}
        for _, timestamp, raw in journal.blocks():
            self._apply(decode(raw), timestamp)

    @property
    def chain_id(self) -> int:
        """Number that every transaction must be signed for."""
        return self.genesis.chain_id

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def submit(self, raw: bytes) -> str:
        """Validate, journal and run a raw transaction; return its hash. Raises `Refused` with the reason."""
        try:
            signed = decode(raw)
        except InvalidTransaction as error:
            raise Refused(f"invalid transaction: {error}") from None
        self._validate(signed)
        timestamp = self._next_timestamp()
        self._journal.append(self.head.number + 1, timestamp, raw)
        self._apply(signed, timestamp)
        return signed.hash

    def call(self, message: Message) -> Outcome:
        """Run a message on the newest state, as the next block would, without a trace."""
        return self.machine.call(message, self.head.number + 1, self._next_timestamp())

    def block(self, number: int) -> Block:
        """Return a block that exists."""
        return self.blocks[number]

    def block_by_hash(self, block_hash: str) -> Block | None:
        """Return a block by its hash."""
        number = self._by_hash.get(block_hash.lower())
        return None if number is None else self.blocks[number]

    def block_of(self, transaction_hash: str) -> Block | None:
        """Return the block of a transaction."""
        number = self._by_transaction.get(transaction_hash.lower())
        return None if number is None else self.blocks[number]

    def _next_timestamp(self) -> int:
        # Never backwards. Blocks of one second share it: with a block per transaction the chain would outrun the clock.
        return max(int(self._clock.now().timestamp()), self.head.timestamp)

    def _validate(self, signed: SignedTransaction) -> None:
        transaction = signed.transaction
        if transaction.chain_id != self.chain_id:
            raise Refused(f"invalid chain id for signer: have {transaction.chain_id} want {self.chain_id}")
        if signed.hash in self._by_transaction:
            raise Refused("already known")
        expected = self.machine.nonce(signed.sender)
        if transaction.nonce != expected:
            word = "low" if transaction.nonce < expected else "high"
            raise Refused(f"nonce too {word}: have {transaction.nonce} want {expected}")
        if transaction.gas_limit > BLOCK_GAS_LIMIT:
            raise Refused("exceeds block gas limit")
        if transaction.gas_limit < _intrinsic_gas(transaction.data, creates=not transaction.to):
            raise Refused("intrinsic gas too low")
        if self.machine.balance(signed.sender) < transaction.gas_limit * transaction.gas_price + transaction.value:
            raise Refused("insufficient funds for gas * price + value")

    def _apply(self, signed: SignedTransaction, timestamp: int) -> None:
        outcome = self.machine.execute(signed, self.head.number + 1, timestamp)
        block = _seal(self.head, timestamp, signed, outcome)
        self.blocks.append(block)
        self._by_transaction[signed.hash] = block.number
        self._by_hash[block.hash] = block.number


def _intrinsic_gas(data: bytes, creates: bool) -> int:
    zeros = data.count(0)
    gas = _BASE_GAS + zeros * _CALL_DATA_GAS[True] + (len(data) - zeros) * _CALL_DATA_GAS[False]
    return gas + (_CREATION_GAS if creates else 0)


def _seal(parent: Block | None, timestamp: int, signed: SignedTransaction | None, outcome: Outcome | None) -> Block:
    """Close a block; its hash covers its parent, its time, its transaction and what that did."""
    number = parent.number + 1 if parent else 0
    parent_hash = parent.hash if parent else "0x" + "00" * 32
    transaction_hash = bytes.fromhex(signed.hash[2:]) if signed else b""
    effect = [outcome.gas_used, int(not outcome.failure), outcome.output] if outcome else []
    header = rlp.encode([bytes.fromhex(parent_hash[2:]), number, timestamp, transaction_hash, effect])
    return Block(number, timestamp, parent_hash, "0x" + keccak256(header).hex(), signed, outcome)
