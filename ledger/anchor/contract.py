"""The ledger contract on a node: what it says about anchors and locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from huilian_protocol.keccak import keccak256

from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain, quantity
from ledger.contract import calls
from ledger.contract.calls import HubKey, KeyEpoch, Lock

Answer = TypeVar("Answer")

ANCHORED = "0x" + keccak256(b"Anchored(uint32,uint64,bytes32,uint32)").hex()
"""Topic of the event that the contract emits for each anchor."""


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """An anchor as the chain tells it. Hashes are 0x-prefixed lower case, `root` is 32 bytes.

    `epoch` is that of the hub's key that signed it.
    """

    size: int
    root: bytes
    epoch: int
    transaction_hash: str
    block_number: int
    block_hash: str


class LedgerContract:
    """Reads the contract at one address of one chain."""

    def __init__(self, rpc: JsonRpc, chain_id: int, address: str, log_blocks: int = 10_000) -> None:
        """`log_blocks`: most blocks that the node searches in one call; public nodes refuse more."""
        self.rpc = rpc
        self.chain_id = chain_id
        self.address = address.lower()
        self._log_blocks = log_blocks
        self._numbers: dict[str, int] = {}

    async def check_chain(self) -> None:
        """Raise `WrongChain` unless the node serves the configured chain with the contract on it."""
        actual = await self.rpc.number("eth_chainId")
        if actual != self.chain_id:
            raise WrongChain(f"the node serves chain {actual}, configured is {self.chain_id}")
        if await self.rpc.call("eth_getCode", self.address, "latest") in ("0x", None):
            raise WrongChain(f"chain {actual} has no contract at {self.address}")

    async def hub_number(self, key: str) -> int:
        """Return the number of the hub whose key this is or was; 0 for a key that was never enrolled."""
        if key not in self._numbers:
            hub = (await self.hub_key(key)).hub
            if not hub:
                return 0
            # A key never changes hubs.
            self._numbers[key] = hub
        return self._numbers[key]

    async def hub_key(self, key: str) -> HubKey:
        """Return whose key this is, and whether it is current."""
        return await self._ask(calls.hub_key(key), calls.decode_hub_key)

    async def key_epochs(self, hub: int) -> list[KeyEpoch]:
        """Return every key that a hub had, from its first."""
        epochs: list[KeyEpoch] = []
        while (found := await self._ask(calls.key_epoch(hub, len(epochs)), calls.decode_key_epoch)).key:
            epochs.append(found)
        return epochs

    async def paused(self) -> bool:
        """Tell whether a quorum of hubs has paused claims."""
        return await self._ask(calls.paused(), int.from_bytes) != 0

    async def newest_anchor(self, hub: int) -> tuple[bytes, int]:
        """Return root and size that a hub anchored last, size 0 when it never did."""
        return await self._ask(calls.anchors(hub), calls.decode_anchor)

    async def anchored(self, hub: int, from_block: int = 0) -> list[AnchoredEvent]:
        """Return every anchor of a hub since a block, in the order of the chain, whichever of its keys signed it."""
        head = await self.rpc.number("eth_blockNumber")
        events: list[AnchoredEvent] = []
        for first in range(from_block, head + 1, self._log_blocks):
            last = min(first + self._log_blocks - 1, head)
            topics = [ANCHORED, f"0x{hub:064x}"]
            wanted = {"address": self.address, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
            events += _events(await self.rpc.call("eth_getLogs", wanted))
        return events

    async def locks(self, fingerprints: Sequence[bytes], block: str = "latest") -> list[Lock]:
        """Return the locks of these fingerprints, in order, as they were at a block."""
        return await self._ask(calls.locks(fingerprints), calls.decode_locks, block)

    async def _ask(self, data: bytes, decode: Callable[[bytes], Answer], block: str = "latest") -> Answer:
        call = {"to": self.address, "data": "0x" + data.hex()}
        answer = await self.rpc.call("eth_call", call, block)
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
    if len(data) != 96:
        raise ValueError("an Anchored event carries size, root and epoch")
    return AnchoredEvent(
        int.from_bytes(data[:32]),
        data[32:64],
        int.from_bytes(data[64:]),
        log["transactionHash"].lower(),
        quantity(log["blockNumber"]),
        log["blockHash"].lower(),
    )
