"""Policies, and the counters of what they cap."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.store.tables.metadata import metadata

policy_revision = Table(
    "policy_revision",
    metadata,
    Column("revision", Text, primary_key=True, comment="sha256: over the files"),
    Column("files", JSONB, nullable=False, comment="file name to text"),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("published_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)

policy_active = Table(
    "policy_active",
    metadata,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False, comment="always 0: there is one row"),
    Column("revision", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="one more with each change"),
    Column("activated_at", DateTime(timezone=True), nullable=False),
    Column("activated_by", Text, nullable=False),
)

policy_history = Table(
    "policy_history",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, comment="as policy_active counts"),
    Column("revision", Text, nullable=False),
    Column("activated_at", DateTime(timezone=True), nullable=False),
    Column("activated_by", Text, nullable=False),
    Index("policy_history_time", "activated_at"),
)

question_count = Table(
    "question_count",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("institution", Text, primary_key=True, comment="USCC of the organisation that asks"),
    Column("window_start", Date, primary_key=True, comment="first civil day of the window"),
    Column("asked", Integer, nullable=False, comment="questions asked in the window"),
    Column("thresholds", ARRAY(Text), nullable=False, comment="family, question and threshold, each once"),
    Index("question_count_window", "window_start"),
)

quota_count = Table(
    "quota_count",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True, comment="empty: all subjects together"),
    Column("institution", Text, primary_key=True, comment="USCC of the organisation that asks"),
    Column("purpose", Text, primary_key=True),
    Column("dataset", Text, primary_key=True, comment="empty: whatever is shown"),
    Column("unit", Text, primary_key=True, comment="HOUR, DAY, MONTH, YEAR"),
    Column("window_start", DateTime(timezone=True), primary_key=True, comment="in civil time, UTC+8"),
    Column("used", Integer, nullable=False, comment="answers given in the window"),
    Index("quota_count_window", text("timezone('UTC', window_start)")),  # serves the purge, and nothing else
    postgresql_with={"fillfactor": 80},  # counting up finds room in the same page and touches no index
)
