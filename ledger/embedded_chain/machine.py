"""The EVM with accounts: runs validated transactions and calls (pyrevm; nonces and fees are kept here)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyrevm

from ledger.anchor.transaction import SignedTransaction, contract_address

BLOCK_GAS_LIMIT = 30_000_000
"""Gas that one block, and so one transaction, may use."""

SPEC = "PARIS"
"""The EVM version, which is the contract's target."""

_REVERT = re.compile(r"Revert \{ gas_used: (\d+), output: (0x[0-9a-f]*)")
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


class Machine:
    """State of all accounts at the newest block."""

    def __init__(self, chain_id: int) -> None:
        environment = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id), block=_block(0, 0))
        self._evm: Any = pyrevm.EVM(env=environment, spec_id=SPEC)

    def allocate(self, address: str, wei: int) -> None:
        """Give an account its first balance."""
        self._set_account(address, wei, 0)

    def balance(self, address: str) -> int:
        """Return an account's balance in wei."""
        return int(self._evm.get_balance(address))

    def nonce(self, address: str) -> int:
        """Return how many transactions an account has sent."""
        return int(self._evm.basic(address).nonce)

    def code(self, address: str) -> bytes:
        """Return a contract's code, empty for other accounts."""
        code = bytes(self._evm.get_code(address) or b"")
        # pyrevm shows the absence of code as one STOP byte.
        return b"" if code == b"\0" else code

    def execute(self, signed: SignedTransaction, number: int, timestamp: int) -> Outcome:
        """Run a transaction that was validated, in its own block, and charge its sender."""
        transaction, sender = signed.transaction, signed.sender
        balance = self.balance(sender)
        self._evm.set_block_env(_block(number, timestamp))
        self._set_account(sender, balance - transaction.gas_limit * transaction.gas_price, transaction.nonce)
        to = "0x" + transaction.to.hex() if transaction.to else None
        outcome = self._run(Message(sender, to, transaction.data, transaction.value, transaction.gas_limit))
        unused = (transaction.gas_limit - outcome.gas_used) * transaction.gas_price
        # A creation raises the nonce itself, a call through pyrevm does not.
        self._set_account(sender, self.balance(sender) + unused, transaction.nonce + 1)
        return outcome

    def call(self, message: Message, number: int, timestamp: int) -> Outcome:
        """Run a message as if in a block of this number and time, and undo it."""
        with self._undone():
            self._evm.set_block_env(_block(number, timestamp))
            return self._run(message)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        checkpoint = self._evm.snapshot()
        try:
            yield
        finally:
            self._evm.revert(checkpoint)

    def _set_account(self, address: str, balance: int, nonce: int) -> None:
        # pyrevm's own type stub leaves the balance out.
        self._evm.insert_account_info(address, pyrevm.AccountInfo(balance=balance, nonce=nonce))  # type: ignore[call-arg]

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


def _log(log: Any) -> Log:
    return Log(log.address.lower(), tuple(log.topics), bytes(log.data[1]))


def _failed(error: str, gas_limit: int) -> Outcome:
    """Read pyrevm's error text, the only place where it tells gas and revert data."""
    if match := _REVERT.search(error):
        return Outcome(bytes.fromhex(match[2][2:]), int(match[1]), 0, (), failure="execution reverted")
    if match := _HALT.search(error):
        return Outcome(b"", int(match[2]), 0, (), failure=f"execution halted: {match[1]}")
    return Outcome(b"", gas_limit, 0, (), failure=f"not executable: {error[:200]}")
