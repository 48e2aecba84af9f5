"""Records of datasets that have no maker of their own, made from the catalogue's declaration of their fields.

Rules
- The share of subjects that have any, and the source, are data (`_SHAPES`); all values follow from the fields' types.
- Dates keep their order: what ends comes after what begins, nothing lies in the future, and open ends may stay open.
- A negative record is published for the shortest period of its severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hub.catalog.types import Catalog, Dataset, Field, FieldType, Nature, Role, SubjectKind
from hub.catalog.values import StoredValue
from hub.demo.institutions import Institution
from hub.demo.parties import Party
from hub.demo.record import Draft, Values
from hub.demo.world import World, day_between, round_fen

_YEARS = 3
_COUNT_RANGE = (1, 60)
_TEXTS = ("演示内容一", "演示内容二", "演示内容三")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a dataset is filled."""

    share: float
    """Share of subjects that have records."""
    most: int
    source: str
    """Kind of authority, BANK, or empty for the provincial data bureau's unit of the dataset."""


_SHAPES: dict[str, _Shape] = {
    "government.tax_arrears": _Shape(0.025, 3, "TAX"),
    "government.tax_violation": _Shape(0.004, 1, "TAX"),
    "government.customs_grade": _Shape(0.05, 1, "CUSTOMS"),
    "government.environment_grade": _Shape(0.06, 2, "ENVIRONMENT"),
    "government.food_safety_grade": _Shape(0.15, 2, "AMR"),
    "government.compulsion": _Shape(0.01, 1, "AMR"),
    "government.supervision_result": _Shape(0.3, 2, "AMR"),
    "government.special_fund": _Shape(0.05, 2, "FINANCE"),
    "government.procurement_misconduct": _Shape(0.002, 1, "FINANCE"),
    "government.bidding_violation": _Shape(0.002, 1, "TRADING"),
    "government.labour_violation": _Shape(0.006, 1, "LABOUR"),
    "government.construction_misconduct": _Shape(0.004, 1, "HOUSING"),
    "government.qualification": _Shape(0.08, 2, "HOUSING"),
    "government.safety_accident": _Shape(0.002, 1, "EMERGENCY"),
    "government.investment_project": _Shape(0.03, 2, "APPROVAL"),
    "government.professional_licence": _Shape(0.08, 1, "HEALTH"),
    "government.social_org_abnormal": _Shape(0.004, 1, "CIVIL"),
    "government.institution_abnormal": _Shape(0.002, 1, "STAFFING"),
    "judicial.enforcement_case": _Shape(0.02, 3, "COURT"),
    "judicial.terminated_enforcement": _Shape(0.006, 1, "COURT"),
    "judicial.bankruptcy_case": _Shape(0.002, 1, "COURT"),
    "judicial.preservation_whitelist": _Shape(0.003, 1, "COURT"),
    "market.service_agency": _Shape(0.003, 1, "BUSINESS"),
    "market.quality_certification": _Shape(0.05, 2, "AMR"),
    "financial.credit_line": _Shape(0.05, 2, "BANK"),
    "financial.cash_flow": _Shape(0.05, 12, "BANK"),
    "financial.bill_overdue": _Shape(0.004, 1, "BANK"),
}
"""Left out: ratings and declarations, whose sources (agencies, the subjects themselves) the demo has not."""
_STARTS = ("validFrom", "startedOn", "beganOn", "listedOn", "filedOn", "acceptedOn")


