"""Fixtures of the accounting tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_packages() -> list[str]:
    """The books need nobody else's tables."""
    return ["hub.platform", "hub.accounting"]
