"""Conflict disclosure: a refused bank and the bank that holds the lock learn of each other, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors, TrustedHub

from hub.ledger.claims.desk import REFUSED_TOPIC
from hub.ledger.claims.store import HoldRow
from hub.ledger.claims.stored import ClaimStore
from hub.ledger.conflicts import rules
from hub.ledger.conflicts.rules import Notice, Party
from hub.ledger.conflicts.store import ConflictRow
from hub.ledger.conflicts.stored import ConflictStore
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.outbox import GiveUp, Message, Outbox
from ledger.anchor.contract import LedgerContract

_NOTICE, _REPLY = "conflict-notice", "conflict-reply"


class Peer(Protocol):
    """Another hub of the consortium; every call raises HuilianError."""

    async def disclosure_key(self, commitment: bytes) -> bytes:
        """The key behind an owner commitment of that hub."""
        ...

    async def disclose(self, commitment: bytes, notice: bytes) -> bytes:
        """Hand a sealed notice over; the sealed answer."""
        ...


class DisclosureService:
    """Sends notices for refused claims, answers those of others, and records both in the log."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        ledger: LedgerService,
        contract: LedgerContract,
        origin: str,
        signing_key: Callable[[], ec.EllipticCurvePrivateKey],
        trust: Callable[[], TrustAnchors],
        peers: Mapping[str, Peer],
    ) -> None:
        """`peers` by origin. Registers the handler of refused claims with the outbox."""
        self._database, self._ledger, self._contract = database, ledger, contract
        self._origin, self._signing_key, self._trust, self._peers = origin, signing_key, trust, peers
        self._claims, self._conflicts = ClaimStore(database), ConflictStore(database)
        outbox.register(REFUSED_TOPIC, self._notify)

    async def key(self, commitment: bytes) -> bytes:
        """The public key behind an owner commitment of ours. Raises HuilianError NOT_FOUND."""
        hold = await self._hold(commitment)
        return rules.disclosure_key(hold.id, bytes(hold.salt)).public

    async def answer(self, caller: str, commitment: bytes, envelope: bytes) -> bytes:
        """Record the notice of the hub `caller` (its origin) and say who we are, sealed to it.

        Raises HuilianError NOT_FOUND for a lock that is not ours, and for a notice that is not by that hub about this
        lock or does not know the invoice: whoever guesses learns nothing.
        """
        hold = await self._hold(commitment)
        private = rules.disclosure_key(hold.id, bytes(hold.salt)).private
        try:
            token = rules.open_from(envelope, private, _NOTICE, commitment)
            notice = rules.read_notice(token, self._keys_of(caller), commitment)
        except (HuilianError, ValueError) as error:
            raise _nothing_here() from error
        if notice.party.hub != caller or not rules.proves(_identifiers(hold), commitment, notice):
            raise _nothing_here()
        party = await self._party_of(hold)
        await self._record(party.claim_id, notice.party, commitment, token, refused=False)
        reply = rules.sign_reply(self._signing_key(), commitment, party)
        return rules.seal_to(notice.reply_to, _REPLY, commitment, reply)

    async def list(self, limit: int) -> list[ConflictRow]:
        """Conflicts in which this hub was a party, newest first."""
        return await self._conflicts.newest(limit)

    async def _notify(self, message: Message) -> None:
        """Tell the hub whose lock was in the way; tried again until it answers."""
        claim = await self._claims.find(message.payload["claim_id"])
        holder = await self._holder(int(message.payload["owner"]))
        if claim is None or holder is None or holder.origin not in self._peers:
            raise GiveUp("the holder of the lock is no hub that we can reach")
        hold, peer = await self._claims.hold(claim.hold_id), self._peers[holder.origin]
        commitment = bytes.fromhex(message.payload["owner_commitment"])
        mine = rules.disclosure_key(hold.id, bytes(hold.salt))
        party = Party(self._origin, claim.claim_id, claim.requested_at)
        proof = rules.proof_of(message.payload["identifier"].encode(), commitment, party)
        try:
            public = await peer.disclosure_key(commitment)
            if rules.commitment_of(public) != commitment:
                raise GiveUp("not the key of this lock")
            token = rules.sign_notice(self._signing_key(), commitment, Notice(party, proof, mine.public))
            envelope = rules.seal_to(public, _NOTICE, commitment, token)
            sealed = await peer.disclose(commitment, envelope)
        except HuilianError as error:
            if error.code == "NOT_FOUND":
                # Released meanwhile: there is no conflict any more.
                return
            raise
        await self._learn(claim.claim_id, holder, commitment, sealed, mine.private)

    async def _learn(self, claim_id: str, holder: TrustedHub, commitment: bytes, sealed: bytes, private: bytes) -> None:
        try:
            token = rules.open_from(sealed, private, _REPLY, commitment)
            party = rules.read_reply(token, holder.signing_keys, commitment)
        except (HuilianError, ValueError) as error:
            raise GiveUp("the answer is not by the holder of the lock") from error
        if party.hub != holder.origin:
            raise GiveUp("the answer names another hub")
        await self._record(claim_id, party, commitment, token, refused=True)

    async def _record(self, claim_id: str, party: Party, commitment: bytes, token: str, *, refused: bool) -> None:
        async with self._database.transaction():
            row = await self._conflicts.add(claim_id, party.hub, party.claim_id, party.claimed_at, refused=refused)
            if row is None:
                return
            content = {
                "claim_id": claim_id,
                "counterpart_claim_id": party.claim_id,
                "counterpart_claimed_at": format_time(party.claimed_at),
                "counterpart_hub": party.hub,
                "owner_commitment": commitment.hex(),
                "refused": refused,
            }
            await self._ledger.append("claim.conflict", row.id, content, subject=None, evidence={"statement": token})

    async def _hold(self, commitment: bytes) -> HoldRow:
        hold = await self._claims.hold_of(commitment.hex())
        if hold is None:
            raise _nothing_here()
        return hold

    async def _party_of(self, hold: HoldRow) -> Party:
        claim = await self._claims.first_live(hold.id)
        if claim is None:
            raise _nothing_here()
        return Party(self._origin, claim.claim_id, claim.requested_at)

    async def _holder(self, number: int) -> TrustedHub | None:
        for hub in self._trust().hubs:
            if await self._contract.hub_number(hub.chain_address) == number:
                return hub
        return None

    def _keys_of(self, origin: str) -> Mapping[str, ec.EllipticCurvePublicKey]:
        return {kid: key for hub in self._trust().hubs if hub.origin == origin for kid, key in hub.signing_keys.items()}


def _identifiers(hold: HoldRow) -> list[bytes]:
    texts: list[Any] = parse_json(hold.identifiers.encode())
    return [str(text).encode() for text in texts]


def _nothing_here() -> HuilianError:
    return HuilianError("NOT_FOUND", "no such lock for this notice", resource="claim")
