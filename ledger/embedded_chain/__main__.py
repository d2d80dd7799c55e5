"""`python -m ledger.embedded_chain`: serve a chain on 127.0.0.1 until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
from pathlib import Path

from aiohttp import web
from huilian_protocol.clock import Clock, SandboxClock, SystemClock
from huilian_protocol.stopping import stop_on_signals

from ledger.embedded_chain.chain import Damaged, EmbeddedChain
from ledger.embedded_chain.journal import Genesis, GenesisMismatch, Journal
from ledger.embedded_chain.methods import Methods
from ledger.embedded_chain.server import application


def main() -> int:
    """Serve. Return 1 when the state file is in use or belongs to another chain."""
    arguments = _parser().parse_args()
    clock: Clock = SandboxClock(arguments.clock_file) if arguments.clock_file else SystemClock()
    try:
        arguments.state.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(arguments.state)
        genesis = Genesis(arguments.chain_id, int(clock.now().timestamp()), dict(arguments.allocate))
        chain = EmbeddedChain(journal, genesis, clock, _say)
    except (sqlite3.OperationalError, GenesisMismatch, Damaged) as error:
        print(f"embedded chain: {arguments.state}: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(chain, arguments.port))
    finally:
        journal.close()
    return 0


def _say(text: str) -> None:
    print(f"embedded chain: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ledger.embedded_chain", description=__doc__)
    parser.add_argument("--port", type=int, default=8545, help="0 takes a free port; the address is printed")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that holds the chain")
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--allocate", type=_allocation, action="append", default=[], metavar="ADDRESS=WEI")
    parser.add_argument("--clock-file", type=Path, help="sandbox clock that this process shares with others")
    return parser


def _allocation(text: str) -> tuple[str, int]:
    address, _, wei = text.partition("=")
    if len(bytes.fromhex(address.removeprefix("0x"))) != 20:
        raise ValueError("an address has 20 bytes")
    return address.lower(), int(wei)


async def _serve(chain: EmbeddedChain, port: int) -> None:
    runner = web.AppRunner(application(Methods(chain)), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stop = stop_on_signals()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]} head {chain.head.number}", flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
