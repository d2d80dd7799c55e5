"""The log's keys change hands: announced in the log, taken over once, and the old ones sign nothing any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.clock import FixedClock

from hub.keys import open_vault, published, rotate
from hub.ledger.log.keyring import KeyRetired, LogKeyring
from hub.ledger.log.sequencer import Sequencer
from hub.ledger.log.store import CheckpointRow, LeafRow
from hub.ledger.log.stored import EpochStore, LogStore, NewLeaf
from hub.log_keys import log_keyring
from hub.platform.database import Database
from hub.settings import Settings, SettingsError
from ledger.merkle.checkpoint import InvalidCheckpoint, LogKeys, verify_checkpoint
from ledger.merkle.note import KeyKind, NoteKey, parse_note
from tests.conftest import START
from tests.support.databases import ON_SQLITE, DatabaseMaker
from tests.unit.hub.test_settings import MINIMAL

pytestmark = ON_SQLITE


@pytest_asyncio.fixture(autouse=True)
async def tables(tmp_path: Path, database_maker: DatabaseMaker) -> None:
    """The hub finds its tables made."""
    made = (await database_maker.new_url()).removeprefix("sqlite://")
    shutil.move(made, _settings(tmp_path).database.removeprefix("sqlite://"))


def _settings(folder: Path, **changes: str) -> Settings:
    return Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(folder), **changes})


@asynccontextmanager
async def _running(settings: Settings, keyring: LogKeyring | None = None) -> AsyncIterator[Sequencer]:
    """The hub's process, as far as the log goes; the command runs while its database is closed here."""
    database = Database(settings.database)
    await database.open()
    await database.migrate()
    try:
        keyring = keyring or log_keyring(settings, open_vault(settings)[0])
        yield Sequencer(database, FixedClock(START), keyring)
    finally:
        await database.close()


async def _grow(sequencer: Sequencer, record_id: str) -> str:
    database = sequencer._database
    async with database.transaction():
        await LogStore(database).add_leaf(NewLeaf(record_id, None, os.urandom(32), b"", START))
    await sequencer.integrate()
    newest = await CheckpointRow.all().order_by("-size").first()
    assert newest is not None
    return newest.note


async def _keys(settings: Settings) -> LogKeys:
    entry = await published(settings)
    return LogKeys.from_vkeys([(epoch["vkeys"], epoch["until_size"]) for epoch in entry["log_epochs"]])


async def _rotated(settings: Settings) -> tuple[str, str, dict[str, Any]]:
    """A whole rotation: a checkpoint of before, one of after, and what the last command said."""
    async with _running(settings) as sequencer:
        before = await _grow(sequencer, "before")
    await rotate(settings, "log")
    async with _running(settings) as sequencer:
        await sequencer.integrate()
    done = await rotate(settings, "log")
    async with _running(settings) as sequencer:
        return before, await _grow(sequencer, "after"), done


async def test_old_and_new_checkpoints_verify_and_each_key_has_its_bound(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    first = await published(settings)
    before, after, done = await _rotated(settings)
    keys = await _keys(settings)
    assert [verify_checkpoint(note, keys).size for note in (before, after)] == [1, 3]
    assert [epoch.until_size for epoch in keys.epochs] == [None, 2]
    assert done == {"purpose": "log", "log_epochs": (await published(settings))["log_epochs"]}
    assert (await published(settings))["log_vkey"] != first["log_vkey"]
    with pytest.raises(InvalidCheckpoint, match="exactly one signature"):
        verify_checkpoint(after, LogKeys.from_vkeys([(first["log_epochs"][0]["vkeys"], None)]))


async def test_a_stolen_retired_key_signs_nothing_that_is_believed(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    await _rotated(settings)
    stolen = log_keyring(settings, open_vault(settings)[0]).signer(0)
    with pytest.raises(InvalidCheckpoint, match="retired"):
        verify_checkpoint(stolen.sign(3, bytes(32)), await _keys(settings))


async def test_a_process_with_the_retired_key_only_signs_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    vault, _ = open_vault(settings)
    left_behind = LogKeyring(lambda: (0,), log_keyring(settings, vault).signer)
    await _rotated(settings)
    async with _running(settings, left_behind) as sequencer:
        with pytest.raises(KeyRetired, match="generation 1"):
            await _grow(sequencer, "late")
        assert (await LeafRow.get(record_id="late")).leaf_index is None
    async with _running(settings) as sequencer:
        await sequencer.integrate()
        assert (await LeafRow.get(record_id="late")).leaf_index == 3


async def test_the_next_keys_wait_until_their_announcement_is_in_the_log(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with _running(settings):
        pass
    announced = await rotate(settings, "log")
    assert [epoch["until_size"] for epoch in announced["log_epochs"]] == [None, None]
    with pytest.raises(SettingsError, match="not in the log yet"):
        await rotate(settings, "log")
    async with _running(settings) as sequencer:
        await sequencer.integrate()
        note = (await CheckpointRow.get(size=1)).note
    assert verify_checkpoint(note, (await _keys(settings))).size == 1
    assert parse_note(note).signatures[0][1][:4] == NoteKey.from_vkey(announced["log_epochs"][0]["vkeys"][0]).key_id


async def test_the_announcement_is_signed_by_both_generations(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with _running(settings):
        pass
    announced = await rotate(settings, "log")
    async with _running(settings):
        body = bytes((await LeafRow.get(record_id="log-handover:1")).body)
    note = parse_note(parse_canonical(body)["record"]["content"]["statement"])
    for epoch in announced["log_epochs"]:
        for vkey in epoch["vkeys"]:
            key = NoteKey.from_vkey(vkey)
            [signature] = note.of_key(key)
            assert key.verifies(signature, note.body)
            assert f" {vkey}\n" in note.body


async def test_a_takeover_that_broke_in_the_middle_is_finished_by_the_same_command(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with _running(settings):
        pass
    await rotate(settings, "log")
    async with _running(settings) as sequencer:
        await sequencer.integrate()
        # As if the machine went down after the database said so and before the ring moved on.
        await EpochStore(sequencer._database).begin(1, 1)
        with pytest.raises(KeyRetired):
            await _grow(sequencer, "meanwhile")
    done = await rotate(settings, "log")
    assert [epoch["until_size"] for epoch in done["log_epochs"]] == [None, 1]
    async with _running(settings) as sequencer:
        await sequencer.integrate()
        assert (await LeafRow.get(record_id="meanwhile")).leaf_index == 1


async def test_keys_are_of_the_kinds_that_the_profile_said_when_they_were_made(tmp_path: Path) -> None:
    await published(_settings(tmp_path, HUILIAN_CHECKPOINT_PROFILE="ed25519"))
    await _rotated(_settings(tmp_path, HUILIAN_CHECKPOINT_PROFILE="hybrid-sm2"))
    kinds = [[key.kind for key in epoch.keys] for epoch in (await _keys(_settings(tmp_path))).epochs]
    assert kinds == [[KeyKind.ED25519, KeyKind.ML_DSA_65, KeyKind.SM2], [KeyKind.ED25519]]


async def test_three_generations(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    before, middle, _ = await _rotated(settings)
    await rotate(settings, "log")
    async with _running(settings) as sequencer:
        await sequencer.integrate()
    await rotate(settings, "log")
    keys = await _keys(settings)
    assert [epoch.until_size for epoch in keys.epochs] == [None, 4, 2]
    assert [verify_checkpoint(note, keys).size for note in (before, middle)] == [1, 3]
