"""Recalls, who is told, and where they are posted."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from hub.store.tables.metadata import metadata

recall = Table(
    "recall",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("recall_id", Text, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("record_id", LargeBinary, nullable=False),
    Column("cause", Text, nullable=False, comment="CORRECTED, REPAIRED, WITHDRAWN, EXPIRED, SHIELDED"),
    Column("version", Integer, nullable=False, comment="which a correction brought; 0 for other causes"),
    Column("fields", ARRAY(Text), comment="what a correction changed; null: the record as a whole"),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False, comment="client id, or who ran the command"),
    Column("scanned", BigInteger, nullable=False, comment="size of the log that recipients were sought in"),
    Column("withheld", Integer, nullable=False, comment="entries that no longer say what they showed"),
    Index("recall_record", "subject_id", "dataset", "record_id", "cause", "scanned"),
    Index("recall_issued", "issued_at"),
)

recall_notice = Table(
    "recall_notice",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("recall_id", Text, primary_key=True),
    Column("institution", Text, primary_key=True, comment="USCC of the recipient"),
    Column("position", BigInteger, nullable=False, comment="place in the feed: size of the log at the issue"),
    Column("document", JSON, nullable=False, comment="the signed recall"),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by", Text, comment="client id"),
    Index("recall_notice_feed", "institution", "position", "recall_id"),
    Index("recall_notice_recall", "recall_id", "institution"),
    Index(
        "recall_notice_unclosed",
        "position",
        "recall_id",
        "institution",
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
)

recall_endpoint = Table(
    "recall_endpoint",
    metadata,
    Column("institution", Text, primary_key=True, comment="USCC of the recipient"),
    Column("url", Text, nullable=False, comment="where its recalls are posted"),
    Column("set_at", DateTime(timezone=True), nullable=False),
    Column("set_by", Text, nullable=False),
)

recall_delivery = Table(
    "recall_delivery",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("recall_id", Text, primary_key=True),
    Column("institution", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("next_at", DateTime(timezone=True), comment="when it is tried again; null: never"),
    Column("delivered_at", DateTime(timezone=True)),
)

recall_sweep = Table(
    "recall_sweep",
    metadata,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False, comment="always 0: there is one row"),
    Column("swept_at", DateTime(timezone=True), nullable=False, comment="records before it were looked at"),
)
