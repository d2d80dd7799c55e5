"""The keys of the hub's log and of the hub as a witness: made from the vault, published, and rotated."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from huilian_protocol.clock import SystemClock

from hub.ledger.log.handover import announce, take_over
from hub.ledger.log.keyring import LogKeyring
from hub.ledger.log.stored import EpochStore
from hub.platform.database import Database
from hub.platform.vault import KeyVault
from hub.settings import CheckpointProfile, Settings, SettingsError
from ledger.merkle.checkpoint import LogKeys, LogSigner
from ledger.merkle.cosignature import Witness
from ledger.merkle.note import MlDsa65Signer, NoteSigner, Sm2Signer
from ledger.merkle.sm2 import Sm2Missing

MLDSA65, SM2 = "mldsa65", "sm2"
KINDS = {
    CheckpointProfile.ED25519: (),
    CheckpointProfile.HYBRID: (MLDSA65,),
    CheckpointProfile.HYBRID_SM2: (MLDSA65, SM2),
}
"""What signs beside Ed25519."""


def log_keyring(settings: Settings, vault: KeyVault) -> LogKeyring:
    """The log's generations of keys, each of the kinds that it was made for; a new log's are made for the profile.

    Raises SettingsError when a kind needs a library that is not installed.
    """
    if not vault.has("log"):
        _make(settings, vault, 0)
    keyring = LogKeyring(vault.log_generations, lambda generation: _signer(settings, vault, generation))
    keyring.all_unbounded()
    return keyring


def _make(settings: Settings, vault: KeyVault, generation: int) -> None:
    for kind in KINDS[settings.checkpoint_profile]:
        vault.log_secret(kind, generation)


def _signer(settings: Settings, vault: KeyVault, generation: int) -> LogSigner:
    kinds = vault.log_kinds((MLDSA65, SM2), generation)
    also: list[NoteSigner] = []
    if MLDSA65 in kinds:
        also.append(MlDsa65Signer(settings.origin, vault.log_secret(MLDSA65, generation)))
    if SM2 in kinds:
        try:
            also.append(Sm2Signer(settings.origin, vault.log_secret(SM2, generation)))
        except Sm2Missing as error:
            raise SettingsError(f"HUILIAN_CHECKPOINT_PROFILE: {error}") from error
    return LogSigner(settings.origin, vault.log_key(generation), also)


def log_vkey(settings: Settings, vault: KeyVault) -> str:
    """The Ed25519 key that signs the log at present, in C2SP form."""
    return LogSigner(settings.origin, vault.log_key(vault.log_generations()[0])).verifier.vkey()


def witness_of(settings: Settings, vault: KeyVault) -> Witness:
    """This hub as a witness of other hubs' logs."""
    return Witness(f"{settings.origin}/witness", vault.witness_key())


def epochs_to_json(keys: LogKeys) -> list[dict[str, Any]]:
    """The form of `log_epochs` in trust anchors."""
    return [{"vkeys": [key.vkey() for key in epoch.keys], "until_size": epoch.until_size} for epoch in keys.epochs]


async def own_log_keys(settings: Settings, vault: KeyVault, keyring: LogKeyring) -> LogKeys:
    """All generations with their bounds. As long as no key ever took over, there need not be a database yet."""
    if vault.log_generations()[0] == 0:
        return keyring.all_unbounded()
    async with _database(settings) as database:
        return await keyring.keys(EpochStore(database))


async def rotate_log(settings: Settings, vault: KeyVault) -> dict[str, Any]:
    """One step of a rotation of the log's keys, beside a hub that serves.

    First the next keys are made, and a statement about them, signed by the present and the next ones, goes into the
    log. When it is in, and trust anchors name the next keys, the second call lets them take over: from then on the
    database lets no process sign with the old ones. Raises SettingsError while the announcement is not in the log yet.
    """
    async with _database(settings) as database:
        keyring = log_keyring(settings, vault)
        current = vault.log_generations()[0]
        announced = current + 1 in vault.log_generations()
        if not announced:
            _make(settings, vault, current + 1)
            vault.rotate("log")
        is_in = await announce(database, SystemClock(), os.urandom, keyring, current)
        if announced and not is_in:
            raise SettingsError("the announcement of the next keys is not in the log yet: let the hub run, then repeat")
        if announced:
            await take_over(database, current + 1)
            vault.rotate("log")
        keys = await keyring.keys(EpochStore(database))
    return {"purpose": "log", "log_epochs": epochs_to_json(keys)}


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database)
    await database.open()
    try:
        # Before the first start there are no tables; beside a hub of this version there is nothing to do.
        await database.migrate()
        yield database
    finally:
        await database.close()
