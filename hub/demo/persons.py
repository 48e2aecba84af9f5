"""Synthetic persons: natural persons as subjects, and the identities of those who represent organisations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from hub.catalog.types import SubjectKind
from hub.demo.codes import months_after, phone, resident_id
from hub.demo.divisions import DIVISIONS, Division, full_name
from hub.demo.names import person_name
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World

CHILD_SHARE = 0.03
"""Share of subjects aged 13 and under; nothing but their profile exists."""
_FOURTEEN = 14 * 12
_BANDS = ((14, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 74), (75, 85))
_BAND_WEIGHTS = tuple(accumulate((15, 21, 20, 18, 13, 9, 4)))
_PLACES = tuple(accumulate(division.weight for division in DIVISIONS))
_WORK = Mix.of(
    {
        "企业职工": 34,
        "个体经营者": 14,
        "务农": 16,
        "导游": 4,
        "教师": 5,
        "医务人员": 4,
        "渔民": 5,
        "网约车司机": 4,
        "自由职业": 8,
        "公职人员": 6,
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a person is."""

    name: str
    resident_id: str
    born: date
    male: bool
    phone: str


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person as a credit subject."""

    index: int
    identity: Identity
    division: Division
    address: str
    occupation: str
    child: bool
    """Under fourteen."""

    kind = SubjectKind.PERSON

    @property
    def identifier(self) -> str:
        """The citizen identity number."""
        return self.identity.resident_id

    @property
    def name(self) -> str:
        """The person's name."""
        return self.identity.name

    def turned(self, years: int) -> date:
        """The day on which the person turned so many years."""
        return months_after(self.identity.born, 12 * years)


def identity(rng: Random, index: int, line: int, window: tuple[date, date]) -> Identity:
    """The identity of the person with this index in a line, born inside a window of four years or more."""
    number, born = resident_id(index, line, *window, rng.random())
    male = int(number[16]) % 2 == 1
    return Identity(person_name(rng, male, born), number, born, male, phone(rng.random()))


def grown_up_window(rng: Random, today: date, youngest: int = 0) -> tuple[date, date]:
    """Birth dates of one age band, picked by weight from `youngest` (index of the band) on."""
    low, high = rng.choices(_BANDS[youngest:], cum_weights=_BAND_WEIGHTS[youngest:])[0]
    return months_after(today, -12 * (high + 1)) + timedelta(days=1), months_after(today, -12 * low)


def make_person(world: World, index: int) -> Person:
    """The person with this index (from 1; index 0 is the story's representative, see `hub.demo.story`)."""
    rng = world.rng("person", index)
    child = rng.random() < CHILD_SHARE
    if child:
        window = (months_after(world.today, -_FOURTEEN) + timedelta(days=1), world.today - timedelta(days=30))
    else:
        window = grown_up_window(rng, world.today)
    who = identity(rng, index, 0, window)
    division = rng.choices(DIVISIONS, cum_weights=_PLACES)[0]
    street = rng.choice(division.streets)
    house = f"{rng.randint(1, 199)}号{rng.randint(1, 30)}栋{rng.randint(101, 2602)}室"
    address = f"{full_name(division)}{street}路{house}"
    work = "学生" if (world.today - who.born).days < 20 * 365 else _WORK.pick(rng)
    return Person(index, who, division, address, "儿童" if child else work, child)


def profile(world: World, person: Person) -> Draft:
    """The profile record of a person."""
    who = person.identity
    values: Values = {
        "name": who.name,
        "residentIdNumber": who.resident_id,
        "gender": "MALE" if who.male else "FEMALE",
        "birthDate": who.born.isoformat(),
        "divisionCode": person.division.code,
        "phone": who.phone,
        "address": person.address,
        "occupation": person.occupation,
    }
    return Draft("government.person_profile", values, world.institutions.authority("CIVIL", person.division))
