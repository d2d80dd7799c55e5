"""The recipients' roots of a sandbox site: what a bank keeps away from its hub, in files beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.recipient_keys import HANDOVER, MAX_DAYS, sign_statement
from huilian_protocol.sealing import SealingKey, Suite

from deploy.site import HubPlace, Site
from hub.keys import BANK_RECIPIENT, CONVENIENCE_RECIPIENT
from hub.platform.vault import KeyVault, Wrapping

SUITES = (Suite.XWING, Suite.X25519)
# The sandbox's clock may be moved two years ahead, and nobody is there to sign month by month.
MONTHS_AHEAD = 27


def state_recipients_keys(site: Site, hubs: Sequence[HubPlace]) -> dict[str, Any]:
    """Have each hub's recipients state their keys, and tell what is to be pinned: the roots, by recipient."""
    roots = [_root(site, hub) for hub in hubs]
    for hub, root in zip(hubs, roots, strict=True):
        site.statements_file(hub).write_text(json.dumps(_statements(hub, root), indent=2) + "\n")
    pinned = keys_to_jwks([root.public_key() for root in roots])
    return {name: pinned for name in (BANK_RECIPIENT, CONVENIENCE_RECIPIENT)}


def _statements(hub: HubPlace, root: ec.EllipticCurvePrivateKey) -> dict[str, list[str]]:
    # In use for longer than the handover already: what is older counts for nothing from the start.
    first = datetime.now(UTC).replace(microsecond=0) - 2 * HANDOVER
    life = timedelta(days=MAX_DAYS)
    starts = [first + number * (life - HANDOVER) for number in range(MONTHS_AHEAD)]
    return {
        name: [sign_statement(root, name, keys, start, start + life) for start in starts]
        for name, keys in _keys(hub).items()
    }


def _keys(hub: HubPlace) -> dict[str, Sequence[SealingKey]]:
    """As `python -m hub.main recipients` tells them, without a process for it."""
    master = bytes.fromhex((hub.folder / "master.key").read_text("ascii").split()[0])
    vault = KeyVault(hub.folder / "keys", Wrapping(master, os.urandom), os.urandom, SUITES[0], SUITES[1:])
    names = (BANK_RECIPIENT, CONVENIENCE_RECIPIENT)
    return {name: vault.sealing_keys(name)[: len(SUITES)] for name in names}


def _root(site: Site, hub: HubPlace) -> ec.EllipticCurvePrivateKey:
    path = site.folder / "roots" / f"{hub.name}.pem"
    if not path.exists():
        path.parent.mkdir(exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    loaded = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded
