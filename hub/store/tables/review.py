"""The officer's review of the log."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.tables.metadata import metadata

audit_watch = Table(
    "audit_watch",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True, comment="whose readings are pointed out"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("client_id", Text, nullable=False, comment="who put it there"),
    Column("person", Text, nullable=False, comment="pseudonym of the reviewer"),
)

audit_relation = Table(
    "audit_relation",
    metadata,
    Column("relation_id", Text, primary_key=True),
    Column("institution", Text, nullable=False, comment="USCC; whose person it is"),
    Column("person", Text, nullable=False, comment="pseudonym of the person acting, as entries name it"),
    Column("subject_id", LargeBinary, nullable=False, comment="from whom it must stand aside"),
    Column("kind", Text, nullable=False, comment="SELF, RELATIVE, NEIGHBOUR, INTEREST"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", Date, comment="last civil day; null: until it is ended"),
    Column("client_id", Text, nullable=False, comment="who declared it"),
    Column("declared_by", Text, nullable=False, comment="pseudonym of the person; empty at the command line"),
    Column("declared_entry", Text, nullable=False, comment="of the act, in the log"),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("ended_entry", Text),
    Index("audit_relation_person", "person"),
    Index("audit_relation_order", "since", "relation_id"),
    Index("audit_relation_in_force", "institution", "person", postgresql_where=text("ended_at IS NULL")),
)  # fmt: skip

audit_case = Table(
    "audit_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("origin", Text, nullable=False, comment="FINDING, ENTRIES, COMPLAINT"),
    Column("rule", Text, nullable=False, comment="id of the detection; empty: none"),
    Column("severity", Text, nullable=False, comment="LOW, MEDIUM, HIGH; fixed at the opening"),
    Column("four_eyes", Boolean, nullable=False, comment="fixed at the opening"),
    Column("subject_id", LargeBinary, comment="whose complaint it is"),
    Column("entries", ARRAY(BigInteger), nullable=False, comment="indices that it is about"),
    Column("concerned", ARRAY(Text), nullable=False, comment="who made these entries: persons, else clients"),
    Column("state", Text, nullable=False, comment="OPEN, PROPOSED, CLOSED"),
    Column("outcome", Text, nullable=False, comment="proposed or concluded; empty: none"),
    Column("assignee", Text, nullable=False, comment="pseudonym of the reviewer; empty: nobody"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("due_on", Date, nullable=False, comment="last civil day; of a closed case, what it was"),
    Column("closed_at", DateTime(timezone=True)),
    Column("events", Integer, nullable=False, comment="number of the newest event"),
    Column("kek_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False, comment="key of the texts, for this case alone"),
    Index("audit_case_due", "due_on", "case_id", postgresql_where=text("closed_at IS NULL")),
    Index("audit_case_entries", "entries", postgresql_using="gin"),
)

audit_case_event = Table(
    "audit_case_event",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, comment="1 for the opening"),
    Column("act", Text, nullable=False),
    Column("state", Text, nullable=False, comment="of the case, afterwards"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column(
        "operator", Text, nullable=False, comment="pseudonym as the log has it; empty at the command line"
    ),
    Column("person", Text, nullable=False, comment="pseudonym of the reviewer, by name alone"),
    Column("outcome", Text, nullable=False, comment="empty where the act names none"),
    Column("assignee", Text, nullable=False, comment="empty where the act names nobody"),
    Column("entry_id", Text, nullable=False, comment="of the act, in the log"),
    Column("sealed", Text, nullable=False, comment="what was written, sealed under the key of the case"),
)
