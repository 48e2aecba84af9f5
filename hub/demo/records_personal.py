"""Records of grown-up natural persons: 45 % have any, 2.5 on average; honours, licences and commitments lead.

Persons under fourteen have their profile and nothing else (Personal Information Protection Law, arts. 28 and 31).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hub.demo.codes import months_after
from hub.demo.persons import Person
from hub.demo.record import Draft
from hub.demo.records_financial import loan_draft
from hub.demo.records_judicial import judicial
from hub.demo.records_licence import personal_licence
from hub.demo.records_lists import personal_honour
from hub.demo.records_market import commitment_draft
from hub.demo.records_penalty import personal_penalty
from hub.demo.world import Mix, World, day_between, poisson, round_fen

SHARE = 0.45
_KINDS = Mix.of({"honour": 42, "licence": 26, "commitment": 18, "loan": 10, "penalty": 4})
_COMMITMENTS = Mix.of({"PROOF_ITEM": 60, "APPROVAL_SUBSTITUTION": 25, "PROACTIVE": 15})
_NUMBERS = 5_000_000_000
"""Running numbers of commitments from here on belong to persons."""


def personal_records(world: World, person: Person) -> Iterator[Draft]:
    """All records of a person besides the profile; none for a child."""
    if person.child:
        return
    yield from judicial(world, person)
    rng = world.rng("person.records", person.index)
    if rng.random() >= SHARE:
        return
    for number in range(1 + poisson(rng, 1.5)):
        match _KINDS.pick(rng):
            case "honour" if _age(person, world.today) >= 19:
                yield personal_honour(world, rng, person, number)
            case "licence" if _age(person, world.today) >= 18:
                yield personal_licence(world, rng, person, number)
            case "loan" if _age(person, world.today) >= 23:
                lender = rng.choice(world.institutions.banks)
                issued = day_between(rng, months_after(world.today, -48), world.today)
                principal = round_fen(80_000 * rng.lognormvariate(0, 0.8), 1_000)
                yield loan_draft(world, rng, person, lender, issued, principal, number, rng.random())
            case "penalty" if _age(person, world.today) >= 18:
                yield personal_penalty(world, rng, person, number)
            case _:
                kind = _COMMITMENTS.pick(rng)
                yield commitment_draft(world, rng, person, kind, _NUMBERS + person.index * 100 + number)


def _age(person: Person, today: date) -> int:
    return (today - person.identity.born).days // 365
