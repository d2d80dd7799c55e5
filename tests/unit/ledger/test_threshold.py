"""A claim key in shares: any k of n give the same output as the whole key, k - 1 give nothing, and nobody can lie."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.registry import oprf, p256
from ledger.registry.ceremony import main
from ledger.registry.oprf import Mode
from ledger.registry.threshold import (
    Group,
    Share,
    combine,
    deal,
    group_file,
    parse_groups,
    recover,
    refresh,
)

ORIGINS = ["hub-a.example", "hub-b.example", "hub-c.example", "hub-d.example"]
GROUP, SHARES = deal(1, 3, ORIGINS, os.urandom)


def _output(group: Group, shares: tuple[Share, ...], data: bytes) -> bytes:
    blinded = oprf.blind(data, oprf.random_scalar(os.urandom), Mode.VOPRF)
    partial = {}
    for share in shares:
        evaluator = group.evaluator(share.origin)
        assert evaluator is not None
        results = oprf.evaluate(share.secret, [blinded.element])
        proof = oprf.prove(share.secret, [blinded.element], results, oprf.random_scalar(os.urandom))
        oprf.check(evaluator.public, [blinded.element], results, proof)
        partial[evaluator.index] = results[0]
    return oprf.finalize(blinded, combine(partial))


@given(st.binary(min_size=1, max_size=60))
@settings(max_examples=5, deadline=None)
def test_any_quorum_gives_the_output_of_the_whole_key(data: bytes) -> None:
    one = oprf.blind(data, 1, Mode.VOPRF)
    whole = oprf.finalize(one, one.element * recover(GROUP, SHARES))
    for quorum in itertools.combinations(SHARES, 3):
        assert _output(GROUP, quorum, data) == whole


def test_too_few_shares_give_something_else() -> None:
    whole = _output(GROUP, tuple(SHARES[:3]), b"invoice")
    for few in itertools.combinations(SHARES, 2):
        assert _output(GROUP, few, b"invoice") != whole
        with pytest.raises(ValueError, match="3 shares are needed"):
            recover(GROUP, few)


def test_a_refresh_keeps_the_key_and_ends_the_old_shares() -> None:
    fresh, shares = refresh(GROUP, SHARES[1:], os.urandom)
    assert (fresh.epoch, fresh.generation, fresh.public) == (1, 1, GROUP.public)
    assert _output(fresh, tuple(shares[:3]), b"invoice") == _output(GROUP, tuple(SHARES[:3]), b"invoice")
    assert not {share.secret for share in shares} & {share.secret for share in SHARES}
    with pytest.raises(ValueError, match="not of this group"):
        recover(fresh, [*shares[:2], SHARES[2]])
    mixed = [*shares[:2], replace(SHARES[2], generation=1)]
    with pytest.raises(ValueError, match="not of this group"):
        recover(fresh, mixed)


def test_another_epoch_shares_no_output() -> None:
    other, shares = deal(2, 3, ORIGINS, os.urandom)
    assert _output(other, tuple(shares[:3]), b"invoice") != _output(GROUP, tuple(SHARES[:3]), b"invoice")


def test_files_come_back_and_odd_ones_are_refused() -> None:
    assert parse_groups(json.loads(json.dumps(group_file([GROUP])))) == (GROUP,)
    assert Share.from_dict(json.loads(json.dumps(SHARES[0].to_dict()))) == SHARES[0]
    good = GROUP.to_dict()
    foreign = [*good["evaluators"][:3], {**good["evaluators"][3], "public_key": good["public_key"]}]
    for wrong in (
        {**good, "threshold": 5},
        {**good, "threshold": 0},
        {**good, "evaluators": foreign},
        {**good, "public_key": good["evaluators"][0]["public_key"]},
        {**good, "evaluators": [good["evaluators"][0]] * 4},
        {**good, "extra": 1},
        {**good, "public_key": 1},
    ):
        with pytest.raises(ValueError):
            Group.from_dict(wrong)
    for groups in ([good, good], []):
        with pytest.raises(ValueError):
            parse_groups({"type": "huilian-claim-group/v1", "groups": groups})
    for change in ({"secret": "AA"}, {"secret": "A" * 43}, {"type": "other"}, {"epoch": 0}):
        with pytest.raises(ValueError):
            Share.from_dict({**SHARES[0].to_dict(), **change})


def test_the_ceremony_makes_adds_and_refreshes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    assert main(["new", "--epoch", "1", "--threshold", "2", "--out", str(first), *ORIGINS]) == 0
    files = sorted(first.glob("share.*"))
    assert len(files) == 4 and all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    arguments = ["--groups", str(first / "groups.json")]
    new = ["new", "--epoch", "2", "--threshold", "3", *arguments, "--out", str(second), *ORIGINS[:3]]
    assert main(new) == 0
    groups = parse_groups(json.loads((second / "groups.json").read_text()))
    assert [(group.epoch, group.threshold) for group in groups] == [(1, 2), (2, 3)]
    assert main(["refresh", "--epoch", "1", *arguments, "--out", str(third), *map(str, files[:2])]) == 0
    refreshed = parse_groups(json.loads((third / "groups.json").read_text()))[0]
    assert (refreshed.generation, refreshed.public) == (1, groups[0].public)
    for wrong in (
        ["new", "--epoch", "1", "--threshold", "5", "--out", str(tmp_path / "x"), *ORIGINS],
        ["new", "--epoch", "1", "--threshold", "2", *arguments, "--out", str(tmp_path / "x"), *ORIGINS],
        ["refresh", "--epoch", "1", *arguments, "--out", str(tmp_path / "x"), str(files[0])],
        ["refresh", "--epoch", "9", *arguments, "--out", str(tmp_path / "x"), str(files[0])],
    ):
        assert main(wrong) == 2
        assert capsys.readouterr().err.startswith("ceremony: ")
    assert not (tmp_path / "x").exists()


def test_the_key_is_nowhere_in_the_group(tmp_path: Path) -> None:
    text = json.dumps(group_file([GROUP]))
    secrets = [recover(GROUP, SHARES), *(share.secret for share in SHARES)]
    assert not [secret for secret in secrets if json.dumps(Share(1, 0, "x", secret).to_dict()["secret"])[1:-1] in text]
    assert p256.base() * secrets[0] == GROUP.public
