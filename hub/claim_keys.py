"""Opens the keyed functions of the claims from the hub's settings: keys that all hubs share, and keys in shares."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from huilian_protocol.canonical import parse_json

from hub.keys import file_stamp
from hub.ledger.evaluators.desk import FindShare
from hub.ledger.evaluators.shared_keys import Ask, SharedClaimKeys
from hub.platform.vault import KeyVault, VaultLocked
from hub.settings import Settings, SettingsError
from ledger.registry import p256
from ledger.registry.fingerprints import ClaimKeys, HmacClaimKeys
from ledger.registry.threshold import Group, Share, parse_groups

Content = TypeVar("Content")
MAX_EPOCH = 1_000_000
_LINES = "expected lines of an epoch's number and 64 hexadecimal digits, or 64 hexadecimal digits alone (epoch 1)"

logger = logging.getLogger(__name__)


class GroupMember(Protocol):
    """What the settings of one who holds a share say of it."""

    @property
    def origin(self) -> str:
        """Its name in the group."""

    @property
    def claim_groups_file(self) -> Path | None:
        """The group file that it pins."""


def claim_keys(settings: Settings, vault: KeyVault, ask: Mapping[str, Ask]) -> ClaimKeys:
    """The claim keys that the settings name, of one kind or of both while a consortium moves from one to the other.

    `ask` reaches the evaluators by origin, this hub itself first. The sandbox may make a key of its own. Raises
    SettingsError and VaultLocked.
    """
    kinds: list[ClaimKeys] = []
    if settings.consortium_key_file is not None:
        kinds.append(_Epochs(_Reread(settings.consortium_key_file, lambda path: _read_consortium(path, vault))))
    if settings.claim_groups_file is not None:
        kinds.append(SharedClaimKeys(groups(settings.claim_groups_file), ask, os.urandom))
    if not kinds:
        return HmacClaimKeys({1: vault.consortium_key()})
    return kinds[0] if len(kinds) == 1 else _BothKinds(kinds)


def groups(path: Path) -> Callable[[], tuple[Group, ...]]:
    """The groups of a file, read again when it changes. Raises SettingsError for a wrong one at the start."""
    return _Reread(path, _read_groups)


def shares(vault: KeyVault) -> FindShare:
    """The shares of claim keys that were imported into this hub's vault."""

    def find(epoch: int, generation: int) -> int | None:
        secret = vault.imported(_share_name(epoch, generation))
        return None if secret is None else p256.decode_scalar(secret)

    return find


def import_share(settings: GroupMember, vault: KeyVault, path: Path) -> dict[str, Any]:
    """Take this hub's share of a claim key from a file of the ceremony; what it is. The file can be destroyed then.

    Raises SettingsError for a file that is not this hub's share of a group that it pins, VaultLocked when another share
    of this epoch and generation is here.
    """
    if settings.claim_groups_file is None:
        raise SettingsError("HUILIAN_CLAIM_GROUPS_FILE: missing; a share belongs to a group")
    try:
        share = Share.from_dict(parse_json(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.name}: {error}") from None
    group = {(one.epoch, one.generation): one for one in _read_groups(settings.claim_groups_file)}
    pinned = group.get((share.epoch, share.generation))
    mine = pinned.evaluator(settings.origin) if pinned else None
    if mine is None or share.origin != settings.origin or p256.base() * share.secret != mine.public:
        raise SettingsError(f"{path.name}: not the share of {settings.origin} in a group of HUILIAN_CLAIM_GROUPS_FILE")
    vault.import_key(_share_name(share.epoch, share.generation), p256.encode_scalar(share.secret))
    return {"epoch": share.epoch, "generation": share.generation, "evaluator": mine.index}


class _Reread(Generic[Content]):
    """A file that is read again when it changes.

    Wrong at the start it raises what `read` raises; later that is logged and leaves what was read before.
    """

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        self._path, self._read = path, read
        self._stamp = file_stamp(path)
        self._content = read(path)

    def __call__(self) -> Content:
        stamp = file_stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._content = self._read(self._path)
            except (SettingsError, VaultLocked) as error:
                logger.error("claim_keys_not_renewed", extra={"error_type": type(error).__name__})
        return self._content


class _Epochs:
    """`ClaimKeys` that are looked up at each use."""

    def __init__(self, current: Callable[[], ClaimKeys]) -> None:
        self._current = current

    def epochs(self) -> tuple[int, ...]:
        return self._current().epochs()

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        return await self._current().evaluate(epoch, identifiers)


class _BothKinds:
    """The epochs of two kinds of keys together. Raises SettingsError for an epoch that both have."""

    def __init__(self, kinds: Sequence[ClaimKeys]) -> None:
        self._kinds = kinds
        if len(set(self.epochs())) != sum(len(kind.epochs()) for kind in kinds):
            raise SettingsError("HUILIAN_CLAIM_GROUPS_FILE: an epoch of HUILIAN_CONSORTIUM_KEY_FILE is in it too")

    def epochs(self) -> tuple[int, ...]:
        return tuple(sorted({epoch for kind in self._kinds for epoch in kind.epochs()}))

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        kind = next(kind for kind in self._kinds if epoch in kind.epochs())
        return await kind.evaluate(epoch, identifiers)


def _share_name(epoch: int, generation: int) -> str:
    return f"claim-share.{epoch}.{generation}"


def _read_groups(path: Path) -> tuple[Group, ...]:
    try:
        return parse_groups(parse_json(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SettingsError(f"HUILIAN_CLAIM_GROUPS_FILE: expected a group file of the ceremony: {error}") from None


def _read_consortium(path: Path, vault: KeyVault) -> ClaimKeys:
    """Each key is kept in the vault too, which refuses another key under a number that was used before."""
    try:
        keys = _parse(path.read_text("ascii"))
        checked = HmacClaimKeys(keys)
    except (OSError, ValueError):
        raise SettingsError(f"HUILIAN_CONSORTIUM_KEY_FILE: {_LINES}") from None
    for epoch, key in keys.items():
        vault.import_key("consortium" if epoch == 1 else f"consortium.{epoch}", key)
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
            raise ValueError(_LINES)
        keys[epoch] = key
    return keys
