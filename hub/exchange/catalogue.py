"""Which datasets are on offer, by which connector, with which keys: what the connectors say of themselves, cached.

A description that cannot be renewed stays in use; an agency that never answered is listed as missing, so that "nobody
offers it" and "the source is down" are never the same answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, thumbprint
from huilian_protocol.sealing import SealingKey, Suite
from huilian_protocol.trust import TrustAnchors

from hub.consent.rules import Action, Dataset
from hub.exchange.connectors import Connector

FRESH_S = 60.0
RETRY_S = 5.0
# A hub that starts together with its connectors hears of them within moments; it waits this long for one that is away.
FIRST_ROUND_S, FIRST_RETRY_S = 3.0, 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """The connector that reads a dataset or does an action, and how to learn the keys that sign its answers."""

    connector: Connector
    present_keys: Callable[[], Mapping[str, ec.EllipticCurvePublicKey]]
    # In which it seals, the data owner's favourite first; empty if any will do.
    suites: tuple[Suite, ...] = ()

    @property
    def edge_keys(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """What may sign answers at this moment: the edge may have begun to use another key since it was asked."""
        return self.present_keys()


class _Source:
    """One connector with its last description."""

    def __init__(self, connector: Connector, trust: Callable[[], TrustAnchors] | None) -> None:
        self.connector, self._trust = connector, trust
        self.description: pb.DescribeResponse | None = None
        # Looked through at each read: protobuf makes an object of each entry that is only looked at.
        self.dataset_ids: frozenset[str] = frozenset()
        self._suites: tuple[Suite, ...] = ()
        self._shown: dict[str, ec.EllipticCurvePublicKey] = {}
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    @property
    def is_due(self) -> bool:
        """Whether it is to be asked again."""
        return asyncio.get_running_loop().time() >= self._renew_at

    async def renew(self, retry_s: float = RETRY_S) -> None:
        """Ask again when the description is old; a failure is logged and leaves the old one for `retry_s`."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now < self._renew_at:
                return
            try:
                described = await self.connector.describe()
                self._shown = self._checked_keys(described)
                self._suites = _suites(described)  # raises for a suite that nobody here knows
                self.dataset_ids = frozenset(one.dataset_id for one in described.datasets)
                self.description, self._renew_at = described, now + FRESH_S
            except (HuilianError, ValueError) as error:
                self._renew_at = now + retry_s
                code = error.code if isinstance(error, HuilianError) else "PROVIDER_FAULT"
                logger.warning("connector_not_described", extra={"agency": self.connector.agency, "code": code})

    def _checked_keys(self, described: pb.DescribeResponse) -> dict[str, ec.EllipticCurvePublicKey]:
        """What it signs with. Offer no key that devices would refuse: it may be somebody else who answers at this
        address.
        """
        signing = _edge_keys(described)
        trust = self._trust() if self._trust is not None else None
        if trust is None or not trust.agencies:
            return signing
        key = SealingKey(Suite(described.sealing_suite), described.sealing_public_key)
        trust.check_agency_key(self.connector.agency, key)
        for kid in signing:
            trust.check_agency_signing_key(self.connector.agency, kid)
        return signing

    def edge_keys(self) -> dict[str, ec.EllipticCurvePublicKey]:
        """The key that the edge showed last and whatever is pinned for its agency, such as one that it used since."""
        pinned = self._trust().agencies.get(self.connector.agency) if self._trust is not None else None
        return {**self._shown, **(pinned.signing_keys if pinned is not None else {})}

    def offer(self) -> Offer:
        """Its connector with what a call to it needs."""
        return Offer(self.connector, self.edge_keys, self._suites)


