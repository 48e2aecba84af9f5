"""Withdrawal, shield and extension: who may, until when, what follows; whatever is refused changes nothing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from world import World, run

from hub.audit.entry import record_ref
from hub.demo import story_facts as facts
from hub.lifecycle.case import CaseState, ExtensionReason, LiftReason, ObjectionGround, WithdrawalGround
from hub.lifecycle.objection import Settlement
from hub.lifecycle.shield import Ruling
from hub.lifecycle.withdrawal import FallenDecision
from hub.recall.sweep import RecallSweep

from .case_world import FIRST_DAY, Scene
from .test_repair import refused
from .test_silence import seen

_DAY = timedelta(days=1)
FALLEN = FallenDecision(WithdrawalGround.REVOKED, "琼行终〔2026〕演001号", FIRST_DAY)
RULING = Ruling("（2026）琼01破演1号", date(2027, 1, 4))


def play(database_url: str, folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Play in a world with one penalty."""

    async def inner(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        await scene(stage)

    run(database_url, folder, inner)


async def _seen(world: World, reader: str) -> dict[str, Any]:
    """What a reader gets, when somebody else was answered since the last act: after any act the log's head is read anew."""
    await world.ask(await world.token("subject-org", "SELF_QUERY"), "{ ownCases { id } }")
    return await seen(world, reader)


def test_a_withdrawn_record_is_gone_with_the_commit_and_cannot_be_told_from_one_that_never_was(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world = stage.world
        await stage.put(3)
        reader = await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED")
        never = await seen(world, reader)
        await stage.put(2)
        assert await seen(world, reader) != never
        case = await world.hub.lifecycle.withdrawals.withdraw(stage.name(2), FALLEN, stage.unit, stage.moment)
        assert (case.state, case.due_on, case.late) == (CaseState.WITHDRAWN, None, False)
        assert await seen(world, reader) == never
        assert (await stage.record(2))["state"] == "REVOKED"
        await refused(
            stage, world.hub.lifecycle.withdrawals.withdraw(stage.name(2), FALLEN, stage.unit, stage.moment)
        )

    play(database_url, tmp_path, scene)  # fmt: skip


def test_only_the_unit_that_supplied_a_record_withdraws_it_and_never_about_itself(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        withdraw = stage.world.hub.lifecycle.withdrawals.withdraw
        other = replace(stage.unit, institution=facts.DEPT_TAX, client_id="dept-tax")
        itself = replace(stage.unit, subject_id=stage.subject_id)
        for actor in (other, itself, stage.operator, stage.subject):
            await refused(stage, withdraw(stage.name(), FALLEN, actor, stage.moment))
        await refused(stage, withdraw(stage.name(9), FALLEN, stage.unit, stage.moment))
        blank = replace(FALLEN, document=" ")
        await refused(stage, withdraw(stage.name(), blank, stage.unit, stage.moment), "document")
        later = replace(FALLEN, on=FIRST_DAY + _DAY)
        await refused(stage, withdraw(stage.name(), later, stage.unit, stage.moment), "day to come")

    play(database_url, tmp_path, scene)


def test_a_withdrawal_after_three_working_days_is_flagged_as_late(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        withdraw = stage.world.hub.lifecycle.withdrawals.withdraw
        await stage.put(2)
        fallen = replace(
            FALLEN, on=date(2026, 6, 17)
        )  # a Wednesday; the dragon boat holiday is 19 to 21 June
        stage.turn_to(date(2026, 6, 23))
        assert not (await withdraw(stage.name(), fallen, stage.unit, stage.moment)).late
        stage.turn_to(date(2026, 6, 24))
        case = await withdraw(stage.name(2), fallen, stage.unit, stage.moment)
        assert (case.late, case.decide_by) == (True, date(2026, 6, 23))

    play(database_url, tmp_path, scene)


def test_what_the_subject_reports_stands_in_the_overdue_list_until_the_unit_withdraws_or_answers(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        hub = stage.world.hub
        desk, withdrawals = hub.lifecycle.desk, hub.lifecycle.withdrawals
        await stage.put(2)
        first = await withdrawals.report(stage.name(), FALLEN, stage.subject, stage.moment)
        second = await withdrawals.report(stage.name(2), FALLEN, stage.subject, stage.moment)
        await refused(
            stage, withdrawals.report(stage.name(), FALLEN, stage.subject, stage.moment), "open case"
        )
        assert await desk.due(stage.unit, stage.moment, 10, overdue=True) == []
        assert first.due_on is not None
        stage.turn_to(first.due_on + _DAY)
        late = await desk.due(stage.unit, stage.moment, 10, overdue=True)
        assert {case.case_id for case in late} == {first.case_id, second.case_id}
        done = await withdrawals.withdraw(stage.name(), FALLEN, stage.unit, stage.moment)
        assert (done.case_id, done.state, done.late) == (first.case_id, CaseState.WITHDRAWN, True)
        await refused(stage, withdrawals.reject(second.case_id, " ", stage.unit, stage.moment), "in writing")
        await refused(stage, withdrawals.reject(second.case_id, "不成立", stage.operator, stage.moment))
        answered = await withdrawals.reject(second.case_id, "决定仍有效", stage.unit, stage.moment)
        assert answered.state is CaseState.REJECTED
        assert (await stage.record(2))["state"] == "VALID"
        assert await desk.due(stage.operator, stage.moment, 10, overdue=False) == []

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_shield_needs_two_persons_and_leaves_no_trace_until_it_is_lifted(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world, shields = stage.world, stage.world.hub.lifecycle.shields
        await stage.put(3)
        reader = await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED")
        never = await _seen(world, reader)
        await stage.put(2)
        there = await _seen(world, reader)
        case = await shields.register(stage.name(2), RULING, stage.unit, stage.moment, court=False)
        assert await _seen(world, reader) == there
        await refused(
            stage, shields.confirm(case.case_id, RULING.review_on, stage.unit, stage.moment), "same person"
        )
        shielded = await shields.confirm(case.case_id, RULING.review_on, stage.other_person, stage.moment)
        assert (shielded.state, shielded.due_on) == (CaseState.SHIELDED, RULING.review_on)
        assert await _seen(world, reader) == never
        lifted = await shields.lift(case.case_id, LiftReason.PLAN_FAILED, "", stage.unit, stage.moment)
        assert (lifted.state, lifted.due_on) == (CaseState.LIFTED, None)
        back = await _seen(world, reader)
        assert json.loads(back["all at once"][1]) == json.loads(there["all at once"][1])

    play(database_url, tmp_path, scene)


def test_a_unit_shields_its_own_records_a_court_those_of_every_unit(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        shields = stage.world.hub.lifecycle.shields
        court = replace(stage.unit, institution=facts.DEPT_TAX, client_id="court", operator="op_judge")
        clerk = replace(court, operator="op_clerk")
        for actor in (court, stage.operator, stage.subject, replace(stage.unit, subject_id=stage.subject_id)):
            await refused(stage, shields.register(stage.name(), RULING, actor, stage.moment, court=False))
        for wrong in (
            replace(RULING, number=" "),
            replace(RULING, review_on=FIRST_DAY),
            replace(RULING, review_on=date(2030, 1, 1)),
        ):
            await refused(stage, shields.register(stage.name(), wrong, court, stage.moment, court=True))
        case = await shields.register(stage.name(), RULING, court, stage.moment, court=True)
        await refused(
            stage, shields.register(stage.name(), RULING, court, stage.moment, court=True), "open case"
        )
        await refused(stage, shields.confirm(case.case_id, RULING.review_on, stage.unit, stage.moment))
        await shields.confirm(case.case_id, RULING.review_on, clerk, stage.moment)
        await refused(stage, shields.lift(case.case_id, LiftReason.PLAN_ENDED, "", stage.unit, stage.moment))
        stage.turn_to(RULING.review_on + _DAY)
        overdue = await stage.world.hub.lifecycle.desk.due(clerk, stage.moment, 5, overdue=True)
        assert [found.case_id for found in overdue] == [case.case_id]
        renewed = await shields.review(case.case_id, date(2027, 2, 1), "", clerk, stage.moment)
        assert renewed.due_on == date(2027, 2, 1)

    play(database_url, tmp_path, scene)  # fmt: skip


def test_what_was_withdrawn_while_shielded_stays_withdrawn(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await lifecycle.shields.register(stage.name(), RULING, stage.unit, stage.moment, court=False)
        await lifecycle.shields.confirm(case.case_id, RULING.review_on, stage.other_person, stage.moment)
        await lifecycle.withdrawals.withdraw(stage.name(), FALLEN, stage.unit, stage.moment)
        await lifecycle.shields.lift(case.case_id, LiftReason.PLAN_FAILED, "", stage.unit, stage.moment)
        assert (await stage.record())["state"] == "REVOKED"

    play(database_url, tmp_path, scene)


def test_what_is_withdrawn_or_shielded_is_recalled_in_the_act_so_the_sweep_finds_no_more(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world, hub = stage.world, stage.world.hub
        await stage.put(2)
        await seen(world, await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED"))
        await hub.lifecycle.withdrawals.withdraw(stage.name(), FALLEN, stage.unit, stage.moment)
        case = await hub.lifecycle.shields.register(
            stage.name(2), RULING, stage.unit, stage.moment, court=False
        )
        await hub.lifecycle.shields.confirm(case.case_id, RULING.review_on, stage.other_person, stage.moment)
        told = await hub.recalls.feed(facts.DEPT_TAX)
        assert {(record_ref(n.record_id), n.cause.value) for n in told} == {
            (record_ref(stage.name().record_id), "WITHDRAWN"),
            (record_ref(stage.name(2).record_id), "SHIELDED"),
        }
        assert {n.issued_at for n in told} == {world.clock.now()}
        sweep = RecallSweep(hub.database, hub.recalls)
        assert (await sweep.run(world.clock.now(), "test")).issued == 0
        assert await hub.recalls.feed(facts.DEPT_TAX) == told

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_decision_is_extended_once_with_a_reason_before_it_is_due(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        extend, why = lifecycle.extensions.extend, ExtensionReason.COMPLEX
        case = await stage.apply()
        await refused(stage, extend(case.case_id, why, "", stage.unit, stage.moment), "cannot be extended")
        case = await lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment)
        await refused(stage, extend(case.case_id, why, "", stage.subject, stage.moment))
        clocks = stage.moment.clocks
        assert case.due_on is not None
        longer = await extend(case.case_id, why, "须调阅卷宗", stage.unit, stage.moment)
        assert longer.due_on == longer.decide_by == clocks.calendar.after(case.due_on, 10)
        await refused(stage, extend(case.case_id, why, "", stage.other_person, stage.moment), "only once")
        listed = await lifecycle.desk.due(stage.unit, stage.moment, 5, overdue=False)
        assert [found.decide_by for found in listed] == [longer.decide_by]
        done = await lifecycle.repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert done.state is CaseState.APPROVED

    play(database_url, tmp_path, scene)


def test_an_overdue_case_and_an_operator_extend_no_objection(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await lifecycle.objections.open(
            stage.name(), ObjectionGround.OTHER, "金额不符", stage.subject, stage.moment
        )
        extend, why = lifecycle.extensions.extend, ExtensionReason.OTHERS_ASKED
        await refused(stage, extend(case.case_id, why, "", stage.operator, stage.moment))
        assert case.due_on is not None
        stage.turn_to(case.due_on + _DAY)
        await refused(stage, extend(case.case_id, why, "", stage.unit, stage.moment), "before it is over")
        stage.turn_to(case.due_on)
        longer = await extend(case.case_id, why, "", stage.unit, stage.moment)
        assert longer.due_on == stage.moment.clocks.calendar.after(case.due_on, 3)
        await lifecycle.objections.settle(
            case.case_id, Settlement.REJECTED, "不成立", stage.unit, stage.moment
        )

    play(database_url, tmp_path, scene)


def test_nothing_about_a_withdrawal_tells_what_was_written(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await lifecycle.withdrawals.withdraw(stage.name(), FALLEN, stage.unit, stage.moment)
        _, own = await lifecycle.desk.file(case.case_id, stage.subject)
        assert own[0][1] == {"document": FALLEN.document, "documentDate": "2026-06-06"}
        _, run_by = await lifecycle.desk.file(case.case_id, stage.operator)
        assert run_by[0][1] == {}
        async with stage.world.hub.database.connection() as connection:
            logged = await connection.fetch("SELECT body FROM log_entry WHERE kind = 'ADMIN'")
            kept = await connection.fetchval("SELECT json_agg(e)::text FROM lifecycle_event e")
        for text in (*(bytes(row["body"] or b"").decode() for row in logged), kept):
            assert FALLEN.document not in text

    play(database_url, tmp_path, scene)
