"""Opens the keyed function of the claims from the hub's settings: the consortium's HMAC keys, one for each epoch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from hub.keys import file_stamp
from hub.platform.vault import KeyVault, VaultLocked
from hub.settings import Settings, SettingsError
from ledger.registry.fingerprints import ClaimKeys, HmacClaimKeys

MAX_EPOCH = 1_000_000
_FORM = "expected lines of an epoch's number and 64 hexadecimal digits, or 64 hexadecimal digits alone (epoch 1)"

logger = logging.getLogger(__name__)


def claim_keys(settings: Settings, vault: KeyVault) -> ClaimKeys:
    """The claim keys that the settings name; the sandbox may make its own. Raises SettingsError and VaultLocked."""
    if settings.consortium_key_file is None:
        return HmacClaimKeys({1: vault.consortium_key()})
    return ConsortiumKeyFile(settings.consortium_key_file, vault)


class ConsortiumKeyFile:
    """The keys in a file that every hub of the consortium has; its epochs are the active ones.

    The file is read again when it changes, so an epoch begins and ends without a restart. Each key is kept in the vault
    too, which refuses another key under a number that was used before. Raises SettingsError for a file that is wrong at
    the start; later a wrong one is logged and leaves the keys that were read before.
    """

    def __init__(self, path: Path, vault: KeyVault) -> None:
        self._path, self._vault = path, vault
        self._stamp = file_stamp(path)
        self._keys = self._read()

    def epochs(self) -> tuple[int, ...]:
        """See `ClaimKeys`."""
        return self._current().epochs()

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        """See `ClaimKeys`."""
        return await self._current().evaluate(epoch, identifiers)

    def _current(self) -> HmacClaimKeys:
        stamp = file_stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = self._read()
            except (SettingsError, VaultLocked) as error:
                logger.error("claim_keys_not_renewed", extra={"error_type": type(error).__name__})
        return self._keys

    def _read(self) -> HmacClaimKeys:
        try:
            keys = _parse(self._path.read_text("ascii"))
            checked = HmacClaimKeys(keys)
        except (OSError, ValueError):
            raise SettingsError(f"HUILIAN_CONSORTIUM_KEY_FILE: {_FORM}") from None
        for epoch, key in keys.items():
            self._vault.import_key("consortium" if epoch == 1 else f"consortium.{epoch}", key)
        return checked


def _parse(text: str) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        epoch = int(words[0]) if len(words) == 2 else 1
        key = bytes.fromhex(words[-1])
        if len(words) > 2 or len(key) != 32 or not 0 < epoch <= MAX_EPOCH or epoch in keys:
            raise ValueError(_FORM)
        keys[epoch] = key
    return keys
