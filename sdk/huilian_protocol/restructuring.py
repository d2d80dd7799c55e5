"""Other terms for what is left of a loan, as its borrower signs them.

The text is canonical JSON (RFC 8785). A person's device signs its SHA-256 (WebAuthn); an enterprise's signer gives a
mandate whose object is that digest (`signers.Mandate`): a word for these terms and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError

TYPE = "huilian-restructuring/v1"
_NAMES = {
    *("type", "loan_id", "number", "principal_fen", "currency"),
    *("annual_rate", "due_date", "repayment", "valid_until"),
}


@dataclass(frozen=True, slots=True)
class Restructuring:
    """The `number`-th offer of a loan: what changes for `principal_fen` that is left.

    `annual_rate` is a fraction as a text, `repayment` a plan as `huilian_loans.documents` has it; whoever signs does so
    before `valid_until`, in whole seconds.
    """

    loan_id: str
    number: int
    principal_fen: int
    annual_rate: str
    due_date: date
    repayment: Mapping[str, Any]
    valid_until: datetime

    def canonical(self) -> bytes:
        """What is signed."""
        return canonicalise(
            {
                "type": TYPE,
                "loan_id": self.loan_id,
                "number": self.number,
                "principal_fen": self.principal_fen,
                "currency": "CNY",
                "annual_rate": self.annual_rate,
                "due_date": self.due_date.isoformat(),
                "repayment": dict(self.repayment),
                "valid_until": format_time(self.valid_until),
            }
        )

    @property
    def challenge(self) -> bytes:
        """SHA-256 of the text: the challenge of a person's assertion."""
        return sha256(self.canonical()).digest()

    @property
    def act_id(self) -> str:
        """The object of the mandate by which an enterprise's signer agrees."""
        return b64u_encode(self.challenge)


def read_restructuring(text: bytes) -> Restructuring:
    """The terms that a text states, to be shown before they are signed. Raises ARTEFACT_INVALID for any other text."""
    try:
        said = parse_canonical(text)
        if said["type"] != TYPE or said["currency"] != "CNY" or set(said) != _NAMES:
            raise ValueError("not the terms of a restructuring")
        terms = Restructuring(
            said["loan_id"],
            said["number"],
            said["principal_fen"],
            said["annual_rate"],
            date.fromisoformat(said["due_date"]),
            said["repayment"],
            parse_time(said["valid_until"]),
        )
        if terms.canonical() != text:
            raise ValueError("not in its one form")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HuilianError("ARTEFACT_INVALID", str(error)) from error
    return terms
