"""Every key of hub, edge and identity authority rotates, in random order and overlap, while consents are granted and
read, and so do the certificates of the connection between hub and edge and their CA, and what the recipient's root
states of its keys: nobody is refused, and once a rotation is over nothing new is made with the retired key, the old
certificate opens no connection, and an older statement stands in no consent that an edge takes.

One case is a hub and an edge (mTLS) on a database of its own, with readers that never pause.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huilian_protocol import tls
from huilian_protocol.canonical import b64u_decode, parse_canonical
from huilian_protocol.clock import FixedClock
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.jose import thumbprint
from huilian_protocol.recipient_keys import HANDOVER
from huilian_protocol.sealing import Suite, key_id

from hub.exchange import catalogue as catalogue_module
from hub.platform.database import Database
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.support.consents import LENDING
from tests.unit.hub.exchange.test_rotation import RING, Site, running

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
READERS, ROTATIONS, READS_BETWEEN = 3, 6, 10


async def case(rng: random.Random) -> int:
    """Rotations of one site; answers the number of reads that went well."""
    suite, dialect = rng.choice(list(Suite)), rng.choice(DIALECTS)
    with tempfile.TemporaryDirectory(prefix="huilian-rotations-") as folder:
        return await on_fresh_database(dialect, None, lambda database: _play(database, rng, Path(folder), suite))


async def _play(database: Database, rng: random.Random, folder: Path, suite: Suite) -> int:
    numbers = itertools.count(1)
    fresh, catalogue_module.FRESH_S = catalogue_module.FRESH_S, 0.0
    look, tls.LOOK_S = tls.LOOK_S, 0.0
    try:
        root = ec.generate_private_key(ec.SECP256R1())
        clock, more = FixedClock(START), [each for each in Suite if each is not suite]
        async with running(database, clock, lambda: f"id-{next(numbers):08d}", folder, suite, root, more) as site:
            return await _rotate_under_load(site, rng)
    finally:
        catalogue_module.FRESH_S, tls.LOOK_S = fresh, look


async def _rotate_under_load(site: Site, rng: random.Random) -> int:
    done, reads = asyncio.Event(), itertools.count(1)
    read = [0]

    async def reading() -> None:
        while not done.is_set():
            consent = await site.grant()
            for _ in range(rng.randint(1, 16)):
                assert await site.read(consent) > 0
                read[0] = next(reads)

    readers = [asyncio.create_task(reading()) for _ in range(READERS)]
    try:
        for _ in range(ROTATIONS):
            await _some_reads(read, readers)
            # A statement may take up to a day to the hub; now and then the next comes sooner, now and then later.
            site.clock.advance(timedelta(hours=rng.randint(1, 60)))
            await _rotate(site, rng.choice([*_STEPS, *_CONNECTIONS]), lambda: _some_reads(read, readers))
            await _made_with_present_keys(site)
        await _some_reads(read, readers)
    finally:
        done.set()
        await asyncio.gather(*readers)
    await _an_older_statement_is_refused(site)
    return read[0]


async def _some_reads(read: list[int], readers: list[asyncio.Task[None]]) -> None:
    """Let the load go on for a while; a reader that failed says so at once."""
    enough = read[0] + READS_BETWEEN
    while read[0] < enough:
        await asyncio.sleep(0.005)
        for reader in readers:
            if reader.done():
                reader.result()


async def _rotate(site: Site, purpose: str, some_reads: Callable[[], Awaitable[None]]) -> None:
    if purpose in _CONNECTIONS:
        return await _CONNECTIONS[purpose](site, some_reads)
    step = _STEPS[purpose]
    await asyncio.to_thread(step, site)
    # What is pinned travels by a file: between the steps everybody has time to see it.
    await asyncio.to_thread(site.pin)
    if purpose == "master":
        await site.subjects.rewrap()
        del site.masters[1:]
    elif purpose != "statement":
        await asyncio.to_thread(step, site)
        await asyncio.to_thread(site.pin)
    if purpose.startswith("sealing"):
        site.recipients.state()


async def _an_older_statement_is_refused(site: Site) -> None:
    """Once the edge has seen the present one, and that had its day to come to the hub."""
    older = site.recipients.statement
    site.clock.advance(HANDOVER)
    site.recipients.state()
    assert await site.read(await site.grant()) > 0
    site.recipients.statement = older
    assert await site.read(await site.grant()) > 0, "it may be on its way"
    site.clock.advance(HANDOVER)
    assert await site.code(await site.grant()) == "RECIPIENT_KEY_MISMATCH"


async def _made_with_present_keys(site: Site) -> None:
    """Nothing new under a retired key: what consents name, what the edge shows, what signs a consent."""
    site.citizen = site.world.bind(site.citizen)
    consent = await site.consents.find(await site.grant())
    present = site.vault.sealing_key(LENDING).public
    assert consent.artefact.recipient.sealing_key_id == key_id(present)
    assert consent.artefact.recipient.key_statement == site.recipients.statement
    (described,) = await site.service.catalogue.descriptions()
    assert described.sealing_public_key == site.edge.keys.sealing.public
    assert consent.signed is not None
    signed = parse_signed_consent(consent.signed)
    assert _kid(signed.countersignature) == thumbprint(site.vault.signing_key().public_key())
    assert _kid(signed.binding) == thumbprint(site.world.authority.public_key())


def _kid(token: str) -> str:
    header = parse_canonical(b64u_decode(token.split(".")[0]))
    assert isinstance(header, dict)
    return str(header["kid"])


def _master(site: Site) -> None:
    site.masters.insert(0, os.urandom(32))
    site.vault.rewrap()


async def _certificates(site: Site, some_reads: Callable[[], Awaitable[None]]) -> None:
    """Both sides' keys and certificates, of the CA that both believe."""
    for name in ("edge", "hub"):
        await asyncio.to_thread(site.edge.pki.renew, name)
        await some_reads()


async def _certificate_authority(site: Site, some_reads: Callable[[], Awaitable[None]]) -> None:
    """The CA with all certificates of it; in the overlap both count, then only the new ones."""
    pki = site.edge.pki
    old = site.edge.hub_tls.read()
    for step in (pki.begin, pki.reissue):
        await asyncio.to_thread(step)
        await some_reads()
    assert await _opens_connection(site, old), "in the overlap"
    await asyncio.to_thread(pki.end)
    await some_reads()
    assert not await _opens_connection(site, old), "after it"


async def _opens_connection(site: Site, pem: tls.Pem) -> bool:
    """Whether the edge lets somebody in who shows this certificate, and believes the edge."""
    shown = tls.Pem(site.edge.hub_tls.ca.read_bytes(), pem.key, pem.certificate)
    async with grpc.aio.secure_channel(site.edge.target, shown.channel()) as channel:
        try:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            return False
    return True


_CONNECTIONS: dict[str, Callable[[Site, Callable[[], Awaitable[None]]], Awaitable[None]]] = {
    "certificates": _certificates,
    "certificate authority": _certificate_authority,
}
_STEPS: dict[str, Callable[[Site], object]] = {
    "signing": lambda site: site.vault.rotate("signing.hub"),
    "sealing": lambda site: site.vault.rotate(RING),
    "sealing.more": lambda site: site.vault.rotate(site.vault.sealing_rings(LENDING)[1]),
    "statement": lambda site: site.recipients.state(),
    "master": _master,
    "edge sealing": lambda site: site.edge.keys.rotate("sealing"),
    "edge signing": lambda site: site.edge.keys.rotate("signing"),
    # The identity authority's own; a person is bound anew by the present one, consents keep the binding they have.
    "authority": lambda site: site.world.rotate_authority(),
}
