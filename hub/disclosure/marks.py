"""Marks: what is said of a record beside it, and goes with it to everybody who gets it (异议标注、声明).

* DISPUTED: its subject objects, and the objection is not settled; measures that rest on the record are not carried
  out until it is. BOTH_VIEWS: the objection could not be settled, and that is put on record (regulation on credit
  reporting art. 25). STATEMENT: the subject has something to say (art. 16). IN_RECONSIDERATION, IN_LITIGATION: the
  decision behind it is before an authority or a court (Shenzhen credit regulation art. 43).
* Whoever gets a record gets its marks: in its field `marks` where that is asked for, and always under
  `extensions.disclosure.marked`, so that nobody can leave them out. Of a record that does not show, neither shows.
* The text of a statement is opened only where it is asked for. One that quotes values of the record names their
  fields, and is null for callers who do not see each of those in clear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from hub.disclosure.selection import Selected
from hub.keys.sealing import DataKey, aad_prefix

FIELD = "marks"
"""Name of the field of a record, and of a subject for its profile."""
TYPE = "RecordMark"
PUT_MARKS = """UPDATE record SET marks = (
    SELECT json_agg(json_strip_nulls(json_build_object(
        'id', m.mark_id, 'kind', m.kind, 'quotes', m.quotes, 'sealed', m.sealed,
        'since', to_char(m.since AT TIME ZONE 'UTC' + interval '8 hours', 'YYYY-MM-DD')))
      ORDER BY m.since, m.kind)
    FROM record_mark m
    WHERE m.subject_id = $1 AND m.dataset = $2 AND m.record_id = $3 AND m.ended_at IS NULL)
WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"""
"""Repeats the marks in force beside their record; subject id, dataset, record id."""


class MarkKind(StrEnum):
    """What a mark says."""

    DISPUTED = "DISPUTED"
    BOTH_VIEWS = "BOTH_VIEWS"
    STATEMENT = "STATEMENT"
    IN_RECONSIDERATION = "IN_RECONSIDERATION"
    IN_LITIGATION = "IN_LITIGATION"


class Mark(NamedTuple):
    """A mark as it is shown."""

    kind: str
    since: str
    """Civil date."""
    statement: str | None


class StoredMark(msgspec.Struct, frozen=True):
    """A mark as it is stored with its record."""

    id: str
    kind: str
    since: str
    quotes: frozenset[str] = frozenset()
    """Fields of the record whose values the statement quotes."""
    sealed: str | None = None


_decode = msgspec.json.Decoder(list[StoredMark]).decode


def statement_aad(record: tuple[bytes, str, bytes], mark_id: str) -> bytes:
    """Additional data of a statement: record and mark. Versions of records begin at 1, so it is no field's place.

    Args:
        record: subject id, dataset, record id.
        mark_id: of the mark.
    """
    return aad_prefix(*record, 0) + mark_id.encode()


def read_marks(
    stored: str, key: DataKey, record: tuple[bytes, str, bytes], beside: frozenset[str] | None
) -> tuple[tuple[Mark, ...], int]:
    """The marks of a record, and how many statements were opened.

    Args:
        stored: the record's marks, in stored form.
        key: the subject's data key.
        record: subject id, dataset, record id.
        beside: fields that the caller sees in clear; None: statements are not asked for.

    Raises:
        SealError: when a statement does not open.
    """
    marks: list[Mark] = []
    opened = 0
    for mark in _decode(stored):
        text = None
        if mark.sealed is not None and beside is not None and mark.quotes <= beside:
            text = key.unseal(statement_aad(record, mark.id), mark.sealed).decode()
            opened += 1
        marks.append(Mark(mark.kind, mark.since, text))
    return tuple(marks), opened


def marks_shape(node: Selected) -> Callable[[Sequence[Mark] | None], list[dict[str, Any]]]:
    """What takes marks to the value of the field that asks for them."""
    names = [(child.key, child.name) for child in node.children]

    def shaped(marks: Sequence[Mark] | None) -> list[dict[str, Any]]:
        return [
            {key: TYPE if name == "__typename" else getattr(mark, name) for key, name in names}
            for mark in marks or ()
        ]

    return shaped


def asks_for_statement(node: Selected) -> bool:
    """Whether the texts of statements are asked for."""
    return any(child.name == "statement" for child in node.children)


def marked_json(path: str, index: int | None, marks: Sequence[Mark]) -> Mapping[str, Any]:
    """What `extensions.disclosure.marked` says of one record.

    Args:
        path: of its list, or of the subject for its profile.
        index: its place among the records of the list; None: the profile.
        marks: its marks.
    """
    return {"index": index, "kinds": list(dict.fromkeys(mark.kind for mark in marks)), "path": path}
