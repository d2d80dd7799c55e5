"""Forms that several of the operators' screens share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from mini_program_api.forms import Form, Reason

# As the hub's protocol bounds it: said by a person, without control characters; no personal data.
Said = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Waiting(BaseModel):
    """An application that waits for persons; `proposal` is the first person's word where two are needed."""

    reasons: list[Reason]
    proposed_by: str
    proposal: str
    proposal_reason: str


class Word(Form):
    """What somebody says of it."""

    reason: Said


class Decision(Form):
    """Yes or no, and why."""

    approve: bool
    reason: Said
