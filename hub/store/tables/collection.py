"""What sources sent, and how good it was."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, LargeBinary, Table, Text, text

from hub.store.tables.metadata import metadata

intake_batch = Table(
    "intake_batch",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("source_unit", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("rows_done", Integer, nullable=False, default=0),
    Column("inserted", Integer, nullable=False, default=0),
    Column("updated", Integer, nullable=False, default=0),
    Column("unchanged", Integer, nullable=False, default=0),
    Column("quarantined", Integer, nullable=False, default=0),
)

intake_request = Table(
    "intake_request",
    metadata,
    Column("institution", Text, primary_key=True, comment="USCC, or pseudonym of a subject that declares"),
    Column("request_id", Text, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("sha256", Text, nullable=False, comment="over dataset and rows"),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("answer", Text, comment="JSON, counts and codes only; null until the rows are in"),
    Index("intake_request_begun", "begun_at"),
)

intake_pull = Table(
    "intake_pull",
    metadata,
    Column("source", Text, primary_key=True, comment="SHA-256 over place, relation, dataset and source unit"),
    Column("watermark", Text, nullable=False, comment="JSON: type and value of the last one taken in"),
    Column("pulled_at", DateTime(timezone=True), nullable=False),
)

match_case = Table(
    "match_case",
    metadata,
    Column(
        "case_id", LargeBinary, primary_key=True, comment="keyed hash of source, dataset and row, 16 bytes"
    ),
    Column("dataset", Text, nullable=False),
    Column("source_unit", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("batch_row", Integer, nullable=False),
    Column("state", Text, nullable=False, comment="OPEN, ACCEPTED, REJECTED"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("kek_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, comment="key of the row; null once decided"),
    Column("sealed", Text, comment="the row, sealed; null once decided"),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Text, comment="client id"),
    Column("subject_id", LargeBinary, comment="whose it is, once accepted"),
    Index("match_case_open", "opened_at", "case_id", postgresql_where=text("state = 'OPEN'")),
)

quality_batch = Table(
    "quality_batch",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("source_unit", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("received_on", Date, nullable=False, comment="civil day of receipt"),
    Column("rows", BigInteger, nullable=False),
    Column("landed", BigInteger, nullable=False),
    Column("fresh", BigInteger, nullable=False, comment="rows that brought a new record"),
    Column("corrected", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("judged", BigInteger, nullable=False, comment="new records with a time limit"),
    Column("late", BigInteger, nullable=False),
    Column("wanted", BigInteger, nullable=False, comment="optional values that could have been given"),
    Column("filled", BigInteger, nullable=False),
    Column("resent", BigInteger, nullable=False, comment="rows sent again from a quarantine file"),
    Index("quality_batch_unit", "source_unit", "dataset", "received_on"),
    Index("quality_batch_day", "received_on"),
)

quality_fault = Table(
    "quality_fault",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("field", Text, primary_key=True, comment="header of the column; empty: the row as a whole"),
    Column("faults", BigInteger, nullable=False),
)
