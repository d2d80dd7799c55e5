"""The edge's copy of revocations: catches up by cursor, reconnects, and says when it is too old."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from huilian_protocol.clock import FixedClock, SystemClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import Resumption

from connectors.kit.consent_status import ConsentRef, Notice
from connectors.kit.revocations import RevocationCopy, RevocationFollower
from connectors.kit.store import EdgeStore
from deploy.pki import SitePki, TlsFiles
from hub.consent.revocations import Change
from tests.contract.connectors.hub_stand_in import RevocationList, running_hub

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def no_resumption(signed: bytes) -> tuple[Resumption, str]:
    raise HuilianError("ASSERTION_INVALID", "nobody resumes here")


def test_a_copy_is_stale_until_the_hub_spoke_and_again_when_it_is_silent() -> None:
    clock = FixedClock(NOW)
    copy = RevocationCopy(clock, timedelta(seconds=30))
    with pytest.raises(HuilianError, match="REVOCATIONS_STALE"):
        copy.require_fresh()
    copy.confirm(NOW)
    clock.advance(timedelta(seconds=30))
    copy.require_fresh()
    clock.advance(timedelta(seconds=1))
    with pytest.raises(HuilianError, match="REVOCATIONS_STALE"):
        copy.require_fresh()


def test_a_hub_clock_that_runs_ahead_makes_nothing_fresher() -> None:
    clock = FixedClock(NOW)
    copy = RevocationCopy(clock, timedelta(seconds=30))
    copy.confirm(NOW + timedelta(days=1))
    clock.advance(timedelta(seconds=31))
    with pytest.raises(HuilianError, match="REVOCATIONS_STALE"):
        copy.require_fresh()


@pytest.fixture
def tls(tmp_path: Path) -> TlsFiles:
    return SitePki(tmp_path / "pki", datetime.now(UTC)).issue("hub")


@asynccontextmanager
async def following(store: EdgeStore, copy: RevocationCopy, tls: TlsFiles, port: int) -> AsyncIterator[None]:
    """A follower of the hub at this port."""

    async def learn(notice: Notice) -> None:
        store.learn(notice)

    async def cursor() -> int:
        return store.cursor()

    credentials = grpc.ssl_channel_credentials(tls.ca.read_bytes(), tls.key.read_bytes(), tls.certificate.read_bytes())
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        task = asyncio.create_task(RevocationFollower(channel, copy, learn, cursor, no_resumption).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_disk_that_fails_for_a_moment_does_not_end_the_following(tmp_path: Path, tls: TlsFiles) -> None:
    store, copy = FullDisk(tmp_path / "edge.sqlite3"), RevocationCopy(SystemClock(), timedelta(seconds=30))
    revocations = RevocationList(SystemClock())
    revocations.revoke("consent-00000001")
    async with running_hub(revocations, tls) as port, following(store, copy, tls, port):
        await until(lambda: store.failures == 0)
        await until(lambda: is_fresh(copy) and store.cursor() == 1)
    store.close()


class FullDisk(EdgeStore):
    """A store whose disk is full at first."""

    failures = 2

    def learn(self, notice: Notice) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super().learn(notice)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not come true within ten seconds")


def is_fresh(copy: RevocationCopy) -> bool:
    try:
        copy.require_fresh()
    except HuilianError:
        return False
    return True


async def test_it_catches_up_before_it_counts_as_fresh(tmp_path: Path, tls: TlsFiles) -> None:
    clock = SystemClock()
    revocations = RevocationList(clock)
    for number in range(20):
        revocations.revoke(f"consent-{number}")
    store, copy = EdgeStore(tmp_path / "edge"), RevocationCopy(clock, timedelta(seconds=30))
    async with running_hub(revocations, tls) as port, following(store, copy, tls, port):
        await until(lambda: is_fresh(copy) and store.cursor() == 20)
        revocations.revoke("consent-live")
        await until(lambda: store.cursor() == 21)
    with pytest.raises(HuilianError, match="CONSENT_REVOKED"):
        store.begin_read("request-1", b"f", ConsentRef("consent-live"), "d", 1, NOW)


async def test_it_reconnects_and_resumes_where_it_was(tmp_path: Path, tls: TlsFiles) -> None:
    clock = SystemClock()
    revocations = RevocationList(clock)
    store, copy = EdgeStore(tmp_path / "edge"), RevocationCopy(clock, timedelta(seconds=30))
    async with running_hub(revocations, tls) as port, following(store, copy, tls, port):
        revocations.revoke("consent-1")
        await until(lambda: store.cursor() == 1)
    revocations.revoke("consent-2")
    async with following(store, copy, tls, port):
        await asyncio.sleep(0.3)
        async with running_hub(revocations, tls, port):
            await until(lambda: store.cursor() == 2)
    assert revocations.first_cursors == [0, 1]


async def test_an_edge_that_was_away_takes_in_every_page_before_it_is_fresh(tmp_path: Path, tls: TlsFiles) -> None:
    """More notices than one page of the feed holds, of every kind that stops; none is skipped, none unlearned."""
    clock, revocations = SystemClock(), RevocationList(SystemClock())
    for number in range(400):
        revocations.revoke(f"revoked-{number}")
        revocations.tell(f"paused-{number}", Change.PAUSED, pause_id=f"pause-{number}")
        revocations.tell(f"less-{number}", Change.DATASET_REVOKED, dataset_id="d")
        revocations.tell(f"newer-{number}", Change.AMENDED, version=2, artefact_sha256=b"\x02" * 32)
    store, copy = EdgeStore(tmp_path / "edge"), RevocationCopy(clock, timedelta(seconds=30))
    async with running_hub(revocations, tls) as port, following(store, copy, tls, port):
        await until(lambda: is_fresh(copy) and store.cursor() == 1_600)
    for number in (0, 124, 125, 399):
        for name, code in (
            ("revoked", "CONSENT_REVOKED"),
            ("paused", "CONSENT_PAUSED"),
            ("less", "CONSENT_REVOKED"),
            ("newer", "STATE_CONFLICT"),
        ):
            with pytest.raises(HuilianError, match=code):
                store.begin_read(f"{name}-{number}", b"f", ConsentRef(f"{name}-{number}"), "d", 1, NOW)
    store.begin_read("other", b"f", ConsentRef("less-0"), "another dataset", 1, NOW)
    store.close()


async def test_a_resumption_that_does_not_verify_moves_the_cursor_and_leaves_the_pause(
    tmp_path: Path, tls: TlsFiles
) -> None:
    revocations = RevocationList(SystemClock())
    revocations.tell("consent-1", Change.PAUSED, pause_id="pause-1")
    revocations.tell("consent-1", Change.RESUMED, resumption=b"{}")
    store, copy = EdgeStore(tmp_path / "edge"), RevocationCopy(SystemClock(), timedelta(seconds=30))
    async with running_hub(revocations, tls) as port, following(store, copy, tls, port):
        await until(lambda: store.cursor() == 2)
    with pytest.raises(HuilianError, match="CONSENT_PAUSED"):
        store.begin_read("request-1", b"f", ConsentRef("consent-1"), "d", 1, NOW)
    store.close()
