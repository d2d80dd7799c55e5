"""Receipts as a party fetches them."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError
from huilian_sdk import Huilian

from deploy.journeys.step import until


async def receipt_of(client: Huilian, record_id: str) -> bytes:
    """The receipt of a record, waiting until it is anchored."""

    async def look() -> bytes | None:
        try:
            return await client.ledger.receipt(record_id)
        except HuilianError as error:
            if error.code != "RECEIPT_PENDING":
                raise
            return None

    return await until(look, f"the receipt of {record_id}")
