"""`python -m hub.ledger.fsck`: compare records, tiles, head, checkpoints and chain; say exactly what is wrong.

Takes the hub's own HUILIAN_* settings and only reads; the hub may run meanwhile. Exit status 0: all agree; 1: faults,
one per line; 2: it could not be compared (settings, database or chain away).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import coincurve
from huilian_protocol.clock import SystemClock
from huilian_protocol.trust import TrustAnchors

from hub.keys import open_vault
from hub.ledger.log_source import DatabaseLog
from hub.ledger.ports import SubjectCipher
from hub.platform.database import Database
from hub.platform.vault import SubjectVault, VaultLocked
from hub.settings import Settings, SettingsError
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.transaction import address_of
from ledger.fsck import Report, check_log
from ledger.merkle.checkpoint import LogKeys, LogSigner
from ledger.merkle.note import NoteKey

CLEAN, FAULTY, NOT_COMPARED = 0, 1, 2


async def fsck(
    database: Database,
    cipher: SubjectCipher,
    keys: LogKeys | NoteKey,
    contract: LedgerContract | None,
    chain_address: str,
) -> Report:
    """Compare the log in an open database; `contract` None leaves the chain out.

    Raises `ChainUnavailable`, `ChainRefused` or `WrongChain` when the chain cannot be compared.
    """
    log = DatabaseLog(database, cipher)
    if contract is None:
        return await check_log(log, keys, None)
    await contract.check_chain()
    hub = await contract.hub_number(chain_address)
    return await check_log(log, keys, lambda: contract.anchored(hub))


async def _run(settings: Settings, *, with_chain: bool) -> Report:
    vault, wrapping = open_vault(settings)
    trust = TrustAnchors.load(settings.trust_anchors_file)
    database, rpc = Database(settings.database), JsonRpc(settings.chain_url)
    await database.open()
    try:
        contract = LedgerContract(rpc, trust.chain.chain_id, trust.chain.contract) if with_chain else None
        # Nothing is encrypted here, so no randomness is needed.
        cipher = SubjectVault(wrapping, bytes, SystemClock())
        verifier = LogSigner(settings.origin, vault.log_key()).verifier
        address = address_of(coincurve.PrivateKey(vault.chain_key()))
        return await fsck(database, cipher, verifier, contract, address)
    finally:
        await rpc.close()
        await database.close()


def describe(report: Report) -> str:
    """Return the report as text, a line for each fault and one for what was compared."""
    lines = [str(finding) for finding in report.findings]
    lines += [f"{table}: {count} more faults not shown" for table, count in report.untold().items()]
    chain = "the chain was left out" if report.anchors is None else f"{report.anchors} anchors on the chain"
    compared = f"{report.leaves} records, {report.tiles} tiles, {report.checkpoints} checkpoints, {chain}"
    return "\n".join([*lines, f"{'一致 clean' if report.clean else '不一致 NOT CLEAN'}: {compared}"])


def main(arguments: Sequence[str]) -> int:
    """Command line entry; the exit status is told in the module's text."""
    parser = argparse.ArgumentParser(prog="python -m hub.ledger.fsck", description=__doc__)
    parser.add_argument("--without-chain", action="store_true", help="compare what the database holds only")
    with_chain = not parser.parse_args(arguments).without_chain
    try:
        report = asyncio.run(_run(Settings.from_environment(), with_chain=with_chain))
    except (ChainUnavailable, ChainRefused, WrongChain) as error:
        sys.stderr.write(f"fsck: the chain: {type(error).__name__}: {error}\n")
        return NOT_COMPARED
    except (SettingsError, VaultLocked, OSError, ValueError) as error:
        sys.stderr.write(f"fsck: {error}\n")
        return NOT_COMPARED
    sys.stdout.write(describe(report) + "\n")
    return CLEAN if report.clean else FAULTY


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
