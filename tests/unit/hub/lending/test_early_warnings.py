"""Early warning: what the rules count, one warning of a subject and a day, what persons do, and what red stops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from huilian.lending.v1 import warning_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.orders.rules import ApplicationState
from hub.lending.records import Records
from hub.lending.warnings.desk import EarlyWarnings
from hub.lending.warnings.measures import Measure, Measures, order_periods
from hub.lending.warnings.rpc import WarningServicer
from hub.lending.warnings.rules import (
    OPEN,
    Level,
    Measured,
    Subject,
    SubjectKind,
    WarningRule,
    WarningRules,
    WarningState,
    load_rules,
)
from hub.lending.warnings.stored import Wanted, Warned
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.test_clearing import DUE
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, move_to, refused
from tests.unit.hub.receivables import trade

S, K = WarningState, SubjectKind
RULES = {rule.rule: rule for rule in load_rules().in_force}
LEVELS = [None, *Level]
LATE = "LATE_CORE_ENTERPRISE"
STEPS = 80
# Where no statement differs between the two.
ON_SQLITE = pytest.mark.parametrize("database_maker", ["sqlite"], indirect=True)


def test_every_rule_speaks_chinese_and_english_and_its_measure_exists() -> None:
    assert len(RULES) == 7
    assert all(any("\u4e00" <= char <= "\u9fff" for char in rule.text_zh) and rule.text_en for rule in RULES.values())


@given(st.sampled_from(sorted(RULES)), st.data())
def test_worse_facts_never_give_a_milder_level(name: str, data: st.DataObject) -> None:
    rule, size = RULES[name], st.integers(0, 10**11) | st.integers(0, 120)
    # Fewer recent orders are worse; no table looks at that amount by itself.
    facts = {fact: data.draw(size) for fact in rule.raw["inputs"]}
    worse = {fact: value + data.draw(size) for fact, value in facts.items()}
    assert LEVELS.index(rule.level(facts)) <= LEVELS.index(rule.level(worse))


def test_same_months_of_the_year_before() -> None:
    recent, before = order_periods(date(2026, 3, 31))
    assert (recent.first, recent.last) == (date(2025, 12, 1), date(2026, 2, 28))
    assert (before.first, before.last) == (date(2024, 12, 1), date(2025, 2, 28))


async def warned(world: LendingWorld, **wanted: str) -> list[Warned]:
    """What is open, by name."""
    page = await world.service.warnings.page_of(Wanted(only_open=True, **wanted), 100, "")
    return sorted(page.items, key=lambda one: one.warning_id)


async def next_day(world: LendingWorld, days: int = 1) -> None:
    world.clock.advance(timedelta(days=days))
    await world.service.warnings.run()


async def late(world: LendingWorld, days: int) -> Warned:
    """The buyer is this late and the rule has seen it."""
    await world.held()
    move_to(world.clock, DUE + timedelta(days=days))
    await world.service.tick()
    (one,) = await warned(world, rule=LATE)
    return one


async def ordered_again(world: LendingWorld, loan_id: str = "order-loan-9") -> str:
    """Another order of the late buyer, and an application on it."""
    world.trade.erps.put(replace(trade.order(document_id="purchase-9"), issue_date=date(2026, 5, 1)))
    await world.trade.sync()
    apply = world.service.orders.apply
    await world.run(lambda: apply(SUPPLIER, loan_id, BUYER, "purchase-9", 0, 60))
    return loan_id


async def test_a_late_buyer_turns_red_and_stops_new_money_until_it_is_resolved(world: LendingWorld) -> None:
    one = await late(world, 40)
    assert (one.subject, one.level) == (Subject(K.BUYER, BUYER), Level.RED)
    assert one.facts == {"days_past_due": 40, "overdue_receivables": 1}
    assert world.service.warnings.is_same(one)
    loan_id = await ordered_again(world)
    application = (await world.service.orders.get(SUPPLIER, loan_id)).application
    assert application.state is ApplicationState.REFERRED
    assert [reason.code for reason in application.reasons] == ["RED_WARNING"]
    assert "红色预警" in application.reasons[0].text_zh
    again = await world.service.decisions.again(application.decision_id)
    assert again.is_same and again.recorded == again.newest
    assert (again.facts["red_warnings"], again.facts["red_warning_rules"]) == (1, f"{LATE}/1:BUYER")
    warnings = world.service.warnings
    await refused("STATE_CONFLICT", world.run(lambda: warnings.resolve("operator-1", one.warning_id, "x")))
    await world.run(lambda: warnings.acknowledge("operator-1", one.warning_id, "已联系财务总监"))
    assert await warnings.red(BUYER, SUPPLIER)
    resolved = await world.run(lambda: warnings.resolve("operator-2", one.warning_id, "已收到付款承诺"))
    assert (resolved.state, resolved.acknowledged_by, resolved.resolved_by) == (S.RESOLVED, "operator-1", "operator-2")
    assert not await warnings.red(BUYER, SUPPLIER)
    records = await world.trade.records()
    for event in ("raised", "acknowledged", "resolved"):
        assert records[f"warning-{event}:{one.warning_id}"][1]["level"] == "RED"
    # The condition still holds on the next day.
    await next_day(world)
    assert [each.state for each in await warned(world, rule=LATE)] == [S.RAISED]


@ON_SQLITE
async def test_paid_it_lapses_and_money_flows_again(world: LendingWorld) -> None:
    one = await late(world, 40)
    await world.fund(BUYER, 60_000)
    await world.service.tick()
    await next_day(world)
    assert await warned(world, rule=LATE) == []
    assert (await world.service.warnings.get(one.warning_id)).state is S.LAPSED
    loan_id = await ordered_again(world)
    assert (await world.service.orders.get(SUPPLIER, loan_id)).application.state is ApplicationState.OFFERED


async def test_broken_at_each_statement_a_round_is_made_once(world: LendingWorld) -> None:
    await late(world, 6)
    world.clock.advance(timedelta(days=1))
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, world.service.warnings.run):
        # A round that is made stays, every other left nothing behind.
        after = await world.snapshot()
        rounds = len(after["lending_warning_round"]) - len(before["lending_warning_round"])
        states = [row for row in after["lending_warning"] if "AMBER" in row]
        assert 0 <= rounds <= 7 and len(states) <= 1
    (one,) = await warned(world, rule=LATE)
    assert (one.level, one.business_day) == (Level.AMBER, date(2026, 4, 12))
    done = await world.snapshot()
    await world.service.warnings.run()
    assert await world.snapshot() == done


@ON_SQLITE
async def test_broken_at_each_statement_a_persons_word_is_kept_once(world: LendingWorld) -> None:
    one = await late(world, 40)
    steps = (("operator-1", world.service.warnings.acknowledge), ("operator-2", world.service.warnings.resolve))
    for person, done in steps:
        before = await world.snapshot()

        async def step() -> None:
            await world.run(lambda: done(person, one.warning_id, "原因"))  # noqa: B023

        async for _ in break_at_each_statement(world.database, step):
            assert await world.snapshot() == before
    assert (await world.service.warnings.get(one.warning_id)).state is S.RESOLVED


class Scripted(Measures):
    """Measures that say what the test wants."""

    def __init__(self) -> None:
        self.days: dict[str, int] = {}

    def named(self, name: str) -> Measure:
        async def measure(_: date) -> list[Measured]:
            return [
                Measured(Subject(K.BUYER, uscc), {"days_past_due": days, "overdue_receivables": 1})
                for uscc, days in sorted(self.days.items())
            ]

        return measure


def desk(world: LendingWorld, measures: Measures) -> EarlyWarnings:
    """The desk with one rule."""
    rules = WarningRules([WarningRule(dict(RULES[LATE].raw))])
    return EarlyWarnings(world.database, world.clock, Records(world.ledger), measures, rules)


@ON_SQLITE
async def test_a_worse_day_is_raised_anew_a_milder_one_stays_acknowledged(world: LendingWorld) -> None:
    measures = Scripted()
    warnings = desk(world, measures)
    seen = []
    for days in (7, 8, 40, 40, 2, 0):
        measures.days = {BUYER: days}
        world.clock.advance(timedelta(days=1))
        await warnings.run()
        found = await warned(world)
        seen += [(one.level, one.state, one.acknowledged_by) for one in found]
        if days in (7, 40) and found and found[0].state is S.RAISED:
            await world.run(lambda: warnings.acknowledge("operator-1", found[0].warning_id, "跟进"))  # noqa: B023
    acknowledged = (S.ACKNOWLEDGED, "operator-1")
    assert seen == [
        (Level.AMBER, S.RAISED, ""),
        (Level.AMBER, *acknowledged),
        (Level.RED, S.RAISED, ""),
        (Level.RED, *acknowledged),
        (Level.WATCH, *acknowledged),
    ]
    raised = [name for name in await world.trade.records() if name.startswith("warning-raised:")]
    assert len(raised) == 3


Step = Mapping[str, int] | tuple[str, int]


def step_of(chance: random.Random) -> Step:
    """A day with what is measured on it, or a person's word on some warning."""
    if chance.random() < 0.5:
        parties = chance.sample([BUYER, SUPPLIER, SECOND_TIER], chance.randint(0, 3))
        return {uscc: chance.choice([0, 3, 9, 45]) for uscc in parties}
    return chance.choice(["acknowledge", "resolve"]), chance.randint(0, 8)


