"""Loads a synthetic world into the database, through the same merge as files from departments.

Rules
- Records come subject by subject and are gathered by dataset and source unit, because that is how the merge takes
  them. At most `GATHERED` records wait in memory, so the size of the world does not matter.
- Whatever has been gathered lands in one transaction. Loading the same world again on the same day changes
  nothing; loading a larger one after a smaller one adds what is missing.
- What the records say about being synthetic is in their identifiers and numbers; the batch id holds seed and version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.catalog.types import Catalog, SubjectKind
from hub.clock import Clock
from hub.demo.generator import VERSION, Generator
from hub.demo.parties import Party, legacy_codes
from hub.demo.persons import Person
from hub.demo.record import DemoRecord
from hub.errors import IntakeError
from hub.intake.merge import Merger, Origin
from hub.intake.rows import RowShape, SubjectRef, ValidRow
from hub.intake.subjects import organization_ref
from hub.keys.ring import KeyRing
from hub.store.database import Database

GATHERED = 15_000
"""Most records that wait in memory."""
_ANALYSE = "ANALYZE subject, subject_alias, record, blind_index"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is."""

    subjects: int
    total: int
    """Subjects in all."""
    records: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load has done."""

    subjects: int
    records: Mapping[str, int]
    """Records by dataset, those included that were there before."""
    inserted: int


Progress = Callable[[LoadProgress], None]


async def load_demo(
    database: Database,
    catalog: Catalog,
    ring: KeyRing,
    generator: Generator,
    clock: Clock,
    progress: Progress | None = None,
) -> LoadReport:
    """Load a world.

    Args:
        database: where to; migrated.
        catalog: the active catalogue.
        ring: a ring made for the demo.
        generator: the world.
        clock: read once, for the time of receipt.
        progress: called after every hundred subjects, and at the end.

    Raises:
        IntakeError: when the merge refuses a record, for example of an erased subject.
        UnavailableError: when the database is away.
    """
    load = _Load(database, catalog, ring, generator, clock.now())
    total = generator.organizations + generator.person_count
    for done, party in enumerate(generator.subjects(), 1):
        load.gather(party, generator.records_of(party))
        if load.waiting >= GATHERED:
            await load.land()
        if progress is not None and done % 100 == 0 and done < total:
            progress(LoadProgress(done, total, load.counts.total()))
    await load.land()
    await load.analyse()
    if progress is not None:
        progress(LoadProgress(total, total, load.counts.total()))
    return LoadReport(total, dict(sorted(load.counts.items())), load.inserted)


@dataclass
class _Load:
    """Records gathered by dataset and source unit, and the way down."""

    database: Database
    catalog: Catalog
    ring: KeyRing
    generator: Generator
    now: datetime
    counts: Counter[str] = field(default_factory=Counter)
    inserted: int = 0
    waiting: int = 0

    def __post_init__(self) -> None:
        self._gathered: dict[tuple[str, str], list[ValidRow]] = {}
        self._shapes = {dataset.id: RowShape(dataset) for dataset in self.catalog}
        self._indexer = self.ring.indexer()
        self._sealer = self.ring.sealer()
        self._batch = f"demo_{self.generator.seed}_{VERSION}"

    def gather(self, party: Party, records: Iterable[DemoRecord]) -> None:
        """Take the records of one subject; they wait for the next landing."""
        subject = _subject(party)
        for record in records:
            self.counts[record.dataset] += 1
            self.waiting += 1
            number = self.counts[record.dataset]
            row = self._shapes[record.dataset].row(subject, record.values, number)
            self._gathered.setdefault((record.dataset, record.source_unit), []).append(row)

    async def land(self) -> None:
        """Merge everything that waits, in one transaction."""
        async with self.database.connection() as connection, connection.transaction():
            for (dataset, source_unit), rows in sorted(self._gathered.items()):
                origin = Origin(self.catalog.datasets[dataset], source_unit, self._batch, self.now)
                merger = Merger(origin, indexer=self._indexer, sealer=self._sealer)
                merged = await merger.merge(connection, rows)
                if merged.faults:
                    raise IntakeError(
                        f"A synthetic record of {dataset} is refused: {merged.faults[0][1].code}.",
                        hint="Load the synthetic data into a database that holds nothing else.",
                    )
                self.inserted += merged.inserted
        self._gathered.clear()
        self.waiting = 0

    async def analyse(self) -> None:
        """Give the planner its statistics, so that the first requests are planned as the later ones."""
        async with self.database.connection() as connection:
            await connection.execute(_ANALYSE)


def _subject(party: Party) -> SubjectRef:
    place = party.division.code
    if isinstance(party, Person):
        return SubjectRef(SubjectKind.PERSON, party.identifier, (), place)
    return organization_ref(party.identifier, legacy_codes(party), place)
