"""The generator: a world of synthetic subjects and their records, any size, always the same.

Rules
- Every subject and every record is a function of the seed, the day and the subject's index, so a larger world
  begins with the smaller one, and the order in which it is read does not matter.
- Nothing is kept: subjects and records come one after the other, whatever the size.
- Index 0 is the story's company, and among the persons its representative (see `hub.demo.story`).

Example:
    >>> generator = Generator(2_000, 3_000, seed=1, today=date(2026, 11, 22))
    >>> next(generator.records("government.registration")).identifier
    '91460100DEM000014C'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from hub.catalog.types import Catalog, SubjectKind
from hub.demo.institutions import Institutions
from hub.demo.organisations import Organisation, make_organisation, registration
from hub.demo.parties import Party, PartyColumns
from hub.demo.persons import Person, make_person, profile
from hub.demo.record import DemoRecord, Draft
from hub.demo.records_financial import applications_and_loans, guarantees
from hub.demo.records_judicial import judicial
from hub.demo.records_licence import licences
from hub.demo.records_lists import abnormal_list, honours, serious_dishonesty
from hub.demo.records_market import commitments, contract_performance, industry_evaluations
from hub.demo.records_monthly import housing_fund, social_insurance, utility_payments
from hub.demo.records_other import OtherRecords
from hub.demo.records_penalty import penalties
from hub.demo.records_personal import personal_records
from hub.demo.records_tax import tax_grades, tax_payments
from hub.demo.story import company_records, person_records, story_company, story_person
from hub.demo.world import World

DEFAULT_ORGANISATIONS = 2_000
DEFAULT_PERSONS = 3_000
VERSION = "1"
"""Version of the generated content; goes up when the same seed gives something else."""

_Maker = Callable[[World, Organisation], Iterator[Draft]]
_EVERYONE: tuple[_Maker, ...] = (
    licences,
    penalties,
    abnormal_list,
    serious_dishonesty,
    honours,
    judicial,
    commitments,
    tax_payments,
)
_BUSINESSES: tuple[_Maker, ...] = (
    tax_grades,
    social_insurance,
    housing_fund,
    utility_payments,
    contract_performance,
    industry_evaluations,
)


class Generator:
    """A world of `organizations` organisations and `persons` persons on one day."""

    def __init__(
        self, organizations: int, persons: int, seed: int, today: date, catalog: Catalog | None = None
    ) -> None:
        """A world.

        Args:
            organizations: how many.
            persons: how many.
            seed: of all chance.
            today: the day on which the world is seen.
            catalog: fills the datasets that have no maker of their own from their declaration, too; None: leaves
                them empty.
        """
        self.organizations = organizations
        self.person_count = persons
        self.seed = seed
        self.today = today
        self.world = World(seed, today, Institutions())
        self._others = OtherRecords(self.world, catalog) if catalog else None

    def organisation(self, index: int) -> Organisation:
        """The organisation with this index."""
        return make_organisation(self.world, index) if index else story_company(self.world)

    def person(self, index: int) -> Person:
        """The person with this index."""
        return make_person(self.world, index) if index else story_person(self.world)

    def organisations(self) -> Iterator[Organisation]:
        """All organisations, by index."""
        return map(self.organisation, range(self.organizations))

    def persons(self) -> Iterator[Person]:
        """All persons, by index."""
        return map(self.person, range(self.person_count))

    def subjects(self) -> Iterator[Party]:
        """All subjects, organisations first."""
        yield from self.organisations()
        yield from self.persons()

    def records_of(self, party: Party) -> Iterator[DemoRecord]:
        """The records of one subject, its profile first."""
        kind = SubjectKind.PERSON if isinstance(party, Person) else SubjectKind.ORG
        columns = PartyColumns(party)
        for dataset, values, source in self._drafts(party):
            common = columns.of(dataset)
            if common:
                values = {
                    **common,
                    **values,
                    "sourceUnitName": source.name,
                    "sourceUnitUscc": source.uscc,
                }
            yield DemoRecord(kind, party.identifier, party.name, dataset, values, source.uscc)
        for dataset, values, source in self._others.of(party) if self._others else ():
            yield DemoRecord(kind, party.identifier, party.name, dataset, values, source.uscc)

    def records(self, dataset: str | None = None) -> Iterator[DemoRecord]:
        """All records, subject by subject; of one dataset when it is named."""
        for party in self.subjects():
            for record in self.records_of(party):
                if dataset is None or record.dataset == dataset:
                    yield record

    def _drafts(self, party: Party) -> Iterator[Draft]:
        if isinstance(party, Person):
            yield profile(self.world, party)
            make = personal_records if party.index else person_records
            yield from make(self.world, party)
            return
        yield registration(self.world, party)
        if party.index == 0:
            yield from company_records(self.world, party)
            return
        for maker in (*_EVERYONE, *(_BUSINESSES if party.business else ())):
            yield from maker(self.world, party)
        yield from applications_and_loans(self.world, party)
        yield from guarantees(self.world, party, self._name)

    def _name(self, index: int) -> str:
        return self.organisation(index).name
