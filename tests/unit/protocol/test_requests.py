"""Every text that a caller may send is bounded and holds no control character, before any code of ours sees it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import huilian
import protovalidate
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from hub.platform.policy import POLICY, SERVED_ELSEWHERE

# A JWS, which is verified before anything of it is looked up; what it claims is checked then.
CHECKED_ELSEWHERE = {"huilian.identity.v1.IssueTokenRequest.client_assertion"}


def requests() -> Iterator[Descriptor]:
    for file in sorted(Path(huilian.__path__[0]).rglob("*_service_pb2.py")):
        domain, version = file.parts[-3:-1]
        module = import_module(f"huilian.{domain}.{version}.{file.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                if POLICY[f"/{service.full_name}/{method.name}"] != SERVED_ELSEWHERE:
                    yield method.input_type


def fields(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    """Every plain field of a message and of the messages inside it."""
    if message.full_name in seen or message.full_name.startswith("google."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        if field.message_type is not None:
            yield from fields(field.message_type, seen)
        elif field.full_name not in CHECKED_ELSEWHERE:
            yield field


FIELDS = {field.full_name: field for seen in [set[str]()] for request in requests() for field in fields(request, seen)}
TEXTS = sorted(name for name, field in FIELDS.items() if field.type == FieldDescriptor.TYPE_STRING)
AMOUNTS = sorted(name for name, field in FIELDS.items() if field.name == "amount_fen")


@pytest.mark.parametrize("value", ["91449900\x00MA0H00010W", "x" * 10_000], ids=["control character", "too long"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_nobody_can_mean_is_refused(name: str, value: str) -> None:
    field = FIELDS[name]
    message: Any = GetMessageClass(field.containing_type)()
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
    broken = {violation.proto.field.elements[0].field_name for violation in protovalidate.collect_violations(message)}
    assert field.name in broken


@pytest.mark.parametrize("amount_fen", [-1, 10**15 + 1, 2**63 - 1])
@pytest.mark.parametrize("name", AMOUNTS)
def test_an_amount_that_no_book_can_hold_is_refused(name: str, amount_fen: int) -> None:
    message: Any = GetMessageClass(FIELDS[name].containing_type)(amount_fen=amount_fen)
    broken = {violation.proto.field.elements[0].field_name for violation in protovalidate.collect_violations(message)}
    assert "amount_fen" in broken
