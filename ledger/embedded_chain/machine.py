"""The EVM with accounts: runs validated transactions and calls (pyrevm; nonces and fees are kept here)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyrevm

from ledger.anchor.transaction import SignedTransaction, contract_address
from ledger.embedded_chain.state import SlotChange, StoredAccount

BLOCK_GAS_LIMIT = 30_000_000
"""Gas that one block, and so one transaction, may use."""

SPEC = "SHANGHAI"
"""The EVM version. The contract is compiled for the one before, so that it also runs on older consortium chains; pyrevm
charges creations (EIP-3860) and warms the miner's account (EIP-3651) as of this one, whatever it is told."""

_SLOTS = struct.Struct("32s32s")
_REVERT = re.compile(r"Revert \{ gas_used: (\d+), output: (0x[0-9a-f]*)")
_ACCOUNT = re.compile(r"(0x[0-9a-f]{40}): Account \{ info: AccountInfo \{.*?, storage: \{(.*?)\}, status: ")
_SLOT = re.compile(r"(\d+): \w+ \{ previous_or_original_value: (\d+), present_value: (\d+) ")
_HALT = re.compile(r"Halt \{ reason: (\w+).*gas_used: (\d+)")


@dataclass(frozen=True, slots=True)
class Log:
    """An event that a contract emitted."""

    address: str
    topics: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running a transaction or call did. `failure` is empty on success; `output` is the answer or revert data."""

    output: bytes
    gas_used: int
    gas_refunded: int
    logs: tuple[Log, ...]
    created: str | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A call or transaction without signature; `to` None creates a contract."""

    sender: str
    to: str | None
    data: bytes
    value: int = 0
    gas_limit: int = BLOCK_GAS_LIMIT


@dataclass(frozen=True, slots=True)
class AccountChange:
    """An account as a transaction left it, with the storage slots that it changed."""

    address: str
    account: Any
    slots: tuple[tuple[int, int, int], ...]
    """Slot, value before, value after."""


