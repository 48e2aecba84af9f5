"""Pulls a department's own table or view in, by a mapping file, through the one intake there is.

Rules
- Rows are read in the order of the watermark and taken in batch by batch. A batch ends where the watermark changes, so
  that rows with one watermark stay together; it is one intake batch with its own entry in the log.
- The watermark moves when a batch is finished. A run that was killed repeats that batch: rows that landed are
  recognised by their content and counted as before, so nothing is lost and nothing doubled.
- The next run begins with the last watermark itself, because rows with the same one may have come since; those that
  are there already come out as unchanged.
- Without a watermark column the whole relation is read each time, as one batch.
- A watermark that lies in the future is read but not remembered: it would hide all that is still to come.
- A row whose change gets a watermark lower than one already read is not seen (a transaction that was open for long);
  `from_start` reads everything once more.
- A value of the source becomes the text of a cell, and from there everything is as with files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from hub.catalog.loader import header_key
from hub.catalog.types import Catalog, Dataset, FieldType
from hub.clock import Clock, civil_date
from hub.errors import ConfigurationError
from hub.intake.faults import Fault
from hub.intake.headers import map_headers
from hub.intake.mapping import PullMapping
from hub.intake.pipeline import Supply, take_in
from hub.intake.report import IntakeReport, Progress, Record
from hub.intake.rows import ValidRow
from hub.intake.source import MAX_CELL_CHARACTERS, CellFault, SourceRow
from hub.intake.suppliers import source_unit_supplier
from hub.intake.target import find_dataset, find_source_unit
from hub.intake.validate import RowValidator
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.policies.clocks import Clocks
from hub.store.database import Database
from hub.store.foreign import ForeignRelation, foreign_url

_CHINA = timezone(timedelta(hours=8))
_EXACT_DIGITS = 15
_READ_MARK = "SELECT watermark FROM intake_pull WHERE source = $1"
_WRITE_MARK = """
INSERT INTO intake_pull (source, watermark, pulled_at) VALUES ($1, $2, $3)
ON CONFLICT (source) DO UPDATE SET watermark = excluded.watermark, pulled_at = excluded.pulled_at
"""


@dataclass(slots=True)
class PullReport:
    """What a run did."""

    batches: list[IntakeReport] = field(default_factory=list)
    without_watermark: int = 0
    """Rows of the relation that have no watermark and were not read."""

    @property
    def quarantined(self) -> int:
        """Refused rows of all batches."""
        return sum(report.quarantined for report in self.batches)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would meet."""

    rows: int
    good: int
    faults: tuple[Fault, ...]
    """The first faults; their row numbers count the rows as they are read."""
    by_code: dict[str, int]


def relation_of(mapping: PullMapping) -> ForeignRelation:
    """The relation of a mapping, with its password from the environment.

    Raises:
        ConfigurationError: when the URL or the password is not as it must be.
    """
    password = os.environ.get(mapping.password_env, "") if mapping.password_env else ""
    if mapping.password_env and not password:
        raise ConfigurationError(
            f"The environment variable {mapping.password_env} is not set.",
            hint="Set it to the password of the account in `url`.",
            message_zh=f"未设置环境变量 {mapping.password_env}。",
        )
    url = foreign_url(mapping.url, password)
    return ForeignRelation(
        url, mapping.schema, mapping.relation, tuple(mapping.columns.values()), mapping.watermark
    )


async def pull(
    mapping: PullMapping,
    *,
    database: Database,
    catalog: Catalog,
    indexer: Indexer,
    sealer: Sealer,
    clock: Clock,
    quarantine_dir: Path,
    record: Record,
    progress: Progress | None = None,
    demo: bool = False,
    clocks: Clocks | None = None,
    from_start: bool = False,
) -> PullReport:
    """Read what is new and take it in.

    Args:
        mapping: from `read_mapping`.
        database: where the records go.
        catalog: the active catalogue.
        indexer: the ring's keyed hashes.
        sealer: the ring's sealer.
        clock: for checks, records and the watermark's time.
        quarantine_dir: folder for refused rows.
        record: called for each batch once its rows are in.
        progress: called after every chunk.
        demo: whether synthetic identifiers are accepted.
        clocks: working days, by which lateness is judged, and how long records are kept; None: plain weeks, for good.
        from_start: read everything once more.

    Raises:
        InputError, IntakeError, ConfigurationError: when mapping, source unit or relation is refused.
        UnavailableError: when one of the two databases goes away; run it again.
    """
    dataset = find_dataset(catalog, mapping.dataset)
    map_headers(dataset, mapping.fields)
    relation = relation_of(mapping)
    async with database.connection() as connection:
        unit = await find_source_unit(connection, mapping.source_unit, demo=demo)
        source_unit_supplier(catalog, dataset, unit)
        after = None if from_start else await _stored_mark(connection, mapping)
    report = PullReport(without_watermark=relation.without_watermark())
    pages = _Pages(mapping, dataset, relation.rows(after))
    try:
        while pages.more:
            page = pages.next(after, clock.now())
            done = await take_in(
                _supply(mapping, page, after), dataset.id, unit, database=database, catalog=catalog,
                indexer=indexer, sealer=sealer, clock=clock, quarantine_dir=quarantine_dir, progress=progress,
                record=record, demo=demo, clocks=clocks,
            )  # fmt: skip
            report.batches.append(done)
            if mapping.watermark and page.last is not None:
                after = page.last
                async with database.connection() as connection:
                    await connection.execute(_WRITE_MARK, mapping.key, _mark_text(after), clock.now())
    finally:
        pages.close()
    return report


