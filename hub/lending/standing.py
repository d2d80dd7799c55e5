"""Whether those who take part in a loan are still who they say: asked once more just before money goes out."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError

from hub.lending.ports import Mandates


async def no_longer_verified(mandates: Mandates, *parties: str) -> HuilianError | None:
    """The refusal for the first enterprise that the business registry does not agree with any more; None for none."""
    for party in parties:
        try:
            await mandates.require_verified(party)
        except HuilianError as error:
            if error.code != "STATE_CONFLICT":
                raise
            return error
    return None
