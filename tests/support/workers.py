"""`--workers N`: the tests run in processes that are forked when everything has been collected.

With pytest-xdist each worker collects for itself, here 20 s of CPU for each of them. A fork has what was collected, so
more workers than cores cost nothing, and tests of real processes wait more than they work. `--prepare COMMAND` runs
beside collecting what the tests need; none runs before it has ended well.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shlex
import subprocess
import traceback
import warnings
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.groups import grouped

FORK = multiprocessing.get_context("fork")
NUMBER_BYTES = 4
# What a pipe takes at once is one number or none (pipe(7)), so workers draw from it without a lock.
PIPE_BYTES = 65_536


def pytest_addoption(parser: pytest.Parser) -> None:
    """pytest's hook."""
    parser.addoption("--workers", type=int, default=0, help="processes to run the tests in; 0 for this one")
    parser.addoption("--prepare", default="", help="command to run while collecting; tests wait for its end")


def pytest_configure(config: pytest.Config) -> None:
    """pytest's hook."""
    if command := config.getoption("prepare"):
        config.pluginmanager.register(_Preparation(command))
    if count := config.getoption("workers"):
        config.pluginmanager.register(_Workers(count))


class _Preparation:
    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(shlex.split(command))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        if status := self._process.wait():
            pytest.exit(f"what the tests need could not be prepared: {status}", status)
        return (yield)

    def pytest_unconfigure(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()


class _Workers:
    """The process that has collected: hands out groups of tests and hears what became of them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._unfinished: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own loop says so
        groups = grouped(session.items)
        self._unfinished = {item.nodeid for item in session.items}
        session.config.pluginmanager.getplugin("terminalreporter").showfspath = False
        tasks = _filled_pipe(len(groups))
        self._listen(session, self._started(session, groups, tasks), tasks)
        self._blame_the_dead(session)
        return True

    def _started(self, session: pytest.Session, groups: list[list[pytest.Item]], tasks: int) -> list[Connection]:
        readers: list[Connection] = []
        folder = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        for number in range(self._count):
            reader, writer = FORK.Pipe(duplex=False)
            readers.append(reader)
            worker = _Worker(session, writer, folder / f"worker{number}")
            ForkProcess(target=worker.work, args=(groups, tasks, list(readers))).start()
            writer.close()
        return readers

    def _listen(self, session: pytest.Session, readers: list[Connection], tasks: int) -> None:
        while readers:
            for reader in wait(readers):
                assert isinstance(reader, Connection)
                try:
                    self._hear(session, *reader.recv())
                except EOFError:
                    readers.remove(reader)
            if session.shouldfail or session.shouldstop:
                os.read(tasks, PIPE_BYTES)  # nothing left to draw

    def _hear(self, session: pytest.Session, name: str, values: dict[str, Any]) -> None:
        hook = session.config.hook
        if name == "pytest_runtest_logreport":
            report = hook.pytest_report_from_serializable(config=session.config, data=values)
            hook.pytest_runtest_logreport(report=report)
        elif name == "pytest_warning_recorded":
            hook.pytest_warning_recorded.call_historic(kwargs=values)
        else:
            getattr(hook, name)(**values)
        if name == "pytest_runtest_logfinish":
            self._unfinished.discard(values["nodeid"])

    def _blame_the_dead(self, session: pytest.Session) -> None:
        """A test that was not told of is no test that passed."""
        if session.shouldfail or session.shouldstop:
            return
        for item in session.items:
            if item.nodeid in self._unfinished:
                _report_failure(session, item, "call", "the process that ran or should have run it has ended")


class _Worker:
    """A fork: draws groups, runs their tests and tells what became of them."""

    def __init__(self, session: pytest.Session, writer: Connection, folder: Path) -> None:
        self._session = session
        self._writer = writer
        self._folder = folder

    def work(self, groups: Sequence[Sequence[pytest.Item]], tasks: int, readers: Sequence[Connection]) -> None:
        """Until no group is left."""
        for reader in readers:
            reader.close()
        self._settle_in()
        last = self._session.items[0]
        try:
            while number := os.read(tasks, NUMBER_BYTES):
                last = self._run(groups[int.from_bytes(number)])
        finally:
            self._clear_up(last)

    def _settle_in(self) -> None:
        atexit._clear()  # what was registered up to here is done by the process that has collected
        config = self._session.config
        capturing = config.pluginmanager.getplugin("capturemanager")
        capturing.stop_global_capturing()  # into a file that all forks share
        capturing.start_global_capturing()
        config.pluginmanager.unregister(name="terminalreporter")
        config.pluginmanager.register(self)
        self._folder.mkdir()
        config._tmp_path_factory._basetemp = self._folder  # type: ignore[attr-defined]

    def _run(self, group: Sequence[pytest.Item]) -> pytest.Item:
        # The session as the next one: what belongs to files ends with the group, what belongs to the session stays.
        for item, following in zip(group, [*group[1:], self._session], strict=True):
            self._session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return group[-1]

    def _clear_up(self, last: pytest.Item) -> None:
        try:
            self._session._setupstate.teardown_exact(None)
        except BaseException:
            _report_failure(self._session, last, "teardown", f"at the end of the session: {traceback.format_exc()}")
            raise
        finally:
            atexit._run_exitfuncs()  # multiprocessing ends a process without

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._writer.send(("pytest_runtest_logstart", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        config = self._session.config
        values = config.hook.pytest_report_to_serializable(config=config, report=report)
        self._writer.send(("pytest_runtest_logreport", values))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._writer.send(("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location}))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        # A warning may hold what cannot be sent.
        text = pytest.PytestWarning(f"{warning_message.category.__name__}: {warning_message.message}")
        told = warnings.WarningMessage(text, type(text), warning_message.filename, warning_message.lineno)
        values = {"warning_message": told, "when": when, "nodeid": nodeid, "location": location}
        self._writer.send(("pytest_warning_recorded", values))


def _filled_pipe(count: int) -> int:
    """A pipe that holds the numbers below `count`; its end to read from."""
    reading, writing = os.pipe()
    numbers = b"".join(number.to_bytes(NUMBER_BYTES) for number in range(count))
    assert len(numbers) <= PIPE_BYTES, "more groups than a pipe holds"
    os.write(writing, numbers)
    os.close(writing)
    return reading


def _report_failure(session: pytest.Session, item: pytest.Item, when: Literal["call", "teardown"], why: str) -> None:
    report = pytest.TestReport(item.nodeid, item.location, {}, "failed", why, when)
    session.config.hook.pytest_runtest_logreport(report=report)
