"""When stored bytes go out, and out again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from huilian_protocol.clock import Clock

from ledger.anchor.outbox import OpenTransaction, Variant
from ledger.anchor.profile import ChainProfile
from ledger.anchor.rpc import ChainRefused, JsonRpc

# A node that has these bytes, or others in their place, says so in one of these words; the receipt will tell.
_KNOWN = ("already known", "known transaction", "nonce too low", "alreadyknown", "underpriced", "already imported")


class Answer(Enum):
    """What a node said to the newest bytes."""

    NOT_ASKED = "not asked"
    TAKEN = "taken"
    KNOWN = "known, or others in their place"


class Transmission:
    """Sends signed bytes to one node, not more often than it is useful. Memory only: a restart sends once more."""

    def __init__(self, rpc: JsonRpc, profile: ChainProfile, clock: Clock) -> None:
        self._rpc = rpc
        self._profile = profile
        self._clock = clock
        self._sent: dict[str, tuple[datetime, int]] = {}

    async def send(self, transaction: OpenTransaction) -> Answer:
        """Send all bytes of a transaction unless the node should have them.

        Raises `ChainUnavailable`, and `ChainRefused` when the node will have none of them.
        """
        newest = transaction.variants[-1]
        head = await self._rpc.number("eth_blockNumber") if self._profile.pool_blocks else 0
        if not self._is_due(newest, head):
            return Answer.NOT_ASKED
        # The best offer first; an older one still counts if the node has forgotten the newer.
        answer = await self._send(newest)
        for variant in reversed(transaction.variants[:-1]):
            await self._send_again(variant)
        self._sent[newest.hash] = (self._clock.now(), head)
        return answer

    def forget(self, transaction: OpenTransaction) -> None:
        """Treat the bytes as never sent."""
        for variant in transaction.variants:
            self._sent.pop(variant.hash, None)

    def _is_due(self, newest: Variant, head: int) -> bool:
        if newest.hash not in self._sent:
            return True
        at, block = self._sent[newest.hash]
        if self._profile.pool_blocks and head - block > self._profile.pool_blocks:
            return True
        return self._clock.now() - at >= timedelta(seconds=self._profile.resend_s)

    async def _send(self, variant: Variant) -> Answer:
        try:
            await self._rpc.call("eth_sendRawTransaction", "0x" + variant.raw.hex())
        except ChainRefused as error:
            if not any(word in str(error).lower() for word in _KNOWN):
                raise
            return Answer.KNOWN
        return Answer.TAKEN

    async def _send_again(self, variant: Variant) -> None:
        try:
            await self._send(variant)
        except ChainRefused:
            # The newer bytes were taken; that these are not does no harm.
            return
