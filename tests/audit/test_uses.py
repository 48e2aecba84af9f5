"""Use-closure: what is owed follows from the log, and only who was shown something closes it."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from hub.audit import uses as module
from hub.audit.entry import Basis, BasisKind, EntryOutcome, Kind, SubjectPart
from hub.audit.ledger_words import LedgerWords
from hub.audit.log import AuditLog
from hub.audit.use_report import Reported, Reporter, report_use
from hub.audit.uses import Use, UseFilter, UseOutcome, unclosed_uses
from hub.catalog.types import Label
from hub.errors import InputError
from hub.store.database import Database

from .audit_world import ACME, FIELDS, NOW, OTHER, administrator, an_entry, open_log
from .test_ledger import all_lines, catalog, policy

BANK, RIVAL = "91460000DEM00001XX", "91460000DEM00002XX"
LOAN = frozenset({"LOAN_APPLICATION"})
CLIENTS = """
INSERT INTO client (client_id, name_zh, name_en, roles, institution, purposes, jwks, status, demo, ad_hoc, created_at, act, mac)
SELECT c, c, c, '{bank}', i, '{}', '{}', 'ACTIVE', true, true, now(), 0, ''
FROM (VALUES ('bank-hkb', '91460000DEM00001XX'), ('bank-app', '91460000DEM00001XX'), ('bank-qzb', '91460000DEM00002XX'))
  AS v(c, i)
