"""The hub's keys on the chain: one epoch follows the other in the contract, beside the hub that serves."""

from __future__ import annotations

import json
import secrets
from typing import Any

import coincurve
from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import SystemClock
from huilian_protocol.trust import TrustAnchors

from hub.ledger.chain.stored import ChainStore
from hub.platform.database import Database
from hub.platform.vault import KeyVault
from hub.settings import Settings, SettingsError, sandbox_clock
from ledger.anchor.contract import LedgerContract
from ledger.anchor.fees import suggested_price
from ledger.anchor.lease import Lease
from ledger.anchor.profile import PROFILES
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.sender import NonceTaken, Sender
from ledger.anchor.transaction import address_of
from ledger.contract import calls
from ledger.contract.calls import KeyStatus

_GAS_LIMIT = 250_000
_PURPOSES = "key-"
_PATIENCE_S = 120.0


def published_epochs(settings: Settings, vault: KeyVault) -> dict[str, Any]:
    """What the trust file must know of earlier and announced keys; nothing for a hub that never changed its key."""
    addresses = [address_of(coincurve.PrivateKey(secret)) for secret in vault.chain_keys()]
    if len(addresses) == 1:
        return {}
    path = settings.state_dir / "chain_epochs.json"
    epochs = parse_json(path.read_bytes()) if path.exists() else []
    return {"chain_addresses_before": addresses[1:]} | ({"chain_epochs": epochs} if epochs else {})


async def rotate_chain_key(settings: Settings, vault: KeyVault) -> dict[str, Any]:
    """One step: make the next key and tell its address, or begin its epoch on the chain and use it.

    Raises SettingsError when the next account cannot pay, or when the chain does not go along; the step may be
    repeated then.
    """
    if vault.next_chain_key() is None:
        vault.rotate("chain")
        return _told(vault)
    database, rpc = Database(settings.database), JsonRpc(settings.chain_url)
    await database.open()
    try:
        await database.migrate()
        await _Change(settings, vault, database, rpc).run()
    except (ChainUnavailable, ChainRefused, WrongChain, NonceTaken) as error:
        raise SettingsError(f"the chain: {error}; try again") from error
    finally:
        await rpc.close()
        await database.close()
    return _told(vault)


def _told(vault: KeyVault) -> dict[str, Any]:
    addresses = [address_of(coincurve.PrivateKey(secret)) for secret in vault.chain_keys()]
    announced = vault.next_chain_key() is not None
    return {
        "purpose": "chain-key",
        "current": addresses[0],
        "next": addresses[1] if announced else None,
        "retired": addresses[2 if announced else 1 :],
    }


class _Change:
    """The step on the chain. Whatever was done before it broke off is found done."""

    def __init__(self, settings: Settings, vault: KeyVault, database: Database, rpc: JsonRpc) -> None:
        chain, self._profile = TrustAnchors.load(settings.trust_anchors_file).chain, PROFILES[settings.chain_profile]
        self._settings, self._vault, self._rpc = settings, vault, rpc
        self._contract = LedgerContract(rpc, chain.chain_id, chain.contract)
        # The serving hub makes room: from here on nothing is signed with the key that goes.
        self._store, clock = ChainStore(database), sandbox_clock(settings) or SystemClock()
        self._lease = Lease(self._store, secrets.token_hex(8), clock, urgent=True)
        self._clock = clock

    async def run(self) -> None:
        """Announce with the old key, accept with the new one, then let the hub use it."""
        secret = self._vault.next_chain_key()
        if secret is None:
            raise SettingsError("no next key is announced")
        old, new = coincurve.PrivateKey(self._vault.chain_key()), coincurve.PrivateKey(secret)
        await self._contract.check_chain()
        hub = await self._contract.hub_number(address_of(old))
        if (await self._contract.hub_key(address_of(new))).status is not KeyStatus.CURRENT:
            await self._check_funds(address_of(new))
            leaving, coming = self._sender(old), self._sender(new)
            await leaving.hold_lease()
            await leaving.finish_signed()
            await self._execute(leaving, f"key-announce:{address_of(new)}", calls.announce_key(address_of(new)))
            await self._execute(coming, f"key-accept:{address_of(new)}", calls.accept_key(hub))
        await self._write_epochs(hub)
        self._vault.rotate("chain")
        await self._lease.give_back()

    def _sender(self, key: coincurve.PrivateKey) -> Sender:
        return Sender(
            self._contract, key, self._store, self._profile, self._lease, self._clock, _PATIENCE_S, signs=_PURPOSES
        )

    async def _execute(self, sender: Sender, purpose: str, data: bytes) -> None:
        if not (await sender.execute(purpose, data, _GAS_LIMIT)).succeeded:
            raise SettingsError(f"the contract refused {purpose}: is this hub enrolled?")

    async def _check_funds(self, address: str) -> None:
        needed = _GAS_LIMIT * await suggested_price(self._rpc, self._profile)
        if await self._rpc.number("eth_getBalance", address, "latest") < needed:
            raise SettingsError(
                f"send at least {needed} wei to {address} first: the new key pays for its own beginning"
            )

    async def _write_epochs(self, hub: int) -> None:
        """Keep what verifiers are told: which account signed in which blocks."""
        epochs = await self._contract.key_epochs(hub)
        ends = [epoch.from_block for epoch in epochs[1:]]
        told = [
            {"address": epoch.key, "from_block": epoch.from_block, "until_block": end}
            for epoch, end in zip(epochs, [*ends, None], strict=True)
        ]
        path = self._settings.state_dir / "chain_epochs.json"
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(told) + "\n")
        draft.replace(path)
