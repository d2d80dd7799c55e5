"""Instants in requests: protobuf carries any number of seconds, business happens between 1970 and 2200."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from huilian_protocol.errors import HuilianError

TIMESTAMP = "google.protobuf.Timestamp"
# 2200-01-01; what comes after would overflow where years are added to it.
END_S = 7_258_118_400


def check_times(message: Message) -> None:
    """Raise HuilianError INVALID_ARGUMENT naming a field whose instant is before 1970 or after 2199, or is none."""
    for name in _fields_with_times(message.DESCRIPTOR):
        value: Any = getattr(message, name)
        singular = isinstance(value, Message)
        if singular and not message.HasField(name):
            continue
        for each in [value] if singular else value:
            if each.DESCRIPTOR.full_name != TIMESTAMP:
                check_times(each)
            elif not (0 <= each.seconds < END_S and 0 <= each.nanos < 1_000_000_000):
                raise HuilianError("INVALID_ARGUMENT", "an instant between 1970 and 2199", field=name)


@cache
def _fields_with_times(descriptor: Descriptor) -> tuple[str, ...]:
    """Names of the fields that are instants or messages that hold some; no request of the protocol holds itself."""
    return tuple(field.name for field in descriptor.fields if _has_times(field.message_type))


def _has_times(descriptor: Descriptor | None) -> bool:
    if descriptor is None or descriptor.GetOptions().map_entry:
        return False
    return descriptor.full_name == TIMESTAMP or bool(_fields_with_times(descriptor))
