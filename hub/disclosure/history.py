"""Feeds the log's entries to a replay: page by page, with kinds of subjects and consents looked up for each page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.audit.entry import SUBJECT_PREFIX, Kind, read_body
from hub.audit.span import Logged, read_span, span_since
from hub.catalog.types import SubjectKind
from hub.disclosure.replay import Asked, Items, Replay, Replayer
from hub.store.database import Database

_KINDS = "SELECT subject_id, kind FROM subject WHERE subject_id = ANY($1::bytea[])"
_CONSENTS = """SELECT subject_id, consent_id, artefact->'items' AS items FROM consent
    WHERE subject_id = ANY($1::bytea[]) AND consent_id = ANY($2::text[])"""

Progress = Callable[[int, int], None]
"""Entries read so far, and in all."""


async def replay_since(
    database: Database, replayer: Replayer, since: datetime, progress: Progress = lambda _done, _all: None
) -> Replay:
    """Decide again every operation since an instant.

    Args:
        database: where the log lies.
        replayer: decides.
        since: entries before it are left out.
        progress: called after each page.

    Raises:
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    span = await span_since(database, since)
    async for page in read_span(database, span):
        await _take(database, replayer, [entry for entry in page if entry.at >= since])
        progress(page[-1].number + 1 - span.first, span.end - span.first)
    return replayer.found


async def _take(database: Database, replayer: Replayer, page: Sequence[Logged]) -> None:
    bodies = [(entry.number, read_body(entry.body)) for entry in page if entry.body is not None]
    replayer.found.withheld += len(page) - len(bodies)
    queries = [(index, body) for index, body in bodies if body["kind"] == Kind.QUERY and body["subjects"]]
    parts = [part for _, body in queries for part in body["subjects"]]
    kinds, consents = await _look_up(database, parts)
    for index, body in queries:
        asked = []
        for part in body["subjects"]:
            subject = _subject(part)
            consent = (part.get("basis") or {}).get("consent", "")
            asked.append(Asked(part, kinds.get(subject), consents.get((subject, consent))))
        replayer.take(index, body, asked)


async def _look_up(
    database: Database, parts: Sequence[Mapping[str, Any]]
) -> tuple[dict[bytes, SubjectKind], dict[tuple[bytes, str], Items]]:
    subjects = list({_subject(part) for part in parts})
    named = list({consent for part in parts if (consent := (part.get("basis") or {}).get("consent"))})
    async with database.connection() as connection:
        kinds = await connection.fetch(_KINDS, subjects)
        consents = await connection.fetch(_CONSENTS, subjects, named) if named else []
    return (
        {bytes(row["subject_id"]): SubjectKind(row["kind"]) for row in kinds},
        {(bytes(row["subject_id"]), row["consent_id"]): _items(row["items"]) for row in consents},
    )


def _items(text: str) -> Items:
    return {item["dataset"]: frozenset(item["fields"]) for item in orjson.loads(text)}


def _subject(part: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(part["subject"].removeprefix(SUBJECT_PREFIX))
