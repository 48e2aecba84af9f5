"""Consents in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from hub.consent.artefact import Consent, Origin

_COLUMNS = """subject_id, consent_id, version, status, grantee, purpose, valid_from, valid_to, max_uses, used_count,
    revoked_at, artefact, origin"""
_GET = f"SELECT {_COLUMNS} FROM consent WHERE subject_id = $1 AND consent_id = $2"  # noqa: S608
_GET_MANY = f"""SELECT {_COLUMNS} FROM consent
    WHERE (subject_id, consent_id) IN (SELECT * FROM unnest($1::bytea[], $2::text[]))"""  # noqa: S608
_LIST = f"""SELECT {_COLUMNS} FROM consent WHERE subject_id = $1 AND origin = $3
    ORDER BY granted_at DESC, consent_id LIMIT $2"""  # noqa: S608
_INSERT = """INSERT INTO consent (subject_id, consent_id, version, status, grantee, purpose, valid_from, valid_to,
    max_uses, used_count, artefact, granted_at, origin)
    VALUES ($1, $2, $3, 'ACTIVE', $4, $5, $6, $7, $8, 0, $9, $10, $11)"""
_ACTIVE = """SELECT consent_id FROM consent
    WHERE subject_id = $1 AND consent_id = ANY($2::text[]) AND status = 'ACTIVE' AND valid_to > $3
      AND origin = 'CONSENT'"""
_REVOKE = """UPDATE consent SET status = 'REVOKED', revoked_at = $3, revoke_reason = $4
    WHERE subject_id = $1 AND consent_id = $2 AND status = 'ACTIVE' AND origin = $5 RETURNING consent_id"""


def _consent(row: Any) -> Consent:
    return Consent(
        row["subject_id"],
        row["consent_id"],
        row["version"],
        row["grantee"],
        row["purpose"],
        row["valid_from"],
        row["valid_to"],
        row["max_uses"],
        row["used_count"],
        row["status"] != "ACTIVE",
        row["revoked_at"],
        orjson.loads(row["artefact"]),
        Origin(row["origin"]),
    )


async def get(connection: asyncpg.Connection, subject_id: bytes, consent_id: str) -> Consent | None:
    """One consent of a subject."""
    row = await connection.fetchrow(_GET, subject_id, consent_id)
    return None if row is None else _consent(row)


async def get_many(connection: asyncpg.Connection, keys: Sequence[tuple[bytes, str]]) -> list[Consent]:
    """Those of these consents that there are."""
    rows = await connection.fetch(_GET_MANY, [subject for subject, _ in keys], [id for _, id in keys])
    return [_consent(row) for row in rows]


async def list_all(
    connection: asyncpg.Connection, subject_id: bytes, limit: int, origin: Origin = Origin.CONSENT
) -> list[Consent]:
    """Consents of a subject, or emergency grants about it, newest first."""
    return [_consent(row) for row in await connection.fetch(_LIST, subject_id, limit, origin.value)]


async def insert(connection: asyncpg.Connection, consent: Consent) -> None:
    """Store a new consent."""
    await connection.execute(
        _INSERT,
        consent.subject_id,
        consent.consent_id,
        consent.version,
        consent.grantee,
        consent.purpose,
        consent.valid_from,
        consent.valid_to,
        consent.max_uses,
        orjson.dumps(dict(consent.artefact)).decode(),
        consent.granted_at,
        consent.origin.value,
    )


async def revoke(
    connection: asyncpg.Connection, subject_id: bytes, consent_id: str, now: datetime, reason: str,
    origin: Origin = Origin.CONSENT,
) -> bool:  # fmt: skip
    """Withdraw an active consent or end a grant; False when there is none of that id or it is withdrawn already."""
    return await connection.fetchval(_REVOKE, subject_id, consent_id, now, reason, origin.value) is not None


async def active(
    connection: asyncpg.Connection, subject_id: bytes, consent_ids: Sequence[str], now: datetime
) -> set[str]:
    """Those of a subject's own consents that are neither withdrawn nor over."""
    rows = await connection.fetch(_ACTIVE, subject_id, list(consent_ids), now)
    return {row["consent_id"] for row in rows}