class Catalogue:
    """The data catalogue of one hub process; with `trust`, of agencies whose keys are those pinned there."""

    def __init__(self, connectors: Sequence[Connector], trust: Callable[[], TrustAnchors] | None = None) -> None:
        self.connectors = tuple(connectors)
        self._sources = [_Source(connector, trust) for connector in connectors]
        self._first_round: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Begin to ask every connector until each has answered, for `FIRST_ROUND_S` at most. Whoever calls meanwhile
        waits for it, instead of being told that an agency is away which has only not been asked yet.
        """
        self._first_round = asyncio.create_task(self._ask_all())

    async def close(self) -> None:
        """Ask nobody any more."""
        if self._first_round is not None:
            self._first_round.cancel()
            await asyncio.wait([self._first_round])

    async def _ask_all(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ROUND_S):
                await asyncio.gather(*(self._first_answer(source) for source in self._sources))

    async def _first_answer(self, source: _Source) -> None:
        while source.description is None:
            await source.connector.reached()
            await source.renew(FIRST_RETRY_S)
            if source.description is None:
                await asyncio.sleep(FIRST_RETRY_S)

    async def descriptions(self) -> tuple[pb.DescribeResponse, ...]:
        """What each reachable or once reached connector says of itself; asks the network when that is old."""
        if self._first_round is not None and not self._first_round.done():
            await asyncio.wait([self._first_round])
        due = [source for source in self._sources if source.is_due]
        if due:
            # Every read comes here, and a task for each connector that has nothing to do would cost more than the rest.
            await asyncio.gather(*(source.renew() for source in due))
        return tuple(source.description for source in self._sources if source.description is not None)

    def missing(self) -> tuple[str, ...]:
        """Agencies that have not answered since this process started."""
        return tuple(source.connector.agency for source in self._sources if source.description is None)

    async def datasets(self, wanted: Collection[str]) -> Mapping[str, Dataset]:
        """Those of the wanted datasets that exist, as the consent domain needs them.

        Raises PROVIDER_UNAVAILABLE when one may exist, because its agency has not answered yet.
        """
        known = {
            dataset.dataset_id: Dataset(
                dataset.dataset_id,
                said.agency_id,
                frozenset(f.name for f in dataset.fields),
                _suites(said),
            )
            for said in await self.descriptions()
            for dataset in said.datasets
        }
        self._refuse_guessing(wanted)
        return {name: known[name] for name in wanted if name in known}

    async def actions(self, wanted: Collection[str]) -> Mapping[str, Action]:
        """Those of the wanted actions that exist; raises PROVIDER_UNAVAILABLE as `datasets` does."""
        known = {
            action.action_id: Action(action.action_id, said.agency_id, action.needs_exact_consent, _suites(said))
            for said in await self.descriptions()
            for action in said.actions
        }
        self._refuse_guessing(wanted)
        return {name: known[name] for name in wanted if name in known}

    def _refuse_guessing(self, wanted: Collection[str]) -> None:
        for agency in self.missing():
            if any(name.startswith(f"{agency}.") for name in wanted):
                raise HuilianError("PROVIDER_UNAVAILABLE", "it has not described itself yet", provider=agency)

    def agency_of(self, dataset_id: str) -> str:
        """The agency whose dataset this is, by what was described last; empty when no agency that answered has it."""
        for source in self._sources:
            if source.description and any(each.dataset_id == dataset_id for each in source.description.datasets):
                return source.connector.agency
        return ""

    def titles(self, dataset_id: str) -> tuple[str, str]:
        """A dataset's name in Chinese and English, by what was described last; else its id."""
        described = [source.description for source in self._sources if source.description is not None]
        named = [dataset for said in described for dataset in said.datasets if dataset.dataset_id == dataset_id]
        return (named[0].title_zh, named[0].title_en) if named else (dataset_id, dataset_id)

    def connector(self, agency: str) -> Connector | None:
        """The connector of an agency, or None."""
        return next((s.connector for s in self._sources if s.connector.agency == agency), None)

    async def offer(self, dataset_id: str) -> Offer | None:
        """Who reads this dataset, or None when no agency that ever answered does."""
        await self.descriptions()
        offering = (source for source in self._sources if dataset_id in source.dataset_ids)
        return next((source.offer() for source in offering), None)

    async def offer_of_action(self, action_id: str) -> Offer | None:
        """Who does this, or None when no agency that ever answered does."""
        await self.descriptions()
        for source in self._sources:
            for action in source.description.actions if source.description else ():
                if action.action_id == action_id:
                    return source.offer()
        return None


def _suites(said: pb.DescribeResponse) -> tuple[Suite, ...]:
    return tuple(Suite(name) for name in said.recipient_suites)


def _edge_keys(described: pb.DescribeResponse) -> dict[str, ec.EllipticCurvePublicKey]:
    key = jwk_to_public_key(parse_json(described.edge_signing_key_jwk.encode("utf-8")))
    return {thumbprint(key): key}
