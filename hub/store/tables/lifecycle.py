"""Cases about records, and what subjects and sources are told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, LargeBinary, Table, Text, text

from hub.store.tables.metadata import metadata

lifecycle_case = Table(
    "lifecycle_case",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("kind", Text, nullable=False, comment="REPAIR, OBJECTION, WITHDRAWAL, SHIELD"),
    Column("dataset", Text, nullable=False),
    Column("record_id", LargeBinary, nullable=False),
    Column("record_version", Integer, nullable=False, comment="version it was opened about"),
    Column("source_unit", Text, nullable=False, comment="source unit of the record"),
    Column("state", Text, nullable=False, comment="see hub.lifecycle.case"),
    Column("ground", Text, nullable=False, comment="why it was opened"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("due_on", Date, comment="last civil date of the next act; null once closed"),
    Column("decide_by", Date, nullable=False, comment="last civil date of the decision"),
    Column("decided_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True), comment="when a repair was taken back"),
    Column("events", Integer, nullable=False, comment="number of the newest event"),
    Index("lifecycle_case_by_id", "case_id"),
    Index("lifecycle_case_due", "due_on", "case_id", postgresql_where=text("due_on IS NOT NULL")),
    Index(
        "lifecycle_case_open", "subject_id", "dataset", "record_id", "kind",
        unique=True, postgresql_where=text("due_on IS NOT NULL"),
    ),
)  # fmt: skip

lifecycle_event = Table(
    "lifecycle_event",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, comment="1 for the opening"),
    Column("act", Text, nullable=False),
    Column("state", Text, nullable=False, comment="of the case, afterwards"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("client_id", Text, nullable=False, comment="who did it"),
    Column("institution", Text, nullable=False),
    Column("operator", Text, nullable=False, comment="pseudonym of the person; empty when not named"),
    Column("reason", Text, nullable=False, comment="code; empty where the act needs none"),
    Column("sealed", Text, nullable=False, comment="what was written, sealed under the subject's key"),
)

notice = Table(
    "notice",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    Column("recipient", Text, nullable=False, comment="USCC of an institution; empty: the subject"),
    Column("position", BigInteger, nullable=False, comment="place in the feed: size of the log"),
    Column("code", Text, nullable=False, comment="of the template"),
    Column("case_id", Text, nullable=False, comment="empty when it is about no case"),
    Column("dataset", Text, nullable=False),
    Column("record_id", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("sealed", Text, nullable=False, comment="title and text, sealed under the subject's key"),
    Column("read_at", DateTime(timezone=True)),
    Column("read_by", Text, comment="client id"),
    Index("notice_feed", "recipient", "position", "notice_id"),
    Index("notice_by_id", "notice_id"),
)
