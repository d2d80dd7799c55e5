"""The HTTPS certificate, which may be replaced while the process serves."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_S = 1.0


class HttpsCertificate:
    """Gives new connections the certificate that its PEM files hold now; connections that stand keep theirs."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError (ssl.SSLError is one) for files that cannot be used."""
        self._certificate, self._key = certificate, key
        self._stamp = self._stamped()
        self.context = self._loaded()

    async def follow(self) -> None:
        """Look at the files every second until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.renew()

    def renew(self) -> bool:
        """Take over files that have changed; whether it did. What cannot be used yet is left for the next look."""
        try:
            stamp = self._stamped()
            if stamp == self._stamp:
                return False
            # The live context would be left with half a pair if key and certificate did not fit.
            self._loaded()
            self.context.load_cert_chain(self._certificate, self._key)
        except OSError as error:
            logger.warning("https_certificate_not_usable error=%s", type(error).__name__)
            return False
        self._stamp = stamp
        logger.info("https_certificate_read")
        return True

    def _stamped(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in (self._certificate, self._key)]
        return [(each.st_mtime_ns, each.st_ino, each.st_size) for each in found]

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context
