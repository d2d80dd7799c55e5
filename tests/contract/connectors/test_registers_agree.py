"""Some people of every kind, asked about at every agency; the campaign `registers` asks about everybody."""

from __future__ import annotations

import random
from collections import defaultdict

from connectors.kit.sandbox_people import Person, population
from tests.soak.registers import agree

OF_EACH_KIND = 20


async def test_each_record_fits_and_the_registers_agree() -> None:
    people = list(population().values())
    random.Random(1).shuffle(people)
    kinds: defaultdict[str, list[Person]] = defaultdict(list)
    for person in people:
        kinds[person.kind].append(person)
    await agree([person for group in kinds.values() for person in group[:OF_EACH_KIND]])
