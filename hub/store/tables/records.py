"""Subjects and the records about them."""

from __future__ import annotations

from sqlalchemy import Column, Date, DateTime, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from hub.store.tables.metadata import metadata

subject = Table(
    "subject",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True, comment="keyed hash of the identifier, 16 bytes"),
    Column("kind", Text, nullable=False, comment="ORG or PERSON"),
    Column("identifier_sealed", Text, nullable=False, comment="the USCC or resident id, sealed"),
    Column("kek_id", Text, nullable=False, comment="key-encryption key that wraps the data key"),
    Column("wrapped_key", LargeBinary, comment="the subject's data key, wrapped; null once destroyed"),
    Column("division_code", Text, comment="county tenant, GB/T 2260"),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

subject_alias = Table(
    "subject_alias",
    metadata,
    Column("alias_hash", LargeBinary, primary_key=True, comment="keyed hash of scheme and code, 16 bytes"),
    Column("scheme", Text, primary_key=True),
    Column("subject_id", LargeBinary, primary_key=True, comment="a code that leads to two leads nowhere"),
)

record = Table(
    "record",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("dataset", Text, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True, comment="keyed hash of the natural key, 16 bytes"),
    Column("version", Integer, nullable=False, comment="1 for the first, one more for each correction"),
    Column("edition", Text, nullable=False, comment="catalogue edition under which it came in"),
    Column("event_date", Date, nullable=False),
    Column("severity", Text, comment="MINOR, GENERAL, SERIOUS; negative records only"),
    Column("severity_source", Text, comment="SOURCE or DERIVED"),
    Column("state", Text, nullable=False, comment="VALID, REVOKED, REPAIRED, SHIELDED, ARCHIVED"),
    Column("visible_from", Date),
    Column("visible_until", Date, comment="first civil date on which it is no longer shown; null: no end"),
    Column("source_unit", Text, nullable=False, comment="USCC or code of the source unit"),
    Column("batch_id", Text, nullable=False, comment="intake batch"),
    Column("batch_row", Integer, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("content_hash", LargeBinary, nullable=False, comment="keyed hash of the normalised content"),
    Column("clear", JSON, nullable=False),
    Column("sealed", JSON, nullable=False, comment="field name to base64 ciphertext"),
    Column("marks", JSON, comment="its marks in force, from record_mark; null: none"),
    Index("record_report", "subject_id", "dataset", "event_date", "record_id"),
)

record_history = Table(
    "record_history",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("dataset", Text, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("edition", Text, nullable=False),
    Column("event_date", Date, nullable=False),
    Column("severity", Text),
    Column("severity_source", Text),
    Column("state", Text, nullable=False),
    Column("visible_from", Date),
    Column("visible_until", Date),
    Column("source_unit", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("batch_row", Integer, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("replaced_at", DateTime(timezone=True), nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("clear", JSON, nullable=False),
    Column("sealed", JSON, nullable=False),
)

record_mark = Table(
    "record_mark",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("mark_id", Text, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("record_id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False, comment="see hub.disclosure.marks"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), comment="null: in force"),
    Column("case_id", Text, comment="the objection it comes from"),
    Column("client_id", Text, nullable=False, comment="who set it"),
    Column("quotes", ARRAY(Text), comment="fields of the record whose values a statement quotes"),
    Column("sealed", Text, comment="a statement, sealed under the subject's key"),
    Index(
        "record_mark_in_force", "subject_id", "dataset", "record_id", "kind",
        unique=True, postgresql_where=text("ended_at IS NULL"),
    ),
)  # fmt: skip

record_lineage = Table(
    "record_lineage",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("dataset", Text, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column(
        "mark", Text, primary_key=True, comment="how its subject was found, when not by its own valid code"
    ),
    Column("reference", Text, nullable=False, comment="the merge that led here; else empty"),
    Index("record_lineage_reference", "reference", postgresql_where=text("reference <> ''")),
)

record_hold = Table(
    "record_hold",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("dataset", Text, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True),
    Column("hold_id", Text, primary_key=True),
    Column("kind", Text, nullable=False, comment="LITIGATION or INVESTIGATION"),
    Column("reference", Text, nullable=False, comment="number of the case"),
    Column("review_on", Date, comment="civil date on which somebody looks whether it is still needed"),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("released_at", DateTime(timezone=True)),
    Column("released_by", Text),
)

blind_index = Table(
    "blind_index",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("token", LargeBinary, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True),
    Index("blind_index_lookup", "field", "token"),
)
