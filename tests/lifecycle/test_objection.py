"""Objection: marked at once, settled by the unit that knows, answered in writing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from world import World, run

from hub.errors import InputError
from hub.lifecycle.case import ANNOTATING, Case, CaseReason, CaseState, LiftReason, ObjectionGround
from hub.lifecycle.objection import Settlement
from hub.lifecycle.shield import Ruling

from .case_world import FIRST_DAY, Scene

_WRONG = ObjectionGround.ERROR_OR_OMISSION
_SAID = "处罚决定书文号有误，金额亦不符"


def play(database_url: str, folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Play in a world with one penalty, on a Friday."""

    async def inner(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(date(2026, 11, 20))
        await stage.put()
        await scene(stage)

    run(database_url, folder, inner)


async def refused(stage: Scene, act: Awaitable[Any], said: str) -> None:
    """The act is refused, and nothing has changed."""
    before = await stage.everything()
    with pytest.raises(InputError, match=said):
        await act
    assert await stage.everything() == before


async def opened(stage: Scene) -> Case:
    """The company objects to its penalty."""
    return await stage.world.hub.lifecycle.objections.open(
        stage.name(), _WRONG, _SAID, stage.subject, stage.moment
    )


def test_a_record_is_disputed_at_once_and_stays_shown(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        before = dict(await stage.record())
        case = await opened(stage)
        assert (case.state, case.due_on) == (CaseState.OBJECTED, date(2026, 12, 1))
        assert case.state in ANNOTATING
        after = dict(await stage.record())
        assert [mark["kind"] for mark in json.loads(after.pop("marks"))] == ["DISPUTED"]
        assert after == {name: value for name, value in before.items() if name != "marks"}
        for day, late in ((date(2026, 12, 1), False), (date(2026, 12, 2), True)):
            assert case.overdue(day) is late
        await refused(stage, opened(stage), "open case")

    play(database_url, tmp_path, scene)


def test_an_objection_says_what_is_wrong_and_is_answered_in_writing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        objections = stage.world.hub.lifecycle.objections
        silent = objections.open(stage.name(), _WRONG, " ", stage.subject, stage.moment)
        await refused(stage, silent, "says what is wrong")
        case = await opened(stage)
        settle = objections.settle(case.case_id, Settlement.REJECTED, "", stage.unit, stage.moment)
        await refused(stage, settle, "in writing")

    play(database_url, tmp_path, scene)


def test_only_the_unit_that_supplied_the_record_settles(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await opened(stage)
        for actor in (stage.operator, stage.subject):
            settle = lifecycle.objections.settle(
                case.case_id, Settlement.REJECTED, "不成立", actor, stage.moment
            )
            await refused(stage, settle, "no such case")
        await refused(stage, lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment), "no such case")
        done = await lifecycle.objections.settle(
            case.case_id, Settlement.REJECTED, "不成立", stage.unit, stage.moment
        )
        assert (done.state, done.due_on, done.state in ANNOTATING) == (CaseState.REJECTED, None, False)
        again = lifecycle.objections.settle(
            case.case_id, Settlement.REJECTED, "不成立", stage.unit, stage.moment
        )
        await refused(stage, again, "needs one that is")

    play(database_url, tmp_path, scene)  # fmt: skip


def test_what_cannot_be_settled_stays_marked_with_both_views(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await opened(stage)
        done = await lifecycle.objections.settle(
            case.case_id, Settlement.BOTH_VIEWS, "双方各执一词", stage.unit, stage.moment
        )
        assert done.state in ANNOTATING
        assert (await stage.record())["version"] == 1
        _, events = await lifecycle.desk.file(case.case_id, stage.subject)
        assert [dict(written) for _, written in events] == [{"statement": _SAID}, {"note": "双方各执一词"}]

    play(database_url, tmp_path, scene)


def test_a_withdrawn_record_leaves_publication_for_good(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        case = await opened(stage)
        await stage.world.hub.lifecycle.objections.settle(
            case.case_id, Settlement.WITHDRAWN, "确有错误", stage.unit, stage.moment
        )
        record = await stage.record()
        assert (record["version"], record["state"]) == (2, "REVOKED")
        await stage.put(1, fineAmount=5)
        assert (await stage.record())["state"] == "REVOKED"
        await refused(stage, stage.apply(), "no such record of yours")

    play(database_url, tmp_path, scene)


def test_corrected_is_only_what_a_correction_has_come_in_for(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        objections = stage.world.hub.lifecycle.objections
        case = await opened(stage)

        def settle() -> Awaitable[Case]:
            return objections.settle(case.case_id, Settlement.CORRECTED, "已更正", stage.unit, stage.moment)

        await refused(stage, settle(), "No correction")
        await stage.put()
        await refused(stage, settle(), "No correction")
        await stage.repaired()
        await refused(stage, settle(), "No correction")
        await stage.put(1, fineAmount=5)
        assert (await settle()).state is CaseState.CORRECTED

    play(database_url, tmp_path, scene)


def test_a_record_withdrawn_by_an_objection_does_not_come_back_with_a_repair_taken_back_or_a_shield_lifted(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage, lifecycle = Scene(world), world.hub.lifecycle
        stage.turn_to(FIRST_DAY)
        for number in (1, 2):
            await stage.put(number)
        opened = [
            await lifecycle.objections.open(
                stage.name(number), ObjectionGround.WRONGLY_LISTED, "认定有误", stage.subject, stage.moment
            )
            for number in (1, 2)
        ]
        repaired = await stage.repaired(1)
        ruling = Ruling("（2026）琼01破演1号", date(2027, 1, 4))
        shield = await lifecycle.shields.register(
            stage.name(2), ruling, stage.unit, stage.moment, court=False
        )
        await lifecycle.shields.confirm(shield.case_id, ruling.review_on, stage.other_person, stage.moment)
        for case in opened:
            await lifecycle.objections.settle(
                case.case_id, Settlement.WITHDRAWN, "确属误列", stage.unit, stage.moment
            )
        with pytest.raises(InputError):
            await lifecycle.repairs.revoke(
                repaired.case_id, CaseReason.FALSE_PROOF, "", stage.unit, stage.moment
            )
        await lifecycle.shields.lift(shield.case_id, LiftReason.PLAN_FAILED, "", stage.unit, stage.moment)
        assert [(await stage.record(number))["state"] for number in (1, 2)] == ["REVOKED"] * 2

    run(database_url, tmp_path, scene)
