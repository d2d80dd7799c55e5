"""The keys that an edge makes for itself on its first start and never lets out of its state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import KeyPair, SealingKey, Suite, generate_keypair, public_key_of

SEALING_SUITE = Suite.XWING


@dataclass(frozen=True, slots=True, repr=False)
class EdgeKeys:
    """The agency's sealing key pair, to which subjects are sealed, and the P-256 key that signs answers."""

    sealing: KeyPair
    signing: ec.EllipticCurvePrivateKey


def load_edge_keys(folder: Path) -> EdgeKeys:
    """The edge's keys from its state folder; made on the first call. ValueError for a damaged file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return EdgeKeys(load_sealing_key(folder / "sealing.key"), load_signing_key(folder / "signing.pem"))


def published(keys: EdgeKeys) -> dict[str, Any]:
    """This edge's entry under `agencies` in the trust files of devices, hubs and verifiers."""
    return {
        "sealing_keys": [SealingKey(SEALING_SUITE, keys.sealing.public).to_dict()],
        "signing_keys": keys_to_jwks([keys.signing.public_key()]),
    }


def load_sealing_key(path: Path) -> KeyPair:
    """An X-Wing key pair from the 32-byte seed in this file; made when there is none."""
    if not path.exists():
        write_private(path, generate_keypair(SEALING_SUITE).private)
    seed = path.read_bytes()
    return KeyPair(seed, public_key_of(SEALING_SUITE, seed))


def load_signing_key(path: Path, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A private key from this PEM file, P-256 unless another curve is named; made when there is none."""
    if not path.exists():
        key = ec.generate_private_key(curve or ec.SECP256R1())
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        write_private(path, key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    loaded = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} holds no elliptic-curve key")
    return loaded


def write_private(path: Path, content: bytes) -> None:
    """Write a secret that only its owner may read; a crash leaves the whole file or none."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