class OtherRecords:
    """Makes the records of these datasets for one world."""

    def __init__(self, world: World, catalog: Catalog) -> None:
        self._world = world
        self._datasets = [
            (catalog.datasets[name], s) for name, s in _SHAPES.items() if name in catalog.datasets
        ]

    def of(self, party: Party) -> Iterator[Draft]:
        """The records of one subject."""
        for dataset, shape in self._datasets:
            if party.kind not in dataset.subjects or getattr(party, "child", False):
                continue
            rng = self._world.rng(f"{dataset.id}.{party.kind}", party.index)
            if rng.random() >= shape.share:
                continue
            seen: set[tuple[StoredValue, ...]] = set()
            for number in range(rng.randint(1, shape.most)):
                source = self._source(shape, party, rng)
                values = self._values(dataset, party, source, rng, number)
                key = tuple(str(values.get(name)) for name in dataset.natural_key)
                if key not in seen:
                    seen.add(key)
                    yield Draft(dataset.id, values, source)

    def _source(self, shape: _Shape, party: Party, rng: Random) -> Institution:
        institutions = self._world.institutions
        if shape.source == "BANK":
            return rng.choice(institutions.banks)
        return institutions.provincial(shape.source)

    def _values(
        self, dataset: Dataset, party: Party, source: Institution, rng: Random, number: int
    ) -> Values:
        today = self._world.today
        event = day_between(rng, today - timedelta(days=365 * _YEARS), today - timedelta(days=40))
        values: Values = {}
        for field in dataset.fields:
            if field.role is not None:
                value = _about(field, party, source)
            elif field.required in ("N", "C") and rng.random() < 0.4:
                continue
            else:
                value = self._value(dataset, field, party, source, rng, event, number)
            if value is not None:
                values[field.name] = value
        if dataset.nature is Nature.NEGATIVE:
            end = next((f.name for f in dataset.role(Role.PUBLICATION_END)), "")
            values[end] = (event + timedelta(days=85)).isoformat()
        return values

    def _value(
        self,
        dataset: Dataset,
        field: Field,
        party: Party,
        source: Institution,
        rng: Random,
        event: date,
        number: int,
    ) -> StoredValue:
        match field.type:
            case FieldType.ENUM:
                return rng.choice(field.values).code
            case FieldType.ENUM_LIST:
                return [rng.choice(field.values).code]
            case FieldType.TEXT_LIST:
                return [rng.choice(_TEXTS)]
            case FieldType.MONEY:
                return round_fen(rng.lognormvariate(11, 1), 100)
            case FieldType.INTEGER:
                return event.year if field.name == "year" else rng.randint(*_COUNT_RANGE)
            case FieldType.DECIMAL:
                return f"{rng.randint(1, 99)}.{rng.randint(1, 9)}"
            case FieldType.BOOLEAN:
                return rng.random() < 0.5
            case FieldType.MONTH:
                return f"{event:%Y-%m}"
            case FieldType.USCC:
                return source.uscc
            case FieldType.RESIDENT_ID:
                return None
            case FieldType.TEXT:
                return _text(dataset, field, party, source, event, number, rng)
            case _:
                return self._date(dataset, field, event)

    def _date(self, dataset: Dataset, field: Field, event: date) -> StoredValue:
        """The event's own day, the same for what begins, and a little later for everything else."""
        if field.name == dataset.event_date or field.name in _STARTS:
            return event.isoformat()
        return (event + timedelta(days=30)).isoformat()


def _about(field: Field, party: Party, source: Institution) -> StoredValue:
    """What a record says about its subject and its source."""
    person = party.kind is SubjectKind.PERSON
    match field.role:
        case Role.SUBJECT_NAME:
            return party.name
        case Role.SUBJECT_USCC:
            return None if person else party.identifier
        case Role.SUBJECT_CERT_NO:
            return party.identifier if person else None
        case Role.SUBJECT_CERT_TYPE:
            return "RESIDENT_ID" if person else None
        case Role.SUBJECT_KIND:
            sole = getattr(party, "form", "") == "INDIVIDUAL_BUSINESS"
            kind = "NATURAL_PERSON" if person else "INDIVIDUAL_BUSINESS" if sole else "ORGANIZATION"
            return kind if any(value.code == kind for value in field.values) else None
        case Role.SOURCE_UNIT_NAME:
            return source.name
        case Role.SOURCE_UNIT_USCC:
            return source.uscc
        case Role.SEVERITY:
            return "MINOR"
        case _:
            return None


def _text(
    dataset: Dataset, field: Field, party: Party, source: Institution, event: date, number: int, rng: Random
) -> str:
    """A text that fits its field: a number where one is meant, else the source or something to read."""
    if field.name.lower().endswith(("no", "number", "code", "id")) or field.name in dataset.natural_key:
        text = f"{dataset.code}演{event.year}{party.kind[0]}{party.index}-{number + 1}"
    elif field.mask == "name" or field.name.endswith(
        ("Name", "authority", "Authority", "court", "bank", "By")
    ):
        text = source.name
    else:
        text = rng.choice(_TEXTS)
    return text[: field.max_length or None]
