"""Declarations of avoidance: what they point at equals a scan by hand, and nobody changes the register unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.detect import Wanted, detect, explained
from hub.audit.detect_methods import METHODS, Surroundings
from hub.audit.detect_scan import Scan, Seen, Who
from hub.audit.entry import subject_ref
from hub.audit.log import AuditLog
from hub.audit.relation_check import RelationProblem, check_relations
from hub.audit.relations import Declared, Declarer, Relation, declare, end, list_relations
from hub.audit.walk import walk
from hub.catalog.loader import load_catalog
from hub.clock import CST
from hub.errors import InputError
from hub.folders import locate
from hub.model.workdays import WorkingCalendar
from hub.policies.detections import RelationKind
from hub.policies.files import load_policies
from hub.store.database import Database

from .audit_world import ACME, OTHER, SIGNER, administrator, open_log
from .test_detect import BANK, DAY, MORNING, own, read

POLICY = load_policies(locate("policies", ""), load_catalog(locate("schema", "")))
MEI, LI = "op_" + "1" * 32, "op_" + "2" * 32
BY = Declarer("bank-hkb", BANK, LI, "LOAN_APPLICATION", "sha256:00")
DESK = Declarer("cli:root", "", "", "AUDIT_REVIEW", "sha256:00")
RULES = {"D-SELF-1": "SELF", "D-KIN-1": "RELATIVE", "D-NEAR-1": "NEIGHBOUR", "D-INTEREST-1": "INTEREST"}
EARLIER = MORNING - timedelta(days=1)

Scene = Callable[[Database, AuditLog], Coroutine[Any, Any, None]]


def play(url: str, scene: Scene) -> None:
    async def scenario() -> None:
        async with open_log(url) as (database, log):
            await scene(database, log)

    asyncio.run(scenario())


def kin(kind: RelationKind = RelationKind.RELATIVE, until: date | None = None) -> Declared:
    return Declared(BANK, MEI, ACME, kind, until)


async def found(database: Database, wanted: Wanted = DAY) -> list[tuple[str, str, tuple[int, ...]]]:
    done = await detect(database, POLICY, own, wanted, MORNING)
    return [(one.rule.id, one.subject, one.entries) for one in done.findings if one.rule.id in RULES]


@pytest.mark.parametrize("rule", RULES)
def test_a_read_of_a_declared_relation_is_found_by_the_rule_of_its_kind_and_explained_without_an_identity(
    rule: str, database_url: str
) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        await declare(database, log, BY, kin(RelationKind(RULES[rule])), EARLIER)
        await log.append(read(operator=MEI))
        await log.append(read(operator=LI))
        await log.append(read(OTHER, operator=MEI))
        await log.append(read(operator=MEI, institution="91460000000000000X", caller="bank-qzb"))
        await log.append(read(operator=MEI, refused="CONSENT_REQUIRED"))
        await log.append(read(operator=MEI, purpose="SELF_QUERY"))
        assert await found(database) == [(rule, subject_ref(ACME), (1,))]
        done = await detect(database, POLICY, own, DAY, MORNING)
        (one,) = [one for one in done.findings if one.rule.id == rule]
        assert one.rule.severity == ("HIGH" if rule in ("D-SELF-1", "D-KIN-1") else "MEDIUM")
        assert MEI in explained(one).zh
        assert "declared" in one.rule.unseen.en

    play(database_url, scene)


def test_a_read_before_the_declaration_is_not_found_and_one_soon_after_its_end_is(database_url: str) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        await log.append(read(operator=MEI, at=EARLIER - timedelta(hours=1)))
        one = await declare(database, log, BY, kin(), EARLIER)
        await end(database, log, BY, one.relation_id, MORNING - timedelta(hours=1))
        await log.append(read(operator=MEI))
        await log.append(read(operator=MEI, at=MORNING + timedelta(days=31)))
        wanted = Wanted(EARLIER - timedelta(days=1), EARLIER + timedelta(days=29))
        assert [entries for _, _, entries in await found(database, wanted)] == [(3,)]
        late = Wanted(MORNING + timedelta(days=30), MORNING + timedelta(days=40))
        assert await found(database, late) == []

    play(database_url, scene)


MOMENTS = st.integers(0, 90).map(lambda days: MORNING + timedelta(days=days))
PERSONS, SUBJECTS = st.sampled_from(["", MEI, LI]), st.sampled_from(["s1", "s2", ""])
INSTITUTIONS = st.sampled_from([BANK, "other"])
PURPOSES = st.sampled_from(["LOAN_APPLICATION", "GUARANTEE", "SELF_QUERY"])
READS = st.lists(st.tuples(MOMENTS, INSTITUTIONS, PERSONS, SUBJECTS, PURPOSES, st.booleans()), max_size=40)
DECLARED = st.lists(
    st.tuples(
        INSTITUTIONS, st.sampled_from([MEI, LI]), st.sampled_from(["s1", "s2"]), st.sampled_from(list(RelationKind)),
        MOMENTS, st.none() | st.dates(date(2026, 3, 1), date(2026, 6, 30)), st.none() | MOMENTS,
    ),
    max_size=12,
)  # fmt: skip


@given(READS, DECLARED)
def test_findings_over_random_logs_and_declarations_are_those_of_a_scan_by_hand(
    reads: list[Any], declared: list[Any]
) -> None:
    log = [
        Seen(n, at, Who(unit, f"c-{unit}", who), purpose, about, shown, "", True, 1, None)
        for n, (at, unit, who, about, purpose, shown) in enumerate(reads)
    ]
    all_of_them = [
        Relation(f"dr_{n}", unit, who, about, kind, since, until, "c", ended)
        for n, (unit, who, about, kind, since, until, ended) in enumerate(declared)
    ]
    by_key: dict[tuple[str, str, str], list[Relation]] = {}
    for one in all_of_them:
        by_key.setdefault((one.institution, one.person, one.subject), []).append(one)
    around = Surroundings(WorkingCalendar(), lambda _: "", (), by_key)
    for rule_id, kind in RULES.items():
        rule = POLICY.detections[rule_id]
        got = list(METHODS[rule.method](rule, Scan(log), around))
        expected = set()
        for seen in log:
            for one in all_of_them:
                same = (one.institution, one.person, one.subject) == (
                    seen.who.institution, seen.who.person, seen.subject,
                )  # fmt: skip
                begun = seen.at >= one.since
                day = (seen.at.astimezone(CST) - timedelta(days=30)).date()
                past = one.until is not None and day > one.until
                ended = one.ended_at is not None and seen.at >= one.ended_at + timedelta(days=30)
                held = same and one.kind == kind and begun and not past and not ended
                if held and seen.shown and seen.purpose != "SELF_QUERY":
                    expected.add(seen.index)
        assert {index for one in got for index in one.entries} == expected
        assert sum(one.count for one in got) == len(expected)


REFUSED: dict[str, tuple[Declarer, str]] = {
    "by another institution": (BY._replace(institution="91460000000000000X"), "no such declaration"),
    "by the person concerned": (BY._replace(operator=MEI), "another person"),
    "by nobody who is named": (BY._replace(operator=""), "another person"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_declaration_is_not_ended(name: str, database_url: str) -> None:
    by, said = REFUSED[name]

    async def scene(database: Database, log: AuditLog) -> None:
        one = await declare(database, log, BY, kin(), EARLIER)
        with pytest.raises(InputError, match=said):
            await end(database, log, by, one.relation_id, MORNING)
        assert await check_relations(database) == (1, [])
        assert [kept.ended_at for kept in await list_relations(database, BANK, limit=5)] == [None]

    play(database_url, scene)


def test_what_is_declared_already_or_over_already_is_refused_and_what_was_ended_can_be_declared_again(
    database_url: str,
) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        one = await declare(database, log, BY, kin(), EARLIER)
        with pytest.raises(InputError, match="already"):
            await declare(database, log, BY, kin(), MORNING)
        with pytest.raises(InputError, match="passed"):
            await declare(database, log, BY, kin(RelationKind.INTEREST, date(2026, 3, 4)), MORNING)
        with pytest.raises(InputError, match="ten years"):
            await declare(database, log, BY, kin(RelationKind.INTEREST, date.max), MORNING)
        await declare(database, log, BY, kin(RelationKind.INTEREST), MORNING)
        await end(database, log, DESK, one.relation_id, MORNING)
        with pytest.raises(InputError, match="no such declaration"):
            await end(database, log, DESK, one.relation_id, MORNING)
        await declare(database, log, BY, kin(), MORNING)
        listed = await list_relations(database, BANK, limit=2)
        rest = await list_relations(database, BANK, limit=5, after=listed[-1].relation_id)
        assert len({kept.relation_id for kept in (*listed, *rest)}) == 3
        assert await list_relations(database, "other", limit=5) == []
        assert await check_relations(database) == (3, [])

    play(database_url, scene)


def test_one_that_ends_sooner_or_is_over_does_not_keep_a_longer_one_from_being_declared(
    database_url: str,
) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        soon, later = date(2026, 3, 6), date(2026, 9, 1)
        await declare(database, log, BY, kin(until=soon), MORNING)
        with pytest.raises(InputError, match="as long"):
            await declare(database, log, BY, kin(until=soon), MORNING)
        await declare(database, log, BY, kin(until=later), MORNING)
        await declare(database, log, BY, kin(), MORNING)
        for until in (soon, later, None):
            with pytest.raises(InputError, match="as long"):
                await declare(database, log, BY, kin(until=until), MORNING)
        await declare(database, log, BY, kin(RelationKind.SELF, soon), MORNING)
        await declare(
            database, log, BY, kin(RelationKind.SELF, date(2026, 4, 1)), MORNING + timedelta(days=9)
        )
        assert await check_relations(database) == (5, [])

    play(database_url, scene)


def test_of_two_declarations_at_the_same_moment_one_is_made(database_url: str) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        done = await asyncio.gather(
            *(declare(database, log, BY, kin(), MORNING) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, Relation) for one in done) == 1
        assert await check_relations(database) == (1, [])

    play(database_url, scene)


TAMPERED: dict[str, tuple[str, RelationProblem]] = {
    "deletes one": ("DELETE FROM audit_relation WHERE kind = 'RELATIVE'", RelationProblem.GONE),
    "ends one": ("UPDATE audit_relation SET ended_at = now() WHERE kind = 'RELATIVE'", RelationProblem.CHANGED),
    "takes up one that was ended": (
        "UPDATE audit_relation SET ended_at = NULL, ended_entry = NULL WHERE kind = 'SELF'",
        RelationProblem.CHANGED,
    ),
    "gives it a last day": ("UPDATE audit_relation SET until = '2026-01-01'", RelationProblem.CHANGED),
    "turns it to somebody else": (
        f"UPDATE audit_relation SET person = '{LI}' WHERE kind = 'RELATIVE'", RelationProblem.CHANGED,
    ),
    "moves it to another subject": (
        f"UPDATE audit_relation SET subject_id = '\\x{OTHER.hex()}' WHERE kind = 'RELATIVE'",
        RelationProblem.CHANGED,
    ),
    "makes it begin later": (
        "UPDATE audit_relation SET since = since + interval '1 day'", RelationProblem.CHANGED,
    ),
    "adds one": (
        "INSERT INTO audit_relation SELECT 'dr_1', institution, person, subject_id, 'INTEREST', since, until, client_id,"
        " declared_by, declared_entry FROM audit_relation WHERE kind = 'RELATIVE'",
        RelationProblem.ADDED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_an_administrator_of_the_database_who_touches_a_declaration_is_found(
    name: str, database_url: str
) -> None:
    statement, problem = TAMPERED[name]

    async def scene(database: Database, log: AuditLog) -> None:
        await declare(database, log, BY, kin(), EARLIER)
        one = await declare(database, log, BY, kin(RelationKind.SELF), EARLIER)
        await end(database, log, BY, one.relation_id, MORNING)
        assert await check_relations(database) == (2, [])
        await administrator(database_url, statement)
        count, misfits = await check_relations(database)
        assert count == 2
        assert problem in {misfit.problem for misfit in misfits}
        assert not (await walk(database, [SIGNER.verifier])).findings

    play(database_url, scene)


def test_an_entry_of_a_declaration_holds_pseudonyms_and_codes_only(database_url: str) -> None:
    async def scene(database: Database, log: AuditLog) -> None:
        await declare(database, log, BY, kin(until=date(2026, 12, 31)), datetime(2026, 3, 5, tzinfo=UTC))
        async with database.connection() as connection:
            body = bytes(await connection.fetchval("SELECT body FROM log_entry")).decode()
        assert '"kind":"RELATIVE"' in body
        assert f'"person":"{MEI}"' in body
        assert '"until":"2026-12-31"' in body

    play(database_url, scene)
