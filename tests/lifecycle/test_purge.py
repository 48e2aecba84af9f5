"""Purge: what is deleted or archived and when, what is left alone, and that nothing shown depends on it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from world import World, run

from hub.catalog.types import SubjectKind
from hub.catalog.values import natural_key
from hub.demo import story_facts as facts
from hub.disclosure.marks import MarkKind
from hub.errors import InputError
from hub.lifecycle import records
from hub.lifecycle.case import ObjectionGround, RecordName
from hub.lifecycle.holds import START as HOLDS_START
from hub.lifecycle.holds import HoldKind
from hub.lifecycle.purge import Purge, Purged

from .case_world import FIRST_DAY, PENALTY, Scene, penalty
from .test_silence import seen

_LEFT = "SELECT (SELECT count(*) FROM record WHERE dataset = $1), (SELECT count(*) FROM record_history), (SELECT count(*) FROM lifecycle_case), (SELECT count(*) FROM notice)"


async def _person(stage: Scene, **more: Any) -> None:
    values = penalty(**more) | {"counterpartyType": "NATURAL_PERSON"}
    values.pop("uscc", None)
    await stage.world.put(PENALTY, values, identifier=facts.PERSON_ID, kind=SubjectKind.PERSON)


async def _purged(stage: Scene, **more: Any) -> Purged:
    hub = stage.world.hub
    purge = Purge(hub.database, hub.log, hub.rules.catalog)
    return await purge.run(hub.rules.policy, stage.world.clock.now(), "test", **more)


async def _left(stage: Scene) -> tuple[int, ...]:
    async with stage.world.hub.database.connection() as connection:
        return tuple(await connection.fetchrow(_LEFT, PENALTY))


def test_an_adverse_record_of_a_person_is_deleted_the_day_after_five_years_and_an_organisations_archived(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await _person(stage)
        await stage.put()
        stage.turn_to(date(2031, 3, 5), time(23, 59, 59))
        assert await _purged(stage, dry_run=True) == Purged(0, 2)
        stage.turn_to(date(2031, 3, 6), time(0, 0))
        assert await _purged(stage, dry_run=True) == Purged(1, 2)
        assert await _left(stage) == (2, 0, 0, 0)
        assert await _purged(stage, page=1) == Purged(1, 1)
        assert await _left(stage) == (1, 0, 0, 0)
        assert (await stage.record())["state"] == "ARCHIVED"
        assert await _purged(stage) == Purged(0, 0)
        async with world.hub.database.connection() as connection:
            acts = await connection.fetchval(
                "SELECT count(*) FROM log_entry WHERE convert_from(body, 'UTF8') ~ 'records.(delete|archive)'"
            )
        assert acts == 2

    run(database_url, tmp_path, scene)


def test_conduct_that_has_not_ended_is_not_deleted(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        debt = {
            "subjectName": "林某", "caseNo": "（2026）琼0105执演1号", "court": "演示法院", "performance": "UNFULFILLED",
            "publishedOn": "2026-03-05", "filedOn": "2026-01-05",
        }  # fmt: skip
        dataset = world.hub.rules.catalog.datasets["judicial.dishonest_judgment_debt"]
        known = {field.name for field in dataset.fields}
        put = {name: value for name, value in debt.items() if name in known} | {"severity": "SERIOUS"}
        stage.turn_to(FIRST_DAY)
        await world.put(dataset.id, put, identifier=facts.PERSON_ID, kind=SubjectKind.PERSON)
        ended = {**put, "caseNo": "（2026）琼0105执演2号", "removedOn": "2028-02-29"}
        await world.put(dataset.id, ended, identifier=facts.PERSON_ID, kind=SubjectKind.PERSON)
        stage.turn_to(date(2033, 2, 28))
        assert (await _purged(stage)).deleted == 0
        stage.turn_to(date(2033, 3, 1))
        assert (await _purged(stage)).deleted == 1
        stage.turn_to(date(2060, 1, 1))
        assert (await _purged(stage)).deleted == 0

    run(database_url, tmp_path, scene)


def test_a_hold_or_an_open_case_keeps_a_record(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage, lifecycle = Scene(world), world.hub.lifecycle
        stage.turn_to(FIRST_DAY)
        await stage.put()
        await stage.put(2)
        case = await lifecycle.objections.open(
            stage.name(2), ObjectionGround.OTHER, "金额不符", stage.subject, stage.moment
        )
        place = lifecycle.holds.place
        for actor in (stage.subject,):
            with pytest.raises(InputError):
                await place(stage.name(), HoldKind.LITIGATION, "（2026）演1号", actor, stage.moment)
        with pytest.raises(InputError):
            await place(stage.name(9), HoldKind.LITIGATION, "（2026）演1号", stage.unit, stage.moment)
        with pytest.raises(InputError, match="names the case"):
            await place(
                stage.name(), HoldKind.LITIGATION, "469999199001010012 诉演示公司", stage.unit, stage.moment
            )
        hold = await place(stage.name(), HoldKind.LITIGATION, "（2026）演1号", stage.unit, stage.moment)
        stage.turn_to(date(2032, 1, 1))
        assert await _purged(stage) == Purged(0, 0)
        with pytest.raises(InputError):
            await lifecycle.holds.release(hold.hold_id, stage.subject, stage.moment)
        await lifecycle.holds.release(hold.hold_id, stage.operator, stage.moment)
        with pytest.raises(InputError):
            await lifecycle.holds.release(hold.hold_id, stage.operator, stage.moment)
        assert await _purged(stage) == Purged(0, 1)
        assert case.due_on is not None

    run(database_url, tmp_path, scene)


def test_a_run_that_is_cut_off_has_done_whole_pages_and_is_simply_run_again(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        for number in range(1, 9):
            await stage.put(number)
        stage.turn_to(date(2032, 1, 1))
        running = asyncio.create_task(_purged(stage, page=1))
        while (await _archived(world))[0] < 2:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        records, entries = await _archived(world)
        assert records == entries
        await _purged(stage, page=1)
        assert await _archived(world) == (8, 8)

    run(database_url, tmp_path, scene)


async def _archived(world: World) -> tuple[int, int]:
    async with world.hub.database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM record WHERE state = 'ARCHIVED'),"
            " (SELECT count(*) FROM log_entry WHERE convert_from(body, 'UTF8') LIKE '%records.archive%')"
        )
    return row[0], row[1]


def test_what_is_shown_is_the_same_whether_the_job_ran_or_never_did(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        stage.turn_to(date(2027, 3, 6), time(0, 0))
        reader = await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED")
        not_run = await seen(world, reader)
        assert await _purged(stage) == Purged(0, 1)
        assert await seen(world, reader) == not_run
        assert '"nodes":[]' in not_run["all at once"][1].replace(" ", "").replace('\\"', '"')
        await stage.put(severity="SERIOUS")  # corrected: by its new dates it is shown for longer
        assert (await stage.record())["state"] == "VALID"
        assert await seen(world, reader) != not_run

    run(database_url, tmp_path, scene)


_HANGING = """SELECT (SELECT count(*) FROM record_mark) AS marks, (SELECT count(*) FROM record_lineage) AS lineage,
    (SELECT count(*) FROM record_hold) AS holds, (SELECT count(*) FROM recall_notice) AS told"""


def _persons(stage: Scene) -> RecordName:
    hub = stage.world.hub
    subject_id = hub.indexer.subject_id("PERSON", facts.PERSON_ID)
    key = natural_key(hub.rules.catalog.datasets[PENALTY], penalty()).encode()
    return RecordName(subject_id, PENALTY, hub.indexer.record_id(subject_id, PENALTY, key))


async def _hanging(stage: Scene) -> dict[str, int]:
    async with stage.world.hub.database.connection() as connection:
        return dict(await connection.fetchrow(_HANGING))


def test_marks_statements_and_lineage_go_with_a_deleted_record_of_a_person_and_recalls_of_it_stay(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await _person(stage)
        name = _persons(stage)
        itself = replace(stage.subject, subject_id=name.subject_id)
        marks = world.hub.lifecycle.marks
        await marks.state(name, "已经履行", itself, stage.moment)
        await marks.proceed(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)
        await marks.clear(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "INSERT INTO record_lineage VALUES ($1, $2, $3, 1, 'NAME', '')",
                name.subject_id, name.dataset, name.record_id,
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO recall (subject_id, recall_id, dataset, record_id, cause, version, issued_at, due_at, actor,"
                " scanned, withheld) VALUES ($1, 'r_1', $2, $3, 'EXPIRED', 0, $4, $4, 'test', 0, 0)",
                name.subject_id, name.dataset, name.record_id, world.clock.now(),
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO recall_notice (subject_id, recall_id, institution, position, document)"
                " VALUES ($1, 'r_1', $2, 0, '{}')", name.subject_id, facts.BANK_HKB,
            )  # fmt: skip
        assert await _hanging(stage) == {"marks": 2, "lineage": 1, "holds": 0, "told": 1}
        stage.turn_to(date(2031, 3, 6))
        assert await _purged(stage) == Purged(1, 0)
        assert await _hanging(stage) == {"marks": 0, "lineage": 0, "holds": 0, "told": 1}

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("kind", [MarkKind.IN_LITIGATION, MarkKind.IN_RECONSIDERATION])
def test_a_mark_of_proceedings_keeps_a_record_until_it_is_cleared(
    database_url: str, tmp_path: Path, kind: MarkKind
) -> None:
    async def scene(world: World) -> None:
        stage, marks = Scene(world), world.hub.lifecycle.marks
        stage.turn_to(FIRST_DAY)
        await _person(stage)
        await stage.put()
        for name in (_persons(stage), stage.name()):
            await marks.proceed(name, kind, stage.unit, stage.moment)
        stage.turn_to(date(2032, 1, 1))
        assert await _purged(stage) == Purged(0, 0)
        for name in (_persons(stage), stage.name()):
            await marks.clear(name, kind, stage.unit, stage.moment)
        assert await _purged(stage) == Purged(1, 1)

    run(database_url, tmp_path, scene)


def test_a_record_is_not_held_while_it_is_being_deleted(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage, database = Scene(world), world.hub.database
        stage.turn_to(FIRST_DAY)
        await _person(stage)
        name = _persons(stage)
        async with database.connection() as connection, connection.transaction():
            await records.lock(connection, name)  # as the purge does
            holding = asyncio.create_task(
                world.hub.lifecycle.holds.place(
                    name, HoldKind.LITIGATION, "（2026）演1号", stage.unit, stage.moment
                )
            )
            await asyncio.sleep(0.2)
            assert not holding.done()
            await connection.execute("DELETE FROM record WHERE subject_id = $1", name.subject_id)
        with pytest.raises(InputError):
            await holding
        assert (await _hanging(stage))["holds"] == 0

    run(database_url, tmp_path, scene)


def test_holds_in_force_are_listed_the_next_review_first_to_the_unit_its_own_to_the_operator_all(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage, holds = Scene(world), world.hub.lifecycle.holds
        stage.turn_to(FIRST_DAY)
        placed = {}
        for number, review in (
            (1, None),
            (2, date(2026, 8, 1)),
            (3, date(2026, 7, 1)),
            (4, date(2026, 7, 1)),
        ):
            await stage.put(number)
            placed[number] = await holds.place(
                stage.name(number),
                HoldKind.INVESTIGATION,
                f"（2026）演{number}号",
                stage.unit,
                stage.moment,
                review,
            )
        await holds.release(placed[4].hold_id, stage.unit, stage.moment)
        order = [placed[number].hold_id for number in (3, 2, 1)]
        other = replace(stage.unit, institution=facts.DEPT_TAX)
        for actor, seen_ in ((stage.unit, order), (stage.operator, order), (other, []), (stage.subject, [])):
            assert [h.hold_id for h in await holds.in_force(actor, stage.moment, 10)] == seen_
        paged, after = [], HOLDS_START
        while page := await holds.in_force(stage.operator, stage.moment, 1, after=after):
            paged += [hold.hold_id for hold in page]
            after = page[-1].place
        assert paged == order
        for day, due in (
            (date(2026, 6, 30), []),
            (date(2026, 7, 1), order[:1]),
            (date(2026, 8, 1), order[:2]),
        ):
            stage.turn_to(day, time(0, 0))
            found = await holds.in_force(stage.operator, stage.moment, 10, overdue=True)
            assert [hold.hold_id for hold in found] == due, day
        for reference, review in (
            (" ", None),
            ("x\ny", None),
            ("x\u202ey", None),
            ("（2026）演9号", date(2026, 8, 1)),
        ):
            with pytest.raises(InputError):
                await holds.place(
                    stage.name(), HoldKind.LITIGATION, reference, stage.unit, stage.moment, review
                )

    run(database_url, tmp_path, scene)
