"""What tests of onboarding share."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_packages() -> list[str] | None:
    """The tables of the domain."""
    return ["hub.platform", "hub.onboarding"]
