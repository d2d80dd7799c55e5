"""`python -m deploy run` serves a site until Ctrl-C; `python -m deploy demo` walks both journeys and judges."""

from __future__ import annotations

import argparse
import asyncio
import sys

from deploy.demo import demo
from deploy.process import StartFailed
from deploy.run import run


def main() -> int:
    """Exit status 0 when the command did what it says."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parser.add_argument("command", choices=["run", "demo"])
    command = parser.parse_args().command
    try:
        return asyncio.run(run() if command == "run" else demo())
    except StartFailed as error:
        print(f"did not start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
