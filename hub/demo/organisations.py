"""Synthetic organisations: kind, size, age, state, place, industry and money, from seed and index alone.

Shares: individually-owned businesses 62 %, enterprises 34 %, cooperatives 1.5 %, social organisations 1 %,
public institutions 1 %, government organs 0.5 %. Enterprises: micro 82 %, small 14 %, medium 3.3 %, large 0.7 %.
States: active 88 %, revoked 4 %, deregistered 7 %, moved out 1 %; public bodies are always active.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from hub.catalog.types import SubjectKind
from hub.demo.codes import organisation_number, uscc
from hub.demo.divisions import CITIES, DIVISIONS, Division, full_name
from hub.demo.industries import INDUSTRY, Industry, pick_industry
from hub.demo.names import MARK, brand, shop_name
from hub.demo.persons import Identity, grown_up_window, identity
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World, day_between, round_fen

_KINDS = Mix.of(
    {
        "INDIVIDUAL_BUSINESS": 62,
        "ENTERPRISE": 34,
        "FARMER_COOPERATIVE": 1.5,
        "SOCIAL_ORGANIZATION": 1,
        "PUBLIC_INSTITUTION": 1,
        "GOVERNMENT_ORGAN": 0.5,
    }
)
_PREFIX = {
    "INDIVIDUAL_BUSINESS": "92",
    "ENTERPRISE": "91",
    "FARMER_COOPERATIVE": "93",
    "SOCIAL_ORGANIZATION": "51",
    "PUBLIC_INSTITUTION": "12",
    "GOVERNMENT_ORGAN": "11",
}
_SIZES = Mix.of({"MICRO": 82, "SMALL": 14, "MEDIUM": 3.3, "LARGE": 0.7})
_STAFF = {"MICRO": (2, 9), "SMALL": (10, 60), "MEDIUM": (61, 280), "LARGE": (281, 1500)}
_STATES = Mix.of({"ACTIVE": 88, "REVOKED": 4, "DEREGISTERED": 7, "MOVED_OUT": 1})
_FORMS = Mix.of(
    {"有限公司": 70, "有限责任公司": 8, "股份有限公司": 1, "合伙企业（有限合伙）": 6, "分公司": 15}
)
_PUBLIC = frozenset({"PUBLIC_INSTITUTION", "GOVERNMENT_ORGAN"})
_FIRST = date(1996, 1, 1)
_MEAN_AGE_DAYS = 5 * 365
_PLACES = tuple(accumulate(division.weight for division in DIVISIONS))


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as a credit subject."""

    index: int
    identifier: str
    """Its USCC."""
    name: str
    form: str
    """Code of the catalogue's `organizationType`."""
    size: str
    """MICRO, SMALL, MEDIUM or LARGE."""
    industry: Industry
    division: Division
    address: str
    established: date
    state: str
    """Code of the catalogue's `operatingStatus`."""
    until: date
    """Last day on which something new can have happened: today, or the end of its activity."""
    representative: Identity
    capital: int
    """Registered capital in 分; 0 when it has none."""
    staff: int
    turnover: int
    """Monthly turnover in CNY."""
    conduct: float
    """From 0 to 1, higher is better; leans grades, penalties and payments the same way."""

    kind = SubjectKind.ORG

    @property
    def business(self) -> bool:
        """Whether it is an enterprise or a cooperative, with monthly records."""
        return self.form in ("ENTERPRISE", "FARMER_COOPERATIVE")


