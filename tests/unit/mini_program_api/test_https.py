"""The HTTPS certificate is replaced while the server listens."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

from deploy.pki import SitePki
from mini_program_api.https import HttpsCertificate


async def _shown(port: int, ca: Path) -> bytes:
    """The certificate that a new connection is shown, as DER."""
    context = ssl.create_default_context(cafile=str(ca))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return bytes(der)


async def test_new_connections_see_the_new_certificate_and_a_half_written_pair_is_left_alone(tmp_path: Path) -> None:
    pki = SitePki(tmp_path, datetime.now(UTC))
    files = pki.issue("api")
    certificate = HttpsCertificate(files.certificate, files.key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        first = await _shown(port, files.ca)
        assert not certificate.renew()
        key = files.key.read_bytes()
        pki.renew("api")
        fresh = files.key.read_bytes()
        files.key.write_bytes(key)
        assert not certificate.renew(), "the old key does not fit the new certificate"
        assert await _shown(port, files.ca) == first
        files.key.write_bytes(fresh)
        assert certificate.renew() and not certificate.renew()
        second = await _shown(port, files.ca)
        assert second == ssl.PEM_cert_to_DER_cert(files.certificate.read_text()) != first
