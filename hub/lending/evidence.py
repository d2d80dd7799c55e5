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
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import Fault, HuilianError
from huilian_protocol.sealing import open_sealed, payload_info

from hub.exchange.service import Delivery, Read
from hub.lending.ports import Consents, Exchange
from hub.platform.transactions import forbid_transaction

RECIPIENT = "bank.lending"
PRESENT, NO_ACCOUNT, UNAVAILABLE = "present", "no_account", "unavailable"


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
            return _read_payload(read, self._open(read, await self._exchange.fetch(RECIPIENT, read)))
        except HuilianError as error:
            if error.entry.fault in {Fault.PROVIDER, Fault.HUB}:
                return EvidenceItem(grant.id, UNAVAILABLE, {}, error.code)
            raise

    def _open(self, read: Read, delivery: Delivery) -> bytes:
        info = payload_info(
            consent_sha256=delivery.artefact.sha256,
            purpose=delivery.artefact.purpose.code,
            dataset=read.dataset,
            fields=read.fields,
            recipient=RECIPIENT,
            request_id=read.request_id,
        )
        try:
            return open_sealed(delivery.envelope, self._opening_key, info)
        except HuilianError as error:
            # The edge sealed it for another use or key: nothing that the person could mend.
            raise HuilianError("PROVIDER_FAULT", error.detail, provider=read.dataset) from error


def _read_payload(read: Read, payload: bytes) -> EvidenceItem:
    """What an edge says of a dataset; raises PROVIDER_FAULT for what no honest edge says. No message quotes it."""
    try:
        value = parse_json(payload)
        status, data = value["status"], value["data"]
        fits = value["dataset"] == read.dataset and status in {PRESENT, NO_ACCOUNT}
        granted = set(data) <= set(read.fields if status == PRESENT else ())
    except (ValueError, TypeError, KeyError):
        raise HuilianError("PROVIDER_FAULT", "not a payload", provider=read.dataset) from None
    if not fits or not granted or not isinstance(data, dict):
        raise HuilianError("PROVIDER_FAULT", "a payload of something else", provider=read.dataset)
    return EvidenceItem(read.dataset, status, data)


def _read_id(consent_id: str, dataset_id: str) -> str:
    return "ev-" + sha256(f"{consent_id}\0{dataset_id}".encode()).hexdigest()[:40]