def make_organisation(world: World, index: int) -> Organisation:
    """The organisation with this index (from 1; index 0 is the story's company, see `hub.demo.story`)."""
    rng = world.rng("organisation", index)
    form = _KINDS.pick(rng)
    size = _SIZES.pick(rng) if form == "ENTERPRISE" else "MICRO"
    industry = _industry(rng, form)
    division = rng.choices(DIVISIONS, cum_weights=_PLACES)[0]
    street = rng.choice(division.streets)
    established = _established(rng, world.today, form, size)
    state = "ACTIVE" if form in _PUBLIC else _STATES.pick(rng)
    staff = rng.randint(*_STAFF[size]) if form != "INDIVIDUAL_BUSINESS" else rng.randint(1, 4)
    return Organisation(
        index=index,
        identifier=uscc(_PREFIX[form], division.code, organisation_number(index)),
        name=_name(rng, form, division, street, industry),
        form=form,
        size=size,
        industry=industry,
        division=division,
        address=f"{full_name(division)}{street}路{rng.randint(1, 299)}号{rng.randint(101, 2105)}室",
        established=established,
        state=state,
        until=world.today if state == "ACTIVE" else _ended(rng, established, world.today),
        representative=identity(rng, index, 1, grown_up_window(rng, world.today, 1)),
        capital=_capital(rng, form, size),
        staff=staff,
        turnover=int(staff * industry.intensity * 1000 * rng.lognormvariate(0, 0.5)),
        conduct=rng.random(),
    )


def _industry(rng: Random, form: str) -> Industry:
    if form == "FARMER_COOPERATIVE":
        return INDUSTRY["A"]
    return INDUSTRY["S"] if form in _PUBLIC or form == "SOCIAL_ORGANIZATION" else pick_industry(rng)


def _established(rng: Random, today: date, form: str, size: str) -> date:
    mean = _MEAN_AGE_DAYS * (3 if form in _PUBLIC or size in ("MEDIUM", "LARGE") else 1)
    return max(_FIRST, today - timedelta(days=45 + int(rng.expovariate(1 / mean))))


def _ended(rng: Random, established: date, today: date) -> date:
    return day_between(rng, established + (today - established) // 2, today - timedelta(days=10))


def _capital(rng: Random, form: str, size: str) -> int:
    if form in _PUBLIC or form == "INDIVIDUAL_BUSINESS":
        return 0
    median = {"MICRO": 500_000, "SMALL": 3_000_000, "MEDIUM": 20_000_000, "LARGE": 120_000_000}[size]
    return round_fen(median * rng.lognormvariate(0, 0.8), 10_000)


def _name(rng: Random, form: str, division: Division, street: str, industry: Industry) -> str:
    trade = rng.choice(industry.trades)
    place = rng.choice(("海南", division.short, division.short))
    match form:
        case "INDIVIDUAL_BUSINESS":
            return shop_name(rng, division.short, street, trade)
        case "FARMER_COOPERATIVE":
            return f"{division.short}{street}{brand(rng)}{trade}农民专业合作社{MARK}"
        case "SOCIAL_ORGANIZATION":
            return f"{division.short}{brand(rng)}{trade}{MARK}"
        case "PUBLIC_INSTITUTION":
            service = rng.choice(("文化馆", "农业技术推广站", "社会福利院", "图书馆"))
            return f"{division.short}{street}{brand(rng)}{service}{MARK}"
        case "GOVERNMENT_ORGAN":
            return f"{CITIES[division.city][0]}{brand(rng)}示范局{MARK}"
        case _:
            return f"{place}{brand(rng)}{trade}{_FORMS.pick(rng)}{MARK}"


def registration(world: World, org: Organisation) -> Draft:
    """The registration record of an organisation."""
    unit = {"1": "STAFFING", "5": "CIVIL"}.get(org.identifier[0], "AMR")
    authority = world.institutions.authority(unit, org.division)
    values: Values = {
        "name": org.name,
        "uscc": org.identifier,
        "legalRepresentativeName": org.representative.name,
        "legalRepresentativeIdNumber": org.representative.resident_id,
        "legalRepresentativePhone": org.representative.phone,
        "organizationType": org.form,
        "establishedOn": org.established.isoformat(),
        "operatingStatus": org.state,
        "industryCode": org.industry.codes[org.index % len(org.industry.codes)],
        "divisionCode": org.division.code,
        "address": org.address,
        "businessScope": org.industry.scope,
        "registrationAuthority": authority.name,
    }
    if org.capital:
        values["registeredCapital"] = org.capital
    return Draft("government.registration", values, authority)


def turnover_in(org: Organisation, month: int, chance: float) -> float:
    """Turnover of one month (1 to 12) in CNY: tourism and trade peak from November to April in Hainan."""
    season = 1 + 0.25 * math.cos((month - 1) / 6 * math.pi)
    return org.turnover * season * (0.8 + 0.4 * chance)
