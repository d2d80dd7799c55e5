"""SQL of flash loan applications."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from hub.lending.decisions.tables import Reason
from hub.lending.store import FlashRow


class FlashState(StrEnum):
    """Life of an application; EXPIRED is an offer that was not signed in time, or a referral nobody decided in time."""

    REFERRED = "REFERRED"
    OFFERED = "OFFERED"
    REJECTED = "REJECTED"
    DISBURSED = "DISBURSED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class FlashApplication:
    """One application. `contract` is empty when it was rejected."""

    application_id: str
    state: FlashState
    subject: str
    consent_id: str
    limit_fen: int
    contract: bytes
    reasons: tuple[Reason, ...]
    rule_version: str
    decision_id: str
    loan_id: str | None
    offer_expires_at: datetime
    created_at: datetime

    @property
    def challenge(self) -> bytes:
        """SHA-256 of the contract: the challenge of the assertion that signs it."""
        return sha256(self.contract).digest() if self.contract else b""


async def add(application: FlashApplication) -> None:
    """Writes a new application."""
    columns: dict[str, Any] = {name: getattr(application, name) for name in FlashApplication.__dataclass_fields__}
    reasons = [asdict(reason) for reason in application.reasons]
    await FlashRow.create(**{**columns, "state": application.state.value, "reasons": reasons})


async def find(application_id: str) -> FlashApplication | None:
    """The application, or None."""
    row = await FlashRow.get_or_none(application_id=application_id)
    return None if row is None else _application(row)


def _application(row: FlashRow) -> FlashApplication:
    columns = {name: getattr(row, name) for name in FlashApplication.__dataclass_fields__}
    own = {
        "state": FlashState(row.state),
        "contract": bytes(row.contract),
        "reasons": tuple(Reason(**reason) for reason in row.reasons),
    }
    return FlashApplication(**{**columns, **own})


async def set_disbursed(application_id: str, loan_id: str) -> None:
    """The contract was signed and paid out."""
    rows = FlashRow.filter(application_id=application_id, state=FlashState.OFFERED.value)
    if await rows.update(state=FlashState.DISBURSED.value, loan_id=loan_id) != 1:
        raise AssertionError("an application is changed under its lock only")


async def set_reviewed(application: FlashApplication) -> None:
    """What became of a referred application."""
    columns: dict[str, Any] = {
        name: getattr(application, name) for name in ("limit_fen", "contract", "offer_expires_at")
    }
    reasons = [asdict(reason) for reason in application.reasons]
    rows = FlashRow.filter(application_id=application.application_id, state=FlashState.REFERRED.value)
    if await rows.update(**columns, state=application.state.value, reasons=reasons) != 1:
        raise AssertionError("an application is changed under its lock only")


async def referred_too_long(now: datetime, limit: int) -> list[FlashApplication]:
    """Referred applications whose time to be decided is over."""
    rows = FlashRow.filter(state=FlashState.REFERRED.value, offer_expires_at__lte=now)
    return [_application(row) for row in await rows.order_by("offer_expires_at").limit(limit)]


async def has_expired_offers(now: datetime) -> bool:
    """Whether some offer was not signed in time."""
    return await FlashRow.filter(state=FlashState.OFFERED.value, offer_expires_at__lte=now).exists()


async def expire_offers(now: datetime) -> int:
    """Ends offers that were not signed in time; how many. They hold nothing that would have to be released."""
    rows = FlashRow.filter(state=FlashState.OFFERED.value, offer_expires_at__lte=now)
    return await rows.update(state=FlashState.EXPIRED.value)
