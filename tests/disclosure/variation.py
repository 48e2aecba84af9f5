"""The other world: the same records but for what a caller may not see.

Varied, as far as the caller does not see it:

- every withheld value, its length and whether it is there at all; of a masked or generalised value everything that
  the mask or the band does not show;
- fields of the natural key: the record's id changes with them, so ids and cursors are compared by which record they
  stand for. The ids are keyed hashes, without the key as good as drawn by lot, and so is an order by them: the new
  key is one that keeps the record's place (see `not varied`);
- event dates, within the range that consent and fair-use template cut the data to;
- severity, state, publication window, batch, source unit, time of receipt and earlier versions;
- everything of records that do not show: of lists that are shut as a whole, of withdrawn, expired and archived
  records, of those out of range. They are dropped, altered, and joined by others.

Not varied, because it shows lawfully:

- on which side of the range of data an event date lies, of a dataset of which anything shows, though the date be
  withheld: the caller's range decides which records it gets, and the answer states the range. So each record in it
  tells that its date lies in it, and when the range of the fair-use template has moved on, that it did until then;
- the place of a record in an order by record id: where dates are withheld or equal, a list is in an order that the
  ring's key draws. It follows from no value without the key; a natural key that is corrected makes it another record;
- whether a masked or generalised value is there, also where the coarser value is null (a text that is no address):
  it is opened to be made coarser, and the entry counts what was opened;
- answers to questions that the caller may ask, and how many records stand behind them: each of these is read and
  opened in full, so the work grows with their number; neither shows in the answer or the entry. Values that no
  answer depends on are varied, and summed ones are exchanged between records of one period;
- how many entries the log has: a transparency log is counted by whoever holds two receipts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hub.catalog.types import Dataset, Field, FieldType, Role
from hub.model.outcome import Outcome

from .other_values import other_values
from .sight import Key, Piece, Sight

_TRIES, _TRIES_OF_KEYS = 12, 250
_WINDOW_ROLES = (Role.SEVERITY, Role.PUBLICATION_END)
_WINDOW_FIELDS = ("penaltyTypes", "fineAmount")
"""From these, and from the date, intake derives how long a record is published."""
_STATES = ("REVOKED", "REPAIRED", "ARCHIVED")


@dataclass
class Line:
    """Pieces of one dataset of one subject that are in an order, newest first, with the keys they have now."""

    keys: dict[int, Key]
    dated: bool
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = sorted(self.keys, key=lambda number: self._place(self.keys[number]), reverse=True)

    def holds(self, number: int, key: Key) -> bool:
        """Whether a piece keeps its place under another key."""
        if number not in self.keys:
            return True
        at = self.order.index(number)
        newer = [self.keys[n] for n in self.order[max(0, at - 1) : at]]
        older = [self.keys[n] for n in self.order[at + 1 : at + 2]]
        place = self._place(key)
        return all(self._place(k) > place for k in newer) and all(self._place(k) < place for k in older)

    def take(self, number: int, key: Key) -> None:
        """Remember the key that a piece has now."""
        if number in self.keys:
            self.keys[number] = key

    def _place(self, key: Key) -> tuple[Any, ...]:
        return tuple(key) if self.dated else (key.record_id,)


@dataclass
class Variation:
    """Makes the records of the other world."""

    sight: Sight
    rng: Random
    varied: Counter[str] = field(default_factory=Counter)
    """How often what was varied."""
    renamed: dict[bytes, bytes] = field(default_factory=dict)
    """Record ids of the other world whose record has another id in the first."""
    redated: list[tuple[Key, Key]] = field(default_factory=list)
    """Places of the other world and the first, of records that show and whose place changed."""

    def other(self, pieces: Iterable[Piece]) -> list[Piece]:
        """The pieces of the other world."""
        groups: dict[Any, list[Piece]] = defaultdict(list)
        for piece in pieces:
            groups[piece.group].append(piece)
        return [piece for group in groups.values() for piece in self._group(group)]

    def _group(self, pieces: Sequence[Piece]) -> list[Piece]:
        sight, dataset = self.sight, self.sight.catalog.datasets[pieces[0].record.dataset]
        kind = pieces[0].record.kind
        before = [sight.key(piece) for piece in pieces]
        shows = {n: before[n] for n, p in enumerate(pieces) if sight.shows(p)}
        judged = {n: before[n] for n, p in enumerate(pieces) if sight.judged(p)}
        lines = [Line(shows, sight.dated(kind, dataset)), Line(judged, True)]
        taken = {key.record_id for key in before}
        found: list[Piece] = []
        for number in self.rng.sample(range(len(pieces)), len(pieces)):
            piece = pieces[number]
            free = number not in shows and number not in judged
            if free and not dataset.profile and self.rng.random() < 0.3:
                self.varied["record dropped"] += 1
                continue
            other = self._altered(piece, number, lines, taken)
            if free and not dataset.profile and self.rng.random() < 0.2:
                found += self._added(other, taken)
            self._note(before[number], other, number in shows)
            found.append(other)
        return self._exchanged(found, judged, dataset)

    def _altered(self, piece: Piece, number: int, lines: Sequence[Line], taken: set[bytes]) -> Piece:
        """The piece with everything changed that may change."""
        sight, record = self.sight, piece.record
        dataset = sight.catalog.datasets[record.dataset]
        mark = sight.shows(piece), sight.judged(piece)
        kept = sight.read_by_questions(record.kind, dataset) if mark[1] else frozenset()
        for item in self.rng.sample(dataset.fields, len(dataset.fields)):
            if item.name in kept or self.rng.random() < 0.1:
                continue
            piece = self._field(piece, item, number, lines, taken, mark)
        if not any(mark) and (not self._free_anyway(piece) or self.rng.random() < 0.5):
            piece = replace(piece, state=self.rng.choice(_STATES))
            self.varied["state"] += 1
        return piece

    def _free_anyway(self, piece: Piece) -> bool:
        return not self.sight.shows(piece) and not self.sight.judged(piece)

    def _field(
        self,
        piece: Piece,
        item: Field,
        number: int,
        lines: Sequence[Line],
        taken: set[bytes],
        mark: tuple[bool, bool],
    ) -> Piece:
        """The piece with another value of a field, if there is one that does not show."""
        sight, record = self.sight, piece.record
        dataset, value = sight.catalog.datasets[record.dataset], record.values.get(item.name)
        outcome = sight.outcome(record.kind, item) if mark[0] else Outcome.WITHHELD
        if outcome is Outcome.CLEAR or (outcome >= Outcome.GENERALISED and value is None):
            return piece
        in_key = item.name in dataset.natural_key
        fixed = in_key or item.name == dataset.event_date
        if value is not None and outcome < Outcome.GENERALISED and not fixed and self.rng.random() < 0.25:
            gone = _with(piece, item, None)
            if self._fits(gone, item, mark):
                self.varied["value absent"] += 1
                return gone
        tries = other_values(item, value, self.rng)
        for _ in range(_TRIES_OF_KEYS if fixed else _TRIES):
            fresh = next(tries)
            if fresh == value or (
                outcome >= Outcome.GENERALISED
                and sight.shown(record.kind, item, fresh) != sight.shown(record.kind, item, value)
            ):
                continue
            other = _with(piece, item, fresh)
            if self._fits(other, item, mark) and (
                not fixed or self._moved(piece, other, number, lines, taken)
            ):
                self._count(item, outcome, in_key, fixed, mark)
                return other
        return piece

    def _moved(
        self, piece: Piece, other: Piece, number: int, lines: Sequence[Line], taken: set[bytes]
    ) -> bool:
        """Whether a piece keeps its place under the key that it has now, which nothing else has."""
        key, before = self.sight.key(other), self.sight.key(piece)
        if key.record_id != before.record_id and key.record_id in taken:
            return False
        if not all(line.holds(number, key) for line in lines):
            return False
        for line in lines:
            line.take(number, key)
        taken.add(key.record_id)
        return True

    def _count(
        self, item: Field, outcome: Outcome, in_key: bool, fixed: bool, mark: tuple[bool, bool]
    ) -> None:
        if not any(mark):
            word = "value of a record that does not show"
        elif in_key:
            word = "natural key"
        elif fixed:
            word = "event date"
        else:
            word = {Outcome.MASKED: "masked value", Outcome.GENERALISED: "generalised value"}.get(
                outcome, "withheld value"
            )
        self.varied[word] += 1
        if item.type is FieldType.MONTH and any(mark) and in_key:
            self.varied["event date"] += 1

    def _fits(self, piece: Piece, item: Field, mark: tuple[bool, bool]) -> bool:
        """Whether a piece shows, and is judged, as before."""
        if item.role not in _WINDOW_ROLES and item.name not in (
            *_WINDOW_FIELDS,
            self.sight.catalog.datasets[item.dataset].event_date,
        ):
            return True
        return (self.sight.shows(piece), self.sight.judged(piece)) == mark

    def _added(self, piece: Piece, taken: set[bytes]) -> list[Piece]:
        """One or two more records like one that does not show."""
        found = []
        for number in range(self.rng.choice((1, 2))):
            other = rekeyed(self.sight, piece, f"{number}{self.rng.randrange(10**6)}")
            key = self.sight.key(other)
            if key.record_id not in taken and self._free_anyway(other):
                taken.add(key.record_id)
                self.varied["record added"] += 1
                found.append(other)
        return found

    def _note(self, before: Key, other: Piece, shows: bool) -> None:
        after = self.sight.key(other)
        if shows and after != before:
            self.renamed[after.record_id] = before.record_id
            self.redated.append((after, before))

    def _exchanged(self, pieces: list[Piece], judged: dict[int, Key], dataset: Dataset) -> list[Piece]:
        """The pieces with summed values exchanged, where a question adds them up and they do not show."""
        kind = pieces[0].record.kind if pieces else None
        if kind is None or not judged:
            return pieces
        asked = self.sight.questions(kind, dataset)
        summed = {q.predicate.summed for q in asked if q.predicate is not None and q.predicate.summed}
        for name in sorted(summed):
            if self.sight.outcome(kind, dataset.by_name[name]) >= Outcome.GENERALISED:
                continue
            alike: dict[Any, list[int]] = defaultdict(list)
            for number, piece in enumerate(pieces):
                if self.sight.judged(piece) and name in piece.record.values:
                    alike[self._class(piece, asked)].append(number)
            for numbers in alike.values():
                values = [pieces[n].record.values[name] for n in numbers]
                for number, value in zip(numbers, [*values[1:], *values[:1]], strict=True):
                    self.varied["summed value"] += value != pieces[number].record.values[name]
                    pieces[number] = _with(pieces[number], dataset.by_name[name], value)
        return pieces

    def _class(self, piece: Piece, asked: Sequence[Any]) -> tuple[Any, ...]:
        """What two pieces share that no question tells apart but by the summed value."""
        day, today = self.sight.row(piece).event_date, self.sight.today
        periods = [q.period(today) for q in asked]
        marks = [repr(piece.record.values.get(q.predicate.where.field)) for q in asked if q.predicate.where]
        return (*(start <= day <= end for start, end in periods), *marks)


def _with(piece: Piece, item: Field, value: Any) -> Piece:
    values = {**piece.record.values, item.name: value}
    if value is None:
        del values[item.name]
    return replace(piece, record=piece.record._replace(values=values))


def rekeyed(sight: Sight, piece: Piece, mark: str) -> Piece:
    """A record like a piece, under another natural key; the same piece where no other key can be made."""
    record = piece.record
    dataset = sight.catalog.datasets[record.dataset]
    for wanted in (FieldType.TEXT, FieldType.INTEGER, FieldType.MONTH, FieldType.DATE):
        for name in dataset.natural_key:
            if dataset.by_name[name].type is wanted:
                value = _marked(wanted, record.values[name], mark)
                return replace(piece, record=record._replace(values={**record.values, name: value}))
    return piece


def _marked(kind: FieldType, value: Any, mark: str) -> Any:
    number = sum(int(c) for c in mark if c.isdigit()) + 1
    if kind is FieldType.TEXT:
        return f"{value}-{mark}"
    if kind is FieldType.INTEGER:
        return int(value) - 10 - number
    year = int(str(value)[:4]) - 8 - 4 * (number % 4)  # by whole cycles of leap years
    return f"{year:04d}{str(value)[4:]}"
