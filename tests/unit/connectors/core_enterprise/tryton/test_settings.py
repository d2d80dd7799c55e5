"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from huilian_protocol.settings import SettingsError

from connectors.core_enterprise.tryton.settings import TrytonSettings


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    files = {}
    for name in ("TRYTON_PASSWORD", "TLS_CERTIFICATE", "TLS_KEY", "TLS_CA"):
        path = tmp_path / name
        path.write_text("secret\n")
        files[f"HUILIAN_{name}_FILE"] = str(path)
    return {
        "HUILIAN_TRYTON_URL": "http://127.0.0.1:8911",
        "HUILIAN_TRYTON_USER": "reader",
        "HUILIAN_LISTEN": "127.0.0.1:0",
        "HUILIAN_ALLOWED_CLIENTS": "hub-a, hub-b",
        "PATH": "/usr/bin",
        **files,
    }


def test_all_set(environment: dict[str, str]) -> None:
    settings = TrytonSettings.from_environment(environment)
    assert settings.allowed_client_names() == {"hub-a", "hub-b"}
    assert settings.tryton_database == "huilian"
    assert settings.password() == "secret"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUILIAN_TRYTON_URL", "ftp://x"),
        ("HUILIAN_LISTEN", "8080"),
        ("HUILIAN_ALLOWED_CLIENTS", ""),
        ("HUILIAN_TLS_KEY_FILE", "/nowhere/key.pem"),
    ],
)
def test_wrong_setting_is_named_with_what_was_expected(environment: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: expected "):
        TrytonSettings.from_environment({**environment, name: value})


def test_missing_setting_is_named(environment: dict[str, str]) -> None:
    del environment["HUILIAN_TRYTON_USER"]
    with pytest.raises(
        SettingsError, match=r"HUILIAN_TRYTON_USER: missing; expected login of a user who may only read"
    ):
        TrytonSettings.from_environment(environment)


def test_a_payment_user_comes_with_a_password(environment: dict[str, str]) -> None:
    file = environment["HUILIAN_TRYTON_PASSWORD_FILE"]
    both = {"HUILIAN_TRYTON_PAYMENT_USER": "payer", "HUILIAN_TRYTON_PAYMENT_PASSWORD_FILE": file}
    assert TrytonSettings.from_environment({**environment, **both}).payment_password() == "secret"
    for one in both:
        with pytest.raises(SettingsError):
            TrytonSettings.from_environment({**environment, one: both[one]})
