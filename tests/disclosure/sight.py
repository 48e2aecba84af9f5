"""What a caller may see of a record: said again from decision tables and consents, independently of the gate's plans."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from hub.catalog.types import Catalog, Dataset, Field, Nature, SubjectKind
from hub.catalog.values import natural_key
from hub.demo.record import DemoRecord
from hub.disclosure.generalise import generaliser_for
from hub.disclosure.masks import mask_for
from hub.disclosure.questions import Question
from hub.disclosure.rules import Rules
from hub.intake.rows import RowShape, SubjectRef, ValidRow
from hub.keys.index import Indexer
from hub.model.outcome import Outcome
from hub.policies.model import FairUse
from hub.policies.predicates import Predicate

from .askers import RANGE_FROM, Asker

_NOTHING = object()


@dataclass(frozen=True)
class Piece:
    """One record as a world stores it."""

    record: DemoRecord
    state: str = "VALID"
    expired: bool = False
    """Whether its publication was ended, whatever its own dates say."""
    former: int = 0
    """Earlier versions of it."""

    @property
    def group(self) -> tuple[SubjectKind, str, str]:
        """Kind and identifier of its subject, and its dataset."""
        return self.record.kind, self.record.identifier, self.record.dataset


class Key(NamedTuple):
    """A record's place among others, newest last."""

    day: date
    record_id: bytes


@dataclass(frozen=True)
class Sight:
    """What one caller may see, in a world of one day."""

    rules: Rules
    asker: Asker
    indexer: Indexer
    today: date
    _shapes: dict[str, RowShape] = field(default_factory=dict)
    _outcomes: dict[tuple[SubjectKind, str], Outcome] = field(default_factory=dict)
    _subjects: dict[str, bytes] = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        """The datasets."""
        return self.rules.catalog

    @cached_property
    def fair_use(self) -> FairUse:
        """The template of the purpose."""
        return self.rules.policy.fair_use_for(self.asker.purpose)[0]

    @cached_property
    def _items(self) -> Mapping[SubjectKind, Mapping[str, Any] | None]:
        """Datasets and fields that the consents name; None: no consent limits anything."""
        if not self.asker.consent:
            return dict.fromkeys(SubjectKind)
        of_templates = {
            kind: {
                d: ()
                for t in self.rules.policy.templates_for(self.asker.purpose)
                if t.kind is kind
                for d in t.datasets
            }
            for kind in SubjectKind
        }
        return {kind: self.asker.items.get(kind) or of_templates[kind] for kind in SubjectKind}

    def outcome(self, kind: SubjectKind, item: Field) -> Outcome:
        """Policy and consent together."""
        known = self._outcomes.get((kind, item.id))
        if known is None:
            known = self._outcomes[kind, item.id] = self._decided(kind, item)
        return known

    def _decided(self, kind: SubjectKind, item: Field) -> Outcome:
        roles = frozenset({self.asker.role})
        found = self.rules.table(roles, self.asker.purpose, kind)[item.id].outcome
        items = self._items[kind]
        if items is None:
            return found
        named = items.get(item.dataset)
        return Outcome.WITHHELD if named is None or (named and item.name not in named) else found

    def shown(self, kind: SubjectKind, item: Field, value: Any) -> Any:
        """What shows of a value: itself, less of it, or nothing."""
        outcome = self.outcome(kind, item)
        if outcome < Outcome.GENERALISED or value is None:
            return _NOTHING
        if outcome is Outcome.CLEAR:
            return value
        change = mask_for(item.mask) if outcome is Outcome.MASKED else generaliser_for(item)
        return [change(v) for v in value] if isinstance(value, list) else change(value)

    def opens(self, kind: SubjectKind, dataset: Dataset) -> bool:
        """Whether anything of a dataset may show."""
        return kind in dataset.subjects and any(
            self.outcome(kind, f) >= Outcome.GENERALISED for f in dataset.fields
        )

    def dated(self, kind: SubjectKind, dataset: Dataset) -> bool:
        """Whether a list of the dataset is ordered by date."""
        return not dataset.profile and (
            self.outcome(kind, dataset.by_name[dataset.event_date]) is Outcome.CLEAR
        )

    def questions(self, kind: SubjectKind, dataset: Dataset) -> list[Question]:
        """Questions about a dataset that open to the caller."""
        monthly = not dataset.profile and dataset.by_name[dataset.event_date].type.value == "month"
        return [
            Question(p.code, "", "", None, p, None, monthly)
            for p in self.rules.policy.questionnaire.predicates.values()
            if p.dataset == dataset.id and self._opens_question(kind, p, dataset)
        ]

    def read_by_questions(self, kind: SubjectKind, dataset: Dataset) -> Set[str]:
        """Fields that these read."""
        asked = self.questions(kind, dataset)
        return {name for q in asked if q.predicate for name in q.predicate.reads(dataset)}

    def _opens_question(self, kind: SubjectKind, predicate: Predicate, dataset: Dataset) -> bool:
        reads = [dataset.by_name[name] for name in predicate.reads(dataset)]
        return kind in predicate.subjects and all(self.outcome(kind, f) >= Outcome.PREDICATE for f in reads)

    def row(self, piece: Piece) -> ValidRow:
        """The row that intake makes of it."""
        record = piece.record
        shape = self._shapes.setdefault(record.dataset, RowShape(self.catalog.datasets[record.dataset]))
        return shape.row(SubjectRef(record.kind, record.identifier), dict(record.values), 1)

    def published(self, piece: Piece) -> bool:
        """Whether it is shown today to anybody, and lies within the range that the caller may look at."""
        if piece.state != "VALID" or piece.expired:
            return False
        row = self.row(piece)
        if row.visible_from is not None and row.visible_from > self.today:
            return False
        if row.visible_until is not None and row.visible_until <= self.today:
            return False
        dataset = self.catalog.datasets[piece.record.dataset]
        if dataset.profile or dataset.nature is Nature.BASIC:
            return True
        earliest = self.fair_use.earliest(self.today, dataset.id) or date.min
        if not self.asker.consent:
            return row.event_date >= earliest
        return max(earliest, RANGE_FROM) <= row.event_date <= self.asker.range_to

    def shows(self, piece: Piece) -> bool:
        """Whether it stands in a list of the caller's."""
        dataset = self.catalog.datasets[piece.record.dataset]
        return self.opens(piece.record.kind, dataset) and self.published(piece)

    def judged(self, piece: Piece) -> bool:
        """Whether a question of the caller's reads it."""
        dataset = self.catalog.datasets[piece.record.dataset]
        return bool(self.questions(piece.record.kind, dataset)) and self.published(piece)

    def key(self, piece: Piece) -> Key:
        """Its place among the records of its dataset."""
        record = piece.record
        subject_id = self._subjects.get(record.identifier)
        if subject_id is None:
            subject_id = self.indexer.subject_id(record.kind, record.identifier)
            self._subjects[record.identifier] = subject_id
        known = natural_key(self.catalog.datasets[record.dataset], record.values).encode()
        record_id = self.indexer.record_id(subject_id, record.dataset, known)
        return Key(self.row(piece).event_date, record_id)
