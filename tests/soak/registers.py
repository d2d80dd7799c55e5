"""What the agencies' sandboxes tell of the same people: each record fits its schema, and the registers agree."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from huilian_protocol.clock import FixedClock

from connectors.kit.acceptance.upstream import running_upstream
from connectors.kit.acceptance.world import NOW, PERIOD
from connectors.kit.contract import Presence, Query, Subject
from connectors.kit.months import Period
from connectors.kit.sandbox_people import Person, population
from connectors.kit.schema import PayloadSchemas

WHOLE = Period.parse(PERIOD.from_month, PERIOD.to_month)
AT_A_TIME = 8
TIMEOUT_MS = 10_000
AGENCIES = 7
Records = dict[str, Mapping[str, Any] | None]
People = Sequence[Person]


async def case(rng: random.Random) -> int:
    """Everybody, asked about at every agency; one case is all there is."""
    people = list(population().values())
    assert len(people) >= 2_000
    rng.shuffle(people)
    await agree(people)
    return AGENCIES * len(people)


async def agree(people: People) -> None:
    """Raises AssertionError when the registers contradict each other about these people, some of each kind."""
    await same_story(people)
    await debts_where_the_kinds_say(people)
    await credit_reports(people)


async def _records(people: People, agency: str, dataset: str) -> Records:
    """The schema-checked record of each, None for those without one; by resident ID."""
    found: Records = {}
    door = asyncio.Semaphore(AT_A_TIME)
    async with running_upstream(f"connectors.gov_data.{agency}", FixedClock(NOW), TIMEOUT_MS) as upstream:
        schemas = PayloadSchemas(upstream.manifest)

        async def ask(person: Person) -> None:
            query = Query(dataset, Subject(person.name, person.resident_id), WHOLE, NOW, f"sweep-{person.resident_id}")
            async with door:
                record = await upstream.connector.read(query)
            schemas.check(dataset, record)
            found[person.resident_id] = record.data if record.presence is Presence.PRESENT else None

        await asyncio.gather(*map(ask, people))
    assert len(found) == len(people)
    return found


async def same_story(people: People) -> None:
    """Fund, insurance and tax."""
    fund = await _records(people, "housing_fund", "housing_fund.account/v1")
    insurance = await _records(people, "social_insurance", "social_insurance.contribution/v1")
    tax = await _records(people, "tax", "tax.personal_income/v1")
    for person in people:
        account, contributions, income = (records[person.resident_id] for records in (fund, insurance, tax))
        assert (account is None) == (contributions is None) == (income is None) == (person.kind == "no_account")
        if account is None or contributions is None or income is None:
            continue
        assert account["deposit_months"] == contributions["months_paid"]
        assert account["last_deposit_month"] == income["last_income_month"]
        assert account["employer_name"] == contributions["employer_name"]
        assert set(contributions["employers"]) <= set(income["withholding_agents"])
        assert (person.kind == "gap") == bool(set(contributions["gap_months"]) - {"2026-10"})


async def debts_where_the_kinds_say(people: People) -> None:
    """Fines, court and bills."""
    fines = await _records(people, "traffic_police", "traffic_police.violation/v1")
    court = await _records(people, "court_enforcement", "court_enforcement.record/v1")
    bills = await _records(people, "utilities", "utilities.bill/v1")
    dishonest, unpaid, late = Counter[str](), Counter[str](), Counter[str]()
    for person in people:
        dishonest[person.kind] += bool((court[person.resident_id] or {}).get("is_dishonest_debtor"))
        unpaid[person.kind] += (fines[person.resident_id] or {}).get("unpaid_fines", 0) >= 2
        late[person.kind] += bool((bills[person.resident_id] or {}).get("late_months"))
    kinds = Counter(person.kind for person in people)
    assert dishonest["dishonest_debtor"] == kinds["dishonest_debtor"]
    # Those listed by mistake, until their day of the month comes; nobody else.
    assert 0 < dishonest["corrected"] < kinds["corrected"]
    assert set(+dishonest) == {"dishonest_debtor", "corrected"}
    assert unpaid["arrears"] == kinds["arrears"]
    assert {kind for kind in kinds if late[kind]} == {"arrears", "dishonest_debtor"}


async def credit_reports(people: People) -> None:
    """The credit bureau knows who is behind."""
    reports = await _records(people, "credit_bureau", "credit_bureau.report/v1")
    behind = Counter(
        person.kind
        for person in people
        if (report := reports[person.resident_id]) is not None and report["worst_overdue_months"] >= 2
    )
    kinds = Counter(person.kind for person in people)
    assert behind == {"arrears": kinds["arrears"], "dishonest_debtor": kinds["dishonest_debtor"]}
