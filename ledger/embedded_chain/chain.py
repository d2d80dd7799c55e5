"""The chain: validates a transaction, journals it, runs it as a block of its own, and can be asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import rlp
from huilian_protocol.clock import Clock
from huilian_protocol.keccak import keccak256

from ledger.anchor.transaction import InvalidTransaction, SignedTransaction, decode
from ledger.embedded_chain.journal import Genesis, Journal, StoredBlock
from ledger.embedded_chain.machine import BLOCK_GAS_LIMIT, Machine, Message, Outcome
from ledger.embedded_chain.outcomes import pack_outcome, unpack_outcome
from ledger.embedded_chain.state import StoredAccount

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


class Damaged(Exception):
    """A block of the journal does not give what it once gave; the text says which."""


def _silent(_text: str) -> None:
    return None


class EmbeddedChain:
    """A chain with one block per transaction. Not thread-safe; one process owns it."""

    def __init__(self, journal: Journal, genesis: Genesis, clock: Clock, say: Callable[[str], None] = _silent) -> None:
        """Go on where the journal ends; `say` is told when its state is not whole and every block is run again.

        Raises `GenesisMismatch` when the journal is another chain's, `Damaged` when a block does not give what it gave.
        """
        self._journal = journal
        self._clock = clock
        self.genesis = journal.genesis(genesis)
        self.machine = Machine(self.genesis.chain_id)
        self._broken = False
        self._first = _seal(None, self.genesis.timestamp, None, None)
        if not self._resume(say):
            self._replay()
        self._head = self.block(journal.head())

    def _resume(self, say: Callable[[str], None]) -> bool:
        """Take the stored state if it is that of the newest block, and whole."""
        state, head = self._journal.state, self._journal.head()
        number = state.number()
        if number == head and state.load(self.machine.put, self.machine.put_slots):
            return True
        if head:
            say(f"the stored state {'is missing' if number is None else 'is damaged'}: running {head} blocks again")
        # Of what was handed over nothing counts.
        self.machine = Machine(self.genesis.chain_id)
        return False

    def _replay(self) -> None:
        head = self._journal.head()
        with self._journal.transaction():
            self._journal.state.clear()
            for address, wei in self.genesis.allocations.items():
                self.machine.allocate(address, wei)
            self._journal.state.move(0, self._stored(self.genesis.allocations), ())
        self._head = self._first
        for number in range(1, head + 1):
            before = self.block(number)
            if before.signed is None:
                raise Damaged(f"block {number} has no transaction")
            with self._journal.transaction():
                block = self._run(before.signed, before.timestamp)
            if block.hash != before.hash:
                raise Damaged(f"block {number} is {before.hash} in the file and {block.hash} when run again")
            self._head = block

    @property
    def chain_id(self) -> int:
        """Number that every transaction must be signed for."""
        return self.genesis.chain_id

    @property
    def head(self) -> Block:
        """The newest block."""
        return self._head

    def submit(self, raw: bytes) -> str:
        """Validate, journal and run a raw transaction; return its hash. Raises `Refused` with the reason."""
        try:
            signed = decode(raw)
        except InvalidTransaction as error:
            raise Refused(f"invalid transaction: {error}") from None
        if self._broken:
            raise Refused("the state file cannot be written: restart the chain")
        self._validate(signed)
        # Until the block is durable nothing of it may be seen; what could not be written is in the machine already.
        self._broken = True
        with self._journal.transaction():
            block = self._run(signed, self._next_timestamp())
            self._write(block)
        self._broken, self._head = False, block
        return signed.hash

    def call(self, message: Message) -> Outcome:
        """Run a message on the newest state, as the next block would, without a trace."""
        return self.machine.call(message, self.head.number + 1, self._next_timestamp())

    def block(self, number: int) -> Block:
        """Return a block that exists."""
        stored = self._journal.block(number) if number else None
        return _read(stored) if stored else self._first

    @property
    def blocks(self) -> list[Block]:
        """Every block from the first; for short chains."""
        return [self.block(number) for number in range(self.head.number + 1)]

    def block_by_hash(self, block_hash: str) -> Block | None:
        """Return a block by its hash."""
        if block_hash.lower() == self._first.hash:
            return self._first
        stored = self._journal.block_by_hash(bytes.fromhex(block_hash[2:]))
        return _read(stored) if stored else None

    def block_of(self, transaction_hash: str) -> Block | None:
        """Return the block of a transaction."""
        stored = self._journal.block_of(bytes.fromhex(transaction_hash[2:]))
        return _read(stored) if stored else None

    def with_events(self, topics: Sequence[str], first: int, last: int) -> Iterator[Block]:
        """Yield the blocks of a range with an event of one of these first topics; without topics all that have one."""
        wanted = range(max(first, 1), min(last, self.head.number) + 1)
        numbers: Iterable[int] = wanted
        if topics:
            found = [bytes.fromhex(topic[2:]) for topic in topics]
            numbers = self._journal.numbers_with(found, wanted.start, wanted.stop - 1)
        yield from map(self.block, numbers)

    def _next_timestamp(self) -> int:
        # Never backwards. Blocks of one second share it: with a block per transaction the chain would outrun the clock.
        return max(int(self._clock.now().timestamp()), self.head.timestamp)

    def _validate(self, signed: SignedTransaction) -> None:
        transaction = signed.transaction
        if transaction.chain_id != self.chain_id:
            raise Refused(f"invalid chain id for signer: have {transaction.chain_id} want {self.chain_id}")
        if self.block_of(signed.hash):
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

    def _run(self, signed: SignedTransaction, timestamp: int) -> Block:
        """Run a transaction as the next block and move the stored state on, in the journal's open transaction."""
        number = self._head.number + 1
        outcome, slots = self.machine.execute(signed, number, timestamp)
        self._journal.state.move(number, self._stored(self.machine.touched), slots)
        return _seal(self._head, timestamp, signed, outcome)

    def _stored(self, addresses: Iterable[str]) -> list[StoredAccount]:
        machine = self.machine
        return [StoredAccount(one, machine.balance(one), machine.nonce(one), machine.code(one)) for one in addresses]

    def _write(self, block: Block) -> None:
        if block.signed is None or block.outcome is None:
            raise Damaged("a block without a transaction")
        stored = StoredBlock(
            block.number,
            block.timestamp,
            bytes.fromhex(block.parent_hash[2:]),
            bytes.fromhex(block.hash[2:]),
            bytes.fromhex(block.signed.hash[2:]),
            block.signed.raw,
            pack_outcome(block.outcome),
        )
        self._journal.append(stored, [bytes.fromhex(log.topics[0][2:]) for log in block.outcome.logs if log.topics])


def _read(stored: StoredBlock) -> Block:
    hashes = ("0x" + stored.parent_hash.hex(), "0x" + stored.hash.hex())
    return Block(
        stored.number, stored.timestamp, *hashes, decode(stored.raw_transaction), unpack_outcome(stored.outcome)
    )


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
