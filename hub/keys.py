"""Opens the hub's vault from its settings and tells what the hub publishes of itself."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import coincurve
from huilian_protocol.jose import keys_to_jwks

from hub.platform.vault import MASTER_KEY_BYTES, KeyVault, Wrapping
from hub.settings import Settings, SettingsError
from ledger.anchor.transaction import address_of
from ledger.merkle.checkpoint import LogSigner

BANK_RECIPIENT = "bank.lending"


def open_vault(settings: Settings) -> tuple[KeyVault, Wrapping]:
    """The hub's keys. In the sandbox a missing master key is made; production has been told where its own lies.

    Raises SettingsError for an unreadable key file and VaultLocked for a master key that does not open the vault.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    wrapping = Wrapping(_master_key(settings), os.urandom)
    vault = KeyVault(settings.state_dir / "keys", wrapping, os.urandom)
    if settings.consortium_key_file is not None:
        vault.import_key("consortium", _read_key(settings.consortium_key_file, "CONSORTIUM_KEY_FILE"))
    return vault, wrapping


def published(settings: Settings) -> dict[str, Any]:
    """This hub's entry for the trust file of verifiers and edges, and its address for enrolment on the chain."""
    vault, _ = open_vault(settings)
    signer = LogSigner(settings.origin, vault.log_key())
    return {
        "origin": settings.origin,
        "signing_keys": keys_to_jwks([vault.signing_key().public_key()]),
        "log_vkey": signer.verifier.vkey(),
        "chain_address": address_of(coincurve.PrivateKey(vault.chain_key())),
    }


def _master_key(settings: Settings) -> bytes:
    if settings.master_key_file is not None:
        return _read_key(settings.master_key_file, "MASTER_KEY_FILE")
    path = settings.state_dir / "master.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(MASTER_KEY_BYTES))
    return _read_key(path, "MASTER_KEY_FILE")


def _read_key(path: Path, variable: str) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError):
        raise SettingsError(f"HUILIAN_{variable}: expected a readable file with 64 hexadecimal digits") from None
    if len(key) != MASTER_KEY_BYTES:
        raise SettingsError(f"HUILIAN_{variable}: expected a file with 64 hexadecimal digits")
    return key
