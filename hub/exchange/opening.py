"""What a recipient of the bank does with a delivery: open it and check what it says of itself.

For the domains that are such a recipient (lending, convenience) and hold its key; the exchange itself opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import open_sealed, payload_info

from hub.exchange.rules import Read
from hub.exchange.settlement import Delivery

PRESENT, NO_ACCOUNT = "present", "no_account"


def open_delivery(
    read: Read, delivery: Delivery, recipient: str, opening_key: Callable[[str], bytes]
) -> tuple[str, Mapping[str, Any]]:
    """Status (`present` or `no_account`) and data of a delivered read.

    Raises PROVIDER_FAULT for what no honest edge sends. No message quotes it.
    """
    info = payload_info(
        consent_sha256=delivery.artefact.sha256,
        purpose=delivery.artefact.purpose.code,
        dataset=read.dataset,
        fields=read.fields,
        recipient=recipient,
        request_id=read.request_id,
    )
    try:
        payload = open_sealed(delivery.envelope, opening_key, info)
    except HuilianError as error:
        # The edge sealed it for another use or key: nothing that the person could mend.
        raise HuilianError("PROVIDER_FAULT", error.detail, provider=read.dataset) from error
    return _checked(read, payload)


def _checked(read: Read, payload: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        value = parse_json(payload)
        status, data = value["status"], value["data"]
        fits = value["dataset"] == read.dataset and status in {PRESENT, NO_ACCOUNT}
        granted = set(data) <= set(read.fields if status == PRESENT else ())
    except (ValueError, TypeError, KeyError):
        raise HuilianError("PROVIDER_FAULT", "not a payload", provider=read.dataset) from None
    if not fits or not granted or not isinstance(data, dict):
        raise HuilianError("PROVIDER_FAULT", "a payload of something else", provider=read.dataset)
    return str(status), data
