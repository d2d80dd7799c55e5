"""Ways to damage a document: its bytes, its JSON, and the encodings inside its JSON.

A JSON document is written down canonically again after a change, so that the change itself has to be found and not the
spelling. Texts that are base64url or a compact JWS are opened, changed inside and closed again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_json

Path = tuple[str | int, ...]
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53 - 1, "", " ", "0", "\u0000", "A" * 300, "../../etc", "2026-13-45", "ä", "null",
    [], {}, [None], {"a": 1}, [[]], ["x"] * 70,
)  # fmt: skip
WORST_JSON = (
    b"", b"{}", b"[]", b"null", b"NaN", b'{"a":NaN}', b'{"a":1e999}', b"[" * 5_000, b'{"a":' * 200 + b"1" + b"}" * 200,
    b'"\\ud800"', b'{"a":1,"a":1}', b"\xff\xfe", b"\x00" * 64, b'{"artefact":{}}', b'{"inclusion_proof":[]}',
    b"9" * 5_000, b"-" * 100, b'"' + b"\\u0000" * 100 + b'"',
)  # fmt: skip


def mutate(rng: random.Random, good: bytes, other: bytes) -> bytes:
    """A damaged form of `good`, never a good one. `other` is a valid document of its kind, to swap parts with."""
    while True:  # now and then a change changes nothing
        damaged = rng.choices(_WAYS, _WEIGHTS)[0](rng, good, other)
        if damaged not in (good, other):
            return damaged


def mutate_bytes(rng: random.Random, data: bytes) -> bytes:
    """Other bytes: some flipped, set, inserted, removed, repeated, cut off or added."""
    while (changed := _some_bytes(rng, data)) == data:  # setting a byte to what it was changes nothing
        continue
    return changed


def _some_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    at = rng.randrange(len(data)) if data else 0
    length = rng.choice([1, 1, 2, 8, 64])
    way = rng.randrange(7)
    if way == 0 and data:
        changed[at] ^= 1 << rng.randrange(8)
    elif way == 1 and data:
        changed[at] = rng.randrange(256)
    elif way == 2:
        changed[at:at] = rng.randbytes(length)
    elif way == 3:
        del changed[at : at + length]
    elif way == 4:
        changed[at:at] = changed[at : at + length]
    elif way == 5:
        del changed[at:]
    else:
        changed += rng.randbytes(length)
    return bytes(changed)


def _flip(rng: random.Random, good: bytes, _: bytes) -> bytes:
    return mutate_bytes(rng, good)


def _splice(rng: random.Random, good: bytes, other: bytes) -> bytes:
    at = rng.randrange(min(len(good), len(other)))
    return good[:at] + other[at:]


def _worst(rng: random.Random, good: bytes, _: bytes) -> bytes:
    return rng.choice(WORST_JSON)


def _json(rng: random.Random, good: bytes, other: bytes) -> bytes:
    """Change one place of the JSON tree, then write it down canonically, or now and then in another spelling."""
    value, donor = parse_json(good), parse_json(other)
    path = rng.choice(_paths(value))
    change = rng.choice([_remove, _odd, _add, _rename, _take_over, _take_over, _inside, _inside, _inside, _nudge])
    changed = change(rng, value, path, donor)
    try:
        return canonicalise(changed) if rng.random() < 0.95 else json.dumps(changed, indent=1).encode()
    except ValueError:
        return json.dumps(changed).encode()


_WAYS: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (_flip, _splice, _worst, _json)
_WEIGHTS = (25, 5, 2, 68)


def _paths(value: Any, here: Path = ()) -> list[Path]:
    """Every place in the tree but its root."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    below = [path for key, item in items for path in _paths(item, (*here, key))]
    return ([here] if here else []) + below


