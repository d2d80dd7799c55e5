"""Opens the hub's vault from its settings and tells what the hub publishes of itself."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import coincurve
from huilian_protocol.clock import SystemClock
from huilian_protocol.jose import keys_to_jwks, thumbprint
from huilian_protocol.sealing import Suite, key_id

from hub.chain_keys import published_epochs, rotate_chain_key
from hub.log_keys import epochs_to_json, log_keyring, log_vkey, own_log_keys, rotate_log, witness_of
from hub.platform.database import Database
from hub.platform.vault import MASTER_KEY_BYTES, KeyVault, SubjectVault, Wrapping
from hub.settings import Settings, SettingsError
from ledger.anchor.transaction import address_of

BANK_RECIPIENT, CONVENIENCE_RECIPIENT = "bank.lending", "bank.convenience"
# What `rotate` calls a ring, and its name in the vault.
RINGS = {
    "signing": "signing.hub",
    "sealing": f"sealing.{BANK_RECIPIENT}",
    "convenience-sealing": f"sealing.{CONVENIENCE_RECIPIENT}",
}


class VaultPlace(Protocol):
    """What the settings of a process with a vault say of it."""

    @property
    def state_dir(self) -> Path:
        """The folder of its keys."""

    @property
    def master_key_file(self) -> Path | None:
        """See `Settings`."""

    @property
    def sealing_suite(self) -> Suite:
        """See `Settings`."""


def open_vault(settings: VaultPlace, more_suites: Sequence[Suite] = ()) -> tuple[KeyVault, Wrapping]:
    """The hub's keys, of recipients also in `more_suites`.

    In the sandbox a missing master key is made; production has been told where its own lies.
    Raises SettingsError for an unreadable key file and VaultLocked for a master key that does not open the vault.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    wrapping = Wrapping(MasterKeyFile(_master_key_file(settings)), os.urandom)
    vault = KeyVault(settings.state_dir / "keys", wrapping, os.urandom, settings.sealing_suite, more_suites)
    return vault, wrapping


async def published(settings: Settings) -> dict[str, Any]:
    """This hub's entry for the trust file of verifiers and edges, and its address for enrolment on the chain.

    Works before the hub ever started; once a log key was rotated, the database tells how far the retired one signed.
    """
    vault, _ = open_vault(settings)
    keyring = log_keyring(settings, vault)
    return {
        "origin": settings.origin,
        "signing_keys": keys_to_jwks(vault.signing_keys()),
        "log_vkey": log_vkey(settings, vault),
        "log_epochs": epochs_to_json(await own_log_keys(settings, vault, keyring)),
        "witness_vkey": witness_of(settings, vault).key.vkey(),
        "chain_address": address_of(coincurve.PrivateKey(vault.chain_key())),
        **published_epochs(settings, vault),
    }


def recipients_keys(settings: Settings) -> dict[str, list[dict[str, str]]]:
    """The present keys of this hub's recipients, the favourite first: what their root signs (`recipient_keys.py`)."""
    vault, _ = open_vault(settings, settings.more_suites)
    suites = 1 + len(settings.more_suites)
    names = (BANK_RECIPIENT, CONVENIENCE_RECIPIENT)
    return {name: [key.to_dict() for key in vault.sealing_keys(name)[:suites]] for name in names}


class MasterKeyFile:
    """The master keys in a file, one a line in hex, the newest first; read again when the file changes.

    Raises SettingsError for a file that is wrong at the start; later a wrong one leaves the keys that were read before.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, file_stamp(path)
        self._keys = _read_keys(path, "MASTER_KEY_FILE")

    def __call__(self) -> tuple[bytes, ...]:
        stamp = file_stamp(self._path)
        if stamp != self._stamp:
            with contextlib.suppress(SettingsError):
                self._keys = _read_keys(self._path, "MASTER_KEY_FILE")
            self._stamp = stamp
        return self._keys


async def rotate(settings: Settings, purpose: str) -> dict[str, Any]:
    """One step of a rotation, beside a hub that serves; what came of it.

    `signing`, `sealing`, `convenience-sealing`, `log` and `chain-key` announce a next key, then use it
    (docs/operations.md says what to do between); `sealing.x25519` is the recipient's ring of one of `more_suites`.
    `master` puts every stored key under the newest master key. Raises SettingsError for another purpose.
    """
    vault, wrapping = open_vault(settings)
    if purpose == "chain-key":
        return await rotate_chain_key(settings, vault)
    if purpose == "master":
        return await _rotate_master(settings, vault, wrapping)
    if purpose == "log":
        return await rotate_log(settings, vault)
    name, _, suite = purpose.partition(".")
    if name not in RINGS or (suite and (name == "signing" or suite not in set(settings.more_suites))):
        raise SettingsError(f"rotate {' | '.join([*RINGS, 'log', 'chain-key', 'master'])}, not {purpose}")
    state = vault.rotate(RINGS[name] + (f".{suite}" if suite else ""))
    keys = _key_ids(vault, purpose)
    return {
        "purpose": purpose,
        "current": keys[0],
        "next": keys[1] if state.has_next else None,
        "retired": keys[2 if state.has_next else 1 :],
    }


def _key_ids(vault: KeyVault, purpose: str) -> list[str]:
    if purpose == "signing":
        return [thumbprint(key) for key in vault.signing_keys()]
    name, _, suite = purpose.partition(".")
    return [key_id(key.public_key) for key in vault.ring_keys(RINGS[name] + (f".{suite}" if suite else ""))]


async def _rotate_master(settings: Settings, vault: KeyVault, wrapping: Wrapping) -> dict[str, Any]:
    path = _master_key_file(settings)
    if len(_read_keys(path, "MASTER_KEY_FILE")) == 1:
        if settings.master_key_file is not None:
            raise SettingsError("HUILIAN_MASTER_KEY_FILE: put the new key on a line before the present one first")
        _write_private(path, secrets.token_hex(MASTER_KEY_BYTES) + "\n" + path.read_text("ascii"))
    database = Database(settings.database)
    await database.open()
    try:
        subjects = await SubjectVault(database, wrapping, os.urandom, SystemClock()).rewrap()
    finally:
        await database.close()
    return {"purpose": "master", "rewrapped_keys": vault.rewrap(), "rewrapped_subjects": subjects}


def _master_key_file(settings: VaultPlace) -> Path:
    if settings.master_key_file is not None:
        return settings.master_key_file
    path = settings.state_dir / "master.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(MASTER_KEY_BYTES))
    return path


def _write_private(path: Path, text: str) -> None:
    """Durable before it is visible; whoever reads meanwhile sees the old content or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def file_stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written or replaced; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _read_keys(path: Path, variable: str) -> tuple[bytes, ...]:
    try:
        keys = tuple(bytes.fromhex(line) for line in path.read_text("ascii").split())
    except (OSError, ValueError):
        raise SettingsError(f"HUILIAN_{variable}: expected a readable file with 64 hexadecimal digits") from None
    if not keys or any(len(key) != MASTER_KEY_BYTES for key in keys):
        raise SettingsError(f"HUILIAN_{variable}: expected a file with 64 hexadecimal digits")
    return keys
