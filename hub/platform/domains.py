"""The list of hub domains that own tables. A domain joins by having a `store.py` with Tortoise models in it.

This is the only place that names them; the migration tool and the database read it. Tables of one domain are never
joined with another's: there are no foreign keys across domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

DOMAINS: tuple[str, ...] = (
    "platform",
    "notification",
    "identity",
    "onboarding",
    "consent",
    "exchange",
    "ledger",
    "accounting",
    "convenience",
    "receivables",
    "lending",
    "supervision",
)


def hub_packages() -> list[str]:
    """Packages of the domains that have a store, e.g. `hub.consent`."""
    packages = [f"hub.{domain}" for domain in DOMAINS]
    return [package for package in packages if find_spec(package) and find_spec(f"{package}.store")]


def apps_config(packages: Sequence[str], connection: str) -> dict[str, dict[str, object]]:
    """Tortoise's app configuration: one app per package, named by its last part, with its own migrations."""
    return {package.rpartition(".")[2]: _app(package, connection) for package in packages}


def _app(package: str, connection: str) -> dict[str, object]:
    app: dict[str, object] = {"models": [f"{package}.store"], "default_connection": connection}
    if find_spec(f"{package}.migrations") is not None:
        app["migrations"] = f"{package}.migrations"
    return app
