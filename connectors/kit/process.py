"""What every process of the edge has in common: logging, a clean stop, a clear word when it cannot start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop
from huilian_protocol.settings import SettingsError

CANNOT_START = 2


def run_process(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run `work` to its end; the exit status is 2, with a message on stderr, when settings or files are wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        uvloop.run(work())
    except (SettingsError, OSError, ValueError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return CANNOT_START
    except KeyboardInterrupt:
        pass  # before the process listened for signals: what was open is closed by now
    return 0


def main_of_package(module: str, run: Callable[[str], Coroutine[Any, Any, None]]) -> int:
    """The `main` of a module that is told a connector package on the command line."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"usage: python -m {module} PACKAGE\n")
        return CANNOT_START
    return run_process(sys.argv[1], lambda: run(sys.argv[1]))
