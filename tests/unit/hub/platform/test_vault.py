"""Keys survive restarts, open only under their master key, and a destroyed person's data stays unreadable."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.sealing import Suite, generate_keypair, open_sealed, seal

from hub.platform.database import Database
from hub.platform.vault import KeyVault, SigningKeys, SubjectVault, VaultLocked, Wrapping

MASTER = bytes(range(32))


def _keys(folder: Path, master: bytes = MASTER) -> KeyVault:
    return KeyVault(folder, Wrapping(master, os.urandom), os.urandom)


def _all_keys(vault: KeyVault) -> tuple[object, ...]:
    return (
        vault.signing_key().private_numbers(),
        vault.sealing_key("bank.lending"),
        vault.log_key().private_bytes_raw(),
        vault.chain_key(),
        vault.consortium_key(),
    )


def test_keys_are_made_once_and_survive_a_restart(tmp_path: Path) -> None:
    first = _all_keys(_keys(tmp_path))
    assert _all_keys(_keys(tmp_path)) == first
    assert len({repr(key) for key in first}) == 5


def test_keys_of_different_names_differ(tmp_path: Path) -> None:
    vault = _keys(tmp_path)
    assert vault.sealing_key("a") != vault.sealing_key("b")


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    _keys(tmp_path).chain_key()
    with pytest.raises(VaultLocked):
        _keys(tmp_path, bytes(32)).chain_key()
    with pytest.raises(VaultLocked, match="31"):
        _keys(tmp_path, bytes(31))


def test_a_key_file_put_under_another_name_does_not_open(tmp_path: Path) -> None:
    _keys(tmp_path).sealing_key("a")
    (tmp_path / "sealing.a.key").rename(tmp_path / "sealing.b.key")
    with pytest.raises(VaultLocked):
        _keys(tmp_path).sealing_key("b")


def test_key_files_show_no_key_and_nobody_else_reads_them(tmp_path: Path) -> None:
    secret = _keys(tmp_path).chain_key()
    file = tmp_path / "chain.key"
    assert secret not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["chain.key"]


def test_an_imported_key_is_used_and_never_replaced(tmp_path: Path) -> None:
    vault = _keys(tmp_path)
    vault.import_key("consortium", b"c" * 32)
    vault.import_key("consortium", b"c" * 32)
    assert _keys(tmp_path).consortium_key() == b"c" * 32
    with pytest.raises(VaultLocked):
        vault.import_key("consortium", b"d" * 32)


def test_a_signing_key_rotates_in_two_steps_that_other_processes_see(tmp_path: Path) -> None:
    vault, running = _keys(tmp_path), _keys(tmp_path)
    first = running.signing_key()
    vault.rotate("signing.hub")
    assert running.signing_key() == first and len(running.signing_keys()) == 2, "announced, not used"
    announced = running.signing_keys()[1]
    vault.rotate("signing.hub")
    assert running.signing_key().public_key() == announced
    assert running.signing_keys() == (announced, first.public_key())
    assert _keys(tmp_path).signing_keys() == running.signing_keys()
    tokens = SigningKeys(running.signing_keys)
    assert set(tokens) == {thumbprint(announced), thumbprint(first.public_key())} and len(tokens) == 2


def test_what_was_sealed_to_a_retired_key_still_opens(tmp_path: Path) -> None:
    vault = _keys(tmp_path)
    older = vault.sealing_key("bank.lending").public
    envelope = seal(Suite.XWING, older, {"use": "test"}, b"figures")
    changed = KeyVault(tmp_path, Wrapping(MASTER, os.urandom), os.urandom, Suite.X25519)
    changed.rotate("sealing.bank.lending")
    changed.rotate("sealing.bank.lending")
    newer = vault.sealing_key("bank.lending").public
    assert [(key.suite, key.public_key) for key in vault.sealing_keys("bank.lending")] == [
        (Suite.X25519, newer),
        (Suite.XWING, older),
    ]
    for sealed in (envelope, seal(Suite.X25519, newer, {"use": "test"}, b"figures")):
        assert open_sealed(sealed, lambda to: vault.opening_key("bank.lending", to), {"use": "test"}) == b"figures"
    stranger = seal(Suite.X25519, generate_keypair(Suite.X25519).public, {"use": "test"}, b"x")
    with pytest.raises(HuilianError, match="SEALED_DATA_INVALID"):
        open_sealed(stranger, lambda to: vault.opening_key("bank.lending", to), {"use": "test"})


def test_the_master_key_is_exchanged_under_a_running_vault(tmp_path: Path) -> None:
    masters = [MASTER]
    vault = KeyVault(tmp_path, Wrapping(lambda: masters, os.urandom), os.urandom)
    keys = _all_keys(vault)
    masters.insert(0, bytes(32))
    assert vault.rewrap() == len(keys) and vault.rewrap() == 0
    assert _all_keys(_keys(tmp_path, bytes(32))) == keys
    with pytest.raises(VaultLocked):
        _keys(tmp_path).chain_key()


def test_sealed_data_opens_with_the_vaults_key(tmp_path: Path) -> None:
    pair = _keys(tmp_path).sealing_key("bank.lending")
    envelope = seal(Suite.XWING, pair.public, {"use": "test"}, b"figures")
    again = _keys(tmp_path).sealing_key("bank.lending")
    assert open_sealed(envelope, again.private, {"use": "test"}) == b"figures"


@pytest.fixture
def subjects(database: Database, clock: FixedClock) -> SubjectVault:
    return SubjectVault(database, Wrapping(MASTER, os.urandom), os.urandom, clock)


async def test_a_persons_data_opens_for_that_person_only(database: Database, subjects: SubjectVault) -> None:
    async with database.transaction():
        sealed = await subjects.encrypt_for_subject("net-1", "住房公积金".encode())
        other = await subjects.encrypt_for_subject("net-2", b"two")
    assert await subjects.decrypt_for_subject("net-1", sealed) == "住房公积金".encode()
    with pytest.raises(VaultLocked):
        await subjects.decrypt_for_subject("net-1", other)


async def test_a_destroyed_key_ends_reading_and_writing(database: Database, subjects: SubjectVault) -> None:
    sealed = await subjects.encrypt_for_subject("net-1", b"data")
    await subjects.destroy_subject_key("net-1")
    await subjects.destroy_subject_key("net-1")
    for attempt in (subjects.decrypt_for_subject("net-1", sealed), subjects.encrypt_for_subject("net-1", b"new")):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await attempt
    rows = await database.fetch("SELECT wrapped_key, destroyed_at FROM platform_subject_key")
    assert rows[0]["wrapped_key"] is None and rows[0]["destroyed_at"] is not None


async def test_a_person_may_be_forgotten_before_anything_was_stored(subjects: SubjectVault) -> None:
    await subjects.destroy_subject_key("net-9")
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await subjects.encrypt_for_subject("net-9", b"late")


async def test_two_first_writers_share_one_key(database: Database, subjects: SubjectVault) -> None:
    async def write(text: bytes) -> bytes:
        async with database.transaction():
            return await subjects.encrypt_for_subject("net-1", text)

    sealed = await asyncio.gather(*(write(b"%d" % number) for number in range(8)))
    assert [await subjects.decrypt_for_subject("net-1", data) for data in sealed] == [b"%d" % n for n in range(8)]


async def test_a_foreign_master_key_does_not_open_a_subject_key(
    database: Database, subjects: SubjectVault, clock: FixedClock
) -> None:
    sealed = await subjects.encrypt_for_subject("net-1", b"data")
    stranger = SubjectVault(database, Wrapping(bytes(32), os.urandom), os.urandom, clock)
    with pytest.raises(VaultLocked):
        await stranger.decrypt_for_subject("net-1", sealed)
