"""The ledger contract on a node: what it says about anchors and locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain
from ledger.contract import calls
from ledger.contract.calls import Lock

Answer = TypeVar("Answer")


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
