"""Keys of the hub. Named keys lie encrypted in a directory; each person has a key of their own in the database.

One master key wraps them all (AES-256-GCM, RFC 5116). Destroying a person's key makes everything encrypted under it
unreadable for good, while commitments and proofs about it still verify.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import KeyPair, Suite, public_key_of

from hub.platform.store import SubjectKey

MASTER_KEY_BYTES = 32
_KEY_BYTES = 32
_NONCE_BYTES = 12
# The order of P-256 (SEC 2) and, lower, of secp256k1: 32 random bytes below the smaller serve both.
_CURVE_ORDER_FLOOR = 2**256 - 2**224
SEALING_SUITE = Suite.XWING

RandomBytes = Callable[[int], bytes]


class VaultLocked(RuntimeError):
    """A stored key does not open with this master key, or the master key has a wrong size."""


class Wrapping:
    """Encryption under the master key; `context` names what is wrapped, so that no two stored keys can be swapped."""

    def __init__(self, master_key: bytes, random_bytes: RandomBytes) -> None:
        if len(master_key) != MASTER_KEY_BYTES:
            raise VaultLocked(f"the master key has {len(master_key)} bytes, not {MASTER_KEY_BYTES}")
        self._aead = AESGCM(master_key)
        self._random_bytes = random_bytes

    def wrap(self, context: str, plain: bytes) -> bytes:
        """Nonce and ciphertext."""
        nonce = self._random_bytes(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context.encode())

    def unwrap(self, context: str, wrapped: bytes) -> bytes:
        """What was wrapped in this context. Raises VaultLocked for another master key, context or changed bytes."""
        try:
            return self._aead.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context.encode())
        except InvalidTag as error:
            raise VaultLocked(f"{context} does not open with this master key") from error


class KeyVault:
    """The named keys of one hub. A key is made when it is first asked for and never changes afterwards."""

    def __init__(self, folder: Path, wrapping: Wrapping, random_bytes: RandomBytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._wrapping = wrapping
        self._random_bytes = random_bytes
        self._secret = cache(self._load_or_make)

    def signing_key(self, name: str = "hub") -> ec.EllipticCurvePrivateKey:
        """A P-256 key that signs (ES256)."""
        return ec.derive_private_key(self._scalar(f"signing.{name}"), ec.SECP256R1())

    def sealing_key(self, name: str) -> KeyPair:
        """The X-Wing key pair of a recipient such as "bank.lending"."""
        private = self._secret(f"sealing.{name}")
        return KeyPair(private, public_key_of(SEALING_SUITE, private))

    def log_key(self) -> ed25519.Ed25519PrivateKey:
        """The key that signs the log's checkpoints (C2SP)."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self._secret("log"))

    def chain_key(self) -> bytes:
        """The secp256k1 secret of the hub's address on the chain, 32 bytes."""
        return self._scalar("chain").to_bytes(_KEY_BYTES, "big")

    def consortium_key(self) -> bytes:
        """The 32-byte HMAC key of the claim fingerprints; every hub of a consortium uses the same one
        (`import_key`).
        """
        return self._secret("consortium")

    def secret(self, name: str) -> bytes:
        """A 32-byte secret for one use within this hub, named by the use."""
        return self._secret(f"secret.{name}")

    def import_key(self, name: str, secret: bytes) -> None:
        """Store a key that was made elsewhere. Raises VaultLocked when another one of this name is here already."""
        if len(secret) != _KEY_BYTES:
            raise VaultLocked(f"{name} has {len(secret)} bytes, not {_KEY_BYTES}")
        self._publish(name, secret)
        if self._secret(name) != secret:
            raise VaultLocked(f"another {name} is in use already")

    def _scalar(self, name: str) -> int:
        return int.from_bytes(self._secret(name), "big")

    def _load_or_make(self, name: str) -> bytes:
        path = self._folder / f"{name}.key"
        if not path.exists():
            self._publish(name, self._new_secret())
        return self._wrapping.unwrap(f"key:{name}", path.read_bytes())

    def _new_secret(self) -> bytes:
        while True:
            secret = self._random_bytes(_KEY_BYTES)
            if 0 < int.from_bytes(secret, "big") < _CURVE_ORDER_FLOOR:
                return secret

    def _publish(self, name: str, secret: bytes) -> None:
        """Durable before it is visible; of two processes that start at once, the first to link wins."""
        descriptor, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._wrapping.wrap(f"key:{name}", secret))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, self._folder / f"{name}.key")
            except FileExistsError:
                return
        finally:
            os.unlink(temporary)


class SubjectVault:
    """Encryption under one person's own key. Works inside and outside a transaction."""

    def __init__(self, wrapping: Wrapping, random_bytes: RandomBytes, clock: Clock) -> None:
        self._wrapping = wrapping
        self._random_bytes = random_bytes
        self._clock = clock

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Ciphertext that becomes unreadable when the person's key is destroyed.

        Raises HuilianError NOT_FOUND when it was destroyed already: nothing is written about a person who left.
        """
        key = await self._key(subject) or await self._make(subject)
        nonce = self._random_bytes(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, data, subject.encode())

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """The plaintext. Raises HuilianError NOT_FOUND once the key is destroyed, VaultLocked for foreign
        ciphertext.
        """
        return (await self.decrypt_many_for_subject(subject, [data]))[0]

    async def decrypt_many_for_subject(self, subject: str, items: Sequence[bytes]) -> list[bytes]:
        """The plaintexts of several ciphertexts of one person, with one look at the key; raises as for one."""
        key = await self._key(subject)
        if key is None:
            raise _no_data()
        aead = AESGCM(key)
        try:
            return [aead.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], subject.encode()) for data in items]
        except InvalidTag as error:
            raise VaultLocked("the ciphertext is not of this person") from error

    async def destroy_subject_key(self, subject: str) -> None:
        """Make everything encrypted for this person unreadable, for good (PIPL article 47). Again is a no-op."""
        now = self._clock.now()
        await self._ensure_row(subject, None)
        await SubjectKey.filter(subject=subject, destroyed_at=None).update(wrapped_key=None, destroyed_at=now)

    async def _key(self, subject: str) -> bytes | None:
        row = await SubjectKey.get_or_none(subject=subject)
        if row is None:
            return None
        if row.wrapped_key is None:
            raise _no_data()
        return self._wrapping.unwrap(_context(subject), bytes(row.wrapped_key))

    async def _make(self, subject: str) -> bytes:
        wrapped = self._wrapping.wrap(_context(subject), self._random_bytes(_KEY_BYTES))
        await self._ensure_row(subject, wrapped)
        key = await self._key(subject)
        if key is None:
            raise VaultLocked("the person's key vanished while it was made")
        return key

    async def _ensure_row(self, subject: str, wrapped: bytes | None) -> None:
        """Insert unless there is one: of two that come at once the first wins and both use its key."""
        row = SubjectKey(subject=subject, wrapped_key=wrapped, created_at=self._clock.now())
        await SubjectKey.bulk_create([row], ignore_conflicts=True)


def _context(subject: str) -> str:
    return f"subject:{subject}"


def _no_data() -> HuilianError:
    return HuilianError("NOT_FOUND", resource="data of this person")