"""


def reporter(institution: str = BANK, client: str = "bank-hkb") -> Reporter:
    return Reporter(client, institution, "op_1", LOAN)


async def open_uses(database: Database, wanted: UseFilter = UseFilter(), days: int = 0) -> list[Use]:  # noqa: B008
    return (await unclosed_uses(database, policy(), wanted, NOW + timedelta(days=days), limit=1000)).uses


async def closing(
    database: Database,
    log: AuditLog,
    entry_id: str,
    outcome: UseOutcome = UseOutcome.GRANTED,
    *,
    subject: bytes | None = None,
    by: Reporter | None = None,
) -> Reported:
    who = by or reporter()
    return await report_use(database, log, who, entry_id, subject, outcome, "贷2026-演1", policy(), NOW)


def test_a_use_is_owed_a_report_until_one_is_made(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            read = await log.append(an_entry())
            (use,) = await open_uses(database)
            assert (use.entry_id, use.institution, use.caller, use.subject_id) == (
                read.entry_id, BANK, "bank-hkb", ACME,
            )  # fmt: skip
            assert (use.due_on - NOW.date()).days == policy().purposes["LOAN_APPLICATION"].closure_days
            assert await open_uses(database, UseFilter(overdue=True), days=90) == []
            assert len(await open_uses(database, UseFilter(overdue=True), days=91)) == 1
            size = log.size
            await closing(database, log, read.entry_id)
            assert await open_uses(database) == []
            await log.append(an_entry(subjects=()))
            assert log.size == size + 2  # one entry for the report, one for the last append

    asyncio.run(scenario())


def test_refusals_acts_and_purposes_without_closure_are_owed_nothing(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            refused = SubjectPart(ACME, EntryOutcome.REFUSED, "CONSENT_REQUIRED")
            await log.append(an_entry(subjects=(refused,), outcome=EntryOutcome.REFUSED))
            await log.append(an_entry(purpose="LOAN_REVIEW_POST"))
            await log.append(an_entry(purpose="SELF_QUERY"))
            await log.append(an_entry(kind=Kind.ADMIN, outcome=EntryOutcome.DONE))
            assert await open_uses(database) == []

    asyncio.run(scenario())


def test_who_reads_the_log_in_the_same_operation_owes_a_report_all_the_same(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for kind in (Kind.AUDIT_READ, Kind.MUTATION):
                read = await log.append(an_entry(kind=kind))
                assert [use.entry_id for use in await open_uses(database)] == [read.entry_id]
                await closing(database, log, read.entry_id)
            said = [
                LedgerWords(policy(), catalog()).sentence(line, Label("甲", "A")).zh
                for line in await all_lines(database, ACME)
            ]
            assert sum("原文看到" in sentence for sentence in said) == 2

    asyncio.run(scenario())


def test_each_subject_of_an_entry_is_closed_by_itself_or_all_at_once(database_url: str) -> None:
    both = (
        SubjectPart(ACME, EntryOutcome.DISCLOSED, fields=FIELDS),
        SubjectPart(OTHER, EntryOutcome.DISCLOSED),
    )

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            one, two = await log.append(an_entry(subjects=both)), await log.append(an_entry(subjects=both))
            await closing(database, log, one.entry_id, subject=OTHER)
            assert [(u.index, u.subject_id) for u in await open_uses(database)] == [
                (one.index, ACME), (two.index, ACME), (two.index, OTHER),
            ]  # fmt: skip
            await closing(database, log, two.entry_id)
            assert [(u.index, u.subject_id) for u in await open_uses(database)] == [(one.index, ACME)]

    asyncio.run(scenario())


def test_the_last_report_holds_and_both_stay_in_the_log(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            read = await log.append(an_entry())
            first = await closing(database, log, read.entry_id, UseOutcome.GRANTED)
            assert first.uses[0].report is None
            await closing(database, log, read.entry_id, UseOutcome.ABANDONED)
            last = await closing(
                database, log, read.entry_id, UseOutcome.OTHER, by=reporter(client="bank-app")
            )
            assert last.uses[0].report is not None
            assert last.uses[0].report.outcome is UseOutcome.ABANDONED
            lines = await all_lines(database, ACME)
            assert [line.reported for line in lines] == ["OTHER", "ABANDONED", "GRANTED", ""]

    asyncio.run(scenario())


def test_nobody_closes_or_probes_the_uses_of_another(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            read = await log.append(an_entry())
            refused = await log.append(an_entry(subjects=(SubjectPart(ACME, EntryOutcome.REFUSED),)))
            other_purpose = await log.append(an_entry(purpose="GUARANTEE"))
            admin = await closing(database, log, read.entry_id)
            size = log.size
            messages = set()
            for entry_id, subject, who in (
                (read.entry_id, None, reporter(RIVAL, "bank-qzb")),
                (read.entry_id, ACME, reporter(RIVAL, "bank-qzb")),
                (read.entry_id, OTHER, reporter()),
                (read.entry_id, b"", reporter()),
                (refused.entry_id, None, reporter()),
                (other_purpose.entry_id, None, reporter()),
                (admin.entry_id, None, reporter()),
                ("f" * 32, None, reporter()),
                ("", None, reporter()),
                ("'; --", None, reporter()),
            ):
                with pytest.raises(InputError) as error:
                    await closing(database, log, entry_id, subject=subject, by=who)
                messages.add(
                    (error.value.message, error.value.hint, error.value.message_zh, error.value.code)
                )
            assert len(messages) == 1
            await log.append(an_entry(subjects=()))
            assert log.size == size + 2, "the report before, and this entry; nothing was reported"

    asyncio.run(scenario())


def test_a_report_by_another_institution_would_close_nothing(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            read = await log.append(an_entry())
            forged = {
                "use": read.entry_id,
                "readAt": 0,
                "outcome": "GRANTED",
                "reference": "",
                "amends": False,
            }
            part = SubjectPart(ACME, EntryOutcome.DONE)
            await log.append(
                an_entry(
                    kind=Kind.ADMIN,
                    operation="use.report",
                    institution=RIVAL,
                    detail=forged,
                    subjects=(part,),
                )
            )
            assert len(await open_uses(database)) == 1

    asyncio.run(scenario())


def test_a_report_on_a_secret_use_is_secret_and_shown_on_the_same_day(database_url: str) -> None:
    matter = SubjectPart(
        ACME,
        EntryOutcome.DISCLOSED,
        basis=Basis(BasisKind.MATTER, matter="JC-PROCURATORATE", reference="琼检演1"),
    )

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            read = await log.append(an_entry(subjects=(matter,), purpose="JUDICIAL_CASE"))
            court = Reporter("court", BANK, "", frozenset({"JUDICIAL_CASE"}))
            later = NOW + timedelta(days=300)
            await report_use(
                database, log, court, read.entry_id, None, UseOutcome.GRANTED, "", policy(), later
            )
            assert await all_lines(database, ACME, later) == []
            assert len(await all_lines(database, ACME, NOW + timedelta(days=364))) == 0
            assert len(await all_lines(database, ACME, NOW + timedelta(days=365))) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("step", [3, 500])
def test_what_is_listed_equals_a_scan_for_every_filter_and_page(
    database_url: str, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(module, "_STEP", step)
    subjects = [bytes([n]) * 16 for n in range(4)]

    async def scenario() -> None:
        dice = random.Random(7)
        async with open_log(database_url) as (database, log):
            await administrator(database_url, CLIENTS)
            expected: list[tuple[int, bytes, str, str]] = []
            for _ in range(70):
                caller, institution = dice.choice(
                    [("bank-hkb", BANK), ("bank-app", BANK), ("bank-qzb", RIVAL)]
                )
                purpose = dice.choice(["LOAN_APPLICATION", "GUARANTEE", "LOAN_REVIEW_POST"])
                parts = tuple(
                    SubjectPart(s, dice.choice([EntryOutcome.DISCLOSED, EntryOutcome.REFUSED]))
                    for s in dice.sample(subjects, dice.randint(1, 4))
                )
                shown = [p.subject_id for p in parts if p.outcome is EntryOutcome.DISCLOSED]
                outcome = EntryOutcome.DISCLOSED if shown else EntryOutcome.REFUSED
                read = await log.append(
                    an_entry(
                        subjects=parts,
                        purpose=purpose,
                        caller=caller,
                        institution=institution,
                        outcome=outcome,
                    )
                )
                if purpose == "LOAN_REVIEW_POST":
                    continue
                closed = dice.choice([None, *shown])
                if closed is not None:
                    who = Reporter(caller, institution, "", {purpose})
                    await closing(database, log, read.entry_id, subject=closed, by=who)
                expected += [(read.index, s, institution, purpose) for s in shown if s != closed]
            for institution_wanted in (None, BANK, RIVAL, "91460000DEM00009XX"):
                for purposes in (None, LOAN):
                    wanted = UseFilter(purposes, institution_wanted)
                    found, after = [], -1
                    while True:
                        page = await unclosed_uses(database, policy(), wanted, NOW, limit=5, after=after)
                        found += page.uses
                        if page.next_after is None:
                            break
                        assert page.next_after > after
                        after = page.next_after
                    assert [(u.index, u.subject_id, u.institution, u.purpose) for u in found] == [
                        e
                        for e in expected
                        if institution_wanted in (None, e[2]) and (purposes is None or e[3] in purposes)
                    ]

    asyncio.run(scenario())
