"""Who may ask and on what ground: clients, consents, emergency grants, portfolios."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, DateTime, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from hub.store.tables.metadata import metadata

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
    Column(
        "country",
        Text,
        nullable=False,
        default="CN",
        server_default="CN",
        comment="where the client is, ISO 3166-1 alpha-2",
    ),
    Column("permit_kind", Text, comment="on what data may leave the mainland to it; null: on nothing"),
    Column("permit_number", Text, comment="of the assessment, filing or certificate"),
    Column("permit_until", Date, comment="last civil day on which it is good"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("act", Integer, nullable=False, comment="how many administrative acts made it so"),
    Column("mac", LargeBinary, nullable=False, comment="seal over all other columns"),
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
