"""Whatever a person does, in any order: an edge that has caught up serves exactly what the hub would let out."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from huilian_protocol.artefact import Artefact
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import verify_resumption

from connectors.kit.consent_status import Change, ConsentRef, Notice
from connectors.kit.store import EdgeStore
from hub.consent.messages import notice_message
from hub.consent.revocations import Notice as HubNotice
from hub.consent.service import Consent
from tests.support.databases import ON_SQLITE
from tests.unit.hub.consent.conftest import CONSENT, DATASETS, Office
from tests.unit.hub.consent.test_life import amend, pause, resume

pytestmark = ON_SQLITE

STEPS = 40


@dataclass
class Pair:
    """A hub and an edge that hears of it now and then, with every version that was ever signed."""

    office: Office
    edge: EdgeStore
    rng: random.Random
    signed: list[Artefact] = field(default_factory=list)
    steps: int = 0

    async def step(self) -> None:
        """One thing that a person may try; the hub says whether it may be."""
        acts = (self._pause, self._resume, self._resume, self._amend, self._stop_one, self._revoke, self._hear)
        # What ends something for good is rare, or there would be little to see.
        self.steps += 1
        for_good = (1, 0.5) if self.steps > STEPS // 2 else (0, 0)
        act = self.rng.choices(acts, weights=(3, 4, 4, 5, *for_good, 4))[0]
        self.office.clock.advance(timedelta(seconds=1))
        with suppress(HuilianError):
            await act()

    async def present(self) -> Consent:
        """The consent as the hub has it."""
        return await self.office.service.get(self.office.citizen.subject, CONSENT)

    async def catch_up(self) -> None:
        """The edge learns all that it has not heard yet, as it would from the stream."""
        for row in await self.office.service._store.notices_after(self.edge.cursor(), 500):
            self.edge.learn(self._heard(HubNotice.of(row)))

    async def check(self) -> None:
        """Every version, every dataset: the edge serves it if and only if the hub does."""
        now = await self.present()
        for artefact in self.signed:
            for dataset in DATASETS:
                is_newest = artefact.sha256 == now.artefact.sha256
                wanted = is_newest and dataset in artefact.grant_ids and now.allows(dataset)
                assert self._serves(artefact, dataset) is wanted, (artefact.version, dataset, now.state)

    def _serves(self, artefact: Artefact, dataset: str) -> bool:
        if dataset not in artefact.grant_ids:
            return False
        try:
            with self.edge.transaction():
                self.edge.refuse_ended(ConsentRef.of(artefact), dataset)
        except HuilianError:
            return False
        return True

    def _heard(self, told: HubNotice) -> Notice:
        message = notice_message(told)
        assert told.change is not None
        heard = Notice(
            message.cursor,
            message.consent_id,
            told.as_of,
            Change(told.change.name),
            dataset_id=message.dataset_id,
            version=message.version,
            pause_id=message.pause_id,
            artefact_sha256=message.artefact_sha256,
        )
        if heard.change is not Change.RESUMED:
            return heard
        statement, signer = verify_resumption(message.resumption, self.office.world.trust, told.as_of)
        return replace(heard, pause_id=statement.pause_id, artefact_sha256=statement.artefact_sha256, resumed_by=signer)

    async def _pause(self) -> None:
        await pause(self.office)

    async def _resume(self) -> None:
        present = await self.present()
        if present.resumption is not None:
            await resume(self.office, present)

    async def _amend(self) -> None:
        version = (await self.present()).artefact.version
        grants = self.office.terms.datasets
        kept = grants if self.rng.random() < 0.7 else grants[:1]
        draft = await amend(self.office, version, max_reads=self.rng.randint(1, 9), datasets=kept)
        if self.rng.random() < 0.8:
            self.signed.append((await self.office.grant(draft)).artefact)

    async def _stop_one(self) -> None:
        life, dataset = self.office.service.life, self.rng.choice(sorted(DATASETS))
        await self.office.do(lambda: life.revoke_dataset(self.office.citizen.subject, CONSENT, dataset))

    async def _revoke(self) -> None:
        await self.office.revoke()

    async def _hear(self) -> None:
        await self.catch_up()
        await self.check()


@pytest_asyncio.fixture
async def pair(office: Office, tmp_path: Path) -> AsyncIterator[Pair]:
    edge = EdgeStore(tmp_path / "edge.sqlite3")
    yield Pair(office, edge, random.Random(0))
    edge.close()


@pytest.mark.parametrize("seed", range(6))
async def test_an_edge_that_has_caught_up_agrees_with_the_hub(pair: Pair, seed: int) -> None:
    pair.rng = random.Random(seed)
    pair.signed.append((await pair.office.granted()).artefact)
    for _ in range(STEPS):
        await pair.step()
    await pair.catch_up()
    await pair.check()
    assert len(pair.signed) > 1
    # Told once more from the start, nothing changes: a notice that comes twice or late is harmless.
    for row in await pair.office.service._store.notices_after(0, 500):
        pair.edge.learn(pair._heard(HubNotice.of(row)))
    await pair.check()
