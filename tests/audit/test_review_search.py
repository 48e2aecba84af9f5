"""The officer's search against a scan of all entries, entry by entry."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from hub.audit.entry import Basis, BasisKind, Entry, EntryOutcome, Kind, SubjectPart, fields_fragment
from hub.audit.review_counts import CountBy, Period, count_entries
from hub.audit.review_filter import EntryFilter, FieldOutcome
from hub.audit.review_read import reading
from hub.audit.review_search import find_entry, list_entries
from hub.audit.review_who import who_saw
from hub.clock import CST
from hub.demo.story_facts import PERSON_ID
from hub.errors import InputError
from hub.store.database import Database

from .audit_world import NOW, administrator, an_entry, open_log

SUBJECTS = [bytes([n]) * 16 for n in range(1, 5)]
DATASETS = {"government.penalty": ["documentNo", "decisionDate"], "financial.loan": ["balance", "lender"]}
RECORDS = [bytes([n]).hex() * 16 for n in range(0x30, 0x36)]
DIGITS = "0123456789abcdef" * 4
POLICIES = ["sha256:" + DIGITS, "sha256:" + DIGITS[::-1]]
DRAWN: dict[str, Callable[[random.Random], Any]] = {
    "subject_id": lambda dice: dice.choice(SUBJECTS),
    "caller": lambda dice: dice.choice(["bank-hkb", "bank-qzb"]),
    "purpose": lambda dice: dice.choice(["GUARANTEE", "RENEWAL", "BID_CHECK"]),
    "outcome": lambda dice: dice.choice(list(EntryOutcome)),
    "kind": lambda dice: dice.choice(list(Kind)),
    "reason": lambda dice: dice.choice(["CONSENT_EXPIRED", "NO_RULE"]),
    "since": lambda dice: NOW + timedelta(minutes=dice.randint(0, 400)),
    "until": lambda dice: NOW + timedelta(minutes=dice.randint(0, 400)),
    "institution": lambda dice: dice.choice(["银行甲", 'quoted "乙"']),
    "operator": lambda dice: dice.choice(["op_" + "1" * 32, "op_" + "2" * 32]),
    "matter": lambda dice: dice.choice(["M-1", "M-2"]),
    "reference": lambda dice: dice.choice(["贷演001", "贷演002"]),
    "consent": lambda dice: dice.choice(["c_1", "c_2"]),
    "dataset": lambda dice: dice.choice(list(DATASETS)),
    "field": lambda dice: dice.choice([f"{d}.{n}" for d, names in DATASETS.items() for n in names]),
    "shown": lambda dice: dice.choice(list(FieldOutcome)),
    "record": lambda dice: dice.choice(RECORDS),
    "document": lambda dice: dice.choice(POLICIES),
    "policy": lambda dice: dice.choice(POLICIES)[: dice.choice([11, 71])],
}


def random_part(dice: random.Random) -> SubjectPart:
    """A part with anything in it."""
    fields: dict[str, dict[str, list[str]]] = {}
    for dataset, names in DATASETS.items():
        if dice.random() < 0.2:
            fields.setdefault("withheld", {})[dataset] = ["*"]
            continue
        for name in names:
            if dice.random() < 0.6:
                word = dice.choice(list(FieldOutcome)).value
                fields.setdefault(word, {}).setdefault(dataset, []).append(name)
    basis = Basis(
        dice.choice(list(BasisKind)), *dice.choice([("", 0), ("c_1", 1), ("c_2", 1)]),
        dice.choice(["", "M-1", "M-2"]), dice.choice(["", "贷演001", "贷演002"]),
    )  # fmt: skip
    records = {d: dice.sample(RECORDS, dice.randint(0, 2)) for d in DATASETS if dice.random() < 0.5}
    return SubjectPart(
        dice.choice(SUBJECTS), dice.choice(list(EntryOutcome)), dice.choice(["", "", "CONSENT_EXPIRED", "NO_RULE"]),
        dice.choice([None, basis]), dice.choice([None, fields_fragment(fields)]), records,
        purpose=dice.choice(["", "", "RENEWAL", "BID_CHECK"]),
    )  # fmt: skip


def random_entry(dice: random.Random, number: int) -> Entry:
    """An entry with anything in it; its instant follows its index, but not strictly."""
    detail = dice.choice(
        [{}, {}, {"consent": "c_1"}, {"dataset": "financial.loan", "record": RECORDS[0]}, {"case": "贷演002"}]
    )
    return an_entry(
        subjects=tuple(random_part(dice) for _ in range(dice.choice([0, 1, 1, 2, 4]))),
        at=NOW + timedelta(minutes=2 * number + dice.randint(-30, 30)),
        detail=detail,
        **{
            name: DRAWN[name](dice)
            for name in ("caller", "outcome", "kind", "institution", "operator", "document")
        },
        policy=dice.choice(POLICIES),
        purpose=dice.choice(["GUARANTEE", "RENEWAL", ""]),
        reason=dice.choice(["", "", "NO_RULE"]),
    )


def random_filter(dice: random.Random) -> EntryFilter:
    """A filter of one to three conditions."""
    names = dice.sample(list(DRAWN), dice.choice([1, 1, 2, 3]))
    return EntryFilter(**{name: DRAWN[name](dice) for name in names})


def scan_finds(wanted: EntryFilter, entry: Entry) -> bool:
    """Written from the meaning of the filter over the entry as it was made, without a look at the searched log."""
    for name in ("caller", "outcome", "kind", "institution", "operator"):
        if getattr(wanted, name) not in (None, getattr(entry, name)):
            return False
    if (wanted.since and entry.at < wanted.since) or (wanted.until and entry.at >= wanted.until):
        return False
    if not entry.document.startswith(wanted.document or "") or not entry.policy.startswith(
        wanted.policy or ""
    ):
        return False
    nothing = SubjectPart(b"", EntryOutcome.DONE)
    return any(scan_wants(wanted, entry, part) for part in (*entry.subjects, nothing))


def scan_wants(wanted: EntryFilter, entry: Entry, part: SubjectPart) -> bool:
    """Whether everything that is asked of a subject holds of this part."""
    basis = part.basis or Basis(BasisKind.SELF)
    fields = {} if part.fields is None else orjson.loads(orjson.dumps(part.fields))
    triples = [(w, d, n) for w, group in fields.items() for d, names in group.items() for n in names]
    detail = entry.detail
    facts: Iterable[tuple[Any, list[Any]]] = (
        (wanted.subject_id, [part.subject_id]),
        (wanted.purpose, [part.purpose or entry.purpose]),
        (wanted.reason, [part.reason, entry.reason]),
        (wanted.matter, [basis.matter]),
        (wanted.reference, [basis.reference, detail.get("case")]),
        (wanted.consent, [basis.consent, detail.get("consent")]),
        (wanted.record, [r for refs in part.records.values() for r in refs] + [detail.get("record")]),
    )
    if any(value is not None and value not in holds for value, holds in facts):
        return False
    if wanted.shown is not None:
        triples = [triple for triple in triples if triple[0] == wanted.shown]
        if not triples:
            return False
    if wanted.dataset is not None:
        named = {d for _, d, _ in triples}
        if wanted.shown is None:
            named |= {*part.records, detail.get("dataset")}
        if wanted.dataset not in named:
            return False
    return wanted.field is None or any(
        wanted.field == f"{d}.{n}" or (n == "*" and wanted.field.startswith(d + ".")) for _, d, n in triples
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_search_finds_exactly_what_a_scan_of_random_entries_finds(database_url: str, seed: int) -> None:
    async def scenario() -> None:
        dice = random.Random(seed)
        entries = [random_entry(dice, number) for number in range(200)]
        found_any = 0
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            for _ in range(150):
                wanted = random_filter(dice)
                expected = [n for n in range(199, -1, -1) if scan_finds(wanted, entries[n])]
                found = await list_entries(database, wanted, limit=1000)
                assert [line.index for line in found] == expected, wanted
                found_any += bool(expected)
        assert found_any > 100

    asyncio.run(scenario())


def test_pages_of_a_search_neither_lose_nor_double_while_the_log_grows(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(7)
        entries = [random_entry(dice, number) for number in range(120)]
        wanted = EntryFilter(dataset="financial.loan", since=NOW + timedelta(minutes=30))
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            seen: list[int] = []
            before = None
            while page := await list_entries(database, wanted, limit=7, before=before):
                seen += [line.index for line in page]
                before = seen[-1]
                await log.append(random_entry(dice, 200))
            assert seen == [n for n in range(119, -1, -1) if scan_finds(wanted, entries[n])]

    asyncio.run(scenario())


def test_an_entry_written_long_after_its_instant_is_found_by_its_instant(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for number in range(60):
                await log.append(an_entry(at=NOW + timedelta(hours=number)))
            late = await log.append(an_entry(at=NOW))
            early = await log.append(an_entry(at=NOW + timedelta(days=400)))
            await log.append(an_entry(at=NOW + timedelta(hours=60)))
            old = await list_entries(database, EntryFilter(until=NOW + timedelta(hours=1)))
            assert [line.index for line in old] == [late.index, 0]
            new = await list_entries(database, EntryFilter(since=NOW + timedelta(days=300)))
            assert [line.index for line in new] == [early.index]

    asyncio.run(scenario())


def test_an_entry_whose_body_is_withheld_is_listed_wherever_its_columns_do_not_rule_it_out(
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await administrator(database_url, "UPDATE log_entry SET body = NULL")
            (line,) = await list_entries(database, EntryFilter(matter="M-1"))
            assert line.body is None
            assert await list_entries(database, EntryFilter(matter="M-1", caller="bank-qzb")) == []
            (count,) = await count_entries(database, EntryFilter(), [CountBy.INSTITUTION])
            assert (count.keys, count.entries) == (("(withheld)",), 1)
            assert (await who_saw(database, EntryFilter(SUBJECTS[0]))).withheld == 1

    asyncio.run(scenario())


def test_a_search_beyond_its_time_says_how_to_narrow_it(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(50):
                await log.append(an_entry())
            for search in (
                list_entries(database, EntryFilter(reason="NEVER"), seconds=0.0001),
                count_entries(database, EntryFilter(), [CountBy.PURPOSE], seconds=0.0001),
                who_saw(database, EntryFilter(SUBJECTS[0]), seconds=0.0001),
            ):
                with pytest.raises(InputError, match="since and until"):
                    await search
            assert len(await list_entries(database, EntryFilter())) == 50

    asyncio.run(scenario())


def civil_start(at: datetime, per: Period) -> Any:
    """First civil day of the period of an instant."""
    day = at.astimezone(CST).date()
    if per is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if per is Period.MONTH else day


def test_counts_equal_those_of_a_scan_by_columns_and_by_bodies(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(11)
        entries = [
            random_entry(dice, number)._replace(at=NOW + timedelta(hours=9 * number)) for number in range(150)
        ]
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            for per in (None, *Period):
                for wanted in (EntryFilter(), EntryFilter(caller="bank-hkb"), EntryFilter(reason="NO_RULE")):
                    matched = [e for e in entries if scan_finds(wanted, e)]
                    found = await count_entries(database, wanted, [CountBy.CALLER, CountBy.OUTCOME], per)
                    assert {(c.period, *c.keys): c.entries for c in found} == Counter(
                        (civil_start(e.at, per) if per else None, e.caller, e.outcome.value) for e in matched
                    )
                    by_institution = await count_entries(database, wanted, [CountBy.INSTITUTION], per)
                    assert {(c.period, *c.keys): c.entries for c in by_institution} == Counter(
                        (civil_start(e.at, per) if per else None, e.institution) for e in matched
                    )
            by_purpose = await count_entries(database, EntryFilter(), [CountBy.PURPOSE])
            assert {c.keys[0]: c.entries for c in by_purpose} == Counter(
                purpose
                for e in entries
                for purpose in {p.purpose or e.purpose for p in e.subjects} or {e.purpose}
            )

    asyncio.run(scenario())


def test_counts_are_refused_where_there_are_too_many_groups(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await administrator(
                database_url,
                "INSERT INTO log_entry SELECT log_id, g, leaf_hash, body, at, kind, 'c' || g, purpose, outcome, "
                "subjects, entry_id FROM log_entry, generate_series(1, 1001) g",
            )
            for by in ([CountBy.CALLER], [CountBy.CALLER, CountBy.PURPOSE]):
                with pytest.raises(InputError, match="groups"):
                    await count_entries(database, EntryFilter(), by)

    asyncio.run(scenario())


def test_who_saw_a_field_equals_a_scan_and_tells_basis_and_times(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(13)
        entries = [random_entry(dice, number) for number in range(300)]
        async with open_log(database_url) as (database, log):
            for entry in entries:
                await log.append(entry)
            found = await who_saw(database, EntryFilter(SUBJECTS[0], field="financial.loan.balance"))
            expected: dict[Any, list[int]] = {}
            for index, entry in enumerate(entries):
                for part in entry.subjects:
                    shown = {} if part.fields is None else orjson.loads(orjson.dumps(part.fields))
                    if (
                        entry.outcome is EntryOutcome.DISCLOSED
                        and part.outcome is EntryOutcome.DISCLOSED
                        and part.subject_id == SUBJECTS[0]
                        and any(
                            "balance" in g.get("financial.loan", ())
                            for w, g in shown.items()
                            if w != "withheld"
                        )
                    ):
                        basis = part.basis.json() if part.basis else {}
                        key = (
                            entry.institution, entry.caller, entry.operator, part.purpose or entry.purpose,
                            basis.get("kind", ""), basis.get("consent", ""), basis.get("matter", ""),
                        )  # fmt: skip
                        if index not in expected.setdefault(key, []):
                            expected[key].append(index)
            assert expected
            assert {tuple(s.viewer): s.entries[::-1] for s in found.viewers} == expected
            for seen in found.viewers:
                at = [entries[index].at for index in seen.entries]
                assert (seen.times, seen.first, seen.last) == (len(at), min(at), max(at))

    asyncio.run(scenario())


def test_an_entry_is_found_by_index_and_by_id_and_nothing_by_neither(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            kept = await log.append(an_entry())
            by_index, by_id = await find_entry(database, 0), await find_entry(database, kept.entry_id)
            assert by_index == by_id
            assert by_index is not None
            assert await find_entry(database, 1) is await find_entry(database, "nobody") is None

    asyncio.run(scenario())


def test_of_many_searches_at_once_few_work_in_the_database(database_url: str) -> None:
    busy = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def search(database: Database) -> None:
        async with reading(database) as connection:
            await connection.execute("SELECT pg_sleep(0.02)")

    async def scenario() -> None:
        async with open_log(database_url) as (database, _), database.connection() as connection:
            before = await connection.fetchval(busy)
            running = asyncio.gather(*(search(database) for _ in range(30)))
            most = 0
            while not running.done():
                most = max(most, await connection.fetchval(busy))
                await asyncio.sleep(0)
            assert await running == [None] * 30
            assert 1 <= most - before <= 2

    asyncio.run(scenario())


def test_many_searches_at_once_leave_the_connections_of_requests_free(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(30):
                await log.append(an_entry())
            searches = [list_entries(database, EntryFilter(reason="NEVER")) for _ in range(40)]
            running = asyncio.gather(*searches)
            async with asyncio.timeout(5), database.connection() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            assert await running == [[]] * 40

    asyncio.run(scenario())


WRONG = {
    "a dataset that is none": {"dataset": "everything"},
    "a field without its dataset": {"field": "balance"},
    "a record that is no id": {"record": "rec_1"},
    "a person by name": {"operator": "张三"},
    "control characters": {"caller": "\u0000"},
    "a text as long as a page": {"reference": "x" * 1000},
    "a hash that is none": {"document": "query"},
}


@pytest.mark.parametrize("wanted", WRONG.values(), ids=WRONG)
def test_a_filter_in_the_wrong_form_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(InputError, match="form"):
        EntryFilter.checked(**wanted)


def test_a_number_of_a_person_goes_into_the_log_by_no_other_name_than_subject() -> None:
    for name in ("caller", "reference", "reason", "matter"):
        with pytest.raises(InputError, match="subject"):
            EntryFilter.checked(**{name: f"案{PERSON_ID}"})
        with pytest.raises(InputError, match="subject"):
            EntryFilter.checked(**{name: f"7{PERSON_ID}"})
        assert EntryFilter.checked(**{name: "20261121000000000012345678"})


def test_a_filter_takes_ids_as_they_are_shown_and_is_told_without_identifiers() -> None:
    wanted = EntryFilter.checked(
        subject_id=SUBJECTS[0], record="rec_" + RECORDS[0], document=DIGITS, policy="", caller=""
    )
    assert wanted == EntryFilter(SUBJECTS[0], record=RECORDS[0], document="sha256:" + DIGITS)
    assert wanted.said()["subject"] == "sub_" + SUBJECTS[0].hex()