async def _stored_mark(connection: Any, mapping: PullMapping) -> Any:
    """The watermark up to which the relation was read; None when it never was."""
    stored = await connection.fetchval(_READ_MARK, mapping.key)
    return None if stored is None else _mark_of(stored)


def _supply(mapping: PullMapping, page: _Page, after: Any) -> Supply:
    """A batch as supply; what it is known by is the watermark behind which it begins."""
    begins = "" if after is None else _mark_text(after)
    digest = hashlib.sha256(f"pull\0{mapping.key}\0{begins}".encode()).hexdigest()
    return Supply(f"pull:{mapping.relation}", lambda: digest, lambda _dataset: page)


def dry_run(
    mapping: PullMapping, catalog: Catalog, clock: Clock, *, demo: bool, rows: int, faults: int
) -> DryRun:
    """Read and check, and take nothing in.

    Args:
        mapping: from `read_mapping`.
        catalog: the active catalogue.
        clock: for the checks.
        demo: whether synthetic identifiers are accepted.
        rows: most rows to look at, from the start of the relation.
        faults: most faults to list.
    """
    dataset = find_dataset(catalog, mapping.dataset)
    header = map_headers(dataset, mapping.fields)
    validator = RowValidator(
        dataset, header, today=civil_date(clock.now()), demo=demo, known_codes=catalog.known_codes
    )
    pages = _Pages(mapping, dataset, relation_of(mapping).rows())
    count = good = 0
    found: list[Fault] = []
    by_code: dict[str, int] = {}
    try:
        for row in pages.all_rows():
            if count == rows:
                break
            count += 1
            checked = validator.check(row)
            if isinstance(checked, ValidRow):
                good += 1
                continue
            for fault in checked:
                by_code[fault.code] = by_code.get(fault.code, 0) + 1
            found += checked[: faults - len(found)]
    finally:
        pages.close()
    return DryRun(count, good, tuple(found), dict(sorted(by_code.items())))


class _Pages:
    """The rows of one cursor, cut into batches where the watermark changes."""

    def __init__(self, mapping: PullMapping, dataset: Dataset, rows: Iterator[Sequence[Any]]) -> None:
        self.mapping = mapping
        self.headers = mapping.fields
        self._constants = tuple(mapping.constants.values())
        self._cells = tuple(_reader(dataset, name, mapping.values.get(name, {})) for name in mapping.columns)
        self._rows = rows
        self._ahead: Sequence[Any] | None = next(rows, None)

    @property
    def more(self) -> bool:
        """Whether there is a row that was not given yet."""
        return self._ahead is not None

    def next(self, after: Any, now: datetime) -> _Page:
        """The batch behind the watermark `after`; to be read to its end before the one behind it."""
        return _Page(self, after, now)

    def take(self) -> Sequence[Any]:
        """The next raw row."""
        row = self._ahead
        assert row is not None
        self._ahead = next(self._rows, None)
        return row

    def mark(self) -> Any:
        """Watermark of the next row."""
        return self._ahead[-1] if self._ahead is not None else None

    def row(self, number: int, values: Sequence[Any]) -> SourceRow:
        """A raw row as cells."""
        cells: list[str] = []
        faults: list[CellFault] = []
        for position, (read, value) in enumerate(zip(self._cells, values, strict=False)):
            text, code = read(value)
            cells.append(text)
            if code:
                faults.append(CellFault(position, code))
        return SourceRow(number, (*cells, *self._constants), tuple(faults))

    def all_rows(self) -> Iterator[SourceRow]:
        """All rows as cells, numbered from 1."""
        number = 0
        while self.more:
            number += 1
            yield self.row(number, self.take())

    def close(self) -> None:
        """Give the cursor back."""
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()


