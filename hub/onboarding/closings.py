"""An account ends: from its closing runs the term for which its documents are kept. Inside the caller's transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from huilian_protocol.errors import HuilianError

from hub.onboarding import stored_openings as stored
from hub.onboarding.opening_files import OpeningFiles
from hub.onboarding.opening_states import OpeningState
from hub.onboarding.stored_openings import Opening
from hub.platform.business_day import business_date


class Closings:
    """What an operator writes down of accounts that were closed."""

    def __init__(self, files: OpeningFiles) -> None:
        self._files = files

    async def close(self, operator: str, application_id: str, day: date) -> Opening:
        """The account of an application was closed on a day, today at the latest. The same again changes nothing.

        Raises NOT_FOUND, STATE_CONFLICT (no account was opened; CLOSED on another day), INVALID_ARGUMENT (a day to
        come, or before the account was opened).
        """
        opening = await self._files.locked(None, application_id)
        if opening.state is not OpeningState.OPENED or opening.opened_at is None:
            raise HuilianError("STATE_CONFLICT", "no account was opened", state=opening.state)
        if opening.closed_on == day:
            return opening
        if opening.closed_on is not None:
            raise HuilianError("STATE_CONFLICT", f"closed on {opening.closed_on}", state="CLOSED")
        if not business_date(opening.opened_at) <= day <= business_date(self._files.now()):
            raise HuilianError("INVALID_ARGUMENT", "a day of the account's life so far", field="closed_day")
        await stored.set_closed(application_id, day)
        closed = replace(opening, closed_on=day)
        await self._files.records.add("closed", closed, {"operator": operator})
        return closed
