"""The subject's ledger: its own lines and nobody else's, what is secret counted and shown when its time is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from hub.audit.callers import CallerNames
from hub.audit.entry import (
    Basis,
    BasisKind,
    Entry,
    EntryOutcome,
    Kind,
    SubjectPart,
    fields_fragment,
    subject_ref,
)
from hub.audit.ledger import MAX_LIMIT, REPORT, LedgerLine, ledger, not_yet_shown
from hub.audit.ledger_words import LedgerWords
from hub.audit.review_filter import EntryFilter
from hub.audit.review_search import list_entries
from hub.audit.tracked import Window, find_uses
from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog, Label
from hub.clock import CST, civil_date, to_millis
from hub.policies.files import load_policies
from hub.policies.model import PolicySet
from hub.store.database import Database

from .audit_world import ACME, FIELDS, NOW, OTHER, administrator, an_entry, open_log

ROOT = Path(__file__).parents[2]
FAMILY = (
    SubjectPart(ACME, EntryOutcome.DISCLOSED, basis=Basis(BasisKind.CONSENT, "c_1", 1), fields=FIELDS),
    SubjectPart(
        OTHER,
        EntryOutcome.REFUSED,
        "CONSENT_REQUIRED",
        Basis(BasisKind.MATTER, matter="SECRET-MATTER"),
        fields_fragment({"withheld": {"government.person_profile": ["name"]}}),
        {"judicial.judgment": ["aa@1"]},
    ),
)
SECRET = SubjectPart(
    ACME,
    EntryOutcome.DISCLOSED,
    basis=Basis(BasisKind.MATTER, matter="JC-PROCURATORATE", reference="琼检2026演1"),
    fields=FIELDS,
)
YEAR = timedelta(days=365)


@cache
def catalog() -> Catalog:
    return load_catalog(ROOT / "schema")


@cache
def policy() -> PolicySet:
    return load_policies(ROOT / "policies", catalog())


async def all_lines(database: Database, subject: bytes, now: datetime = NOW) -> list[LedgerLine]:
    return await ledger(database, subject, policy(), now, limit=1000)


def a_secret_read(**changes: object) -> Entry:
    return an_entry(subjects=(SECRET,), purpose="JUDICIAL_CASE", caller="procuratorate", **changes)


def test_a_ledger_line_says_who_when_for_what_on_what_basis_and_which_items(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            (line,) = await all_lines(database, ACME)
            assert (line.institution, line.at, line.purpose) == (
                "91460000DEM00001XX",
                NOW,
                "LOAN_APPLICATION",
            )
            assert line.basis == {"kind": "CONSENT", "consent": "c_1", "consentVersion": 1}
            assert line.fields == {"clear": {"government.penalty": ["decisionDate", "documentNo"]}}
            assert line.records == {"government.penalty": ["09" * 16]}
            assert (line.outcome, line.withheld) == ("DISCLOSED", False)

    asyncio.run(scenario())


def test_a_line_is_a_full_sentence_in_both_languages(database_url: str) -> None:
    async def scenario() -> LedgerLine:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            return (await all_lines(database, ACME))[0]

    line = asyncio.run(scenario())
    said = LedgerWords(policy(), catalog()).sentence(line, Label("海口示范银行", "Haikou Bank"))
    assert said.zh == (
        "2026年03月05日 16:00，海口示范银行为“贷款申请审查”查询，依据：您的授权（c_1）；"
        "原文看到：行政处罚（处罚决定日期、行政处罚决定书文号）。"
    )
    assert said.en.startswith("On 2026-03-05 at 16:00 (UTC+8), Haikou Bank asked for “Decision on a loan")
    assert "on the basis of your consent c_1; seen in clear: " in said.en


def test_every_purpose_matter_field_question_and_reason_of_the_registers_has_words() -> None:
    words = LedgerWords(policy(), catalog())
    line = LedgerLine(
        0, NOW, Kind.QUERY, "DISCLOSED", "", "x", "", "", "", None, {}, {}, [], False, None, civil_date(NOW)
    )  # type: ignore[arg-type]
    for matter in policy().matters.values():
        basis = {"kind": "MATTER", "matter": matter.code}
        said = words.sentence(replace(line, purpose=matter.purpose, basis=basis), Label("甲", "A"))
        assert matter.title.zh in said.zh
        assert matter.title.en in said.en
        assert policy().purposes[matter.purpose].title.zh in said.zh
    for dataset in catalog():
        shown = {"masked": {dataset.id: [field.name for field in dataset.fields]}}
        said = words.sentence(replace(line, fields=shown), Label("甲", "A"))
        assert all(field.label.zh in said.zh and field.label.en in said.en for field in dataset.fields)
    for reason in policy().messages:
        refused = replace(line, outcome="REFUSED", reason=reason.value)
        assert policy().messages[reason].zh.rstrip("。") in words.sentence(refused, Label("甲", "A")).zh


def test_codes_that_no_register_knows_any_more_stand_for_themselves() -> None:
    words = LedgerWords(policy(), catalog())
    line = LedgerLine(
        0, NOW, Kind.QUERY, "DISCLOSED", "", "gone", "91GONE", "OLD_PURPOSE", "",
        {"kind": "MATTER", "matter": "OLD-1"}, {"clear": {"old.dataset": ["oldField", "*"]}}, {},
        [{"code": "OLD_Q"}], False, None, civil_date(NOW),
    )  # type: ignore[arg-type]  # fmt: skip
    who = CallerNames({}, {}, catalog().units).of("gone", "91GONE")
    said = words.sentence(line, who)
    for code in ("91GONE", "OLD_PURPOSE", "OLD-1", "old.dataset", "oldField", "OLD_Q"):
        assert code in said.zh
        assert code in said.en


def test_a_ledger_says_nothing_of_the_other_subjects_of_the_same_operation(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry(subjects=FAMILY, reason="PARTLY", detail={"third": OTHER.hex()}))
            (mine,), (theirs,) = await all_lines(database, ACME), await all_lines(database, OTHER)
            assert (mine.outcome, mine.reason, theirs.outcome) == ("DISCLOSED", "", "REFUSED")
            text = repr(mine)
            for foreign in (
                OTHER.hex(),
                "SECRET-MATTER",
                "person_profile",
                "judgment",
                "CONSENT_REQUIRED",
                "PARTLY",
            ):
                assert foreign not in text
            assert "government.penalty" not in repr(theirs)

    asyncio.run(scenario())


def test_a_subject_that_was_not_in_the_token_does_not_learn_what_another_was_asked_about_for(
    database_url: str,
) -> None:
    stray = SubjectPart(OTHER, EntryOutcome.REFUSED, "SUBJECT_NOT_IN_TOKEN")

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry(subjects=(stray,), purpose="", outcome=EntryOutcome.REFUSED))
            await log.append(an_entry(subjects=(FAMILY[0], stray)))
            await log.append(an_entry(subjects=(SECRET, stray), purpose="JUDICIAL_CASE"))
            lines = await all_lines(database, OTHER)
            assert len({replace(line, index=0) for line in map(_hashable, lines)}) == 1
            assert await not_yet_shown(database, OTHER, policy(), NOW) == 0

    asyncio.run(scenario())


def _hashable(line: LedgerLine) -> LedgerLine:
    return replace(line, fields=(), records=(), predicates=())  # type: ignore[arg-type]


def test_what_is_secret_is_counted_and_shown_on_the_day_its_delay_is_over(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await log.append(a_secret_read())
            last_hidden = datetime.combine(civil_date(NOW) + YEAR, datetime.min.time(), CST)
            for now, shown in ((NOW, 1), (last_hidden - timedelta(milliseconds=1), 1), (last_hidden, 2)):
                assert len(await all_lines(database, ACME, now)) == shown
                assert await not_yet_shown(database, ACME, policy(), now) == 2 - shown
            line = (await all_lines(database, ACME, last_hidden))[0]
            assert line.delay.basis == policy().matters["JC-PROCURATORATE"].ledger_delay_basis
            assert (line.delay.days, line.at) == (365, NOW)
            assert await not_yet_shown(database, OTHER, policy(), NOW) == 0

    asyncio.run(scenario())


def test_more_than_a_thousand_secret_lookups_are_counted_as_a_thousand(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await asyncio.gather(*(log.append(a_secret_read()) for _ in range(1100)))
            assert await not_yet_shown(database, ACME, policy(), NOW) == 1000
            await log.append(an_entry())
            assert [line.index for line in await all_lines(database, ACME)] == [1100]
            uses = await find_uses(database, ACME, policy(), NOW, Window())
            assert (uses.total, [line.index for line in uses.lines]) == (1, [1100])

    asyncio.run(scenario())


def test_the_longest_page_still_tells_that_another_follows(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await asyncio.gather(*(log.append(an_entry()) for _ in range(1003)))
            longest = MAX_LIMIT + 1  # what the API asks for, for a page of 1,000
            assert len(await ledger(database, ACME, policy(), NOW, limit=longest)) == longest
            assert len(await list_entries(database, EntryFilter(), limit=longest)) == longest
            assert len(await ledger(database, ACME, policy(), NOW, limit=10**9)) == longest

    asyncio.run(scenario())


def test_a_page_holds_as_many_lines_whether_or_not_secret_ones_lie_between(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for number in range(12):
                await log.append(a_secret_read() if number % 3 else an_entry())
            assert [x.index for x in await ledger(database, ACME, policy(), NOW, limit=2)] == [9, 6]
            assert [x.index for x in await ledger(database, ACME, policy(), NOW, limit=2, before=6)] == [3, 0]
            assert await not_yet_shown(database, ACME, policy(), NOW) == 8

    asyncio.run(scenario())


def test_refused_withheld_and_reported_lookups_are_as_secret_as_those_that_were_shown(
    database_url: str,
) -> None:
    refused = SubjectPart(ACME, EntryOutcome.REFUSED, "SUBJECT_UNKNOWN")
    unlisted = SECRET._replace(basis=Basis(BasisKind.MATTER, matter="JC-NO-LONGER-LISTED"))
    later = NOW + timedelta(days=364)
    reported = SubjectPart(ACME, EntryOutcome.DONE, basis=SECRET.basis)
    entries = (
        an_entry(subjects=(refused,), purpose="JUDICIAL_CASE"),
        an_entry(subjects=(refused._replace(purpose="JUDICIAL_CASE"), FAMILY[1])),
        an_entry(subjects=(unlisted,), purpose="JUDICIAL_CASE"),
        an_entry(
            subjects=(reported,), purpose="JUDICIAL_CASE", kind=Kind.ADMIN, operation=REPORT, at=later,
            detail={"readAt": to_millis(NOW), "outcome": "GRANTED"},
        ),
        an_entry(subjects=(refused,), purpose="JUDICIAL_CASE", entry_id="f" * 32),
    )  # fmt: skip

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            await administrator(
                database_url, f"UPDATE log_entry SET body = NULL WHERE entry_id = '{'f' * 32}'"
            )
            for now in (NOW, later):
                assert await all_lines(database, ACME, now) == []
                assert await not_yet_shown(database, ACME, policy(), now) == len(entries)
            assert len(await all_lines(database, ACME, NOW + YEAR)) == len(entries)

    asyncio.run(scenario())


def test_nobody_hides_a_lookup_behind_a_purpose_it_does_not_hold(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            pretended = SubjectPart(ACME, EntryOutcome.REFUSED, "PURPOSE_NOT_HELD")
            await log.append(an_entry(subjects=(pretended,), purpose="JUDICIAL_CASE"))
            other = SECRET._replace(purpose="")
            await log.append(an_entry(subjects=(other,), purpose="GOV_APPROVAL"))
            assert len(await all_lines(database, ACME)) == 2

    asyncio.run(scenario())


FIRM, REPRESENTATIVE, WARD, GUARDIAN = (bytes([n]) * 16 for n in range(11, 15))
PARTNERS = tuple(bytes([n]) * 16 for n in range(20, 26))
EVERYBODY = (FIRM, REPRESENTATIVE, WARD, GUARDIAN, *PARTNERS)


def _part(dice: random.Random, subject: bytes) -> SubjectPart:
    """Something that an operation may say of a subject."""
    purpose, basis = dice.choice(
        [
            ("LOAN_APPLICATION", Basis(BasisKind.CONSENT, f"c_{subject.hex()[:4]}", 1)),
            ("JUDICIAL_CASE", Basis(BasisKind.MATTER, matter="JC-PROCURATORATE", reference=subject.hex())),
            ("JUDICIAL_CASE", Basis(BasisKind.MATTER, matter="JC-TRIAL")),
            ("GUARDIAN_QUERY", Basis(BasisKind.SELF)),
            ("BID_CHECK", Basis(BasisKind.STATUTORY)),
        ]
    )
    if dice.random() < 0.3:
        reason = dice.choice(["CONSENT_REQUIRED", "SUBJECT_UNKNOWN", "SUBJECT_NOT_IN_TOKEN"])
        return SubjectPart(subject, EntryOutcome.REFUSED, reason, purpose=purpose)
    dataset = dice.choice(["government.penalty", "government.registration"])
    fields = fields_fragment({"clear": {dataset: [f"f{subject.hex()[:2]}"]}})
    records = {dataset: [subject.hex()]}
    return SubjectPart(subject, EntryOutcome.DISCLOSED, "", basis, fields, records, purpose=purpose)


def _town(seed: int) -> list[Entry]:
    """Lookups in a town: firms with their representatives, wards with guardians, batches of many at once."""
    dice = random.Random(seed)
    groups = ((FIRM, REPRESENTATIVE), (WARD, GUARDIAN), PARTNERS, EVERYBODY)
    entries = []
    for number in range(60):
        group = dice.choice(groups)
        chosen = dice.sample(group, dice.randint(1, len(group)))
        parts = tuple(_part(dice, subject) for subject in chosen)
        parts += tuple(_part(dice, s) for s in chosen if dice.random() < 0.1)  # asked about once more
        entries.append(
            an_entry(
                subjects=parts, purpose=parts[0].purpose, caller=dice.choice(["bank-hkb", "court"]),
                at=NOW - timedelta(days=dice.randint(0, 500), hours=number), entry_id=f"{number:032x}",
            )
        )  # fmt: skip
    return sorted(entries, key=lambda entry: entry.at)


def _scan(entries: Sequence[Entry], subject: bytes, now: datetime) -> tuple[list[int], int]:
    """What a ledger must list and count, found by going through everything that was written."""
    shown, hidden = [], 0
    for index, entry in enumerate(entries):
        mine = [part for part in entry.subjects if part.subject_id == subject]
        if not mine:
            continue
        days = 0
        for part in mine:
            if part.purpose == "JUDICIAL_CASE" and part.reason != "SUBJECT_NOT_IN_TOKEN":
                matter = part.basis.matter if part.basis else ""
                days = max(days, 0 if matter == "JC-TRIAL" else 365)
        if civil_date(entry.at) + timedelta(days=days) > civil_date(now):
            hidden += 1
        else:
            shown.insert(0, index)
    return shown, hidden


def test_the_ledgers_of_a_town_equal_a_scan_and_are_its_subjects_own(database_url: str) -> None:
    """With one subject's ledger only, nobody can tell towns apart that differ in everybody else's affairs."""

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            entries = _town(1)
            for entry in entries:
                await log.append(entry)
            for subject in EVERYBODY:
                for now in (NOW, NOW + timedelta(days=200), NOW + YEAR):
                    lines = await all_lines(database, subject, now)
                    hidden = await not_yet_shown(database, subject, policy(), now)
                    assert ([line.index for line in lines], hidden) == _scan(entries, subject, now)
                    shown = [line for line in lines if line.outcome == EntryOutcome.DISCLOSED]
                    uses = await find_uses(database, subject, policy(), now, Window(offset=2, limit=3))
                    assert (uses.total, uses.lines) == (len(shown), shown[2:5])
                    text = repr(lines)
                    for other in set(EVERYBODY) - {subject}:
                        assert subject_ref(other) not in text
                        assert other.hex() not in text
                        assert f"'f{other.hex()[:2]}'" not in text
                        assert f"c_{other.hex()[:4]}" not in text

    asyncio.run(scenario())


def test_nothing_of_others_changes_a_ledger(database_url: str) -> None:
    """Two worlds in which a subject's own lookups are the same, and all of everybody else's are not."""

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            entries, others = _town(2), random.Random(3)
            seen: dict[bytes, list[LedgerLine]] = {}
            for entry in entries:
                await log.append(entry)
            for subject in EVERYBODY:
                seen[subject] = await all_lines(database, subject)
            for subject in EVERYBODY[:5]:
                await administrator(database_url, "TRUNCATE log_entry", _EMPTY)
                async with open_log(database_url) as (again, anew):
                    for entry in entries:
                        await anew.append(_without_others(entry, subject, others))
                    lines = await all_lines(again, subject)
                    assert [replace(line, index=0) for line in lines] == [
                        replace(line, index=0) for line in seen[subject]
                    ]

    asyncio.run(scenario())


_EMPTY = "DELETE FROM log_state"


def _without_others(entry: Entry, subject: bytes, dice: random.Random) -> Entry:
    """The same about one subject, and something else about others."""
    mine = tuple(part for part in entry.subjects if part.subject_id == subject)
    others = [_part(dice, s) for s in EVERYBODY if s != subject and dice.random() < 0.4]
    where = dice.randint(0, len(others))
    parts = (*others[:where], *mine, *others[where:])
    return entry._replace(subjects=parts, purpose=parts[0].purpose if parts else "")


def test_a_withheld_body_leaves_a_line_without_detail(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await log.append(an_entry(subjects=FAMILY))
            await administrator(database_url, "UPDATE log_entry SET body = NULL")
            many, line = await all_lines(database, ACME)
            assert line.withheld
            assert (line.caller, line.fields, line.basis) == ("bank-hkb", {}, None)
            assert (line.outcome, line.purpose) == ("DISCLOSED", "LOAN_APPLICATION")
            assert (many.outcome, many.purpose) == ("", "")

    asyncio.run(scenario())
