"""A step of the installation is done once for its sources, and again when it was cut short or they changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.core_enterprise.tryton.install import step


def test_step_is_done_once_per_state_of_its_sources(tmp_path: Path) -> None:
    source, stamp = tmp_path / "source", tmp_path / "stamp"
    source.write_text("one")
    said: list[str] = []
    built: list[str] = []

    def run() -> None:
        step(said.append, "title", stamp, (source,), lambda: built.append(source.read_text()))

    run()
    run()
    assert built == ["one"]
    assert said[-1].endswith("ready")
    source.write_text("two")
    run()
    assert built == ["one", "two"]


def test_step_that_failed_is_done_again(tmp_path: Path) -> None:
    source, stamp = tmp_path / "source", tmp_path / "stamp"
    source.write_text("one")
    built: list[str] = []

    def fail() -> None:
        raise RuntimeError("cut short")

    with pytest.raises(RuntimeError):
        step(lambda _: None, "title", stamp, (source,), fail)
    assert not stamp.exists()
    step(lambda _: None, "title", stamp, (source,), lambda: built.append("done"))
    assert built == ["done"]
