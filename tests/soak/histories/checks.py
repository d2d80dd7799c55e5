"""What is checked after every step: the laws over the tables, and replays of whatever changed with the step.

Loans are replayed when they have new events, certificates retold when the log has new records: so a step costs what it
changed, and every event and record is checked in the step that wrote it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from huilian_loans import Payoff, Repay, owed, payoff, position, replay
from huilian_loans.documents import read_terms

from hub.ledger.rules import unpack_body
from hub.lending.loans import stored as stored_loans
from hub.lending.loans.stored import PAYING, REVERSAL, LoanEventRecord, LoanRecord, engine_events
from hub.receivables.states import UNSPENT_STATES
from tests.soak.histories.laws import BREACHES
from tests.soak.histories.life import Life

Parts = tuple[int, int, int]
NOTHING: Parts = (0, 0, 0)


class Checks:
    """The checks of one history; they remember what was seen."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._events: Counter[str] = Counter()
        self._paid: dict[str, Parts] = {}
        self._funders: set[str] = set()
        self._last_record = 0
        self._told: dict[str, tuple[str, str, int]] = {}
        self._frozen: dict[str, set[str]] = {}
        self._spent: dict[str, tuple[str, str, int]] = {}

    async def check(self) -> None:
        """Raises AssertionError with the law that is broken and where."""
        breaches = [(row["law"], row["what"]) for row in await self._life.rows(BREACHES)]
        assert not breaches, breaches
        await self._check_chain()
        await self._check_loans()
        await self._check_certificates()

    async def _check_chain(self) -> None:
        """What we say is ours is ours where all banks look, and only once."""
        ours = {
            row["claim_id"]
            for row in await self._life.rows("SELECT claim_id FROM lending_claim WHERE state = 'FINANCED'")
        }
        locked = Counter(self._life.world.chain.locked.values())
        assert all(locked[claim_id] == 1 for claim_id in ours), (ours, locked)

    async def _check_loans(self) -> None:
        """Replay of the events = what is stored and booked; out of order = on time."""
        rows = await self._life.rows("SELECT loan_id, COUNT(*) AS events FROM lending_loan_event GROUP BY loan_id")
        changed = [row["loan_id"] for row in rows if self._events[row["loan_id"]] != row["events"]]
        for row in rows:
            self._events[row["loan_id"]] = row["events"]
        for loan_id in changed:
            record = await stored_loans.find(loan_id)
            assert record is not None
            if record.funder is not None:
                self._funders.add(loan_id)
            self._paid[loan_id] = await self._check_loan(
                record, await stored_loans.events_of(self._life.world.database, loan_id)
            )
        if changed:
            await self._check_income()

    async def _check_loan(self, record: LoanRecord, events: list[LoanEventRecord]) -> Parts:
        terms, happened, today = read_terms(record.terms), engine_events(events), self._life.today
        at = position(terms, happened, today)
        booked = await self._life.world.book.balance_fen(f"loan:{record.loan_id}")
        assert booked == owed(terms, at).principal_fen, f"{record.loan_id}: the books say {booked}"
        history = replay(terms, happened)
        paid = _sum([_parts(one.paid) for one in history if isinstance(one.event, Repay)])
        assert paid == _stored(events), f"{record.loan_id}: stored as paid {_stored(events)}, by replay {paid}"
        assert payoff(terms, happened, today) == payoff(terms, _on_time(events), today), f"{record.loan_id}: late"
        return paid

    async def _check_income(self) -> None:
        """Fees are the bank's; interest is, but for that on money which funders lent."""
        fees = sum(parts[0] for parts in self._paid.values())
        interest = sum(parts[1] for loan_id, parts in self._paid.items() if loan_id not in self._funders)
        for account, fen in (("bank:interest-income", interest), ("bank:fee-income", fees)):
            assert await self._life.world.book.balance_fen(account) == fen, account

    async def _check_certificates(self) -> None:
        """The log alone gives every certificate as it is stored, and what is spent stays as it is."""
        sql = "SELECT id, body FROM ledger_leaf WHERE id > $1 AND subject IS NULL ORDER BY id"
        for leaf in await self._life.rows(sql, self._last_record):
            self._last_record = leaf["id"]
            record, _, _ = unpack_body(bytes(leaf["body"]))
            if record["type"].startswith("certificate."):
                self._tell(record["type"].removeprefix("certificate."), record["content"])
        sql = "SELECT certificate_id, state, holder_uscc, amount_fen FROM receivables_certificate"
        stored = {
            row["certificate_id"]: (row["state"], row["holder_uscc"], row["amount_fen"])
            for row in await self._life.rows(sql)
        }
        told = {name: self._now(name, one) for name, one in self._told.items()}
        assert told == stored, f"log {told.items() - stored.items()}, tables {stored.items() - told.items()}"
        assert self._spent.items() <= stored.items(), "a spent certificate changed"
        self._spent = {name: one for name, one in stored.items() if one[0] not in UNSPENT_STATES}

    def _tell(self, event: str, content: dict[str, Any]) -> None:
        if event in ("frozen", "unfrozen"):
            live = self._frozen.setdefault(content["object_id"], set())
            (live.add if event == "frozen" else live.discard)(content["freeze_id"])
            return
        name, holder = content["certificate_id"], content["holder_uscc"]
        self._told[name] = (content["state"], holder, content["amount_fen"])
        for part in content.get("parts", []) if event == "split" else []:
            self._told[part["certificate_id"]] = ("HELD", holder, part["amount_fen"])
        if event == "transferred":
            self._told[content["parent_id"]] = ("TRANSFERRED", *self._told[content["parent_id"]][1:])

    def _now(self, name: str, one: tuple[str, str, int]) -> tuple[str, str, int]:
        """A court's order stands over whatever its holder would hold."""
        return ("FROZEN", *one[1:]) if one[0] == "HELD" and self._frozen.get(name) else one


def _parts(paid: Payoff) -> Parts:
    return int(paid.fees_fen), int(paid.interest_fen), int(paid.principal_fen)


def _sum(parts: list[Parts]) -> Parts:
    return tuple(map(sum, zip(*parts, strict=True))) if parts else NOTHING  # type: ignore[return-value]


def _stored(events: list[LoanEventRecord]) -> Parts:
    """What the booked events say was paid: repayments, less those that were undone, and what corrections moved."""
    by_number = {event.sequence: event for event in events}
    undone = [by_number[event.content["reversed_sequence"]] for event in events if event.kind == REVERSAL]
    paid = [_booked(event) for event in events if event.kind in PAYING]
    moved = [_parts(event.difference) for event in events]
    minus = [(-fees, -interest, -principal) for fees, interest, principal in map(_booked, undone)]
    return _sum([*paid, *moved, *minus])


def _booked(event: LoanEventRecord) -> Parts:
    return event.fees_part_fen, event.interest_part_fen, event.principal_part_fen


def _on_time(events: list[LoanEventRecord]) -> list[Any]:
    """As if everything had been booked on its day and what was undone had never been."""
    undone = {event.content["reversed_sequence"] for event in events if event.kind == REVERSAL}
    standing = [event for event in events if event.kind != REVERSAL and event.sequence not in undone]
    in_order = sorted(standing, key=lambda event: (event.value_date, event.sequence))
    return engine_events([replace(event, sequence=number) for number, event in enumerate(in_order)])
