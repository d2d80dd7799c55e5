"""Any order of changes at an edge: a read is allowed exactly when a plain model of the consent's life allows it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huilian_protocol.errors import HuilianError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.kit.consent_status import Change, ConsentRef, Notice
from connectors.kit.store import EdgeStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SETS = ("housing_fund.account/v1", "tax.personal_income/v1")
SIGNER, STRANGER = "net-1", "net-2"


def sha(version: int) -> bytes:
    return bytes([version]) * 32


def ref(version: int) -> ConsentRef:
    replaces = sha(version - 1) if version > 1 else None
    return ConsentRef("consent-1", version, sha(version), replaces, (SIGNER, SIGNER))


class ConsentLife(RuleBasedStateMachine):
    """One consent: what the person did, beside what the edge serves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = EdgeStore(Path(self.folder.name) / "edge")
        self.cursors, self.reads = itertools.count(1), itertools.count(1)
        self.version, self.revoked = 1, False
        self.stopped: set[str] = set()
        self.pauses: dict[str, bool] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def tell(self, change: Change, **more: Any) -> None:
        self.store.learn(Notice(next(self.cursors), "consent-1", NOW, change, **more))

    @rule(dataset=st.sampled_from(SETS))
    def revoke_dataset(self, dataset: str) -> None:
        self.tell(Change.DATASET_REVOKED, dataset_id=dataset, version=self.version)
        self.stopped.add(dataset)

    @rule()
    def pause(self) -> None:
        name = f"pause-{len(self.pauses)}-{self.version}"
        self.tell(Change.PAUSED, pause_id=name, version=self.version)
        self.pauses[name] = True

    @precondition(lambda self: self.pauses)
    @rule(data=st.data(), by=st.sampled_from([SIGNER, STRANGER]), about=st.sampled_from(["this", "older"]))
    def resume(self, data: st.DataObject, by: str, about: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.pauses)))
        told = sha(self.version if about == "this" else 0)
        self.tell(Change.RESUMED, pause_id=name, artefact_sha256=told, resumed_by=by, version=self.version)
        self.pauses[name] = not (by == SIGNER and about == "this")

    @precondition(lambda self: self.version < 5)
    @rule(is_told=st.booleans())
    def amend(self, is_told: bool) -> None:
        self.version += 1
        self.stopped, self.pauses = set(), {}
        if is_told:
            self.tell(Change.AMENDED, version=self.version, artefact_sha256=sha(self.version))

    @rule()
    def ignored(self) -> None:
        self.tell(Change.IGNORED)

    @precondition(lambda self: self.version > 1)
    @rule()
    def revoke(self) -> None:
        self.tell(Change.REVOKED)
        self.revoked = True

    def is_served(self, version: int, dataset: str) -> bool:
        try:
            self.store.begin_read(f"read-{next(self.reads)}", b"f", ref(version), dataset, 10_000, NOW)
        except HuilianError:
            return False
        return True

    @invariant()
    def serves_exactly_what_the_person_allows(self) -> None:
        for dataset in SETS:
            allowed = not self.revoked and dataset not in self.stopped and not any(self.pauses.values())
            assert self.is_served(self.version, dataset) == allowed

    @invariant()
    def never_serves_an_older_version_once_a_newer_was_seen(self) -> None:
        row = self.store.one("SELECT version FROM newest_version WHERE consent_id = 'consent-1'")
        if row is not None and row[0] == self.version and self.version > 1:
            assert not any(self.is_served(self.version - 1, dataset) for dataset in SETS)


TestConsentLife = ConsentLife.TestCase
TestConsentLife.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
