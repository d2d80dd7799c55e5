"""Settings stop the start by the variable's name and say what was expected, never what was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.keys import open_vault, published
from hub.settings import Mode, Settings, SettingsError

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
    "HUILIAN_CONSORTIUM_KEY_FILE": "consortium.key",
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
        ("HUILIAN_CONSORTIUM_KEY_FILE", None),
        ("HUILIAN_DATABASE_URL", None),
        ("HUILIAN_CHAIN_PROFILE", "embedded"),
    ],
)
def test_production_refuses_what_the_sandbox_takes_for_granted(name: str, value: str | None) -> None:
    assert Settings.from_environment(PRODUCTION).mode is Mode.PRODUCTION
    changed = {key: text for key, text in PRODUCTION.items() if key != name} | ({name: value} if value else {})
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(changed)


def test_what_a_hub_publishes_stays_the_same_over_restarts(tmp_path: Path) -> None:
    settings = Settings.from_environment({**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path)})
    first = published(settings)
    assert first == published(settings)
    assert set(first) == {"origin", "signing_keys", "log_vkey", "chain_address"}
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "zz", "00" * 31])
def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    key = tmp_path / "consortium.key"
    key.write_text(content)
    environment = {**MINIMAL, "HUILIAN_STATE_DIR": str(tmp_path), "HUILIAN_CONSORTIUM_KEY_FILE": str(key)}
    with pytest.raises(SettingsError, match="HUILIAN_CONSORTIUM_KEY_FILE"):
        open_vault(Settings.from_environment(environment))