class Machine:
    """State of all accounts at the newest block.

    pyrevm ends no transaction: its journal would keep touched slots warm, and their gas low, for ever. So each runs on
    an empty journal, which is read and then undone, and its changes are written to the state below.
    """

    def __init__(self, chain_id: int) -> None:
        environment = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id), block=_block(0, 0))
        self._evm: Any = pyrevm.EVM(env=environment, spec_id=SPEC)
        self.touched: set[str] = set()
        """Accounts that the newest transaction may have changed."""

    def put(self, stored: StoredAccount) -> None:
        """Put an account in as it was stored."""
        self._set_account(stored.address, pyrevm_account(stored.balance, stored.nonce, stored.code))

    def put_slots(self, address: str, joined: bytes) -> None:
        """Put storage slots in as they were stored: slot and value, 32 bytes each. A million is usual."""
        snapshot, insert, revert = self._evm.snapshot, self._evm.insert_account_storage, self._evm.revert
        number = int.from_bytes
        for slot, value in _SLOTS.iter_unpack(joined):
            # As in `_write`: only for an account outside the journal does this write below it.
            checkpoint = snapshot()
            insert(address, number(slot), number(value))
            revert(checkpoint)

    def allocate(self, address: str, wei: int) -> None:
        """Give an account its first balance."""
        self._set_account(address, pyrevm_account(wei, 0))

    def balance(self, address: str) -> int:
        """Return an account's balance in wei."""
        return int(self._account(address).balance)

    def nonce(self, address: str) -> int:
        """Return how many transactions an account has sent."""
        return int(self._account(address).nonce)

    def code(self, address: str) -> bytes:
        """Return a contract's code, empty for other accounts."""
        return _code(self._account(address))

    def execute(self, signed: SignedTransaction, number: int, timestamp: int) -> tuple[Outcome, list[SlotChange]]:
        """Run a transaction that was validated, in its own block, and charge its sender; also what it stored."""
        transaction, sender = signed.transaction, signed.sender
        price, balance = transaction.gas_price, self.balance(sender)
        self._set_account(sender, pyrevm_account(balance - transaction.gas_limit * price, transaction.nonce))
        to = "0x" + transaction.to.hex() if transaction.to else None
        message = Message(sender, to, transaction.data, transaction.value, transaction.gas_limit)
        with self._undone():
            self._evm.set_block_env(_block(number, timestamp))
            outcome = self._run(message)
            changes = _changes(self._evm)
        self._write(changes)
        unused = (transaction.gas_limit - outcome.gas_used) * price
        # A creation raises the nonce itself, a call through pyrevm does not.
        self._set_account(sender, pyrevm_account(self.balance(sender) + unused, transaction.nonce + 1))
        self.touched = {sender, *(change.address for change in changes)}
        return outcome, [SlotChange(change.address, *slot) for change in changes for slot in change.slots]

    def call(self, message: Message, number: int, timestamp: int) -> Outcome:
        """Run a message as if in a block of this number and time, and undo it."""
        with self._undone():
            self._evm.set_block_env(_block(number, timestamp))
            return self._run(message)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Take back what happens inside, and with it the marks of what was touched: the next one finds all cold."""
        checkpoint = self._evm.snapshot()
        try:
            yield
        finally:
            self._evm.revert(checkpoint)

    def _account(self, address: str) -> Any:
        with self._undone():
            return self._evm.basic(address)

    def _set_account(self, address: str, account: Any) -> None:
        self._evm.insert_account_info(address, account)

    def _write(self, changes: Sequence[AccountChange]) -> None:
        """Put what a transaction changed below the journal, into the state that every transaction starts from."""
        for change in changes:
            self._set_account(change.address, change.account)
            for slot, _, value in change.slots:
                # Only for an account outside the journal does this write below it; it then takes the account in.
                with self._undone():
                    self._evm.insert_account_storage(change.address, slot, value)

    def _run(self, message: Message) -> Outcome:
        self._evm.set_tx_env(pyrevm.TxEnv(caller=message.sender))
        try:
            output, created = self._dispatch(message)
        except RuntimeError as error:
            return _failed(str(error), message.gas_limit)
        result = self._evm.result
        return Outcome(output, result.gas_used, result.gas_refunded, tuple(map(_log, result.logs)), created)

    def _dispatch(self, message: Message) -> tuple[bytes, str | None]:
        if message.to is None:
            created = contract_address(message.sender, self.nonce(message.sender))
            self._evm.deploy(message.sender, message.data, value=message.value, gas=message.gas_limit)
            return b"", created
        output = self._evm.message_call(
            message.sender, message.to, calldata=message.data, value=message.value, gas=message.gas_limit
        )
        return bytes(output), None


def _block(number: int, timestamp: int) -> Any:
    return pyrevm.BlockEnv(number=number, timestamp=timestamp, basefee=0, gas_limit=BLOCK_GAS_LIMIT)


def pyrevm_account(balance: int, nonce: int, code: bytes = b"") -> Any:
    """Return an account in pyrevm's form."""
    # pyrevm's own type stub leaves the balance out.
    return pyrevm.AccountInfo(balance=balance, nonce=nonce, code=code or None)  # type: ignore[call-arg]


def _changes(evm: Any) -> list[AccountChange]:
    """Read the journal. Its text is the only place where pyrevm tells which slots there are."""
    slots = {
        account[1]: tuple((int(slot), int(old), int(new)) for slot, old, new in _SLOT.findall(account[2]) if old != new)
        for account in _ACCOUNT.finditer(evm.journal_str)
    }
    return [
        AccountChange(address.lower(), pyrevm_account(info.balance, info.nonce, _code(info)), slots[address.lower()])
        for address, info in evm.journal_state.items()
    ]


def _code(account: Any) -> bytes:
    code = bytes(account.code or b"")
    # pyrevm shows the absence of code as one STOP byte.
    return b"" if code == b"\0" else code


def _log(log: Any) -> Log:
    return Log(log.address.lower(), tuple(log.topics), bytes(log.data[1]))


def _failed(error: str, gas_limit: int) -> Outcome:
    """Read pyrevm's error text, the only place where it tells gas and revert data."""
    if match := _REVERT.search(error):
        return Outcome(bytes.fromhex(match[2][2:]), int(match[1]), 0, (), failure="execution reverted")
    if match := _HALT.search(error):
        return Outcome(b"", int(match[2]), 0, (), failure=f"execution halted: {match[1]}")
    return Outcome(b"", gas_limit, 0, (), failure=f"not executable: {error[:200]}")
