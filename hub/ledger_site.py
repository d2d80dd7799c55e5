"""This hub's ledger, wired: the chain's node, the log with its witnesses and anchors, and the claims."""

from __future__ import annotations

import os
from functools import partial

import coincurve
from huilian_protocol.clock import Clock
from huilian_protocol.trust import ChainAnchor, TrustFile

from hub.ledger.chain.anchoring import Anchoring
from hub.ledger.chain.stored import ChainStore
from hub.ledger.claims.desk import ClaimService
from hub.ledger.cover.rules import Beat
from hub.ledger.log.keyring import LogKeyring
from hub.ledger.log.sequencer import Sequencer
from hub.ledger.log.stored import EpochStore
from hub.ledger.rpc import LedgerServicer
from hub.ledger.service import LedgerService
from hub.ledger.witnesses.client import witness_peers
from hub.ledger.witnesses.desk import WitnessService
from hub.ledger.witnesses.publishing import Publication, Witnessing
from hub.ledger.witnesses.rpc import WitnessServicer
from hub.log_keys import witness_of
from hub.platform.database import Database
from hub.platform.ids import random_id
from hub.platform.outbox import Outbox
from hub.platform.vault import KeyVault, SubjectVault
from hub.running import Hub
from hub.settings import Settings
from ledger.anchor.contract import LedgerContract
from ledger.anchor.lease import Lease
from ledger.anchor.profile import PROFILES
from ledger.anchor.rpc import JsonRpc
from ledger.anchor.sender import Sender
from ledger.registry.fingerprints import ClaimKeys


class ChainNode:
    """The contract on the chain, and who sends to it for this hub."""

    def __init__(
        self, settings: Settings, chain: ChainAnchor, vault: KeyVault, database: Database, clock: Clock
    ) -> None:
        profile = PROFILES[settings.chain_profile]
        self.rpc = JsonRpc(settings.chain_url)
        self.contract = LedgerContract(self.rpc, chain.chain_id, chain.contract, profile.log_blocks)
        store = ChainStore(database)
        # Named anew at each start: one that died is another process, and its lease runs out.
        lease = Lease(store, random_id(), clock)
        self.sender = Sender(self.contract, partial(_chain_key, vault), store, profile, lease, clock)


class LedgerSite:
    """The log and what watches it. It joins the hub together with the claims."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        vault: KeyVault,
        subjects: SubjectVault,
        trust: TrustFile,
        log_keyring: LogKeyring,
        node: ChainNode,
    ) -> None:
        self._settings, self._database, self._clock, self._vault = settings, database, clock, vault
        self._trust, self._log_keyring, self._node = trust, log_keyring, node
        self._sequencer = Sequencer(database, clock, log_keyring)
        self._peers = witness_peers(settings, trust())
        publication = self._publication()
        self._anchoring = Anchoring(
            database, node.contract, node.sender, self._sequencer.grown, publication=publication
        )
        self.ledger = LedgerService(
            database,
            clock,
            os.urandom,
            subjects,
            vault.signing_key,
            node.contract.chain_id,
            trust().chain.contract,
            self._sequencer.wake,
            publication,
        )

    def _publication(self) -> Publication:
        """What counts as published: a checkpoint with the cosignatures that this hub's entry demands."""
        names, origin = [peer.key.name for peer in self._peers.peers], self._settings.origin
        demanded = next((hub.witnesses.at_least for hub in self._trust().hubs if hub.origin == origin), 0)
        return Publication(self._database, self._clock, names, min(demanded, len(names)))

    def claims(self, outbox: Outbox, keys: ClaimKeys) -> ClaimService:
        """The claims of this hub under the consortium's keys."""
        node, cover = self._node, _cover(self._settings)
        return ClaimService(self._database, self._clock, os.urandom, outbox, node.contract, node.sender, keys, cover)

    def join(self, hub: Hub, claims: ClaimService) -> None:
        """Serve, check before serving, work, and close with the hub."""
        witnessing = self._witnesses(hub)
        hub.server.serve(LedgerServicer(self.ledger))
        hub.workers |= {"sequencer": self._sequencer.run, "anchoring": self._anchoring.run}
        hub.workers |= {"chain": self._node.sender.run, "claims": claims.run, "witnessing": witnessing.run}
        if claims.covering is not None:
            hub.workers["cover"] = claims.covering.run
        # A log that does not agree with witnesses and chain must not serve a single call.
        hub.before_serving += [witnessing.check_at_start, self._anchoring.check_at_start, claims.check_at_start]
        hub.before_close += [self._peers.close, self._node.rpc.close]

    def _witnesses(self, hub: Hub) -> Witnessing:
        """Both directions: this hub watches the logs of others, and has its own watched."""
        key = witness_of(self._settings, self._vault)
        hub.server.serve(
            WitnessServicer(WitnessService(self._database, self._clock, self._trust, self._settings.origin, key))
        )
        keys = partial(self._log_keyring.keys, EpochStore(self._database))
        witnessing = Witnessing(self._database, self._peers.peers, self._trust, keys, self._sequencer.grown.set)
        self._sequencer.listeners.append(witnessing.wake)
        return witnessing


def _cover(settings: Settings) -> Beat | None:
    """The beat of this hub's claims: what is set, else what its kind of chain has; none for claims in the open."""
    seconds = settings.claim_beat_seconds
    if seconds is None:
        seconds = PROFILES[settings.chain_profile].claim_beat_s
    return Beat(settings.claims_per_beat, seconds) if seconds else None


def _chain_key(vault: KeyVault) -> coincurve.PrivateKey:
    return coincurve.PrivateKey(vault.chain_key())
