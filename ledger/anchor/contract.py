"""The ledger contract on a node: what it says about anchors and locks."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain
from ledger.contract import calls
from ledger.contract.calls import Lock


class LedgerContract:
    """Reads the contract at one address of one chain."""

    def __init__(self, rpc: JsonRpc, chain_id: int, address: str) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self.address = address.lower()

    async def check_chain(self) -> None:
        """Raise `WrongChain` unless the node serves the configured chain with the contract on it."""
        actual = int(await self.rpc.call("eth_chainId"), 16)
        if actual != self.chain_id:
            raise WrongChain(f"the node serves chain {actual}, configured is {self.chain_id}")
        if await self.rpc.call("eth_getCode", self.address, "latest") in ("0x", None):
            raise WrongChain(f"chain {actual} has no contract at {self.address}")

    async def newest_anchor(self, hub: str) -> tuple[bytes, int]:
        """Return root and size that a hub anchored last, size 0 when it never did."""
        return calls.decode_anchor(await self._ask(calls.anchors(hub)))

    async def locks(self, fingerprints: Sequence[bytes]) -> list[Lock]:
        """Return the locks of these fingerprints, in order."""
        return calls.decode_locks(await self._ask(calls.locks(fingerprints)))

    async def _ask(self, data: bytes) -> bytes:
        call = {"to": self.address, "data": "0x" + data.hex()}
        answer = await self.rpc.call("eth_call", call, "latest")
        try:
            return bytes.fromhex(answer[2:])
        except (TypeError, ValueError):
            raise ChainUnavailable("eth_call: the answer is no hex") from None
