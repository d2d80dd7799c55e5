"""Forms that several screens share. Binary values are base64url text, money is integer fen, time RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import common_pb2
from huilian_protocol.canonical import b64u_decode
from huilian_protocol.clock import format_time
from huilian_protocol.webauthn import Assertion
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _check_base64url(text: str) -> str:
    b64u_decode(text)
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond every calendar") from None


Base64Url = Annotated[str, Field(max_length=100_000), AfterValidator(_check_base64url)]
ObjectId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
# As the hub's own protocol bounds them, so that a wrong one is told apart from a fault.
PageSize = Annotated[int, Field(ge=1, le=200)]
PageToken = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:-]{0,256}$")]
RecordId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,159}$")]
StatementId = Annotated[str, Field(pattern=r"^access-statement:[A-Za-z0-9_-]{8,64}$")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Fen = Annotated[int, Field(gt=0, le=10**15, strict=True)]


class Form(BaseModel):
    """What a client sends: an unknown member is a mistake, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


class DeviceAssertion(Form):
    """A WebAuthn assertion by the person's device."""

    authenticator_data: Base64Url
    client_data_json: Base64Url
    signature: Base64Url

    def to_assertion(self) -> Assertion:
        """As the SDK takes it."""
        return Assertion(
            b64u_decode(self.authenticator_data), b64u_decode(self.client_data_json), b64u_decode(self.signature)
        )


class Reason(BaseModel):
    """Why something was decided, by its code in a rule table."""

    code: str
    text_zh: str
    text_en: str


def reasons_of(items: Iterable[common_pb2.Reason]) -> list[Reason]:
    """Reasons in two languages."""
    return [Reason(code=item.code, text_zh=item.text_zh, text_en=item.text_en) for item in items]


def time_text(moment: Timestamp) -> str:
    """A time on the wire as text; empty when it is not set."""
    if not moment.seconds and not moment.nanos:
        return ""
    return format_time(moment.ToDatetime(UTC))
