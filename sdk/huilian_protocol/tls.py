"""TLS from files that may change while a process runs: certificates and CAs are rotated without a restart.

A server looks at its files at each handshake, a client at a call when it has not looked for `LOOK_S` seconds. What was
read last stays in force while the files are being written: a key that does not fit its certificate, an empty or
damaged file. Connections that stand are not cut by either side; a server ends each after `CONNECTION_AGE`, so that a
certificate that counts no longer is out of use soon.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives import serialization

__all__ = ["CONNECTION_AGE", "CaFile", "Current", "Pem", "RenewedChannel", "TlsFiles", "server_credentials"]

logger = logging.getLogger(__name__)

LOOK_S = 1.0
# The last calls of a connection may take as long as any call; a stream is cut and taken up again by its cursor.
CONNECTION_AGE = (("grpc.max_connection_age_ms", 30 * 60_000), ("grpc.max_connection_age_grace_ms", 90_000))

_Stamp = tuple[tuple[int, int, int], ...]


class Pem(NamedTuple):
    """What the files hold: the CAs that count, and a key with its certificate chain where there is one."""

    ca: bytes
    key: bytes | None = None
    certificate: bytes | None = None

    def channel(self) -> grpc.ChannelCredentials:
        """Credentials with which a client calls."""
        return grpc.ssl_channel_credentials(self.ca, self.key, self.certificate)


@dataclass(frozen=True, slots=True)
class CaFile:
    """A PEM file of the CAs whose servers a client believes; it shows no certificate itself."""

    ca: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return (self.ca,)

    def read(self) -> Pem:
        """What it holds now. Raises ``OSError``, and ``ValueError`` for a file that holds no certificates."""
        return Pem(_certificates(self.ca))


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one holder: its certificate chain, its private key, and the CAs whose certificates it believes.

    While a CA is being replaced the last file holds the old one and the new one.
    """

    certificate: Path
    key: Path
    ca: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return (self.certificate, self.key, self.ca)

    def read(self) -> Pem:
        """What they hold now. Raises ``OSError``, and ``ValueError`` for files that are damaged or do not fit."""
        pem = Pem(_certificates(self.ca), self.key.read_bytes(), _certificates(self.certificate))
        _check_pair(cast("bytes", pem.key), cast("bytes", pem.certificate), self.key)
        return pem


class Current:
    """What files hold now, read anew when one of them has changed."""

    def __init__(self, files: TlsFiles | CaFile) -> None:
        """Read them. Raises as their ``read`` does."""
        self._files = files
        self._stamp = _stamp(files.paths)
        self._pem = files.read()
        self._warned: _Stamp = ()

    def __call__(self) -> Pem:
        """The same object as long as nothing changed. Never raises: what cannot be used is looked at again."""
        stamp: _Stamp = ()
        try:
            stamp = _stamp(self._files.paths)
            if stamp != self._stamp:
                self._pem, self._stamp = self._files.read(), stamp
                logger.info("tls.files_read certificate=%s", self._files.paths[0].name)
        except (OSError, ValueError) as error:
            if stamp != self._warned:
                logger.warning("tls.files_not_usable error=%s", type(error).__name__)
            self._warned = stamp
        return self._pem


def server_credentials(files: TlsFiles, *, mutual: bool) -> grpc.ServerCredentials:
    """Credentials of a server port that follow the files; ``mutual``: every client must show a certificate of the CAs.

    Raises as :meth:`TlsFiles.read` does when the files cannot be used at the start.
    """
    current = Current(files)
    given = [current()]

    def changed() -> grpc.ServerCertificateConfiguration | None:
        pem = current()
        if pem is given[0]:
            return None
        given[0] = pem
        return _configuration(pem, mutual=mutual)

    initial = _configuration(given[0], mutual=mutual)
    # None says that nothing has changed, which the stubs leave out.
    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", changed)
    return grpc.dynamic_ssl_server_credentials(initial, fetch, require_client_authentication=mutual)