def _parent(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def _at(value: Any, path: Path) -> Any:
    return _parent(value, path)[path[-1]]


def _put(value: Any, path: Path, item: Any) -> Any:
    _parent(value, path)[path[-1]] = item
    return value


def _remove(rng: random.Random, value: Any, path: Path, _: Any) -> Any:
    del _parent(value, path)[path[-1]]
    return value


def _odd(rng: random.Random, value: Any, path: Path, _: Any) -> Any:
    return _put(value, path, rng.choice(ODD_VALUES))


def _add(rng: random.Random, value: Any, path: Path, _: Any) -> Any:
    """A member or an item more, beside this one."""
    holder, item = _parent(value, path), rng.choice([*ODD_VALUES, _at(value, path)])
    if isinstance(holder, dict):
        holder[rng.choice(["x", "note", "", "admin", "__proto__", "alg"])] = item
    else:
        holder.insert(rng.randint(0, len(holder)), item)
    return value


def _rename(rng: random.Random, value: Any, path: Path, _: Any) -> Any:
    """Another name for a member, or another order of a list."""
    holder = _parent(value, path)
    if isinstance(holder, dict):
        holder[rng.choice([f"{path[-1]}_", str(path[-1]).upper(), "x"])] = holder.pop(path[-1])
    else:
        rng.shuffle(holder)
    return value


def _take_over(rng: random.Random, value: Any, path: Path, donor: Any) -> Any:
    """What the other valid document holds in this place, or in any place."""
    try:
        item = _at(donor, path)
    except (KeyError, IndexError, TypeError):
        item = _at(donor, rng.choice(_paths(donor)))
    return _put(value, path, item)


def _nudge(rng: random.Random, value: Any, path: Path, _: Any) -> Any:
    """The smallest change: a number by one, a text by one character, the other truth value."""
    item = _at(value, path)
    if isinstance(item, bool):
        return _put(value, path, not item)
    if isinstance(item, int):
        return _put(value, path, item + rng.choice([-1, 1]))
    if isinstance(item, str) and item:
        at = rng.randrange(len(item))
        return _put(value, path, item[:at] + chr((ord(item[at]) + 1) % 0xD800) + item[at + 1 :])
    return _odd(rng, value, path, None)


def _inside(rng: random.Random, value: Any, path: Path, donor: Any) -> Any:
    """Change what a text encodes: bytes in base64url, or one part of a compact JWS."""
    text = _at(value, path)
    if not isinstance(text, str) or not text:
        return _nudge(rng, value, path, donor)
    if is_jws(text):
        return _put(value, path, mutate_jws(rng, text, rng.choice([text, *_tokens(donor)])))
    try:
        return _put(value, path, b64u_encode(mutate_bytes(rng, b64u_decode(text))))
    except ValueError:
        return _nudge(rng, value, path, donor)


def is_jws(text: str) -> bool:
    """Whether this looks like a compact JWS: three parts in base64url."""
    try:
        return len([b64u_decode(part) for part in text.split(".")]) == 3 and text.startswith("ey")
    except ValueError:
        return False


def _tokens(value: Any) -> list[str]:
    texts = [_at(value, path) for path in _paths(value)]
    return [text for text in texts if isinstance(text, str) and is_jws(text)]


def mutate_jws(rng: random.Random, token: str, other: str) -> str:
    """Change header, payload or signature of a compact JWS, or take those of another one."""
    parts, donor = token.split("."), other.split(".")
    at = rng.randrange(3)
    way = rng.randrange(4)
    if way == 0:
        parts[at] = donor[at]
    elif way == 1 and at < 2:
        changed = _json(rng, b64u_decode(parts[at]), b64u_decode(parts[at]))
        parts[at] = b64u_encode(changed)
    elif way == 2:
        parts[0] = b64u_encode(canonicalise({"alg": rng.choice(["none", "HS256", "ES384", "es256"]), "typ": "x"}))
        parts[2] = rng.choice(["", parts[2]])
    else:
        parts[at] = b64u_encode(mutate_bytes(rng, b64u_decode(parts[at])))
    return ".".join(parts)