@ON_SQLITE
async def test_any_history_keeps_one_open_warning_of_a_subject(world: LendingWorld) -> None:
    chance, measures = random.Random(20260302), Scripted()
    for _ in range(STEPS):
        await one_step(world, desk(world, measures), measures, step_of(chance))
        await check_warnings(world, measures)


async def one_step(world: LendingWorld, warnings: EarlyWarnings, measures: Scripted, step: Step) -> None:
    if isinstance(step, Mapping):
        measures.days = dict(step)
        world.clock.advance(timedelta(days=1))
        await warnings.run()
        return
    found = (await warnings.page_of(Wanted(), 100, "")).items
    if not found:
        return
    one = found[step[1] % len(found)]
    expected = S.RAISED if step[0] == "acknowledge" else S.ACKNOWLEDGED
    try:
        done = await world.run(lambda: getattr(warnings, step[0])("operator-1", one.warning_id, "原因"))
    except HuilianError as error:
        assert error.code == "STATE_CONFLICT" and one.state is not expected
    else:
        assert one.state is expected and done.state is not one.state


async def check_warnings(world: LendingWorld, measures: Scripted) -> None:
    """Whatever is measured today is warned of today, unless a person resolved it; nothing else is open."""
    found = (await world.service.warnings.page_of(Wanted(), 10_000, "")).items
    subjects = [one.subject for one in found if one.state in OPEN]
    assert len(subjects) == len(set(subjects))
    assert len({(one.subject, one.business_day) for one in found}) == len(found)
    bad = {uscc for uscc, days in measures.days.items() if days}
    assert {subject.id for subject in subjects} <= bad
    today = max((one.business_day for one in found), default=None)
    resolved = {one.subject.id for one in found if one.business_day == today and one.state is S.RESOLVED}
    assert bad <= {subject.id for subject in subjects} | resolved


