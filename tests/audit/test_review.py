"""The officer's list."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from hub.audit.entry import EntryOutcome, Kind, SubjectPart, read_body
from hub.audit.review_filter import EntryFilter
from hub.audit.review_search import list_entries
from hub.errors import UnavailableError

from .audit_world import ACME, NOW, OTHER, administrator, an_entry, open_log


def test_the_list_shows_the_newest_first_and_pages_without_gaps(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(25):
                await log.append(an_entry())
            seen: list[int] = []
            before = None
            while page := await list_entries(database, EntryFilter(), limit=10, before=before):
                seen += [line.index for line in page]
                before = seen[-1]
            assert seen == list(range(24, -1, -1))

    asyncio.run(scenario())


FILTERS = {
    "subject": EntryFilter(subject_id=OTHER),
    "caller": EntryFilter(caller="bank-qzb"),
    "purpose": EntryFilter(purpose="GUARANTEE"),
    "outcome": EntryFilter(outcome=EntryOutcome.REFUSED),
    "kind": EntryFilter(kind=Kind.ADMIN),
    "reason": EntryFilter(reason="CONSENT_EXPIRED"),
    "start": EntryFilter(since=NOW + timedelta(hours=10)),
    "end": EntryFilter(until=NOW + timedelta(hours=10)),
    "several at once": EntryFilter(subject_id=OTHER, caller="bank-qzb", since=NOW + timedelta(hours=3)),
}


def test_each_filter_finds_exactly_what_a_scan_finds(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(5)
        entries = [
            an_entry(
                subjects=tuple(
                    SubjectPart(s, EntryOutcome.DISCLOSED)
                    for s in dice.choice([(), (ACME,), (OTHER,), (ACME, OTHER)])
                ),
                caller=dice.choice(["bank-hkb", "bank-qzb", ""]),
                purpose=dice.choice(["GUARANTEE", "RENEWAL", ""]),
                outcome=dice.choice(list(EntryOutcome)),
                kind=dice.choice(list(Kind)),
                reason=dice.choice(["", "CONSENT_EXPIRED"]),
                at=NOW + timedelta(hours=n),
            )
            for n in range(60)
        ]
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            for name, wanted in FILTERS.items():
                expected = [
                    e.entry_id
                    for e in reversed(entries)
                    if wanted.subject_id in {None, *(p.subject_id for p in e.subjects)}
                    and wanted.caller in {None, e.caller}
                    and wanted.purpose in {None, e.purpose}
                    and wanted.outcome in {None, e.outcome}
                    and wanted.kind in {None, e.kind}
                    and wanted.reason in {None, e.reason}
                    and (wanted.since is None or e.at >= wanted.since)
                    and (wanted.until is None or e.at < wanted.until)
                ]
                found = await list_entries(database, wanted, limit=1000)
                assert [line.entry_id for line in found] == expected, name
                assert 0 < len(expected) < 60, name
                assert all(line.body == read_body(_body(entries, line.entry_id)) for line in found)

    asyncio.run(scenario())


def _body(entries, entry_id: str) -> bytes:
    return next(e for e in entries if e.entry_id == entry_id).encode().body


def test_a_withheld_body_leaves_its_columns(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await administrator(database_url, "UPDATE log_entry SET body = NULL")
            (listed,) = await list_entries(database, EntryFilter())
            assert listed.body is None

    asyncio.run(scenario())


def test_a_database_that_is_away_is_unavailable(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            name = database.url.database
            postgres = database_url.replace(f"/{name}", "/postgres")
            await administrator(
                postgres,
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            with pytest.raises(UnavailableError):
                await list_entries(database, EntryFilter())
            await administrator(postgres, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    asyncio.run(scenario())
