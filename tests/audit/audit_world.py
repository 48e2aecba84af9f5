"""What the audit tests share: a log key, entries, consents, and an open log."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from hub.audit.entry import (
    Basis,
    BasisKind,
    Entry,
    EntryOutcome,
    Kind,
    SubjectPart,
    fields_fragment,
    new_entry_id,
    record_ref,
)
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.audit.reservation import QuotaUse
from hub.audit.withhold import ask
from hub.catalog.types import Label
from hub.clock import CST, FixedClock
from hub.keys.facts import KeyFacts, KeyPurpose, KeyStatus
from hub.keys.signing import LogSigningKey, signing_id
from hub.policies.withholding import Ground
from hub.store.database import Database, asyncpg_arguments, parse_url

NOW = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
ORIGIN = "hub.example/log"
ACME, OTHER = b"\x01" * 16, b"\x02" * 16
A_DAY = QuotaUse(
    ACME, "91460000DEM00001XX", "LOAN_APPLICATION", "", "DAY", datetime(2026, 3, 5, tzinfo=CST), 1, 50
)
"""One of fifty answers about a subject on the day of `NOW`."""
FIELDS = fields_fragment({"clear": {"government.penalty": ["documentNo", "decisionDate"]}, "withheld": {}})


def log_key(number: int = 1) -> LogKeySigner:
    """A deterministic log key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hashlib.sha256(f"log key {number}".encode()).digest()
    raw = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    facts = KeyFacts(signing_id(KeyPurpose.LOG, raw), KeyPurpose.LOG, KeyStatus.ACTIVE, NOW)
    return LogKeySigner(ORIGIN, LogSigningKey(facts, seed))


SIGNER = log_key()


def an_entry(subject: bytes = ACME, **changes: Any) -> Entry:
    """A bank's query that disclosed something of one subject."""
    part = SubjectPart(
        subject,
        EntryOutcome.DISCLOSED,
        basis=Basis(BasisKind.CONSENT, "c_1", 1),
        fields=FIELDS,
        records={"government.penalty": [record_ref(b"\x09" * 16)]},
    )
    entry = Entry(
        new_entry_id(),
        NOW,
        Kind.QUERY,
        EntryOutcome.DISCLOSED,
        "bank-hkb",
        institution="91460000DEM00001XX",
        operator="op_1",
        purpose="LOAN_APPLICATION",
        document="d" * 64,
        operation="LoanFile",
        policy="sha256:policy",
        catalogue="sha256:catalogue",
        subjects=(part,),
        unsealed=2,
        size=5,
        commitment="c" * 64,
    )
    return entry._replace(**changes)


@asynccontextmanager
async def open_log(url: str, **options: Any) -> AsyncIterator[tuple[Database, AuditLog]]:
    """A database and a log on it."""
    database = await Database.open(url, pool_size=4)
    try:
        log = await AuditLog.open(database, ORIGIN, SIGNER, FixedClock(NOW), **options)
        try:
            yield database, log
        finally:
            await log.close()
    finally:
        await database.close()


async def grant(database: Database, consent_id: str, subject: bytes = ACME, **changes: Any) -> None:
    """Store a consent that is in force, unless changed."""
    row = {
        "subject_id": subject,
        "consent_id": consent_id,
        "version": 1,
        "status": "ACTIVE",
        "grantee": "91460000DEM00001XX",
        "purpose": "LOAN_APPLICATION",
        "valid_from": NOW - timedelta(days=1),
        "valid_to": NOW + timedelta(days=1),
        "max_uses": None,
        "used_count": 0,
        "artefact": "{}",
        "granted_at": NOW,
    } | changes
    names = ", ".join(row)
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    async with database.connection() as connection:
        await connection.execute(f"INSERT INTO consent ({names}) VALUES ({places})", *row.values())


GROUNDS = {
    "ALONE": Ground("ALONE", Label("一人可办", "One person is enough"), four_eyes=False, verified=True),
    "TWO": Ground("TWO", Label("须两人", "Two persons"), four_eyes=True, verified=True),
}


def an_act(operation: str, detail: Mapping[str, Any], caller: str = "cli:first") -> Entry:
    """The entry of an administrative act."""
    return Entry(
        new_entry_id(), NOW, Kind.ADMIN, EntryOutcome.DONE, caller, operation=operation, detail=detail
    )


async def take_out(database: Database, log: AuditLog, *indices: int) -> None:
    """Take bodies out, as the rules have it."""
    for index in indices:
        await ask(database, log, GROUNDS, an_act, index=index, ground="ALONE", reference="演1号")


async def administrator(url: str, *statements: str) -> list[Any]:
    """Run SQL as somebody who holds the database; gives the rows of the last statement."""
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        rows: Sequence[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return list(rows)
    finally:
        await connection.close()
