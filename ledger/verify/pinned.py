"""What the trust anchors pin about a log, in the forms in which signatures are checked."""

from __future__ import annotations

from functools import lru_cache

from huilian_protocol.trust import TrustedEpoch, TrustedHub

from ledger.merkle.checkpoint import LogKeys
from ledger.merkle.cosignature import WitnessPolicy

# Reading a key is a tenth of checking a signature; a verifier of many files meets the same few keys.
_REMEMBERED = 64


def log_keys(hub: TrustedHub) -> LogKeys:
    """Return the keys of a hub's log. Raises `InvalidCheckpoint` when the trust anchors hold none that can be used."""
    return _log_keys(hub.log_vkey, hub.log_epochs)


def witness_policy(hub: TrustedHub) -> WitnessPolicy:
    """Return who must cosign a hub's log. Raises `InvalidCheckpoint` when the trust anchors contradict themselves."""
    return _witness_policy(hub.witnesses.at_least, hub.witnesses.vkeys)


@lru_cache(_REMEMBERED)
def _log_keys(vkey: str, epochs: tuple[TrustedEpoch, ...]) -> LogKeys:
    return LogKeys.from_vkeys([(epoch.vkeys, epoch.until_size) for epoch in epochs] or [((vkey,), None)])


@lru_cache(_REMEMBERED)
def _witness_policy(at_least: int, vkeys: tuple[str, ...]) -> WitnessPolicy:
    return WitnessPolicy.from_vkeys(at_least, vkeys)
