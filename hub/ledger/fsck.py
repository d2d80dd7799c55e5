"""`python -m hub.ledger.fsck`: compare records, tiles, head, checkpoints, witnesses and chain; say what is wrong.

Takes the hub's own HUILIAN_* settings and only reads; the hub may run meanwhile. Exit status 0: all agree; 1: faults,
one per line; 2: it could not be compared (settings, database, chain or a witness away).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import coincurve
from huilian_protocol.clock import SystemClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors

from hub.keys import open_vault
from hub.ledger.log.source import DatabaseLog
from hub.ledger.log.stored import EpochStore
from hub.ledger.ports import SubjectCipher, WitnessPeer
from hub.ledger.witnesses.client import WitnessPeers, witness_peers
from hub.log_keys import log_keyring
from hub.platform.database import Database
from hub.platform.vault import SubjectVault, VaultLocked
from hub.settings import Settings, SettingsError
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.transaction import address_of
from ledger.fsck import Report, Witnesses, check_log
from ledger.merkle.checkpoint import LogKeys
from ledger.merkle.note import NoteKey

CLEAN, FAULTY, NOT_COMPARED = 0, 1, 2


async def fsck(
    database: Database,
    cipher: SubjectCipher,
    keys: LogKeys | NoteKey,
    contract: LedgerContract | None,
    chain_address: str,
    peers: Sequence[WitnessPeer] = (),
) -> Report:
    """Compare the log in an open database; `contract` None leaves the chain out. `peers` are asked what they saw.

    Raises `ChainUnavailable`, `ChainRefused` or `WrongChain` when the chain cannot be compared, HuilianError when a
    witness cannot be asked.
    """
    log = DatabaseLog(database, cipher)
    seen = {peer.key.name: await peer.witnessed(keys.name) for peer in peers}
    witnesses = Witnesses([peer.key for peer in peers], {name: note for name, note in seen.items() if note})
    if contract is None:
        return await check_log(log, keys, None, witnesses)
    await contract.check_chain()
    hub = await contract.hub_number(chain_address)
    return await check_log(log, keys, lambda: contract.anchored(hub), witnesses)


async def _run(settings: Settings, *, with_chain: bool, with_witnesses: bool) -> Report:
    vault, wrapping = open_vault(settings)
    trust = TrustAnchors.load(settings.trust_anchors_file)
    database, rpc = Database(settings.database), JsonRpc(settings.chain_url)
    peers = witness_peers(settings, trust) if with_witnesses else WitnessPeers()
    await database.open()
    try:
        contract = LedgerContract(rpc, trust.chain.chain_id, trust.chain.contract) if with_chain else None
        # Nothing is encrypted here, so no randomness is needed.
        cipher = SubjectVault(database, wrapping, bytes, SystemClock())
        keys = await log_keyring(settings, vault).keys(EpochStore(database))
        address = address_of(coincurve.PrivateKey(vault.chain_key()))
        return await fsck(database, cipher, keys, contract, address, peers.peers)
    finally:
        await peers.close()
        await rpc.close()
        await database.close()


def describe(report: Report) -> str:
    """Return the report as text, a line for each fault and one for what was compared."""
    lines = [str(finding) for finding in report.findings]
    lines += [f"{table}: {count} more faults not shown" for table, count in report.untold().items()]
    chain = "the chain was left out" if report.anchors is None else f"{report.anchors} anchors on the chain"
    signed = f"{report.checkpoints} checkpoints, {report.cosignatures} cosignatures, {report.witnesses} witnesses"
    compared = f"{report.leaves} records, {report.tiles} tiles, {signed}, {chain}"
    return "\n".join([*lines, f"{'一致 clean' if report.clean else '不一致 NOT CLEAN'}: {compared}"])


def main(arguments: Sequence[str]) -> int:
    """Command line entry; the exit status is told in the module's text."""
    parser = argparse.ArgumentParser(prog="python -m hub.ledger.fsck", description=__doc__)
    parser.add_argument("--without-chain", action="store_true", help="compare what the database holds only")
    parser.add_argument("--without-witnesses", action="store_true", help="do not ask other hubs what they saw")
    parsed = parser.parse_args(arguments)
    chain, witnesses = not parsed.without_chain, not parsed.without_witnesses
    try:
        report = asyncio.run(_run(Settings.from_environment(), with_chain=chain, with_witnesses=witnesses))
    except (ChainUnavailable, ChainRefused, WrongChain) as error:
        sys.stderr.write(f"fsck: the chain: {type(error).__name__}: {error}\n")
        return NOT_COMPARED
    except HuilianError as error:
        sys.stderr.write(f"fsck: a witness: {error.code}: {error.detail}\n")
        return NOT_COMPARED
    except (SettingsError, VaultLocked, OSError, ValueError) as error:
        sys.stderr.write(f"fsck: {error}\n")
        return NOT_COMPARED
    sys.stdout.write(describe(report) + "\n")
    return CLEAN if report.clean else FAULTY


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
