"""What the consent domain needs of others, in the shape it needs; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from hub.consent.rules import Action, Dataset, RecipientKey


class Persons(Protocol):
    """Registered persons (hub/identity)."""

    async def key_binding(self, subject: str) -> str:
        """The identity authority's binding of the person's device key; raises NOT_FOUND."""
        ...


class Recipients(Protocol):
    """Published recipients of data and their sealing keys (hub/identity)."""

    def recipient_key(self, recipient_id: str, sealing_key_id: str | None = None) -> RecipientKey:
        """The recipient's present key, or the one with this id: an older consent names an older key until it ends.

        Raises NOT_FOUND or RECIPIENT_KEY_MISMATCH.
        """
        ...


class DatasetCatalogue(Protocol):
    """Datasets and actions on offer (hub/exchange); may ask the network, so never inside a transaction."""

    async def datasets(self, wanted: Collection[str]) -> Mapping[str, Dataset]:
        """Those of the wanted datasets that exist, by id; raises PROVIDER_UNAVAILABLE when that cannot be told."""
        ...

    async def actions(self, wanted: Collection[str]) -> Mapping[str, Action]:
        """Those of the wanted actions that exist, by id; raises PROVIDER_UNAVAILABLE when that cannot be told."""
        ...


class ReadCounts(Protocol):
    """Reads under consents (hub/exchange)."""

    async def reads_taken(self, consent_id: str, datasets: Collection[str], *, settled: bool) -> dict[str, int]:
        """How many reads of each dataset were taken; `settled`: raise RECEIPT_PENDING while some are under way."""
        ...

    async def is_acting(self, consent_id: str) -> bool:
        """Whether it is not known yet what became of an action under this consent."""
        ...


class Ledger(Protocol):
    """The log (hub/ledger)."""

    async def append(
        self, record_type: str, record_id: str, record: dict[str, Any], *, subject: str | None, evidence: dict[str, Any]
    ) -> object:
        """Append a salted record inside the open transaction."""
        ...
