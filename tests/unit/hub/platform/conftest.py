"""The platform's tests need the platform's tables only."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_packages() -> list[str]:
    return ["hub.platform"]
