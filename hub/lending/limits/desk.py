"""Credit limits: block -> utilise -> release. Blocked plus utilised never exceeds a limit (a CHECK says so too).

What is lent to an enterprise counts at once against every limit that applies: the party's for the product, the
supplier's, the core enterprise's, its group's, the product's. All or nothing, always in the one order of `Dimension`,
so that two applications never wait for each other in a ring.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from stdnum.cn import uscc

from hub.lending.limits import stored
from hub.lending.limits.stored import LimitExposure, Use
from hub.platform.business_day import business_date
from hub.platform.database import Database


class Dimension(StrEnum):
    """What a limit limits, in the order in which limits are taken: what fewest wait for comes first.

    PARTY is one party (a core enterprise, a person, a dealer) in one product; the others count over all products, but
    PRODUCT over all parties.
    """

    SUPPLIER = "SUPPLIER"
    PARTY = "PARTY"
    BUYER = "BUYER"
    GROUP = "GROUP"
    PRODUCT = "PRODUCT"


_RANK = {dimension.value: rank for rank, dimension in enumerate(Dimension)}
# What a shared limit is until an operator sets another, in fen.
_DEFAULTS: Mapping[str, int] = parse_json((Path(__file__).parent / "limits.json").read_bytes())
_SHARED = frozenset(dimension.lower() for dimension in Dimension if dimension is not Dimension.PARTY)
Reached = Callable[[str, date], Awaitable[None]]


@dataclass(frozen=True)
class Limit:
    """A limit and its use, in fen."""

    limit_fen: int
    blocked_fen: int
    utilised_fen: int

    @property
    def available_fen(self) -> int:
        """What can still be blocked or drawn."""
        return self.limit_fen - self.blocked_fen - self.utilised_fen


@dataclass(frozen=True)
class Parties:
    """Whom a loan to an enterprise concerns: who owes or vouches for it, and who gets it."""

    product_id: str
    buyer_uscc: str
    supplier_uscc: str


def limit_id(product_id: str, party: str) -> str:
    """Id of a party's limit for a product."""
    return f"{product_id}:{party}"


def shared_limit_id(dimension: Dimension, of: str) -> str:
    """Id of a limit over many parties or products, e.g. "buyer:<USCC>"; no product bears such a name."""
    return f"{dimension.lower()}:{of}"