class RenewedChannel(grpc.aio.Channel):
    """A channel over (mutual) TLS whose new calls go over a fresh connection once the files have changed.

    Calls under way end on the connection on which they began.
    """

    def __init__(self, address: str, files: TlsFiles | CaFile, options: Sequence[tuple[str, Any]] = ()) -> None:
        """Reads the files, raising as their ``read`` does; connects at the first call."""
        self._address, self._options = address, tuple(options)
        self._current = Current(files)
        self._pem = self._current()
        self._present = self._open()
        self._retired: set[_Connection] = set()
        self._look_at = time.monotonic() + LOOK_S

    def _open(self) -> _Connection:
        return _Connection(grpc.aio.secure_channel(self._address, self._pem.channel(), self._options))

    def _connection(self) -> _Connection:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            pem = self._current()
            if pem is not self._pem:
                self._pem = pem
                self._retired = {connection for connection in self._retired if not connection.closed}
                self._retired.add(self._present)
                self._present.retire()
                self._present = self._open()
        return self._present

    def _calls(self, kind: str, *arguments: Any, **named: Any) -> Any:
        made: list[Any] = [None, None]

        def call(*request: Any, **how: Any) -> Any:
            connection = self._connection()
            if connection is not made[0]:
                made[:] = connection, getattr(connection.channel, kind)(*arguments, **named)
            return connection.watched(made[1](*request, **how))

        return call

    def unary_unary(self, *arguments: Any, **named: Any) -> Any:
        """See the base class."""
        return self._calls("unary_unary", *arguments, **named)

    def unary_stream(self, *arguments: Any, **named: Any) -> Any:
        """See the base class."""
        return self._calls("unary_stream", *arguments, **named)

    def stream_unary(self, *arguments: Any, **named: Any) -> Any:
        """See the base class."""
        return self._calls("stream_unary", *arguments, **named)

    def stream_stream(self, *arguments: Any, **named: Any) -> Any:
        """See the base class."""
        return self._calls("stream_stream", *arguments, **named)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The state of the connection of new calls."""
        return self._connection().channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See the base class; of the connection of new calls."""
        await self._connection().channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until new calls have a connection."""
        await self._connection().channel.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close it; calls under way get ``grace`` seconds."""
        await asyncio.gather(*(each.channel.close(grace) for each in (self._present, *self._retired)))

    async def __aenter__(self) -> RenewedChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Connection:
    """One channel that closes by itself once it is retired and its last call has ended."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.closed = False
        self._under_way = 0
        self._closing: asyncio.Task[None] | None = None
        self._is_retired = False

    def watched(self, call: Any) -> Any:
        self._under_way += 1
        call.add_done_callback(self._ended)
        return call

    def retire(self) -> None:
        self._is_retired = True
        self._close_if_idle()

    def _ended(self, _: object) -> None:
        self._under_way -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._is_retired and not self._under_way and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())

    async def _close(self) -> None:
        await self.channel.close(None)
        self.closed = True


def _configuration(pem: Pem, *, mutual: bool) -> grpc.ServerCertificateConfiguration:
    pair = (cast("bytes", pem.key), cast("bytes", pem.certificate))
    return grpc.ssl_server_certificate_configuration([pair], pem.ca if mutual else None)


def _stamp(paths: Sequence[Path]) -> _Stamp:
    found = (path.stat() for path in paths)
    return tuple((each.st_mtime_ns, each.st_ino, each.st_size) for each in found)


def _certificates(path: Path) -> bytes:
    pem = path.read_bytes()
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError(f"{path.name} holds no certificates in PEM") from error
    return pem


def _check_pair(key: bytes, certificate: bytes, path: Path) -> None:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        public = serialization.load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path.name} holds no private key in PEM without a password") from error
    certified = x509.load_pem_x509_certificates(certificate)[0].public_key()
    if public.public_bytes(encoding, form) != certified.public_bytes(encoding, form):
        raise ValueError(f"{path.name} is not the key of the certificate")
