"""All tables, as SQLAlchemy Core metadata. Alembic migrations create them; nothing else does.

Every large table leads its primary key with `subject_id`, so that it can be distributed by subject and a
report touches one shard and one index range. The log's tables are keyed by log and index. No foreign key
crosses subjects.
"""

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
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

metadata = MetaData()

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

blind_index = Table(
    "blind_index",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("token", LargeBinary, primary_key=True),
    Column("record_id", LargeBinary, primary_key=True),
    Index("blind_index_lookup", "field", "token"),
)

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

consent = Table(
    "consent",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("consent_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False, comment="ACTIVE, REVOKED, REJECTED"),
    Column("grantee", Text, nullable=False, comment="USCC of the institution"),
    Column("purpose", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True), nullable=False),
    Column("max_uses", Integer, comment="null: not limited"),
    Column("used_count", Integer, nullable=False, default=0),
    Column("artefact", JSONB, nullable=False, comment="the signed artefact, as granted"),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoke_reason", Text),
    Column(
        "origin",
        Text,
        nullable=False,
        server_default="CONSENT",
        comment="CONSENT, or EMERGENCY: not the subject's own",
    ),
    Index("consent_by_id", "consent_id"),
)

emergency = Table(
    "emergency",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("emergency_id", Text, primary_key=True, comment="also the id of the artefact in consent"),
    Column("purpose", Text, nullable=False),
    Column("institution", Text, nullable=False, comment="USCC of the institution that may look"),
    Column("danger", Text, nullable=False, comment="LIFE, HEALTH, PROPERTY"),
    Column("reason", Text, nullable=False, comment="in words"),
    Column("reference", Text, nullable=False, comment="file number of the institution"),
    Column("state", Text, nullable=False, comment="REQUESTED, DECLINED, APPROVED, REVIEWED"),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column(
        "lapses_at", DateTime(timezone=True), nullable=False, comment="a request is approved before, or never"
    ),
    Column("approved_at", DateTime(timezone=True)),
    Column("over_at", DateTime(timezone=True), comment="when the grant ends, or was ended or declined"),
    Column("review_by", Date, comment="last civil day of the review"),
    Column("tell_from", Date, comment="first civil day on which the subject may be told"),
    Column("tell_by", Date, comment="last civil day on which the subject is told in time"),
    Column("told_at", DateTime(timezone=True)),
    Column("verdict", Text, comment="JUSTIFIED, NOT_JUSTIFIED"),
    Column("verdict_words", Text),
    Column(
        "verdict_told_at",
        DateTime(timezone=True),
        comment="when the subject was told that it was not justified",
    ),
    Column("reviewed_at", DateTime(timezone=True)),
    Index("emergency_by_id", "emergency_id", unique=True),
    Index("emergency_order", "requested_at", "emergency_id"),
)

emergency_act = Table(
    "emergency_act",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True),
    Column("emergency_id", Text, primary_key=True),
    Column("act", Text, primary_key=True, comment="request, approve, decline, end, review"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("institution", Text, nullable=False, comment="USCC; empty at the command line"),
    Column("operator", Text, nullable=False, comment="pseudonym of the person; empty at the command line"),
)

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

client = Table(
    "client",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("institution", Text, nullable=False, comment="USCC of the organisation behind the client"),
    Column("subject_id", LargeBinary, comment="set when the client acts for one credit subject"),
    Column("purposes", ARRAY(Text), nullable=False),
    Column("jwks", JSONB, nullable=False, comment="public keys only"),
    Column("status", Text, nullable=False, comment="ACTIVE or DISABLED"),
    Column("demo", Boolean, nullable=False, default=False),
    Column(
        "ad_hoc",
        Boolean,
        nullable=False,
        default=False,
        server_default="false",
        comment="may send text of its own",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

assertion_seen = Table(
    "assertion_seen",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("assertion_seen_expiry", "expires_at"),
)

portfolio = Table(
    "portfolio",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 over client and details"),
    Column("details", JSON, nullable=False, comment="authorization_details, pseudonyms only"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("portfolio_expiry", "expires_at"),
)

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

audit_watch = Table(
    "audit_watch",
    metadata,
    Column("subject_id", LargeBinary, primary_key=True, comment="whose readings are pointed out"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("client_id", Text, nullable=False, comment="who put it there"),
    Column("person", Text, nullable=False, comment="pseudonym of the reviewer"),
)

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

log_announced = Table(
    "log_announced",
    metadata,
    Column("what", Text, primary_key=True, comment="keys, catalogue"),
    Column("state", Text, nullable=False, comment="canonical JSON: ids, purposes and states, or a revision"),
    Column("announced_at", DateTime(timezone=True), nullable=False),
)

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

log_node = Table(
    "log_node",
    metadata,
    Column("log_id", SmallInteger, primary_key=True),
    Column("level", SmallInteger, primary_key=True, comment="subtrees of 16^level entries; from 1"),
    Column("idx", BigInteger, primary_key=True, comment="which of them, from the left"),
    Column("hash", LargeBinary, nullable=False, comment="root of the subtree, made from the leaf hashes"),
)