async def test_two_processes_make_one_round(world: LendingWorld) -> None:
    measures = Scripted()
    measures.days = {BUYER: 40}
    desks = [desk(world, measures) for _ in range(4)]
    await asyncio.gather(*(one.run() for one in desks))
    assert len(await warned(world)) == 1


async def test_on_the_wire_supervisors_see_no_names_of_staff(world: LendingWorld) -> None:
    one = await late(world, 40)
    servicer = WarningServicer(world.service, Idempotency(world.database, world.clock))
    set_current_caller(Caller("operator-1", Role.OPERATOR))
    said = {"warning_id": one.warning_id, "reason": "已联系"}
    await servicer.AcknowledgeWarning(pb.AcknowledgeWarningRequest(request_id="request-1", **said), None)
    alone = servicer.ResolveWarning(pb.ResolveWarningRequest(request_id="request-3", **said), None)
    await refused("PERMISSION_DENIED", alone)
    set_current_caller(Caller("operator-2", Role.OPERATOR))
    done = await servicer.ResolveWarning(pb.ResolveWarningRequest(request_id="request-2", **said), None)
    assert (done.warning.resolved_by, done.warning.resolved_reason) == ("operator-2", "已联系")
    assert done.warning.state == pb.WARNING_STATE_RESOLVED and done.warning.facts["days_past_due"] == 40
    again = await servicer.ResolveWarning(pb.ResolveWarningRequest(request_id="request-2", **said), None)
    assert again == done
    set_current_caller(Caller("supervisor-1", Role.SUPERVISOR))
    wanted = pb.ListWarningsRequest(level=pb.WARNING_LEVEL_RED, subject_kind=pb.WARNING_SUBJECT_KIND_BUYER, rule=LATE)
    (seen,) = (await servicer.ListWarnings(wanted, None)).warnings
    assert (seen.subject, seen.resolved_by, seen.resolved_reason) == (BUYER, "", "")
    assert (await servicer.GetWarning(pb.GetWarningRequest(warning_id=one.warning_id), None)).is_same
    wanted.only_open = True
    assert not (await servicer.ListWarnings(wanted, None)).warnings
    rules = (await servicer.ListWarningRules(pb.ListWarningRulesRequest(), None)).rules
    assert [rule.rule.code for rule in rules] == sorted(RULES)
    unknown = pb.GetWarningRequest(warning_id=one.warning_id.replace("2026", "2027"))
    await refused("NOT_FOUND", servicer.GetWarning(unknown, None))
