"""Who supplies rows, and which rows are theirs to supply.

Rules
- A source unit supplies the datasets that the catalogue lists for it, and no other (see `hub.catalog.units`).
- A county or city supplies for its own division: rows whose stated source unit is a body of it, and profiles of
  subjects that belong to it; of organisations that were registered there, which their code says (positions 3 to 8,
  GB 32100-2015), so that nobody draws another division's organisations to itself. What its bodies decide about a
  subject from elsewhere is theirs to supply.
- A subject declares data about itself alone, in datasets that take declarations, and promises that they are true
  (真实性承诺, State Council General Office 国办发〔2024〕15号). Its records carry the origin SELF_DECLARED; because the
  origin is a part of their key, a declaration never takes the place of what a source unit supplied, nor the other way.
- The origin of a record is what the hub knows, not what a row says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from msgspec.structs import replace

from hub.catalog.types import Catalog, Dataset, Role, SubjectKind
from hub.catalog.units import SourceUnit, UnitKind, unit_of
from hub.errors import IntakeError
from hub.intake.faults import Fault, fault
from hub.intake.rows import ValidRow
from hub.keys.index import Indexer
from hub.keys.pseudonym import pseudonym

_Objection: TypeAlias = "tuple[str, str] | None"
"""Code of a fault and name of the field it lies in; None when there is nothing to object to."""


class RecordOrigin(StrEnum):
    """Codes of the field with the role `origin`."""

    SOURCE_UNIT = "SOURCE_UNIT"
    SELF_DECLARED = "SELF_DECLARED"


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who supplies the rows of a run."""

    source_unit: str
    """USCC of a source unit, or the pseudonym of a subject that declares data about itself."""
    origin: RecordOrigin
    origin_field: str
    """Field of the dataset that holds the origin; empty when it has none."""
    _object: Callable[[ValidRow], _Objection] | None
    """Says what is not the supplier's to supply; None: everything is."""

    @property
    def takes_all(self) -> bool:
        """Whether `take` gives every row back as it is."""
        return self._object is None and not self.origin_field

    def take(self, row: ValidRow, column: Callable[[str], str]) -> ValidRow | Fault:
        """The row with its origin, or why it is not this supplier's to supply.

        Args:
            row: a valid row.
            column: the file's header for a field.
        """
        found = self._object(row) if self._object is not None else None
        if found is None and self.origin_field:
            stated = row.values.get(self.origin_field)
            if stated is None:
                return replace(row, values={**row.values, self.origin_field: self.origin.value})
            found = ("OTHER_ORIGIN", self.origin_field) if stated != self.origin else None
        return row if found is None else fault(found[0], row.number, column(found[1]) if found[1] else "")


def source_unit_supplier(catalog: Catalog, dataset: Dataset, uscc: str) -> Supplier:
    """A source unit as supplier of a dataset.

    Raises:
        IntakeError: when the catalogue does not list the dataset for it.
    """
    unit = unit_of(catalog.units, uscc)
    if unit is None:
        raise IntakeError(
            "This institution is no source unit of the catalogue.",
            hint="Have its code added to source_units.toml, then submit again.",
            message_zh="该单位不在目录的数据源单位名单内，不能报送数据。",
        )
    if dataset.id not in unit.datasets:
        listed = ", ".join(sorted(unit.datasets)[:8]) or "none"
        raise IntakeError(
            f"{unit.title.en} is not listed as a source of {dataset.id}.",
            hint=f"Its datasets are {listed}{' and more' if len(unit.datasets) > 8 else ''}; see source_units.toml.",
            message_zh=f"{unit.title.zh}不是“{dataset.title.zh}”的数据源单位，不能报送该数据集。",
        )
    field = _origin_field(dataset)
    if unit.kind is not UnitKind.COUNTY:
        return Supplier(uscc, RecordOrigin.SOURCE_UNIT, field, None)
    return Supplier(uscc, RecordOrigin.SOURCE_UNIT, field, _own_division(unit, dataset))


def declaring_subject(dataset: Dataset, indexer: Indexer, subject_id: bytes) -> Supplier:
    """A subject as supplier of data about itself.

    Raises:
        IntakeError: when the dataset takes no declarations.
    """
    if dataset.commitment is None:
        raise IntakeError(
            f"{dataset.id} takes no declarations of subjects.",
            hint="`datasets { id selfDeclaration { id } }` shows which datasets do.",
            message_zh="该数据集不接受主体自主申报。",
        )

    def objection(row: ValidRow) -> _Objection:
        own = indexer.subject_id(row.subject.kind, row.subject.identifier) if row.subject.identifier else b""
        return None if own == subject_id else ("NOT_ABOUT_YOURSELF", _identifier(dataset, row.subject.kind))

    return Supplier(pseudonym(subject_id), RecordOrigin.SELF_DECLARED, _origin_field(dataset), objection)


def _own_division(unit: SourceUnit, dataset: Dataset) -> Callable[[ValidRow], _Objection]:
    stated_source = next((f.name for f in dataset.role(Role.SOURCE_UNIT_USCC)), "")

    def objection(row: ValidRow) -> _Objection:
        source = row.values.get(stated_source)
        if isinstance(source, str) and not unit.includes(source):
            return "OTHER_DIVISION", stated_source
        if not dataset.profile:
            return None
        place, who = row.subject.division_code, row.subject
        if not (place and unit.holds(place)):
            return "OTHER_DIVISION", "divisionCode"
        if who.kind is SubjectKind.ORG and not unit.holds(who.identifier[2:8]):
            return "OTHER_DIVISION", _identifier(dataset, SubjectKind.ORG)
        return None

    return objection


def _origin_field(dataset: Dataset) -> str:
    return next((f.name for f in dataset.role(Role.ORIGIN)), "")


def _identifier(dataset: Dataset, kind: SubjectKind) -> str:
    role = Role.SUBJECT_CERT_NO if kind is SubjectKind.PERSON else Role.SUBJECT_USCC
    return next((f.name for f in dataset.role(role)), "")