class Limits:
    """Every call runs inside the caller's transaction. A `reference` is what holds a part: a financing or a loan."""

    def __init__(self, database: Database, clock: Clock, reached: Reached | None = None) -> None:
        """`reached` is told, in the same transaction, that nine tenths of an enterprise's or shared limit are used."""
        self._database = database
        self._reached = reached
        self._clock = clock

    async def get(self, identity: str) -> Limit:
        """A limit. Raises NOT_FOUND."""
        row = await stored.find(identity)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="limit")
        return Limit(row.limit_fen, row.blocked_fen, row.utilised_fen)

    async def ensure(self, identity: str, limit_fen: int, dimension: Dimension = Dimension.PARTY) -> None:
        """Opens a limit of that amount unless there is one."""
        if await stored.find(identity) is not None:
            return
        await self._database.lock("limit", identity)
        if await stored.find(identity) is None:
            await stored.add(identity, dimension.value, limit_fen)

    async def set(self, identity: str, limit_fen: int, dimension: Dimension = Dimension.PARTY) -> None:
        """Opens or changes a limit. Raises LIMIT_EXCEEDED when more than that is in use."""
        await self.ensure(identity, limit_fen, dimension)
        if not await stored.set_amount(self._database, identity, limit_fen):
            raise HuilianError(
                "LIMIT_EXCEEDED", "more is in use", available_fen=(await self.get(identity)).available_fen
            )

    async def set_shared(self, dimension: Dimension, of: str, limit_fen: int) -> Limit:
        """Opens or changes a limit over many parties or products. Raises LIMIT_EXCEEDED as `set`."""
        identity = shared_limit_id(dimension, of)
        await self.set(identity, limit_fen, dimension)
        return await self.get(identity)

    async def exposures(self) -> list[LimitExposure]:
        """Every limit over many parties or products, at one moment."""
        return await stored.exposures(self._database)

    async def block(self, identity: str, reference: str, amount_fen: int, parties: Parties | None = None) -> None:
        """Sets an amount aside, in every limit that applies to `parties`. Raises LIMIT_EXCEEDED, NOT_FOUND."""
        await self._take(identity, reference, amount_fen, 0, parties)

    async def draw(self, identity: str, reference: str, amount_fen: int, parties: Parties | None = None) -> None:
        """Utilises an amount that was not blocked, in every limit that applies. Raises LIMIT_EXCEEDED, NOT_FOUND."""
        await self._take(identity, reference, 0, amount_fen, parties)

    async def utilise(self, reference: str) -> None:
        """What the reference had blocked is utilised now."""
        use = await self._use(reference)
        await self._change(use, -use.blocked_fen, use.blocked_fen)

    async def release_block(self, reference: str) -> None:
        """Gives back what the reference had blocked."""
        use = await self._use(reference)
        await self._change(use, -use.blocked_fen, 0)

    async def repay(self, reference: str, amount_fen: int) -> None:
        """Gives back a part of what the reference utilises."""
        await self._change(await self._use(reference), 0, -amount_fen)

    async def room_fen(self, identity: str, parties: Parties, relieved: str, due_fen: int) -> int:
        """The most that a new loan can be which repays the loan `relieved`: first the `due_fen` that it owes beside
        principal, then principal, which gives their common limits back as much as it takes of them.
        `identity` is not among those.
        """
        await self._scope(parties.buyer_uscc)
        common = (await self._use(relieved)).limit_ids
        room = []
        for each in [identity, *await self._shared(parties)]:
            available_fen = (await self.get(each)).available_fen
            if each not in common or available_fen < due_fen:
                room.append(available_fen)
        return max(0, min(room))

    async def take_over(
        self, identity: str, reference: str, amount_fen: int, parties: Parties, relieved: str, given_back_fen: int
    ) -> None:
        """A new loan utilises an amount and gives back, in the same step, what it repays of another loan's principal.

        Raises LIMIT_EXCEEDED.
        """
        old = await self._use(relieved)
        use = await self._ensure_use(identity, reference, parties)
        changes = {each: (0, amount_fen) for each in use.limit_ids}
        for each in old.limit_ids:
            changes[each] = (0, changes.get(each, (0, 0))[1] - given_back_fen)
        await self._apply(changes)
        await stored.change_use(self._database, reference, 0, amount_fen)
        await stored.change_use(self._database, relieved, 0, -given_back_fen)

    async def join_group(self, uscc: str, group_id: str | None) -> None:
        """The enterprise belongs to this group from now on (None: to none), with everything that counts against it.

        Raises LIMIT_EXCEEDED when the group's limit has no room for it.
        """
        await self._scope(uscc)
        before = await stored.group_of(uscc)
        if before == group_id:
            return
        left = None if before is None else shared_limit_id(Dimension.GROUP, before)
        joined = None if group_id is None else shared_limit_id(Dimension.GROUP, group_id)
        if joined is not None:
            await self.ensure(joined, _DEFAULTS[Dimension.GROUP], Dimension.GROUP)
        uses = await stored.uses_of_buyer(uscc)
        changes: dict[str, tuple[int, int]] = {}
        for use in uses:
            if left in use.limit_ids and left is not None:
                _add(changes, left, -use.blocked_fen, -use.utilised_fen)
            if joined is not None:
                _add(changes, joined, use.blocked_fen, use.utilised_fen)
        await self._apply(changes)
        await stored.move_holds([use.reference for use in uses], left, joined)
        await stored.set_group(uscc, group_id, self._clock.now())

    async def _take(
        self, identity: str, reference: str, blocked_fen: int, utilised_fen: int, parties: Parties | None
    ) -> None:
        use = await self._ensure_use(identity, reference, parties)
        await self._change(use, blocked_fen, utilised_fen)

    async def _ensure_use(self, identity: str, reference: str, parties: Parties | None) -> Use:
        if parties is not None:
            await self._scope(parties.buyer_uscc)
        use = await stored.find_use(self._database, reference)
        if use is not None:
            return await self._settled(use)
        await self.get(identity)
        shared = [] if parties is None else await self._shared(parties)
        buyer = None if parties is None else parties.buyer_uscc
        return await stored.add_use(reference, identity, shared, buyer)

    async def _shared(self, parties: Parties) -> list[str]:
        """The limits over many parties or products that apply, opened where there is none yet."""
        group = await stored.group_of(parties.buyer_uscc)
        named = {
            Dimension.SUPPLIER: parties.supplier_uscc,
            Dimension.BUYER: parties.buyer_uscc,
            Dimension.GROUP: group,
            Dimension.PRODUCT: parties.product_id,
        }
        found = {shared_limit_id(dimension, of): dimension for dimension, of in named.items() if of is not None}
        for identity, dimension in found.items():
            await self.ensure(identity, _DEFAULTS[dimension], dimension)
        return list(found)

    async def _change(self, use: Use, blocked_fen: int, utilised_fen: int) -> None:
        await self._apply(dict.fromkeys(use.limit_ids, (blocked_fen, utilised_fen)))
        await stored.change_use(self._database, use.reference, blocked_fen, utilised_fen)

    async def _apply(self, changes: Mapping[str, tuple[int, int]]) -> None:
        """Each limit's change in the one order; the first that has no room refuses all, for the caller rolls back."""
        for identity in await self._in_order(changes):
            blocked_fen, utilised_fen = changes[identity]
            taken = await stored.take(self._database, identity, blocked_fen, utilised_fen)
            if taken is None:
                if blocked_fen + utilised_fen <= 0:
                    raise AssertionError(f"giving back to limit {identity} exceeds it")
                raise HuilianError("LIMIT_EXCEEDED", available_fen=(await self.get(identity)).available_fen)
            if (
                self._reached is not None
                and _is_reached(*taken, blocked_fen + utilised_fen)
                and not _is_persons(identity)
            ):
                await self._reached(identity, business_date(self._clock.now()))

    async def _in_order(self, identities: Iterable[str]) -> list[str]:
        dimensions = await stored.dimensions(self._database, list(identities))
        return sorted(dimensions, key=lambda identity: (_RANK[dimensions[identity]], identity))

    async def _use(self, reference: str) -> Use:
        use = await stored.find_use(self._database, reference)
        if use is None:
            raise HuilianError("NOT_FOUND", resource="limit use")
        return await self._settled(use)

    async def _settled(self, use: Use) -> Use:
        """Which limits it holds can change with the group of its core enterprise, never while this is held."""
        if use.buyer_uscc is None:
            return use
        await self._scope(use.buyer_uscc)
        return await stored.find_use(self._database, use.reference) or use

    async def _scope(self, buyer_uscc: str) -> None:
        await self._database.lock("limit-scope", buyer_uscc)


def _is_reached(limit_fen: int, used_fen: int, change_fen: int) -> bool:
    """Whether this change brought the use to nine tenths."""
    return (used_fen - change_fen) * 10 < limit_fen * 9 <= used_fen * 10


def _is_persons(identity: str) -> bool:
    """A person's limit is nobody's business but theirs, who see it on their loan."""
    kind, _, of = identity.partition(":")
    return kind not in _SHARED and not uscc.is_valid(of)


def _add(changes: dict[str, tuple[int, int]], identity: str, blocked_fen: int, utilised_fen: int) -> None:
    before = changes.get(identity, (0, 0))
    changes[identity] = (before[0] + blocked_fen, before[1] + utilised_fen)