class _Page:
    """One batch, read once."""

    def __init__(self, pages: _Pages, after: Any, now: datetime) -> None:
        self._pages = pages
        self._after = after
        self._now = now
        self.headers = pages.headers
        self.row_count: int | None = None
        self.last: Any = None
        """Watermark from which a later run goes on: that of the last row that was given and is not of the future."""

    def rows(self) -> Iterator[SourceRow]:
        """The rows of the batch, numbered from 1.

        Rows of the watermark it begins with are read again by a later run and not by the same one, so they do not
        count: a repeated batch ends where it ended before.
        """
        pages, number, counted = self._pages, 0, 0
        marked = bool(pages.mapping.watermark)
        before: Any = None
        while pages.more:
            mark = pages.mark()
            if marked and mark != before:
                if counted >= pages.mapping.batch_rows:
                    return
                _mark_text(mark)  # before its row is taken in
                before, self.last = mark, self.last if _to_come(mark, self._now) else mark
            number += 1
            counted += mark != self._after
            yield pages.row(number, pages.take())


Cell = Callable[[Any], tuple[str, str]]


def _reader(dataset: Dataset, name: str, translations: Any) -> Cell:
    """How a value of the source becomes the text of a cell of a field."""
    field_of = dataset.by_column.get(header_key(name))
    kind = field_of.type if field_of else FieldType.TEXT

    def read(value: Any) -> tuple[str, str]:
        text, code = _text(value, kind)
        return translations.get(text, text), code

    return read


def _text(value: Any, kind: FieldType) -> tuple[str, str]:
    """A value as text, and the code of its fault or an empty text."""
    match value:
        case None:
            return "", ""
        case str():
            return (value, "") if len(value) <= MAX_CELL_CHARACTERS else ("", "CELL_TOO_LARGE")
        case bool():
            return ("TRUE" if value else "FALSE"), ""
        case datetime():
            day = (value.astimezone(_CHINA) if value.tzinfo else value).date().isoformat()
            return day[:7] if kind is FieldType.MONTH else day, ""
        case date():
            return (value.isoformat()[:7] if kind is FieldType.MONTH else value.isoformat()), ""
        case Decimal() | float() if not isfinite(value):
            return "", "CELL_ERROR"
        case int() | Decimal():
            return format(value, "f") if isinstance(value, Decimal) else str(value), ""
        case float():
            digits = repr(value).partition("e")[0].replace(".", "").lstrip("-0")
            exact = len(digits) <= _EXACT_DIGITS and abs(value) < 10**_EXACT_DIGITS
            return (format(Decimal(repr(value)), "f"), "") if exact else ("", "DIGITS_LOST")
        case list() if all(isinstance(item, str) for item in value):
            return ";".join(value), ""
        case _:
            return "", "NESTED_VALUE"


def _to_come(mark: Any, now: datetime) -> bool:
    """Whether a watermark is a time that has not come yet; a day of grace for clocks and zones that are not said."""
    latest = now.astimezone(_CHINA) + timedelta(days=1)
    if isinstance(mark, str) and "-" in mark:
        try:
            mark = datetime.fromisoformat(mark)
        except ValueError:
            return False  # a text that is no time
    if isinstance(mark, datetime):
        return mark > (latest if mark.tzinfo else latest.replace(tzinfo=None))
    return isinstance(mark, date) and mark > latest.date()


def _mark_text(mark: Any) -> str:
    """A watermark as it is kept: its type and its value."""
    match mark:
        case datetime():
            return orjson.dumps(["datetime", mark.isoformat()]).decode()
        case date():
            return orjson.dumps(["date", mark.isoformat()]).decode()
        case Decimal() if mark.is_finite():
            return orjson.dumps(["decimal", str(mark)]).decode()
        case int() | str() if not isinstance(mark, bool):
            return orjson.dumps([type(mark).__name__, mark]).decode()
    raise ConfigurationError(
        "The watermark column is of a type that has no lasting order.",
        hint="Use a column of dates, times, whole or decimal numbers, or texts.",
        message_zh="增量列的类型不受支持，请使用日期、时间、整数、小数或文本列。",
    )


_MARKS: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "int": int,
    "str": str,
}


def _mark_of(text: str) -> Any:
    kind, value = orjson.loads(text)
    return _MARKS[kind](value)
