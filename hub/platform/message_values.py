"""Values that protobuf carries and nothing behind it can hold: instants of any century, texts with NUL in them."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from huilian_protocol.errors import HuilianError

TIMESTAMP = "google.protobuf.Timestamp"
# 2200-01-01; what comes after would overflow where years are added to it.
END_S = 7_258_118_400


def check_values(message: Message) -> None:
    """Raise HuilianError INVALID_ARGUMENT naming a field whose instant is before 1970 or after 2199, or is none, or
    whose text holds U+0000, which PostgreSQL refuses.
    """
    if message.DESCRIPTOR.full_name == TIMESTAMP:
        return
    for name in _suspects(message.DESCRIPTOR):
        value: Any = getattr(message, name)
        if isinstance(value, str):
            _check(name, value)
        elif not isinstance(value, Message):
            for each in value:
                _check(name, each)
        elif message.HasField(name):
            _check(name, value)


def _check(name: str, value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise HuilianError("INVALID_ARGUMENT", "a text without U+0000", field=name)
    elif value.DESCRIPTOR.full_name != TIMESTAMP:
        check_values(value)
    elif not (0 <= value.seconds < END_S and 0 <= value.nanos < 1_000_000_000):
        raise HuilianError("INVALID_ARGUMENT", "an instant between 1970 and 2199", field=name)


@cache
def _suspects(descriptor: Descriptor) -> tuple[str, ...]:
    """Names of the fields to look at: texts, instants, messages with such; no request of the protocol holds itself, and
    its maps are from ids to bytes.
    """
    return tuple(field.name for field in descriptor.fields if _is_suspect(field))


def _is_suspect(field: FieldDescriptor) -> bool:
    inner = field.message_type
    if inner is None or inner.GetOptions().map_entry:
        return bool(field.type == FieldDescriptor.TYPE_STRING)
    return inner.full_name == TIMESTAMP or bool(_suspects(inner))
