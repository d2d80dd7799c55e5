"""Messages of any descriptor for fuzzing: fitting the field rules, breaking them, and bytes that are no message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

# Looks personal, and is in no shape that an id may have: wherever it comes back, something was echoed.
CANARY = "泄密者林晓雨110105199003078515"
ODD_TEXTS = (
    "",
    " ",
    CANARY,
    "\x00",
    "a\x00b",
    "\u202e\u200b\ufeff",
    "𠀀" * 40,
    "e\u0301" * 30,
    "../../../etc/passwd",
    "' OR 1=1 --",
    "{}%s{0}{resource}",
    "9" * 400,
    "2026-13",
    "9999-12",
    "0000-01",
    "NaN",
    "x" * 5_000,
)
ODD_BYTES = (b"", b"\x00", b"{}", b"[]", b"\xff" * 64, CANARY.encode(), b"\x80" * 5_000, b'{"a":' * 200)
_SIGNED, _UNSIGNED = (
    (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32),
    (
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_FIXED32,
    ),
)
Pool = Mapping[str, Sequence[Any]]
Draw = Any
DEEPEST = 4


@st.composite
def messages(draw: Draw, descriptor: Descriptor, pool: Pool, *, fitting: bool, depth: int = 0) -> Message:
    """A message; `fitting` tries to keep the field rules, and takes known values of fields of that name from `pool`."""
    message = message_factory.GetMessageClass(descriptor)()
    chosen = {one.name: draw(st.sampled_from([None, *one.fields])) for one in descriptor.oneofs}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        wanted = chosen[oneof.name] is field if oneof is not None else _is_wanted(draw, field, fitting, depth)
        if wanted:
            _fill(draw, message, field, pool, fitting, depth)
    return message


def _is_wanted(draw: Draw, field: FieldDescriptor, fitting: bool, depth: int) -> bool:
    if depth >= DEEPEST and field.message_type is not None:
        return False
    # Nearly every rule is broken by absence.
    if not fitting:
        return bool(draw(_SOME))
    return field.GetOptions().HasExtension(validate_pb2.field) or draw(_OFTEN) > 0


def _fill(draw: Draw, message: Message, field: FieldDescriptor, pool: Pool, fitting: bool, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _fill_map(draw, message, field, pool, fitting, depth)
    elif field.is_repeated:
        many = getattr(message, field.name)
        for value in draw(_list(field, pool, fitting, depth)):
            many.append(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(draw(_value(field, pool, fitting, depth)))
    else:
        setattr(message, field.name, draw(_value(field, pool, fitting, depth)))


def _fill_map(draw: Draw, message: Message, field: FieldDescriptor, pool: Pool, fitting: bool, depth: int) -> None:
    key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
    entries, rules = getattr(message, field.name), _rules(field).map
    for _ in range(draw(st.integers(0, 3))):
        name = draw(_scalar(key, rules.keys, pool.get(field.name, ()), fitting))
        if value.message_type is not None:
            entries[name].CopyFrom(draw(_value(value, pool, fitting, depth)))
        else:
            entries[name] = draw(_scalar(value, rules.values, (), fitting))


def _list(field: FieldDescriptor, pool: Pool, fitting: bool, depth: int) -> st.SearchStrategy[list[Any]]:
    rules = _rules(field).repeated
    most = min(int(rules.max_items) or 4, 4) if fitting else 6
    least = min(int(rules.min_items), most) if fitting else 0
    return st.lists(_value(field, pool, fitting, depth), min_size=least, max_size=most)


def _value(field: FieldDescriptor, pool: Pool, fitting: bool, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, pool, fitting=fitting, depth=depth + 1)
    rules = _rules(field).repeated.items if field.is_repeated else _rules(field)
    return _scalar(field, rules, pool.get(field.name, ()), fitting)


def _scalar(field: FieldDescriptor, rules: Any, known: Sequence[Any], fitting: bool) -> st.SearchStrategy[Any]:
    kind = field.type
    # Fields of one name need not be of one type everywhere.
    if kind == FieldDescriptor.TYPE_STRING:
        return _texts(rules.string, [value for value in known if isinstance(value, str)], fitting)
    if kind == FieldDescriptor.TYPE_BYTES:
        return _bytes(rules.bytes, [value for value in known if isinstance(value, bytes)], fitting)
    if kind == FieldDescriptor.TYPE_BOOL:
        return _SOME
    if kind == FieldDescriptor.TYPE_ENUM:
        return st.sampled_from([*(value.number for value in field.enum_type.values), *(() if fitting else (99, -1))])
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return st.sampled_from([0.0, -0.0, 1.5, -1.0, 1e30, math.inf, math.nan])
    return _integers(field, rules, [value for value in known if isinstance(value, int)], fitting)


# To make a strategy costs more than to draw from it, and most fields have few rules in common.
_ODD_TEXT: st.SearchStrategy[str] = st.sampled_from(ODD_TEXTS) | st.text(max_size=80)
_ODD_BYTES: st.SearchStrategy[bytes] = st.sampled_from(ODD_BYTES) | st.binary(max_size=64)
_SOME, _KIND = st.booleans(), st.sampled_from(["fits"] * 12 + ["breaks"] * 3 + ["cut", "more", "noise", "text"])
_OFTEN = st.integers(0, 9)


@cache
def _fitting_text(pattern: str, min_len: int, max_len: int) -> st.SearchStrategy[str]:
    if pattern:
        return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) < 20_000)
    if min_len or max_len:
        return st.text(min_size=min_len, max_size=min(max_len or 100, 100)) | st.just(CANARY)
    return _ODD_TEXT


@cache
def _whole(least: int, most: int) -> st.SearchStrategy[int]:
    edges = st.sampled_from(sorted({least, most, max(least, min(most, 0)), max(least, min(most, 1))}))
    return edges | st.integers(least, min(most, max(least, 0) + 1_000_000))


def _texts(rules: Any, known: Sequence[Any], fitting: bool) -> st.SearchStrategy[str]:
    if not fitting:
        return _ODD_TEXT | (st.sampled_from(list(known)) if known else _ODD_TEXT)
    fit = _fitting_text(rules.pattern, int(rules.min_len), int(rules.max_len))
    # Known values first: they are what gets past "no such thing".
    return st.one_of(st.sampled_from(list(known)), st.sampled_from(list(known)), fit) if known else fit


def _bytes(rules: Any, known: Sequence[Any], fitting: bool) -> st.SearchStrategy[bytes]:
    odd = _ODD_BYTES
    if fitting and rules.min_len:
        odd = st.binary(min_size=int(rules.min_len), max_size=max(int(rules.min_len), min(int(rules.max_len), 200)))
    return st.one_of(st.sampled_from(list(known)), st.sampled_from(list(known)), odd) if known else odd


def _integers(field: FieldDescriptor, rules: Any, known: Sequence[Any], fitting: bool) -> st.SearchStrategy[int]:
    least, most = _range(field.type)
    bounds = getattr(rules, rules.WhichOneof("type")) if rules.WhichOneof("type") else None
    if fitting and bounds is not None:
        least = _bound(bounds, (("gte", 0), ("gt", 1)), least)
        most = _bound(bounds, (("lte", 0), ("lt", -1)), most)
    usual = _whole(least, most)
    return usual | st.sampled_from(list(known)) if known else usual


def _bound(bounds: Any, names: Sequence[tuple[str, int]], otherwise: int) -> int:
    return next((getattr(bounds, name) + more for name, more in names if bounds.HasField(name)), otherwise)


def _range(kind: int) -> tuple[int, int]:
    if kind in _SIGNED:
        return -(2**31), 2**31 - 1
    if kind in _UNSIGNED:
        return 0, 2**32 - 1
    if kind in (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64):
        return 0, 2**64 - 1
    return -(2**63), 2**63 - 1


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


@st.composite
def wires(draw: Draw, descriptor: Descriptor, pool: Pool) -> bytes:
    """What goes over the wire: a fitting message most of the time, else one that breaks rules, else broken bytes."""
    kind = draw(_KIND)
    raw: bytes = draw(messages(descriptor, pool, fitting=kind != "breaks")).SerializeToString()
    if kind == "cut":
        return raw[: draw(st.integers(0, max(0, len(raw) - 1)))]
    if kind == "more":
        # A field of tomorrow's protocol, a group that nobody closes, a wrong wire type for field 1.
        return raw + draw(st.sampled_from([b"\xfa\x3f\x03abc", b"\x0b", b"\x08\x96\x01", b"\x0d\x01\x02\x03\x04"]))
    if kind == "noise":
        return draw(st.binary(max_size=200))
    # Field 1 as text that is no UTF-8.
    return b"\x0a\x04\xff\xfe\xfd\xfc" + raw if kind == "text" else raw
