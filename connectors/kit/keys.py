"""The keys that an edge makes for itself on its first start and never lets out of its state folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.keyring import RingFile
from huilian_protocol.sealing import KeyPair, SealingKey, Suite, generate_keypair, key_id, public_key_of

SEALING_SUITE = Suite.XWING


class EdgeKeys:
    """The agency's keys: to its sealing keys subjects are sealed, its P-256 keys sign answers.

    Both stand in rings (`huilian_protocol.keyring`) that `rotate` moves on while the edge serves. `suite` is what new
    sealing keys are made for. Raises ValueError for a damaged file.
    """

    def __init__(self, folder: Path, suite: Suite = SEALING_SUITE) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._suite = folder, suite
        self._rings = {name: RingFile(folder / f"{name}.ring") for name in ("sealing", "signing")}
        if not (folder / "sealing.key").exists():
            self._rings["sealing"].begin(suite)
        # By generation: naming its file would cost a read more than the rest of finding its key.
        self._pair, self._key = cache(self._load_pair), cache(self._load_key)
        # Made now rather than in the middle of the first read.
        self.sealing_keys()
        self.signing_keys()

    @property
    def sealing(self) -> KeyPair:
        """The present sealing key pair."""
        return next(self._pairs())[1]

    @property
    def sealing_suite(self) -> Suite:
        """The suite of the present sealing key."""
        return next(self._pairs())[0]

    @property
    def signing(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs answers at present."""
        return next(self._signers())

    def sealing_keys(self) -> tuple[SealingKey, ...]:
        """All public sealing keys: the present one, the announced one if any, then those retired, which still open."""
        return tuple(SealingKey(suite, pair.public) for suite, pair in self._pairs())

    def signing_keys(self) -> tuple[ec.EllipticCurvePublicKey, ...]:
        """All public signing keys, in the same order."""
        return tuple(key.public_key() for key in self._signers())

    def opening_key(self, sealed_to: str) -> bytes:
        """The private key with this id. Raises HuilianError SEALED_DATA_INVALID."""
        for _, pair in self._pairs():
            if key_id(pair.public) == sealed_to:
                return pair.private
        raise HuilianError("SEALED_DATA_INVALID", "sealed to another key")

    def rotate(self, purpose: str) -> None:
        """Announce a next key for "sealing" or "signing", or use the one that was announced. ValueError for others."""
        if purpose not in self._rings:
            raise ValueError(f"rotate {' | '.join(self._rings)}, not {purpose}")
        self._rings[purpose].advance(self._suite, lambda number: self._make(purpose, number))

    def _make(self, purpose: str, number: int) -> None:
        if purpose == "sealing":
            self._pair(number, self._suite)
        else:
            self._key(number)

    def _pairs(self) -> Iterator[tuple[Suite, KeyPair]]:
        state = self._rings["sealing"].read()
        for number in state.order():
            yield state.suites[number], self._pair(number, state.suites[number])

    def _signers(self) -> Iterator[ec.EllipticCurvePrivateKey]:
        for number in self._rings["signing"].read().order():
            yield self._key(number)

    def _load_pair(self, number: int, suite: Suite) -> KeyPair:
        return load_sealing_key(self._file("sealing", number, "key"), suite)

    def _load_key(self, number: int) -> ec.EllipticCurvePrivateKey:
        return load_signing_key(self._file("signing", number, "pem"))

    def _file(self, ring: str, number: int, suffix: str) -> Path:
        return self._folder / (f"{ring}.{number}.{suffix}" if number else f"{ring}.{suffix}")


def load_edge_keys(folder: Path, suite: Suite = SEALING_SUITE) -> EdgeKeys:
    """The edge's keys from its state folder; made on the first call. ValueError for a damaged file."""
    return EdgeKeys(folder, suite)


def published(keys: EdgeKeys) -> dict[str, Any]:
    """This edge's entry under `agencies` in the trust files of devices, hubs and verifiers."""
    return {
        "sealing_keys": [key.to_dict() for key in keys.sealing_keys()],
        "signing_keys": keys_to_jwks(keys.signing_keys()),
    }


def load_sealing_key(path: Path, suite: Suite = SEALING_SUITE) -> KeyPair:
    """A key pair from the 32 private bytes in this file; made when there is none."""
    if not path.exists():
        write_private(path, generate_keypair(suite).private)
    seed = path.read_bytes()
    return KeyPair(seed, public_key_of(suite, seed))


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
