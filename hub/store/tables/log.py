"""The audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.tables.metadata import metadata

log_state = Table(
    "log_state",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("origin", Text, nullable=False, comment="C2SP checkpoint origin line"),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column(
        "frontier",
        LargeBinary,
        nullable=False,
        comment="right edge of the tree, 32-byte hashes, highest first",
    ),
    Column("checkpoint", Text, nullable=False, comment="signed note over origin, size, root"),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

log_entry = Table(
    "log_entry",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("idx", BigInteger, primary_key=True),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, comment="canonical JSON; null once withheld or shredded"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("caller", Text, nullable=False, comment="client id"),
    Column("purpose", Text, nullable=False),
    Column("outcome", Text, nullable=False, comment="DISCLOSED, REFUSED, INVALID, DONE"),
    Column("subjects", ARRAY(LargeBinary), nullable=False, comment="pseudonymous subject ids"),
    Column("entry_id", Text, nullable=False),
    Index("log_entry_subjects", "subjects", postgresql_using="gin"),
    Index("log_entry_caller", "log_id", "caller", "idx"),
    Index("log_entry_id", "entry_id"),
    Index(
        "log_entry_span", "idx", "at", postgresql_using="brin", postgresql_with={"autosummarize": True}
    ),  # which indices an hour may lie at: a few bytes for each megabyte of entries
    postgresql_with={"toast_tuple_target": 8160},  # entries of usual size stay in the row, uncompressed
)

log_node = Table(
    "log_node",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("level", SmallInteger, primary_key=True, comment="subtrees of 16^level entries; from 1"),
    Column("idx", BigInteger, primary_key=True, comment="which of them, from the left"),
    Column("hash", LargeBinary, nullable=False, comment="root of the subtree, made from the leaf hashes"),
)

log_announced = Table(
    "log_announced",
    metadata,
    Column("what", Text, primary_key=True, comment="keys, catalogue"),
    Column("state", Text, nullable=False, comment="canonical JSON: ids, purposes and states, or a revision"),
    Column("announced_at", DateTime(timezone=True), nullable=False),
)

log_pruning = Table(
    "log_pruning",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("act", BigInteger, primary_key=True, comment="index of the entry audit.prune"),
)

log_hold = Table(
    "log_hold",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("act", BigInteger, primary_key=True, comment="index of the entry audit.hold"),
    Column("subject_id", LargeBinary, comment="null: any"),
    Column("caller", Text, nullable=False, comment="client id; empty: any"),
    Column("since", Text, nullable=False, comment="first civil month; empty: from the beginning"),
    Column("until", Text, nullable=False, comment="last civil month; empty: no end"),
    Column("reference", Text, nullable=False, comment="number of the case"),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("released_at", DateTime(timezone=True)),
)
