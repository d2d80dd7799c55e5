"""A person's own records, read under their consent to the convenience zone and opened for nobody but them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huilian_protocol.errors import Fault, HuilianError

from hub.convenience.ports import RECIPIENT, Consents, Exchange
from hub.exchange.opening import open_delivery
from hub.exchange.service import Read
from hub.platform.transactions import forbid_transaction

PREPARING, UNAVAILABLE = "preparing", "unavailable"


@dataclass(frozen=True, repr=False)
class Record:
    """One dataset: its data (empty unless present), or why there is none. Its repr shows no data."""

    status: str
    data: Mapping[str, Any]
    error_code: str = ""
    access_record_id: str = ""

    def __repr__(self) -> str:
        return f"Record({self.status})"


class Records:
    """Reads and opens; talks to the network, so never inside a transaction."""

    def __init__(self, consents: Consents, exchange: Exchange, opening_key: Callable[[str], bytes]) -> None:
        self._consents, self._exchange, self._opening_key = consents, exchange, opening_key

    async def read(self, subject: str, request_id: str, consent_id: str, dataset: str) -> Record:
        """Everything that the consent grants of one dataset.

        A source that is away, or that is still preparing a report, gives a record that says so: asked again under the
        same id, the report goes on. Raises NOT_FOUND (also for somebody else's consent), RECIPIENT_KEY_MISMATCH,
        FIELD_NOT_GRANTED and what the consent itself refuses.
        """
        forbid_transaction("reading a record")
        artefact = (await self._consents.find(consent_id)).artefact
        if artefact.subject != subject:
            raise HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
        if artefact.recipient.id != RECIPIENT:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "the consent is for another recipient")
        grant = next((item for item in artefact.datasets if item.id == dataset), None)
        if grant is None:
            raise HuilianError("FIELD_NOT_GRANTED", "the dataset is not granted", field=dataset)
        return await self._fetched(subject, Read(request_id, consent_id, dataset, grant.fields, grant.period))

    async def _fetched(self, subject: str, read: Read) -> Record:
        try:
            delivery = await self._exchange.fetch(subject, read)
            status, data = open_delivery(read, delivery, RECIPIENT, self._opening_key)
        except HuilianError as error:
            if error.entry.fault not in {Fault.PROVIDER, Fault.HUB}:
                raise
            is_preparing = error.params.get("state") == PREPARING
            return Record(PREPARING if is_preparing else UNAVAILABLE, {}, "" if is_preparing else error.code)
        return Record(status, data, access_record_id=delivery.access_record_id)
