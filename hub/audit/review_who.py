"""Who saw a subject, a dataset, a field or a record of it, and on what basis.

- Seen is what an entry shows to have left: fields in clear, masked or generalised, and yes/no questions about them.
  Operations that were refused, and reads of nothing but metadata, are not counted.
- Grouped by institution, client, person acting, purpose and basis; a basis is its kind, consent or matter. The case
  numbers of the group are listed beside.
- One look into the index of subjects: it costs what the subject's own entries cost, however long the log is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from hub.audit.entry import EntryOutcome, read_body
from hub.audit.review_filter import EntryFilter, FieldOutcome
from hub.audit.review_read import SECONDS, reading, rows
from hub.store.database import Database

MOST_LISTED = 100
"""Entries, and case numbers, listed for each group; the newest."""


class Viewer(NamedTuple):
    """Who saw, and on what ground."""

    institution: str
    caller: str
    person: str
    """Pseudonym of the person acting; may be empty."""
    purpose: str
    basis: str
    """Kind of basis."""
    consent: str
    matter: str


@dataclass
class Sighting:
    """What one viewer saw, all together."""

    viewer: Viewer
    first: datetime
    last: datetime
    times: int = 0
    """Operations."""
    how: set[FieldOutcome] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)
    entries: list[int] = field(default_factory=list)
    """Indices, newest first, at most 100."""
    references: list[str] = field(default_factory=list)
    """Case or file numbers of the caller, at most 100."""


@dataclass(frozen=True)
class Sightings:
    """The answer for one subject."""

    viewers: Sequence[Sighting]
    """The latest first."""
    withheld: int
    """Disclosures to this subject's account whose entry is withheld; who saw what cannot be told of them."""


async def who_saw(database: Database, wanted: EntryFilter, *, seconds: float = SECONDS) -> Sightings:
    """Who saw this.

    Args:
        database: where the log lies.
        wanted: the subject; and, to narrow, dataset, field, record (with a field: both were shown by the same
            operation) and time.
        seconds: longest time.

    Raises:
        InputError: when it would take longer.
        UnavailableError: when the database is away.
    """
    wanted = replace(wanted, outcome=EntryOutcome.DISCLOSED)
    found: dict[Viewer, Sighting] = {}
    withheld = 0
    async with reading(database, seconds) as connection:
        async for row in rows(connection, wanted):
            if row["body"] is None:
                withheld += 1
                continue
            for viewer, parts in _seen(read_body(row["body"]), wanted).items():
                _add(found.setdefault(viewer, Sighting(viewer, row["at"], row["at"])), row, parts)
    return Sightings(sorted(found.values(), key=lambda s: (s.last, s.times), reverse=True), withheld)


class _Part(NamedTuple):
    shown: Mapping[str, Sequence[str]]
    """Outcome to datasets."""
    reference: str


def _add(seen: Sighting, row: Any, parts: Sequence[_Part]) -> None:
    seen.times += 1
    seen.first, seen.last = min(seen.first, row["at"]), max(seen.last, row["at"])
    if len(seen.entries) < MOST_LISTED:
        seen.entries.append(row["idx"])
    for part in parts:
        seen.how |= {FieldOutcome(word) for word in part.shown}
        seen.datasets |= {dataset for names in part.shown.values() for dataset in names}
        listed = part.reference in seen.references or len(seen.references) >= MOST_LISTED
        if part.reference and not listed:
            seen.references.append(part.reference)


def _seen(body: Mapping[str, Any], wanted: EntryFilter) -> dict[Viewer, list[_Part]]:
    """The parts of an entry that showed something of what is asked about, by viewer."""
    found: dict[Viewer, list[_Part]] = {}
    for part in wanted.parts(body):
        shown = _shown(part["fields"] or {}, wanted.dataset, wanted.field)
        if part["outcome"] == EntryOutcome.DISCLOSED and shown:
            basis = part["basis"] or {}
            viewer = Viewer(
                body["institution"], body["caller"], body["operator"], part.get("purpose") or body["purpose"],
                basis.get("kind", ""), basis.get("consent", ""), basis.get("matter", ""),
            )  # fmt: skip
            found.setdefault(viewer, []).append(_Part(shown, basis.get("reference", "")))
    return found


def _shown(
    fields: Mapping[str, Mapping[str, Sequence[str]]], dataset: str | None, name: str | None
) -> dict[str, list[str]]:
    """Outcome to datasets, of what left and is asked about."""
    of, _, last = name.rpartition(".") if name is not None else ("", "", "")
    found = {}
    for word, by_dataset in fields.items():
        if word == FieldOutcome.WITHHELD:
            continue
        named = [
            d
            for d, names in by_dataset.items()
            if dataset in (None, d) and (name is None or (d == of and last in names))
        ]
        if named:
            found[word] = named
    return found
