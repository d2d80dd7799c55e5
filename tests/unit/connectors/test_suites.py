"""In which suite an answer leaves: the edge chooses among the keys that the recipient's root states, by one rule."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Recipient
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import HANDOVER, sign_statement
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, key_id

from connectors.kit.acceptance.edge import Edge, build_edge, running_edge
from connectors.kit.acceptance.world import NOW, open_answer
from connectors.kit.requests import ReadAnswer
from connectors.kit.sandbox_people import DEMO_BORROWER

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"
BANK, ROOT = "bank.lending", ec.generate_private_key(ec.SECP256R1())
KEYS = {suite: generate_keypair(suite) for suite in (Suite.XWING, Suite.X25519)}


def stated(
    *suites: Suite, root: ec.EllipticCurvePrivateKey = ROOT, days: int = 30, since: datetime = NOW - timedelta(days=2)
) -> Recipient:
    """The bank with its keys of these suites, its favourite first, as its root signed them."""
    keys = [SealingKey(suite, KEYS[suite].public) for suite in suites]
    statement = sign_statement(root, BANK, keys, since, since + timedelta(days=days))
    return Recipient(BANK, keys[0].id, keys[0].suite, statement)


def pinned(edge: Edge, folder: Path, root: ec.EllipticCurvePrivateKey = ROOT) -> Edge:
    world = replace(edge.world, roots={BANK: root.public_key()})
    return build_edge(world, edge.upstream, edge.service.keys, folder, lambda connector: connector)


@pytest.mark.parametrize(
    ("policy", "preference", "chosen"),
    [
        ((), (Suite.X25519, Suite.XWING), Suite.X25519),
        ((), (Suite.XWING, Suite.X25519), Suite.XWING),
        ((Suite.XWING, Suite.X25519), (Suite.X25519, Suite.XWING), Suite.XWING),
        ((Suite.SM, Suite.X25519), (Suite.XWING, Suite.X25519), Suite.X25519),
    ],
)
async def test_the_edge_chooses_among_the_recipients_keys_and_says_in_the_envelope_which(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: tuple[Suite, ...],
    preference: tuple[Suite, ...],
    chosen: Suite,
) -> None:
    (tmp_path / "pinned").mkdir()
    async with running_edge(PACKAGE, tmp_path) as unpinned:
        edge = pinned(unpinned, tmp_path / "pinned")
        monkeypatch.setitem(edge.upstream.manifest.__dict__, "suites", policy)
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, recipient=stated(*preference))
        request = edge.request(device, artefact, recipient_public_key=KEYS[chosen].public)
        answer = await edge.service.read(request)
        sealed = json.loads(answer.envelope)
        assert (sealed["suite"], sealed["key_id"]) == (chosen.value, key_id(KEYS[chosen].public))
        assert open_answer(KEYS[chosen], artefact, request, answer)["data"]
        for suite in set(preference) - {chosen}:
            # The key is the recipient's and stands in the consent; it is not the one that the edge chooses.
            weaker = edge.request(device, artefact, recipient_public_key=KEYS[suite].public)
            with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
                await edge.service.read(weaker)
        await edge.close()


@pytest.mark.parametrize(
    "recipient",
    [
        Recipient(BANK, key_id(KEYS[Suite.X25519].public), Suite.X25519),
        stated(Suite.X25519, root=ec.generate_private_key(ec.SECP256R1())),
        stated(Suite.X25519, days=1),
    ],
    ids=["no statement", "signed by somebody else", "an older one"],
)
async def test_no_consent_with_fewer_keys_than_the_recipients_root_states_counts(
    tmp_path: Path, recipient: Recipient
) -> None:
    (tmp_path / "pinned").mkdir()
    async with running_edge(PACKAGE, tmp_path) as unpinned:
        edge = pinned(unpinned, tmp_path / "pinned")
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, recipient=recipient)
        with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
            await edge.service.read(edge.request(device, artefact, recipient_public_key=KEYS[Suite.X25519].public))
        assert edge.store.used_reads(artefact.id, DATASET) == 0
        await edge.close()


async def test_an_older_statement_of_the_same_root_counts_no_more_once_a_later_one_was_seen(tmp_path: Path) -> None:
    """A hub keeps an old one, with a weaker key alone, and shows it while it has not run out."""
    weak = stated(Suite.X25519, since=NOW - 2 * HANDOVER - timedelta(seconds=1))
    strong = stated(Suite.XWING, Suite.X25519, since=NOW - HANDOVER)
    just_before = NOW - timedelta(seconds=1)
    (tmp_path / "pinned").mkdir()
    async with running_edge(PACKAGE, tmp_path) as unpinned:
        edge, numbers = pinned(unpinned, tmp_path / "pinned"), itertools.count(1)

        async def read(recipient: Recipient, drawn_up_at: datetime = NOW) -> ReadAnswer:
            device, artefact = edge.grant(DEMO_BORROWER, DATASET, recipient=recipient, valid_from=drawn_up_at)
            key = KEYS[recipient.suite].public
            request = edge.request(device, artefact, recipient_public_key=key)
            return await edge.service.read(replace(request, request_id=f"request-{next(numbers):08d}"))

        assert await read(weak), "who never saw the later one cannot know"
        await read(strong)
        assert await read(strong), "the same one again"
        assert await read(weak, just_before), "drawn up while the later one was on its way to the hub"
        for _ in range(2):
            with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
                await read(weak)
            # What the edge has seen it still knows when it starts again.
            await edge.close()
            edge = pinned(unpinned, tmp_path / "pinned")
        await edge.close()
        other = ec.generate_private_key(ec.SECP256R1())
        edge = pinned(unpinned, tmp_path / "pinned", other)
        assert await read(stated(Suite.X25519, root=other, since=NOW - 9 * HANDOVER)), "each root counts for itself"
        await edge.close()
