"""A scaffolded connector works, is typed and linted, and earns the tier that it claims and more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connectors.kit.acceptance.grade import earned, tier_of
from connectors.kit.compatibility import breaks_of
from connectors.kit.manifest import read_manifest
from connectors.kit.scaffold import main, scaffold

ROOT = Path(__file__).parents[3]
NAME = "weather_office"


def run_in(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run python with the scaffolded package beside the repository's own."""
    path = os.pathsep.join([str(root), str(ROOT / "sdk")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the connectors with a new one among them."""
    root = tmp_path_factory.mktemp("repository")
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "connectors", root / "connectors", ignore=skipped)
    scaffold(NAME, root)
    return root


def test_every_file_is_there_and_nothing_is_left_of_the_template(site: Path) -> None:
    folder = site / "connectors" / "gov_data" / NAME
    assert {path.name for path in folder.iterdir()} >= {"manifest.yaml", "connector.py", "sandbox.py", "README.md"}
    for path in (*folder.rglob("*.*"), site / "tests" / "contract" / "connectors" / f"test_{NAME}.py"):
        if path.is_file() and path.suffix != ".json":
            assert "$" not in path.read_text("utf-8")
    assert read_manifest(folder).tier == "bronze"
    assert json.loads((folder / "schemas" / "record.v1.json").read_text("utf-8"))["$id"] == f"{NAME}.record/v1"
    assert breaks_of(folder) == []


def test_it_passes_bronze_as_it_claims_and_gold_as_it_is(site: Path) -> None:
    done = run_in(site, "-m", "connectors.kit.acceptance.grade", f"connectors.gov_data.{NAME}")
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith(f"connectors.gov_data.{NAME}: gold") and line.endswith("the manifest claims bronze")


def test_its_own_test_passes(site: Path) -> None:
    test = f"tests/contract/connectors/test_{NAME}.py"
    options = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider"]
    done = run_in(site, "-m", "pytest", "-q", "--import-mode=importlib", *options, test)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


def test_it_is_linted_and_typed(site: Path) -> None:
    folder = f"connectors/gov_data/{NAME}"
    shutil.copyfile(ROOT / "pyproject.toml", site / "pyproject.toml")
    for command in (["ruff", "check", folder], ["ruff", "format", "--check", folder]):
        done = run_in(site, "-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_one_earns_nothing(site: Path) -> None:
    folder = site / "connectors" / "gov_data" / NAME
    honest = (folder / "connector.py").read_text("utf-8")
    try:
        (folder / "connector.py").write_text(honest.replace("return NO_ACCOUNT", 'raise UpstreamRefused("nobody")'))
        done = run_in(site, "-m", "connectors.kit.acceptance.grade", f"connectors.gov_data.{NAME}", "bronze")
        assert done.returncode == 1 and ": no tier (" in done.stdout.splitlines()[-1]
    finally:
        (folder / "connector.py").write_text(honest)


@pytest.mark.parametrize("name", ["", "ab", "Weather", "../escape", "with-dash", "_x_", "tax2"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name has"):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tax"]) == 2
    assert "taken" in capsys.readouterr().err


def test_the_command_line_makes_one_too(site: Path) -> None:
    done = run_in(site, "-m", "huilian_sdk.cli", "connector", "new", "post_office")
    assert done.returncode == 0, done.stderr
    assert "connectors/gov_data/post_office/connector.py" in done.stdout.splitlines()
    assert (site / "connectors" / "gov_data" / "post_office" / "manifest.yaml").exists()


def test_the_command_line_says_what_to_install(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "sdk")}
    command = [sys.executable, "-m", "huilian_sdk.cli", "connector", "new", "post_office"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "python -m connectors.kit.scaffold" in done.stderr


def test_tiers_are_earned_from_the_bottom() -> None:
    ran = Counter(bronze=9, silver=40, gold=20)
    assert earned(ran, Counter()) == "gold"
    assert earned(ran, Counter(silver=1)) == "bronze"
    assert earned(ran, Counter(bronze=1)) is None
    assert earned(Counter(bronze=9, gold=20), Counter()) == "bronze"
    assert tier_of("test_check_says_ready") == "bronze"
    assert tier_of("test_over_quota") == "silver"
    assert tier_of("test_a_killed_process_leaves_nothing_twice_and_nothing_lost") == "gold"
