"""This hub among the hubs of its consortium: its share of the claim key, theirs, and conflicts between claims."""

from __future__ import annotations

import os
from collections.abc import Callable

import grpc
from huilian_protocol.trust import TrustAnchors

from hub.claim_keys import claim_keys, groups, shares
from hub.ledger.claims.rpc import ClaimServicer
from hub.ledger.conflicts.desk import DisclosureService
from hub.ledger.evaluators.client import PeerHub
from hub.ledger.evaluators.desk import ClaimKeyEvaluator
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from hub.platform.rate_limits import RateLimiter
from hub.platform.vault import KeyVault
from hub.quorum import PART, QuorumWatch, Serves
from hub.running import Hub
from hub.settings import Settings
from ledger.anchor.contract import LedgerContract
from ledger.registry.fingerprints import ClaimKeys


class Consortium:
    """Wires what the settings say of other hubs; `channel` opens an mTLS channel to an address."""

    def __init__(
        self, settings: Settings, vault: KeyVault, pace: RateLimiter, channel: Callable[[str], grpc.aio.Channel]
    ) -> None:
        self._settings, self._vault = settings, vault
        self._evaluator = ClaimKeyEvaluator(shares(vault), os.urandom, pace.before_evaluation)
        self._peers = {origin: PeerHub(channel(address)) for origin, address in settings.hubs.items()}

    def claim_keys(self) -> ClaimKeys:
        """The keyed functions of the claims. Raises SettingsError and VaultLocked."""
        asks = {origin: peer.evaluate for origin, peer in self._peers.items()}
        return claim_keys(self._settings, self._vault, {self._settings.origin: self._evaluator.evaluate, **asks})

    def watch(self, hub: Hub) -> None:
        """Let the hub's health tell whether a quorum serves, where the claim key is in shares."""
        path = self._settings.claim_groups_file
        if path is None:
            return
        serves: dict[str, Serves] = {origin: peer.serves for origin, peer in self._peers.items()}
        serves[self._settings.origin] = _always

        async def tell(works: bool) -> None:
            await hub.server.tell(PART, works=works)

        hub.workers["claim-key quorum"] = QuorumWatch(groups(path), serves, tell).run

    def servicer(
        self,
        database: Database,
        outbox: Outbox,
        ledger: LedgerService,
        contract: LedgerContract,
        trust: Callable[[], TrustAnchors],
    ) -> ClaimServicer:
        """What answers the other hubs."""
        origin, key = self._settings.origin, self._vault.signing_key
        disclosure = DisclosureService(database, outbox, ledger, contract, origin, key, trust, self._peers)
        return ClaimServicer(self._evaluator, disclosure)


async def _always() -> bool:
    return True
