"""What runs the tests itself: nothing that failed, broke off or was never run looks like a success."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITE = """
import os, warnings, pytest

def test_passes(tmp_path):
    print("said nothing")
    assert tmp_path.parent.name.startswith("worker")

def test_warns():
    warnings.warn("be warned")

@pytest.mark.parametrize("number", [1, 2])
def test_fails(number):
    print("said before it failed")
    assert number == 2

def test_dies():
    os._exit(0)
"""


END = """
import atexit, pytest

@pytest.fixture(scope="session")
def breaks():
    atexit.register(open, "done at exit", "w")
    yield
    raise ValueError("broken at the end")

def test_uses_it(breaks): pass
"""


def test_each_fate_of_a_test_is_told(tmp_path: Path) -> None:
    status, said = _run(tmp_path, SUITE, "--workers", "3")
    assert status == 1, said
    assert "FAILED test_it.py::test_fails[1]" in said and "said before it failed" in said
    assert "FAILED test_it.py::test_dies - the process that ran" in said
    assert "UserWarning: be warned" in said and "said nothing" not in said
    assert "2 failed, 3 passed, 1 warning" in said


def test_what_breaks_at_the_end_of_the_session_is_told(tmp_path: Path) -> None:
    status, said = _run(tmp_path, END, "--workers", "2")
    assert (
        status == 1
        and "broken at the end" in said
        and "1 passed, 1 error" in said
        and (tmp_path / "done at exit").exists()
    )


def test_those_that_nobody_was_left_to_run_failed(tmp_path: Path) -> None:
    status, said = _run(tmp_path, "import os\ndef test_dies(): os._exit(0)\ndef test_other(): pass\n", "--workers", "1")
    assert status == 1 and "2 failed" in said


def test_no_test_runs_before_the_preparation_has_ended_well(tmp_path: Path) -> None:
    suite = "def test_sees_it(): assert open('prepared').read() == 'all'\n"
    good = "bash -c 'sleep 0.5; echo -n all > prepared'"
    assert _run(tmp_path, suite, "--workers", "1", "--prepare", good)[0] == 0
    status, said = _run(tmp_path, suite, "--prepare", "bash -c 'exit 7'")
    assert status == 7 and "could not be prepared" in said and "passed" not in said


def _run(folder: Path, suite: str, *options: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(suite)
    plain = ["-p", "tests.support.workers", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, "--rootdir", str(folder), "-ra", *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
