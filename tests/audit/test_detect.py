"""Planted patterns are found and named, with their entries; ordinary traffic gives nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.detect import Detected, Wanted, detect, explained
from hub.audit.detect_methods import METHODS, Surroundings
from hub.audit.detect_scan import Fields, Scan, Seen, Who
from hub.audit.entry import Basis, BasisKind, Entry, EntryOutcome, SubjectPart, fields_fragment, subject_ref
from hub.catalog.loader import load_catalog
from hub.clock import CST
from hub.errors import InputError
from hub.folders import locate
from hub.model.workdays import WorkingCalendar
from hub.policies.detections import Detection
from hub.policies.files import load_policies
from hub.policies.model import PolicySet
from hub.store.database import Database

from .audit_world import ACME, administrator, an_entry, open_log

MORNING = datetime(2026, 3, 5, 10, 0, tzinfo=CST)
DAY = Wanted(MORNING.replace(hour=0), MORNING.replace(hour=0) + timedelta(days=1))
BANK = "91460000DEM00001XX"


@pytest.fixture(scope="module")
def policy() -> PolicySet:
    return load_policies(locate("policies", ""), load_catalog(locate("schema", "")))


def own(uscc: str) -> bytes:
    return (uscc.encode() * 2)[:16]


def subject(number: int) -> bytes:
    return number.to_bytes(16, "big")


def read(
    about: bytes = ACME, *, at: datetime = MORNING, reference: str = "贷1", refused: str = "", **changes: Any
) -> Entry:
    outcome = EntryOutcome.REFUSED if refused else EntryOutcome.DISCLOSED
    fields = changes.pop("fields", None)
    part = SubjectPart(
        about, outcome, refused, Basis(BasisKind.CONSENT, "c_1", 1, reference=reference),
        None if fields is None else fields_fragment(fields),
    )  # fmt: skip
    given = {"unsealed": 0, "subjects": (part,), "outcome": outcome, "reason": refused, "at": at, **changes}
    return an_entry(**given)


def found_in(
    url: str, policy: PolicySet, entries: Iterable[Entry], wanted: Wanted = DAY, **more: Any
) -> Detected:
    async def scenario() -> Detected:
        async with open_log(url) as (database, log):
            await asyncio.gather(*(log.append(entry) for entry in entries))
            return await look(database, policy, wanted, **more)

    return asyncio.run(scenario())


async def look(database: Database, policy: PolicySet, wanted: Wanted, **more: Any) -> Detected:
    return await detect(database, policy, own, wanted, more.pop("now", MORNING), **more)


def minutes(count: int, step: float = 0.1) -> list[datetime]:
    return [MORNING + timedelta(minutes=step * number) for number in range(count)]


PLANTED: dict[str, tuple[str, Sequence[Entry]]] = {
    "reads for a court's case without its number": (
        "D-REF-1",
        [read(purpose="JUDICIAL_CASE", reference="")],
    ),
    "reads without a number by a caller that used to give one": (
        "D-REF-1",
        [*(read(at=MORNING - timedelta(days=3)) for _ in range(30)), read(reference="")],
    ),
    "a person who reads five subjects at night": (
        "D-HOURS-1",
        [read(subject(n), at=MORNING.replace(hour=23)) for n in range(5)],
    ),
    "a person who reads five subjects on a Sunday": (
        "D-HOURS-1",
        [read(subject(n), at=MORNING + timedelta(days=3)) for n in range(5)],
    ),
    "an institution that reads about itself": ("D-OWN-1", [read(own(BANK))]),
    "a subject that ten institutions read": (
        "D-MANY-1",
        [read(institution=f"9146000000000000{n:02}", caller=f"bank-{n}") for n in range(10)],
    ),
    "a person who goes through sixty subjects in an hour": (
        "D-ENUM-1",
        [read(subject(n), at=at) for n, at in enumerate(minutes(60, 0.9))],
    ),
    "a system that goes through subjects under ever new names": (
        "D-ENUM-1",
        [read(subject(n), at=at, operator=f"op_{n}") for n, at in enumerate(minutes(600))],
    ),
    "a system that tries subjects until one opens": (
        "D-PROBE-1",
        [read(subject(n), at=at, refused="CONSENT_REQUIRED") for n, at in enumerate(minutes(10, 3))],
    ),
    "thirty refusals in a quarter of an hour": (
        "D-REFUSAL-1",
        [read(at=at, refused="CONSENT_EXPIRED") for at in minutes(30)],
    ),
    "two clients of one institution that complete each other": (
        "D-COMPL-1",
        [
            read(fields={"clear": {"a.b": ["x"]}, "withheld": {"a.c": ["*"]}}),
            read(caller="other", fields={"clear": {"a.c": ["y"]}, "withheld": {"a.b": ["x"]}}),
        ],
    ),
    "a caller whose purposes change": (
        "D-DRIFT-1",
        [
            *(read(at=MORNING - timedelta(days=3)) for _ in range(30)),
            *(read(subject(n), purpose="GUARANTEE") for n in range(25)),
        ],
    ),
    "an entry that states openings which nothing needed": ("D-OPEN-1", [read(unsealed=7)]),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED, ids=lambda name: name)
def test_what_is_planted_is_found_and_named(planted: str, database_url: str, policy: PolicySet) -> None:
    rule, entries = PLANTED[planted]
    span = Wanted(DAY.since, DAY.until + timedelta(days=4))
    done = found_in(database_url, policy, [*entries, read(subject(900), caller="somebody-else")], span)
    assert [one.rule.id for one in done.findings] == [rule]
    (one,) = done.findings
    assert one.who.caller != "somebody-else"
    words = explained(one)
    assert one.count >= 1
    assert "{" not in words.zh + words.en
    assert done.policy == policy.revision


def test_two_views_are_told_with_the_roles_in_which_they_were_had(
    database_url: str, policy: PolicySet
) -> None:
    fields = (
        {"clear": {"a.b": ["x"]}, "withheld": {"a.c": ["y"]}},
        {"clear": {"a.c": ["y"]}, "withheld": {"a.b": ["x"]}},
    )
    entries = [
        read(fields=fields[0]).standing("CN", ("bank",)),
        read(caller="other", fields=fields[1]).standing("CN", ("user_unit",)),
    ]
    (one,) = found_in(database_url, policy, entries).findings
    assert "bank-hkb (bank)/LOAN_APPLICATION + other (user_unit)/LOAN_APPLICATION" in explained(one).en


def test_overdue_outcomes_of_uses_are_found_once_they_are_overdue(
    database_url: str, policy: PolicySet
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(read())
            assert (await look(database, policy, DAY)).findings == []
            late = await look(database, policy, DAY, now=MORNING + timedelta(days=91))
            assert [(one.rule.id, one.entries) for one in late.findings] == [("D-CLOSE-1", (0,))]

    asyncio.run(scenario())


def test_a_watched_subject_is_pointed_out_whoever_reads_it(database_url: str, policy: PolicySet) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(read())
            await log.append(read(subject(5)))
            await administrator(
                database_url,
                f"INSERT INTO audit_watch VALUES ('\\x{ACME.hex()}', now(), 'officer', 'rv_1')",
            )
            (one,) = (await look(database, policy, DAY)).findings
            assert (one.rule.id, one.subject, one.entries) == ("D-WATCH-1", subject_ref(ACME), (0,))

    asyncio.run(scenario())


def test_ordinary_traffic_of_a_working_day_gives_nothing(database_url: str, policy: PolicySet) -> None:
    entries = [
        read(subject(n % 17), at=MORNING + timedelta(minutes=7 * n), operator=f"op_{n % 3}")
        for n in range(60)
    ]
    batch = tuple(SubjectPart(subject(n), EntryOutcome.DISCLOSED) for n in range(1000))
    entries.append(read(purpose="LOAN_REVIEW_POST", subjects=batch))
    assert found_in(database_url, policy, entries).findings == []


def test_what_is_outside_of_the_range_is_not_found_and_withheld_bodies_are_counted(
    database_url: str, policy: PolicySet
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(read(own(BANK)))
            await log.append(read(own(BANK), at=MORNING + timedelta(days=2)))
            (one,) = (await look(database, policy, DAY)).findings
            assert one.entries == (0,)
            elsewhere = Wanted(DAY.since, DAY.until, caller="bank-qzb")
            assert (await look(database, policy, elsewhere)).findings == []
            await administrator(database_url, "UPDATE log_entry SET body = NULL")
            done = await look(database, policy, DAY)
            assert (done.findings, done.withheld, done.entries) == ([], 1, 1)

    asyncio.run(scenario())


def test_too_much_is_an_error_and_never_a_part(database_url: str, policy: PolicySet) -> None:
    with pytest.raises(InputError, match="subjects of entries"):
        found_in(database_url, policy, [read() for _ in range(5)], most=4)


def test_a_rule_is_chosen_by_its_id_and_an_unknown_one_is_refused(policy: PolicySet) -> None:
    assert Wanted.checked(policy, DAY.since, DAY.until, "D-OWN-1").rule == "D-OWN-1"
    with pytest.raises(InputError):
        Wanted.checked(policy, DAY.since, DAY.until, "D-NONE")


def seen(number: int, at: datetime, who: Who, about: str, *, shown: bool) -> Seen:
    reason = "" if shown else "CONSENT_REQUIRED"
    fields = Fields(frozenset({"a.b.x"}), frozenset())
    return Seen(number, at, who, "LOAN_APPLICATION", about, shown, reason, True, 1, fields)


TRAFFIC = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 2), st.integers(0, 40), st.booleans()), max_size=60
)


@given(TRAFFIC)
def test_a_burst_is_found_exactly_where_a_brute_force_search_finds_one(
    traffic: list[tuple[int, int, int, bool]],
) -> None:
    rule = rules()["D-PROBE-1"]
    log = [
        seen(n, MORNING + timedelta(minutes=minute), Who(BANK, f"c{caller}", ""), f"s{about}", shown=shown)
        for n, (minute, caller, about, shown) in enumerate(traffic)
    ]
    around = Surroundings(WorkingCalendar(), lambda _: "", ())
    found = list(METHODS[rule.method](rule, Scan(log), around))
    span = timedelta(minutes=rule.numbers["minutes"])
    expected = set()
    for last in log:
        window = [
            one for one in log if one.who == last.who and not one.shown and last.at - span < one.at <= last.at
        ]
        if len({one.subject for one in window}) >= rule.numbers["subjects"]:
            expected |= {one.index for one in window}
    assert {index for one in found for index in one.entries} == expected
    assert list(METHODS[rule.method](rule, Scan(log), around)) == found


def rules() -> dict[str, Detection]:
    from hub.policies.detections import FILE, read_detections
    from hub.policies.entries import parse

    folder = locate("policies", "")
    purposes = parse("purposes.toml", (folder / "purposes.toml").read_text("utf-8"))
    return read_detections((folder / FILE).read_text("utf-8"), purposes)
