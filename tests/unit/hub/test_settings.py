"""Settings stop the start by the variable's name and say what was expected, never what was given."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huilian_protocol import sm
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, thumbprint
from huilian_protocol.sealing import Suite

from connectors.kit.settings import KeysSettings
from hub.claim_keys import claim_keys
from hub.keys import BANK_RECIPIENT, open_vault, published, rotate
from hub.main import main
from hub.platform.database import Database
from hub.platform.vault import SubjectVault, VaultLocked
from hub.settings import Mode, Settings, SettingsError
from tests.conftest import START

MINIMAL = {
    "HUILIAN_MODE": "sandbox",
    "HUILIAN_ORIGIN": "hub-a.huilian.example",
    "HUILIAN_STATE_DIR": "/nowhere",
    "HUILIAN_TLS_CERTIFICATE_FILE": "hub.pem",
    "HUILIAN_TLS_KEY_FILE": "hub.key",
    "HUILIAN_TLS_CA_FILE": "ca.pem",
    "HUILIAN_TRUST_ANCHORS_FILE": "trust.json",
    "HUILIAN_IDENTITY_AUTHORITY": "127.0.0.1:7001",
    "HUILIAN_CHAIN_URL": "http://127.0.0.1:8545",
}
PRODUCTION = {
    **MINIMAL,
    "HUILIAN_MODE": "production",
    "HUILIAN_MASTER_KEY_FILE": "master.key",
    "HUILIAN_CLAIM_GROUPS_FILE": "groups.json",
    "HUILIAN_DATABASE_URL": "postgres://hub@db/hub",
    "HUILIAN_CHAIN_PROFILE": "consortium",
}


def test_a_sandbox_starts_on_defaults() -> None:
    settings = Settings.from_environment({**MINIMAL, "PATH": "/bin"})
    assert (settings.mode, settings.database) == (Mode.SANDBOX, "sqlite:///nowhere/hub.sqlite")
    assert settings.connectors == {}


def test_addresses_come_as_json() -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_CONNECTORS": '{"tax": "127.0.0.1:9"}'})
    assert settings.connectors == {"tax": "127.0.0.1:9"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HUILIAN_COLOUR", "red", "HUILIAN_COLOUR: unknown variable"),
        ("HUILIAN_MODE", "secret-play", "HUILIAN_MODE: expected sandbox or production"),
        ("HUILIAN_ORIGIN", "secret hub", "HUILIAN_ORIGIN: expected this hub's name"),
        ("HUILIAN_PUBLIC_LISTEN", "secret", "HUILIAN_PUBLIC_LISTEN: expected host:port"),
        ("HUILIAN_CONNECTORS", '{"tax": "secret"}', "HUILIAN_CONNECTORS: expected JSON object"),
        ("HUILIAN_CONNECTORS", "secret", "HUILIAN_CONNECTORS: expected JSON object"),
        ("HUILIAN_DATABASE_URL", "mysql://secret", "HUILIAN_DATABASE_URL: expected sqlite:///"),
        ("HUILIAN_CHAIN_URL", "secret", "HUILIAN_CHAIN_URL: expected http(s) URL"),
    ],
)
def test_a_wrong_variable_is_named_and_not_quoted(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**MINIMAL, name: value})
    assert str(caught.value).startswith(expected)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", MINIMAL)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: missing"):
        Settings.from_environment({key: value for key, value in MINIMAL.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUILIAN_CLOCK_FILE", "clock.json"),
        ("HUILIAN_MASTER_KEY_FILE", None),
        ("HUILIAN_CLAIM_GROUPS_FILE", None),
        ("HUILIAN_DATABASE_URL", None),
        ("HUILIAN_CHAIN_PROFILE", "embedded"),
    ],
)
def test_production_refuses_what_the_sandbox_takes_for_granted(name: str, value: str | None) -> None:
    assert Settings.from_environment(PRODUCTION).mode is Mode.PRODUCTION
    changed = {key: text for key, text in PRODUCTION.items() if key != name} | ({name: value} if value else {})
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(changed)


async def test_what_a_hub_publishes_stays_the_same_over_restarts(tmp_path: Path) -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)})
    first = await published(settings)
    assert first == await published(settings)
    assert set(first) == {"origin", "signing_keys", "log_vkey", "log_epochs", "witness_vkey", "chain_address"}
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0


async def test_a_rotation_is_published_before_it_is_used(tmp_path: Path) -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)})
    [first] = (await published(settings))["signing_keys"]["keys"]
    announced = await rotate(settings, "signing")
    keys = (await published(settings))["signing_keys"]["keys"]
    assert keys[0] == first and len(keys) == 2
    assert announced["current"] == thumbprint(jwk_to_public_key(first))
    used = await rotate(settings, "signing")
    assert (await published(settings))["signing_keys"]["keys"] == keys[::-1]
    assert (used["current"], used["next"], used["retired"]) == (announced["next"], None, [announced["current"]])


def test_the_command_says_where_a_rotation_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert main(["rotate", "sealing"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["purpose"] == "sealing" and said["next"] and said["retired"] == []
    assert main(["rotate", "chain"]) == 2
    assert "signing | sealing | convenience-sealing | log | chain-key | master" in capsys.readouterr().err


def _connector_settings(environment: dict[str, str]) -> object:
    return KeysSettings.from_environment(environment)


async def test_a_recipients_suite_is_a_setting(tmp_path: Path) -> None:
    environment = {**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)}
    before, _ = open_vault(Settings.from_environment(environment))
    assert [key.suite for key in before.sealing_keys(BANK_RECIPIENT)] == [Suite.XWING]
    changed = Settings.from_environment({**environment, "HUILIAN_SEALING_SUITE": "x25519"})
    for _ in range(2):
        await rotate(changed, "sealing")
    assert [key.suite for key in before.sealing_keys(BANK_RECIPIENT)] == [Suite.X25519, Suite.XWING]
    with pytest.raises(SettingsError, match="HUILIAN_SEALING_SUITE"):
        Settings.from_environment({**environment, "HUILIAN_SEALING_SUITE": "rot13"})


@pytest.mark.parametrize("load", [Settings.from_environment, _connector_settings])
def test_a_suite_without_its_library_stops_the_start(
    load: Callable[[dict[str, str]], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path), "HUILIAN_SEALING_SUITE": "sm"}
    load(environment)
    monkeypatch.setitem(sys.modules, "tongsuopy.backends.tongsuo", None)
    monkeypatch.setattr(sm, "_loaded", [])
    with pytest.raises(SettingsError, match=r"HUILIAN_SEALING_SUITE.*huilian\[sm\]"):
        load(environment)


async def test_the_master_key_is_exchanged_beside_a_running_hub(tmp_path: Path) -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)})
    database = Database(settings.database)
    await database.open()
    await database.migrate()
    vault, wrapping = open_vault(settings)
    subjects = SubjectVault(database, wrapping, os.urandom, FixedClock(START))
    sealed = await subjects.encrypt_for_subject("net-1", b"data")
    await subjects.encrypt_for_subject("net-2", b"gone")
    await subjects.destroy_subject_key("net-2")
    chain, older = vault.chain_key(), (tmp_path / "master.key").read_text()
    # The command is a process of its own: one process has one database open.
    await database.close()
    done = await rotate(settings, "master")
    assert done == {"purpose": "master", "rewrapped_keys": 1, "rewrapped_subjects": 1}
    await database.open()
    assert await subjects.decrypt_for_subject("net-1", sealed) == b"data"
    newer, kept = (tmp_path / "master.key").read_text().split()
    assert kept == older and newer != older
    (tmp_path / "master.key").write_text(newer)
    assert open_vault(settings)[0].chain_key() == chain
    assert await subjects.decrypt_for_subject("net-1", sealed) == b"data"
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await subjects.decrypt_for_subject("net-2", sealed)
    await database.close()


async def test_an_unknown_purpose_or_a_master_key_that_nobody_made_is_refused(tmp_path: Path) -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)})
    with pytest.raises(SettingsError, match=r"signing \| sealing \| convenience-sealing \| log \| chain-key \| master"):
        await rotate(settings, "chain")
    own = tmp_path / "own.key"
    own.write_text("11" * 32)
    settings = Settings.from_environment(
        {**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path / "other"), "HUILIAN_MASTER_KEY_FILE": str(own)}
    )
    with pytest.raises(SettingsError, match="HUILIAN_MASTER_KEY_FILE"):
        await rotate(settings, "master")


BROKEN_KEYS = [
    "",
    "zz",
    "00" * 31,
    f"0 {'00' * 32}",
    f"1 {'00' * 32} x",
    f"1 {'00' * 32}\n{'11' * 32}",
    f"x {'00' * 32}",
]


@pytest.mark.parametrize("content", BROKEN_KEYS)
def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    settings = _with_consortium_key(tmp_path, content)
    with pytest.raises(SettingsError, match="HUILIAN_CONSORTIUM_KEY_FILE"):
        claim_keys(settings, open_vault(settings)[0], {})


def _with_consortium_key(folder: Path, content: str) -> Settings:
    key = folder / "consortium.key"
    key.write_text(content)
    environment = {**MINIMAL, "HUILIAN_STATE_DIR": str(folder), "HUILIAN_CONSORTIUM_KEY_FILE": str(key)}
    return Settings.from_environment(environment)


async def test_epochs_of_the_claim_key_come_and_go_with_the_file(tmp_path: Path) -> None:
    settings = _with_consortium_key(tmp_path, "00" * 32)
    vault, _ = open_vault(settings)
    keys = claim_keys(settings, vault, {})
    assert keys.epochs() == (1,)
    first = await keys.evaluate(1, [b"invoice"])
    _with_consortium_key(tmp_path, f"2 {'11' * 32}\n1 {'00' * 32}\n")
    assert keys.epochs() == (1, 2)
    assert await keys.evaluate(1, [b"invoice"]) == first != await keys.evaluate(2, [b"invoice"])
    _with_consortium_key(tmp_path, "2 nonsense")
    assert keys.epochs() == (1, 2)
    _with_consortium_key(tmp_path, f"2 {'22' * 32}")
    assert keys.epochs() == (1, 2), "another key under a used number"
    _with_consortium_key(tmp_path, f"2 {'11' * 32}")
    assert keys.epochs() == (2,)
    with pytest.raises(VaultLocked):
        claim_keys(_with_consortium_key(tmp_path, "33" * 32), vault, {})
