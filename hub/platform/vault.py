"""Keys of the hub. Named keys lie encrypted in a directory; each person has a key of their own in the database.

One master key wraps them all (AES-256-GCM, RFC 5116). Destroying a person's key makes everything encrypted under it
unreadable for good, while commitments and proofs about it still verify.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.keyring import RingFile, RingState
from huilian_protocol.sealing import KeyPair, SealingKey, Suite, key_id, public_key_of

from hub.platform.database import Database
from hub.platform.store import SubjectKey
from hub.platform.wrapping import MASTER_KEY_BYTES, NONCE_BYTES, RandomBytes, VaultLocked, Wrapping

__all__ = ["MASTER_KEY_BYTES", "KeyVault", "RandomBytes", "SigningKeys", "SubjectVault", "VaultLocked", "Wrapping"]

_KEY_BYTES = 32
_REWRAP_ROWS = 500
_WRAPPED = "SELECT subject, wrapped_key FROM platform_subject_key WHERE subject IN $in"
_GONE = "SELECT subject FROM platform_subject_key WHERE destroyed_at IS NOT NULL AND subject IN $in"
# The order of P-256 (SEC 2) and, lower, of secp256k1: 32 random bytes below the smaller serve both.
_CURVE_ORDER_FLOOR = 2**256 - 2**224


class KeyVault:
    """The named keys of one hub. A key is made when it is first asked for and never changes afterwards.

    Signing and sealing keys stand in rings (`huilian_protocol.keyring`), which `rotate` moves on, also while other
    processes use them. `suite` is what new sealing keys are made for; a recipient has a ring of its own for each of
    `more_suites`, too, named after it.
    """

    def __init__(
        self,
        folder: Path,
        wrapping: Wrapping,
        random_bytes: RandomBytes,
        suite: Suite = Suite.XWING,
        more_suites: Sequence[Suite] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._wrapping = wrapping
        self._random_bytes = random_bytes
        self._suite, self._more = suite, tuple(each for each in more_suites if each is not suite)
        self._secret = cache(self._load_or_make)
        self._ring = cache(self._open_ring)
        self._pair = cache(self._sealing_pair)
        self._signing = cache(lambda name: ec.derive_private_key(self._scalar(name), ec.SECP256R1()))

    def signing_key(self, name: str = "hub") -> ec.EllipticCurvePrivateKey:
        """The P-256 key that signs at present (ES256)."""
        return self._signing(_member(f"signing.{name}", self._ring(f"signing.{name}").read().current))

    def signing_keys(self, name: str = "hub") -> tuple[ec.EllipticCurvePublicKey, ...]:
        """All public keys of the ring: the current one, the next one if any, then the retired ones."""
        ring = f"signing.{name}"
        return tuple(self._signing(_member(ring, number)).public_key() for number in self._ring(ring).read().order())

    def sealing_key(self, name: str) -> KeyPair:
        """The present key pair of a recipient such as "bank.lending"."""
        ring = f"sealing.{name}"
        state = self._ring(ring).read()
        return self._pair(_member(ring, state.current), state.suites[state.current])

    def sealing_keys(self, name: str) -> tuple[SealingKey, ...]:
        """All public keys of the recipient: the present one of each suite, its favourite first, then the others in the
        order of `signing_keys`.
        """
        rings = [self.ring_keys(ring) for ring in self.sealing_rings(name)]
        return (*(ring[0] for ring in rings), *(key for ring in rings for key in ring[1:]))

    def ring_keys(self, ring: str) -> tuple[SealingKey, ...]:
        """All public keys of one ring of a recipient, in the order of `signing_keys`."""
        return tuple(SealingKey(suite, pair.public) for suite, pair in self._sealing_pairs(ring))

    def sealing_rings(self, name: str) -> tuple[str, ...]:
        """The recipient's rings, the one of its favourite suite first; also those of suites no longer in use."""
        first = f"sealing.{name}"
        more = [suite for suite in Suite if suite not in self._more and self.has(f"{first}.{suite.value}")]
        return (first, *(f"{first}.{suite.value}" for suite in (*self._more, *more)))

    def opening_key(self, name: str, sealed_to: str) -> bytes:
        """The recipient's private key with this id, also when it is retired. Raises SEALED_DATA_INVALID."""
        for ring in self.sealing_rings(name):
            for _, pair in self._sealing_pairs(ring):
                if key_id(pair.public) == sealed_to:
                    return pair.private
        raise HuilianError("SEALED_DATA_INVALID", "sealed to another key")

    def rotate(self, ring: str) -> RingState:
        """Move a ring such as "signing.hub" one step on: announce a next key, or use the announced one."""
        file = self._ring(ring)
        self._secret(ring)
        return file.advance(self._suite_of(ring), lambda number: self._publish_new(_member(ring, number)))

    def rewrap(self) -> int:
        """Put every stored key under the newest master key; how many were not yet."""
        return sum(self._rewrap_file(path) for path in sorted(self._folder.glob("*.key")))

    def log_key(self, generation: int = 0) -> ed25519.Ed25519PrivateKey:
        """The Ed25519 key of a generation of the ring "log", which signs the log's checkpoints (C2SP)."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self._secret(_member("log", generation)))

    def log_secret(self, kind: str, generation: int) -> bytes:
        """32 bytes from which a key of another kind is made that signs beside `log_key`, named by the kind."""
        return self._secret(_member(f"log-{kind}", generation))

    def log_kinds(self, kinds: Sequence[str], generation: int) -> tuple[str, ...]:
        """Those of the kinds for which a generation has a secret: what it was made for, it signs with."""
        return tuple(kind for kind in kinds if self.has(_member(f"log-{kind}", generation)))

    def has(self, name: str) -> bool:
        """Whether a key of this name was made already."""
        return (self._folder / f"{name}.key").exists()

    def log_generations(self) -> tuple[int, ...]:
        """The generations of the ring "log": the current one, the next one if any, then the retired ones."""
        return self._ring("log").read().order()

    def witness_key(self) -> ed25519.Ed25519PrivateKey:
        """The key that cosigns the checkpoints of other hubs (C2SP tlog-cosignature)."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self._secret("witness"))

    def chain_key(self) -> bytes:
        """The secp256k1 secret of the hub's present address on the chain, 32 bytes."""
        return self._secret(_member("chain", self._ring("chain").read().current))

    def chain_keys(self) -> tuple[bytes, ...]:
        """All secrets of the chain's ring, in the order of `signing_keys`."""
        return tuple(self._secret(_member("chain", number)) for number in self._ring("chain").read().order())

    def next_chain_key(self) -> bytes | None:
        """The announced secret for the chain, if there is one."""
        state = self._ring("chain").read()
        return self._secret(_member("chain", state.current + 1)) if state.has_next else None

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

    def imported(self, name: str) -> bytes | None:
        """A key that `import_key` stored; None when there is none of this name."""
        return self._secret(name) if (self._folder / f"{name}.key").exists() else None

    def _open_ring(self, name: str) -> RingFile:
        ring = RingFile(self._folder / f"{name}.ring")
        if name.startswith("sealing.") and not (self._folder / f"{name}.key").exists():
            ring.begin(self._suite_of(name))
        return ring

    def _suite_of(self, ring: str) -> Suite:
        """What new keys of a ring are made for."""
        last = ring.rpartition(".")[2]
        return Suite(last) if last in set(Suite) else self._suite

    def _sealing_pairs(self, ring: str) -> Iterator[tuple[Suite, KeyPair]]:
        state = self._ring(ring).read()
        for number in state.order():
            yield state.suites[number], self._pair(_member(ring, number), state.suites[number])

    def _sealing_pair(self, member: str, suite: Suite) -> KeyPair:
        private = self._secret(member)
        return KeyPair(private, public_key_of(suite, private))

    def _publish_new(self, name: str) -> None:
        self._publish(name, self._new_secret())

    def _rewrap_file(self, path: Path) -> bool:
        context, wrapped = f"key:{path.stem}", path.read_bytes()
        if self._wrapping.is_newest(context, wrapped):
            return False
        self._replace(path, self._wrapping.wrap(context, self._wrapping.unwrap(context, wrapped)))
        return True

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
        temporary = self._written(self._wrapping.wrap(f"key:{name}", secret))
        try:
            try:
                os.link(temporary, self._folder / f"{name}.key")
            except FileExistsError:
                return
        finally:
            os.unlink(temporary)

    def _replace(self, path: Path, content: bytes) -> None:
        os.replace(self._written(content), path)

    def _written(self, content: bytes) -> str:
        descriptor, temporary = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary


