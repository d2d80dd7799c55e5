"""Instants on the wire."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(moment: datetime | None) -> Timestamp | None:
    """An instant as protobuf has it; None, which leaves a field unset, for None."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
