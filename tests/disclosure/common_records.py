"""What both of two paired worlds begin with: subjects with records of every dataset, of every state and age.

The story's company and person get records of the datasets that the story leaves out, taken over from others; each
dataset gets records of one day (whose order is that of their ids), and records that were withdrawn, repaired or
archived, whose publication is over, that came before any range of data, and that were corrected before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import cycle
from random import Random

from world import COMPANY

from hub.catalog.types import Catalog, Dataset, FieldType, Role, SubjectKind
from hub.demo import story_facts as facts
from hub.demo.generator import Generator
from hub.demo.parties import Party, PartyColumns
from hub.demo.record import DemoRecord

from .gate_world import TODAY
from .other_values import other_values
from .sight import Piece, Sight
from .variation import rekeyed

SECOND = "91460202DEM0000229"
"""Another company that the caller may ask about."""
_DONORS = 120
_TAKEN_OVER = 2
_LONG = 6
_HIDDEN = ("REVOKED", "REPAIRED", "ARCHIVED", "expired")


@lru_cache(maxsize=1)
def _donations() -> tuple[Generator, dict[tuple[SubjectKind, str], list[DemoRecord]]]:
    """Records by kind and dataset, of subjects that nobody in the tests asks about."""
    generator = Generator(_DONORS, _DONORS, seed=1, today=TODAY)
    found: dict[tuple[SubjectKind, str], list[DemoRecord]] = defaultdict(list)
    for index in range(2, _DONORS):
        for party in (generator.organisation(index), generator.person(index)):
            for record in generator.records_of(party):
                if len(found[record.kind, record.dataset]) < _TAKEN_OVER:
                    found[record.kind, record.dataset].append(record)
    return generator, found


def given_to(party: Party, record: DemoRecord) -> DemoRecord:
    """Another's record as one of this party."""
    values = {**record.values, **PartyColumns(party).of(record.dataset)}
    return record._replace(identifier=party.identifier, name=party.name, values=values)


def records_of(catalog: Catalog, party: Party) -> list[DemoRecord]:
    """A party's own records, of long lists the oldest and the newest, and some of each dataset it has none of."""
    generator, donated = _donations()
    own: dict[str, list[DemoRecord]] = defaultdict(list)
    for record in generator.records_of(party):
        own[record.dataset].append(record)
    kind = next(iter(own.values()))[0].kind
    for (other_kind, dataset), records in sorted(donated.items()):
        if other_kind is kind and dataset not in own:
            own[dataset] = [given_to(party, record) for record in records]
    for dataset in catalog:
        if kind in dataset.subjects and dataset.id not in own and not dataset.profile:
            own[dataset.id] = list(_invented(dataset, kind, party))
    return [r for records in own.values() for r in (records if len(records) <= _LONG else _ends(records))]


def _invented(dataset: Dataset, kind: SubjectKind, party: Party) -> Iterator[DemoRecord]:
    """Records of a dataset that the generator knows nothing of, of the last months and years."""
    rng = Random(dataset.id)
    for number in range(_TAKEN_OVER):
        values = {item.name: next(other_values(item, None, rng)) for item in dataset.fields}
        day = TODAY - timedelta(days=40 + 170 * number)
        monthly = dataset.by_name[dataset.event_date].type is FieldType.MONTH
        values[dataset.event_date] = day.isoformat()[: 7 if monthly else 10]
        for item in dataset.role(Role.PUBLICATION_END):
            values[item.name] = (TODAY + timedelta(days=90)).isoformat()
        yield DemoRecord(kind, party.identifier, party.name, dataset.id, values, facts.DEPT_AMR)


def _ends(records: list[DemoRecord]) -> list[DemoRecord]:
    ordered = sorted(records, key=lambda r: str(r.values.get("period", "")))
    return [*ordered[:2], *ordered[-_LONG:]]


def parties() -> tuple[Party, Party, Party]:
    """The company, another company, the person."""
    generator, _ = _donations()
    return generator.organisation(0), generator.organisation(1), generator.person(0)


def pieces(sight: Sight, rng: Random) -> list[Piece]:
    """The records of the first world."""
    found = [
        piece for party in parties() for piece in _with_company(sight, records_of(sight.catalog, party), rng)
    ]
    assert {COMPANY, SECOND, facts.PERSON_ID} == {piece.record.identifier for piece in found}
    return found


def _with_company(sight: Sight, records: Sequence[DemoRecord], rng: Random) -> Iterator[Piece]:
    """Each record, now and then with some beside it that are hidden or of the same day."""
    states = cycle(_HIDDEN)
    seen: dict[str, int] = defaultdict(int)
    distinct = {sight.key(Piece(record)).record_id: record for record in records}
    taken = set(distinct)
    for record in distinct.values():
        piece = Piece(record, former=rng.choice((0, 0, 0, 1, 2)))
        yield piece
        seen[record.dataset] += 1
        if sight.catalog.datasets[record.dataset].profile or seen[record.dataset] > 2:
            continue
        for mark in range(3):
            other = replace(rekeyed(sight, piece, f"{seen[record.dataset]}{mark}"), former=0)
            key = sight.key(other)
            if key.record_id in taken or (mark == 2 and key.day != sight.key(piece).day):
                continue
            taken.add(key.record_id)
            state = next(states) if mark < 2 else "VALID"
            expired = state == "expired"
            yield replace(other, state="VALID" if expired else state, expired=expired)


def shadows(sight: Sight, company: str, person: str) -> list[Piece]:
    """Records that do not show, of a company and a person of whom nothing else is stored."""
    _, donated = _donations()
    found = []
    for kind, identifier in ((SubjectKind.ORG, company), (SubjectKind.PERSON, person)):
        for (other_kind, _), records in sorted(donated.items()):
            if other_kind is not kind:
                continue
            piece = Piece(records[0]._replace(identifier=identifier))
            if sight.catalog.datasets[records[0].dataset].profile or sight.shows(piece):
                piece = replace(piece, state="REVOKED")
            found.append(piece)
    return found
