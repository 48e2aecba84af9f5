"""Records that are handed to COPY ready encoded read back as what they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.catalog.types import Catalog, SubjectKind
from hub.intake.record_copy import COLUMNS, RecordEncoder, copy_records
from hub.intake.rows import Origin, SubjectRef, ValidRow
from hub.store.database import Database

from .intake_world import World

RECEIVED = {
    "a whole second": datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    "the last microsecond of a day": datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    "a time before the epoch of PostgreSQL": datetime(1999, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
}
ROWS = {
    "a negative record": (date(2026, 3, 5), "GENERAL", "DERIVED", date(2026, 3, 5), date(2027, 3, 6)),
    "a record without severity and window": (date(1970, 1, 1), None, None, None, None),
    "the earliest and the latest day": (date.min, "MINOR", "SOURCE", date.min, date.max),
}


@pytest.mark.parametrize("received", RECEIVED)
def test_every_field_of_a_record_reads_back(world: World, catalog: Catalog, received: str) -> None:
    dataset, at = catalog.datasets["government.penalty"], RECEIVED[received]
    encoder = RecordEncoder(Origin(dataset, "11460000DEM0050180", "b_1", at))
    subject = SubjectRef(SubjectKind.ORG, "x")
    rows = [ValidRow(n, subject, {}, *ROWS[name]) for n, name in enumerate(ROWS, 1)]
    clear, sealed = '{"content":"' + "罚" * 70_000 + '"}', '{"amount":"AQ=="}'
    encoded = [
        encoder.record(row, (b"s" * 16, bytes([row.number]) * 16), b"h" * 32, clear.encode(), sealed.encode())
        for row in rows
    ]
    expected = [
        (b"s" * 16, dataset.id, bytes([row.number]) * 16, 1, dataset.edition, row.event_date, row.severity,
         row.severity_source, "VALID", row.visible_from, row.visible_until, "11460000DEM0050180", "b_1",
         row.number, at, b"h" * 32, clear, sealed)
        for row in rows
    ]  # fmt: skip

    async def act(database: Database) -> list[tuple[object, ...]]:
        async with database.connection() as connection:
            await copy_records(connection, encoded)
            await copy_records(connection, [])
            found = await connection.fetch(f"SELECT {', '.join(COLUMNS)} FROM record ORDER BY batch_row")
            return [tuple(row) for row in found]

    assert world.run(act) == expected


def test_many_records_land_in_several_messages(world: World, catalog: Catalog) -> None:
    origin = Origin(catalog.datasets["government.penalty"], "u", "b_1", RECEIVED["a whole second"])
    encoder, subject = RecordEncoder(origin), SubjectRef(SubjectKind.ORG, "x")
    day = date(2026, 1, 1)
    rows = [
        ValidRow(n, subject, {}, day + timedelta(days=n), None, None, None, None) for n in range(1, 1_001)
    ]
    encoded = [encoder.record(r, (b"s" * 16, r.number.to_bytes(16, "big")), b"", b"{}", b"{}") for r in rows]

    async def act(database: Database) -> list[tuple[int, date]]:
        async with database.connection() as connection:
            await copy_records(connection, encoded)
            found = await connection.fetch("SELECT batch_row, event_date FROM record ORDER BY batch_row")
            return [tuple(row) for row in found]

    assert world.run(act) == [(row.number, row.event_date) for row in rows]