class SigningKeys(Mapping[str, ec.EllipticCurvePublicKey]):
    """The hub's public signing keys by `kid`, as they are at each look: what a retired key signed still verifies."""

    def __init__(self, keys: Callable[[], Sequence[ec.EllipticCurvePublicKey]]) -> None:
        self._keys = keys

    def __getitem__(self, kid: str) -> ec.EllipticCurvePublicKey:
        return self._by_kid()[kid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_kid())

    def __len__(self) -> int:
        return len(self._keys())

    def _by_kid(self) -> dict[str, ec.EllipticCurvePublicKey]:
        return {thumbprint(key): key for key in self._keys()}


class SubjectVault:
    """Encryption under one person's own key. Works inside and outside a transaction."""

    def __init__(self, database: Database, wrapping: Wrapping, random_bytes: RandomBytes, clock: Clock) -> None:
        self._database = database
        self._wrapping = wrapping
        self._random_bytes = random_bytes
        self._clock = clock

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Ciphertext that becomes unreadable when the person's key is destroyed.

        Raises HuilianError NOT_FOUND when it was destroyed already: nothing is written about a person who left.
        """
        return (await self.encrypt_for_subjects([(subject, data)]))[0]

    async def encrypt_for_subjects(self, items: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """Ciphertexts for several persons' data, with one look at their keys; raises as for one."""
        # A hot path: building a query again and again would cost more than running it.
        rows = await self._database.fetch_in(_WRAPPED, {subject for subject, _ in items})
        keys = {row["subject"]: AESGCM(self._unwrapped(row["subject"], row["wrapped_key"])) for row in rows}
        for subject in dict.fromkeys(subject for subject, _ in items if subject not in keys):
            keys[subject] = AESGCM(await self._make(subject))
        return [self._encrypted(keys[subject], subject, data) for subject, data in items]

    def _encrypted(self, key: AESGCM, subject: str, data: bytes) -> bytes:
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + key.encrypt(nonce, data, subject.encode())

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
            return [aead.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], subject.encode()) for data in items]
        except InvalidTag as error:
            raise VaultLocked("the ciphertext is not of this person") from error

    async def destroy_subject_key(self, subject: str) -> None:
        """Make everything encrypted for this person unreadable, for good (PIPL article 47). Again is a no-op."""
        now = self._clock.now()
        await self._ensure_row(subject, None)
        await SubjectKey.filter(subject=subject, destroyed_at=None).update(wrapped_key=None, destroyed_at=now)

    async def living(self, subjects: Collection[str]) -> set[str]:
        """Those of these persons whose key was not destroyed."""
        return set(subjects) - {row["subject"] for row in await self._database.fetch_in(_GONE, subjects)}

    async def rewrap(self) -> int:
        """Put every person's key under the newest master key; how many were not yet. May be stopped and repeated."""
        done, last = 0, ""
        while rows := await SubjectKey.filter(subject__gt=last).order_by("subject").limit(_REWRAP_ROWS):
            for row in rows:
                done += await self._rewrap_row(row)
            last = rows[-1].subject
        return done

    async def _rewrap_row(self, row: SubjectKey) -> int:
        if row.wrapped_key is None:
            return 0
        context, wrapped = _context(row.subject), bytes(row.wrapped_key)
        if self._wrapping.is_newest(context, wrapped):
            return 0
        fresh = self._wrapping.wrap(context, self._wrapping.unwrap(context, wrapped))
        # Only while nobody destroyed it in the meantime: a destroyed key must not come back.
        return await SubjectKey.filter(subject=row.subject, destroyed_at=None).update(wrapped_key=fresh)

    async def _key(self, subject: str) -> bytes | None:
        row = await SubjectKey.get_or_none(subject=subject)
        return None if row is None else self._unwrapped(subject, row.wrapped_key)

    def _unwrapped(self, subject: str, wrapped_key: bytes | None) -> bytes:
        """Raises NOT_FOUND when it was destroyed."""
        if wrapped_key is None:
            raise _no_data()
        return self._wrapping.unwrap(_context(subject), bytes(wrapped_key))

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


def _member(ring: str, generation: int) -> str:
    """The name under which a ring's key is stored; the first one is named as before there were rings."""
    return f"{ring}.{generation}" if generation else ring


def _context(subject: str) -> str:
    return f"subject:{subject}"


def _no_data() -> HuilianError:
    return HuilianError("NOT_FOUND", resource="data of this person")
