"""Schemas are promises: the present one must keep what a released one promised. `schemas/released/` holds the promises.

A recipient reads data by the released schema, so every value of the present one must be a value of the released one:
nothing removed, retyped, widened, or moved to another unit or class. New fields may come: only granted fields travel.
For an action's parameters it is the other way round: whatever could be asked must still be taken.

`python -m connectors.kit.compatibility PACKAGE` releases schemas that are not released yet; it never changes a release.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huilian_protocol.canonical import parse_json

Schema = Mapping[str, Any]
_LEAST = ("minimum", "minLength", "minItems")
_MOST = ("maximum", "maxLength", "maxItems")
_SAME = ("pattern", "format", "const")
_MEANING = ("x-unit", "x-time")
_CLASSES = ("C1", "C2", "C3")


def data_breaks(released: Schema, current: Schema) -> list[str]:
    """How data by `current` would break somebody who reads it by `released`; empty when it would not."""
    theirs, ours = released["properties"], current["properties"]
    found = [f"{name}: removed" for name in theirs if name not in ours]
    for name in theirs.keys() & ours.keys():
        found += [*_meaning(name, theirs[name], ours[name]), *_beyond(name, ours[name], theirs[name])]
    return sorted(found)


def parameter_breaks(released: Schema, current: Schema) -> list[str]:
    """How an action with `current` parameters would break somebody who asks by `released`."""
    theirs, ours = released["properties"], current["properties"]
    found = list(_beyond("parameters", released, current))
    for name in theirs.keys() & ours.keys():
        found += _meaning(name, theirs[name], ours[name])
    return sorted(found)


def breaks_of(folder: Path) -> list[str]:
    """Every broken promise of the connector in this folder, and every schema that has not been released."""
    present, promised = _schemas(folder / "schemas"), _schemas(folder / "schemas" / "released")
    found = [f"{name}: not released" for name in present.keys() - promised.keys()]
    found += [f"{name}: gone" for name in promised.keys() - present.keys()]
    for name in present.keys() & promised.keys():
        compare = parameter_breaks if ".parameters." in name else data_breaks
        found += [f"{name}: {reason}" for reason in compare(promised[name], present[name])]
    return sorted(found)


def release(folder: Path) -> list[str]:
    """Release every schema that has not been; returns their file names."""
    released = folder / "schemas" / "released"
    released.mkdir(exist_ok=True)
    fresh = [path for path in sorted((folder / "schemas").glob("*.json")) if not (released / path.name).exists()]
    for path in fresh:
        shutil.copyfile(path, released / path.name)
    return [path.name for path in fresh]


def folder_of(package: str) -> Path:
    """The folder of a connector package; ValueError when it has none."""
    file = importlib.import_module(package).__file__
    if file is None:
        raise ValueError(f"{package} is not a package with a folder")
    return Path(file).parent


def _schemas(folder: Path) -> dict[str, Schema]:
    return {path.name: parse_json(path.read_bytes()) for path in folder.glob("*.json")}


def _meaning(name: str, released: Schema, current: Schema) -> Iterator[str]:
    for key in _MEANING:
        if released.get(key) != current.get(key):
            yield f"{name}: another {key}"
    if _CLASSES.index(current["x-class"]) < _CLASSES.index(released["x-class"]):
        yield f"{name}: a lower class"


def _beyond(path: str, inner: Schema, outer: Schema) -> Iterator[str]:
    """Why a value of `inner` need not be a value of `outer`."""
    yield from _other_kind(path, inner, outer)
    yield from _wider_bounds(path, inner, outer)
    if "items" in outer:
        if "items" not in inner:
            yield f"{path}[]: any item"
        else:
            yield from _beyond(f"{path}[]", inner["items"], outer["items"])
    if "properties" in outer:
        yield from _other_members(path, inner, outer)


def _other_kind(path: str, inner: Schema, outer: Schema) -> Iterator[str]:
    extra = _types(inner) - _types(outer)
    if extra and _types(outer):
        yield f"{path}: another type ({', '.join(sorted(extra))})"
    if _types(outer) and not _types(inner) and "enum" not in inner:
        yield f"{path}: any type"
    if "enum" in outer and not set(map(repr, inner.get("enum", [object()]))) <= set(map(repr, outer["enum"])):
        yield f"{path}: other values"


def _wider_bounds(path: str, inner: Schema, outer: Schema) -> Iterator[str]:
    for key in _LEAST:
        if key in outer and inner.get(key, outer[key] - 1) < outer[key]:
            yield f"{path}: a lower {key}"
    for key in _MOST:
        if key in outer and inner.get(key, outer[key] + 1) > outer[key]:
            yield f"{path}: a higher {key}"
    for key in _SAME:
        if key in outer and inner.get(key) != outer[key]:
            yield f"{path}: another {key}"
    if outer.get("uniqueItems") and not inner.get("uniqueItems"):
        yield f"{path}: repeated items"


def _other_members(path: str, inner: Schema, outer: Schema) -> Iterator[str]:
    ours, theirs = inner.get("properties", {}), outer["properties"]
    for name in sorted(set(outer.get("required", ())) - set(inner.get("required", ()))):
        yield f"{path}.{name}: no longer there for certain"
    if outer.get("additionalProperties") is False:
        if inner.get("additionalProperties") is not False:
            yield f"{path}: any member"
        for name in sorted(ours.keys() - theirs.keys()):
            yield f"{path}.{name}: unknown to the other side"
    for name in sorted(ours.keys() & theirs.keys()):
        yield from _beyond(f"{path}.{name}", ours[name], theirs[name])


def _types(schema: Schema) -> set[str]:
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def main() -> int:
    """Release what the package named on the command line has not released yet."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m connectors.kit.compatibility PACKAGE\n")
        return 2
    folder = folder_of(sys.argv[1])
    for name in release(folder):
        sys.stdout.write(f"released: {name}\n")
    broken = breaks_of(folder)
    sys.stderr.write("".join(f"broken: {reason}\n" for reason in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
