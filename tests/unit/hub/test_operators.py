"""Operators' keys are read again when their file changes, and a slip of the pen changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.jose import public_key_to_jwk

from hub.operators import OperatorKeys
from hub.platform.callers import Role

LI, WANG = (public_key_to_jwk(ec.derive_private_key(number, ec.SECP256R1()).public_key()) for number in (3, 4))


def written(path: Path, content: object) -> Path:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)
    return path


def test_keys_come_and_go_with_the_file(tmp_path: Path) -> None:
    keys = OperatorKeys(written(tmp_path / "keys.json", {"operator.li": LI}))
    assert dict(keys) == {"operator.li": (Role.OPERATOR, LI)}
    written(tmp_path / "keys.json", {"operator.wang": WANG})
    assert list(keys) == ["operator.wang"] and "operator.li" not in keys
    (tmp_path / "keys.json").write_text("{")
    assert list(keys) == ["operator.wang"]
    (tmp_path / "keys.json").unlink()
    assert list(keys) == ["operator.wang"]


def test_without_a_file_nobody_signs_in() -> None:
    assert not OperatorKeys(None)


@pytest.mark.parametrize(
    "content",
    [[], {"operator": LI}, {"supervisor.li": LI},
     {"91449900MA0H00010W": LI}, {"operator.li": {"kty": "EC"}}, {"operator.li": 1},
     {"operator.li": LI, "operator.wang": LI}],
)  # fmt: skip
def test_a_file_that_is_wrong_stops_the_start(tmp_path: Path, content: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        OperatorKeys(written(tmp_path / "keys.json", content))
