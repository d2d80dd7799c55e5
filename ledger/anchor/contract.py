"""The ledger contract on a node: what it says about anchors and locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from huilian_protocol.keccak import keccak256

from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain, quantity
from ledger.contract import calls
from ledger.contract.calls import Lock

Answer = TypeVar("Answer")

ANCHORED = "0x" + keccak256(b"Anchored(address,uint64,bytes32)").hex()
"""Topic of the event that the contract emits for each anchor."""

# Public nodes refuse to search more blocks in one call.
_BLOCKS_PER_CALL = 10_000


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """An anchor as the chain tells it. Hashes are 0x-prefixed lower case, `root` is 32 bytes."""

    size: int
    root: bytes
    transaction_hash: str
    block_number: int
    block_hash: str


class LedgerContract:
    """Reads the contract at one address of one chain."""

    def __init__(self, rpc: JsonRpc, chain_id: int, address: str) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self.address = address.lower()

    async def check_chain(self) -> None:
        """Raise `WrongChain` unless the node serves the configured chain with the contract on it."""
        actual = await self.rpc.number("eth_chainId")
        if actual != self.chain_id:
            raise WrongChain(f"the node serves chain {actual}, configured is {self.chain_id}")
        if await self.rpc.call("eth_getCode", self.address, "latest") in ("0x", None):
            raise WrongChain(f"chain {actual} has no contract at {self.address}")

    async def newest_anchor(self, hub: str) -> tuple[bytes, int]:
        """Return root and size that a hub anchored last, size 0 when it never did."""
        return await self._ask(calls.anchors(hub), calls.decode_anchor)

    async def anchored(self, hub: str, from_block: int = 0) -> list[AnchoredEvent]:
        """Return every anchor of a hub since a block, in the order of the chain."""
        head = await self.rpc.number("eth_blockNumber")
        events: list[AnchoredEvent] = []
        for first in range(from_block, head + 1, _BLOCKS_PER_CALL):
            last = min(first + _BLOCKS_PER_CALL - 1, head)
            topics = [ANCHORED, "0x" + hub.removeprefix("0x").lower().rjust(64, "0")]
            wanted = {"address": self.address, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
            events += _events(await self.rpc.call("eth_getLogs", wanted))
        return events

    async def locks(self, fingerprints: Sequence[bytes]) -> list[Lock]:
        """Return the locks of these fingerprints, in order."""
        return await self._ask(calls.locks(fingerprints), calls.decode_locks)

    async def _ask(self, data: bytes, decode: Callable[[bytes], Answer]) -> Answer:
        call = {"to": self.address, "data": "0x" + data.hex()}
        answer = await self.rpc.call("eth_call", call, "latest")
        try:
            return decode(bytes.fromhex(answer[2:]))
        except (TypeError, ValueError, IndexError):
            raise ChainUnavailable("eth_call: not an answer of this contract") from None


def _events(logs: Any) -> list[AnchoredEvent]:
    try:
        return [_event(log) for log in logs]
    except (TypeError, ValueError, KeyError, AttributeError):
        raise ChainUnavailable("eth_getLogs: not the events of this contract") from None


def _event(log: dict[str, str]) -> AnchoredEvent:
    data = bytes.fromhex(log["data"].removeprefix("0x"))
    if len(data) != 64:
        raise ValueError("an Anchored event carries size and root")
    number, block_hash = quantity(log["blockNumber"]), log["blockHash"].lower()
    return AnchoredEvent(int.from_bytes(data[:32]), data[32:], log["transactionHash"].lower(), number, block_hash)
