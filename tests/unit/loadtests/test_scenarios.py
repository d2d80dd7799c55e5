"""Every load scenario loads in locust; what they consent to is what the flash loan's rules need."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from deploy.process import ROOT
from hub.lending.flash.rules import NEEDED_FIELDS
from loadtests.scenario import FIELDS, months_before


@pytest.mark.parametrize(
    ("name", "user"),
    [("citizen_grpc", "CitizenGrpc"), ("citizen_http", "CitizenHttp"), ("supplier_grpc", "SupplierGrpc")],
)
def test_locust_finds_the_user(name: str, user: str) -> None:
    # In a process of its own: locust and gevent patch the interpreter.
    command = [sys.executable, "-m", "locust", "-f", f"loadtests/{name}.py", "--list"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and user in done.stdout, done.stderr


def test_the_consent_suffices_for_a_decision() -> None:
    for dataset, needed in NEEDED_FIELDS.items():
        assert set(needed) <= set(FIELDS[dataset])


def test_the_months_end_before_this_one() -> None:
    assert months_before(datetime(2026, 1, 15, tzinfo=UTC), 12) == ("2025-01", "2025-12")
    assert months_before(datetime(2026, 12, 31, tzinfo=UTC), 3) == ("2026-09", "2026-11")
