"""Whose a code or a name is: merges of subjects, names of organisations."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, text

from hub.store.tables.metadata import metadata

subject_redirect = Table(
    "subject_redirect",
    metadata,
    Column(
        "subject_id", LargeBinary, primary_key=True, comment="legacy codes of this subject lead elsewhere"
    ),
    Column("winning_id", LargeBinary, nullable=False),
    Column("merge_id", Text, nullable=False),
    Index("subject_redirect_winner", "winning_id"),
)

subject_merge = Table(
    "subject_merge",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True, comment="the losing subject"),
    Column("merge_id", Text, primary_key=True),
    Column("winning_id", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, comment="PROPOSED, REFUSED, IN_FORCE, UNDO_PROPOSED, UNDONE"),
    Column("reason", Text, nullable=False, comment="code"),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("moved_at", DateTime(timezone=True), nullable=False, comment="of the newest step"),
    Column("client_id", Text, nullable=False, comment="who made the newest proposal"),
    Column("institution", Text, nullable=False),
    Column("operator", Text, nullable=False, comment="pseudonym of the person; empty when not named"),
    Index("subject_merge_by_id", "merge_id", unique=True),
    Index(
        "subject_merge_open",
        "subject_id",
        unique=True,
        postgresql_where=text("state IN ('PROPOSED', 'IN_FORCE', 'UNDO_PROPOSED')"),
    ),
)

organization_name = Table(
    "organization_name",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("name", Text, primary_key=True, comment="as registered"),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    Column("last_seen", DateTime(timezone=True), nullable=False),
)

organization_name_key = Table(
    "organization_name_key",
    metadata,
    Column("key", Text, primary_key=True, comment="core of a name, or the core without one character"),
    Column("subject_id", LargeBinary, primary_key=True),
)
