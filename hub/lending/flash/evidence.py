"""What a flash loan is decided on: the data of one consent, fetched sealed, opened here and nowhere else.

The read of a dataset carries an id made from consent and dataset, so asking again gives the first answer: what the
person is shown is, byte for byte, what the decision uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from huilian_protocol.artefact import Artefact, DatasetGrant
from huilian_protocol.errors import Fault, HuilianError

from hub.exchange.opening import NO_ACCOUNT, PRESENT, open_delivery
from hub.exchange.service import Read
from hub.lending.ports import Consents, Exchange
from hub.platform.transactions import forbid_transaction

RECIPIENT = "bank.lending"
UNAVAILABLE = "unavailable"

__all__ = ["NO_ACCOUNT", "PRESENT", "RECIPIENT", "UNAVAILABLE", "EvidenceDesk", "EvidenceItem"]


@dataclass(frozen=True, repr=False)
class EvidenceItem:
    """One dataset: its data (empty unless present), or the catalogue code of why it is unavailable.

    Its repr shows no data, so that no log or traceback can.
    """

    dataset_id: str
    status: str
    data: Mapping[str, Any]
    error_code: str = ""

    def __repr__(self) -> str:
        return f"EvidenceItem({self.dataset_id}, {self.status})"


class EvidenceDesk:
    """Fetches and opens evidence; talks to the network, so never inside a transaction."""

    def __init__(self, consents: Consents, exchange: Exchange, opening_key: Callable[[str], bytes]) -> None:
        self._consents = consents
        self._exchange = exchange
        self._opening_key = opening_key

    async def gather(self, subject: str, consent_id: str) -> tuple[EvidenceItem, ...]:
        """Every dataset of the person's consent, in the consent's order.

        A source that is away gives an item that says so. Raises NOT_FOUND (also for somebody else's consent),
        RECIPIENT_KEY_MISMATCH when the consent names another recipient, and what the consent itself refuses
        (CONSENT_REVOKED, CONSENT_EXPIRED, CONSENT_EXHAUSTED …).
        """
        forbid_transaction("gathering evidence")
        artefact = (await self._consents.find(consent_id)).artefact
        if artefact.subject != subject:
            raise HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
        if artefact.recipient.id != RECIPIENT:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "the consent is for another recipient")
        items = await asyncio.gather(*(self._item(artefact, grant) for grant in artefact.datasets))
        return tuple(items)

    async def _item(self, artefact: Artefact, grant: DatasetGrant) -> EvidenceItem:
        read = Read(_read_id(artefact.id, grant.id), artefact.id, grant.id, grant.fields, grant.period)
        try:
            delivery = await self._exchange.fetch(RECIPIENT, read)
            status, data = open_delivery(read, delivery, RECIPIENT, self._opening_key)
        except HuilianError as error:
            if error.entry.fault in {Fault.PROVIDER, Fault.HUB}:
                return EvidenceItem(grant.id, UNAVAILABLE, {}, error.code)
            raise
        return EvidenceItem(grant.id, status, data)


def _read_id(consent_id: str, dataset_id: str) -> str:
    return "ev-" + sha256(f"{consent_id}\0{dataset_id}".encode()).hexdigest()[:40]
