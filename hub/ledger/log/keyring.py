"""The generations of the log's own keys: which one signs, and up to which size those before it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.ledger.log.stored import EpochStore
from ledger.merkle.checkpoint import LogEpoch, LogKeys, LogSigner


class KeyRetired(Exception):
    """Another generation of keys has taken over, and this process does not hold it yet: it must not sign."""


class LogKeyring:
    """The keys that `hub.main rotate log` moves on, asked for at each use because it runs beside this process."""

    def __init__(self, order: Callable[[], Sequence[int]], signer: Callable[[int], LogSigner]) -> None:
        """`order` gives the generations, the current one first, then the announced one if any, then retired ones."""
        self._order = order
        self._signer = signer
        self._signing: tuple[int, LogSigner] | None = None

    @classmethod
    def of(cls, signer: LogSigner) -> LogKeyring:
        """The ring of a log that never changes its keys."""
        return cls(lambda: (0,), lambda _number: signer)

    def current(self, first_sizes: dict[int, int]) -> LogSigner:
        """The keys that sign now, if no younger generation has begun. Raises `KeyRetired`.

        A copy of a retired key cannot be used through this hub again: the database says which generation has begun.
        """
        number = self._order()[0]
        if number != max(first_sizes):
            raise KeyRetired(f"generation {max(first_sizes)} of the log's keys has begun, this process holds {number}")
        if self._signing is None or self._signing[0] != number:
            # Expanding an ML-DSA key takes as long as signing by it.
            self._signing = (number, self._signer(number))
        return self._signing[1]

    def signer(self, number: int) -> LogSigner:
        """One generation."""
        return self._signer(number)

    def all_unbounded(self) -> LogKeys:
        """Every generation without its bound: for a log whose keys never changed hands."""
        return self._keys({})

    async def keys(self, epochs: EpochStore) -> LogKeys:
        """Every generation with its bound: those that others took over from sign nothing beyond that size."""
        return self._keys(await epochs.first_sizes())

    def _keys(self, first_sizes: dict[int, int]) -> LogKeys:
        generations = [(number, self._signer(number).keys.epochs[0].keys) for number in self._order()]
        bounded = [LogEpoch(keys, first_sizes.get(number + 1)) for number, keys in generations]
        return LogKeys(bounded[0].keys[0].name, tuple(bounded))
