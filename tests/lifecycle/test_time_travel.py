"""Every boundary day of a record's life, as a third party's real answer and the subject's real application say it.

A record is shown from its decision up to its last day, and not one millisecond longer. Repair opens the day after the
shortest period. All of it is read over GraphQL; no job runs between two instants.
"""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

import pytest
from world import COMPANY, World, run

from hub.clock import CST

from .case_world import PENALTY, Scene

_READ = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties(first: 100) { nodes { documentNo } } } } }"
_APPLY = "mutation A($i: RepairInput!) { applyForRepair(input: $i) { state dueOn decideBy } }"
_DUE = "{ dueCases(overdue: true) { nodes { dueOn } } }"
_END = time(23, 59, 59, 999_000)


class Step(NamedTuple):
    """What holds at an instant."""

    at: datetime
    shown: bool
    repair: bool | None
    """Whether the subject may apply; None: not tried."""


class Life(NamedTuple):
    """A record and its boundary days."""

    severity: str
    decided: str
    steps: tuple[Step, ...]


def _at(day: str, *, end: bool = False) -> datetime:
    return datetime.combine(date.fromisoformat(day), _END if end else time(0, 0), CST)


def _utc(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


LIVES = {
    "MINOR: repair at once, shown for 3 months; a period of months ends with a shorter month (civil code art. 202)": Life(
        "MINOR", "2025-11-30", (
            Step(_at("2025-11-30"), True, None), Step(_at("2026-02-27"), True, None),
            Step(_at("2026-02-28", end=True), True, None), Step(_at("2026-03-01"), False, False),
        )),
    "MINOR: a subject may apply on the day of the decision itself": Life(
        "MINOR", "2026-02-13", (Step(_at("2026-02-13"), True, True),)),
    "GENERAL: repair from the day after 3 months, shown for 1 year (NDRC order 36)": Life(
        "GENERAL", "2026-03-05", (
            Step(_at("2026-06-04", end=True), True, False), Step(_at("2026-06-05", end=True), True, False),
            Step(_at("2026-06-06"), True, True), Step(_at("2027-03-05", end=True), True, None),
            Step(_at("2027-03-06"), False, False),
        )),
    "GENERAL from a leap day: the year ends on 28 February": Life(
        "GENERAL", "2024-02-29", (
            Step(_at("2024-05-29", end=True), True, False), Step(_at("2025-02-28", end=True), True, None),
            Step(_at("2025-03-01"), False, False),
        )),
    "GENERAL from a month's last day: 3 months after 30 November end on the last of February": Life(
        "GENERAL", "2023-11-30", (
            Step(_at("2024-02-29", end=True), True, False), Step(_at("2024-03-01"), True, True),
            Step(_at("2024-11-30", end=True), True, None), Step(_at("2024-12-01"), False, None),
        )),
    "SERIOUS: repair from the day after 1 year, shown for 3 years, from a leap day": Life(
        "SERIOUS", "2024-02-29", (
            Step(_at("2025-02-28", end=True), True, False), Step(_at("2025-03-01"), True, True),
            Step(_at("2027-02-28", end=True), True, None), Step(_at("2027-03-01"), False, False),
        )),
    "the day turns at midnight in China, which is 16:00 UTC": Life(
        "GENERAL", "2026-03-05", (
            Step(_utc("2026-06-05T15:59:59.999+00:00"), True, False), Step(_utc("2026-06-05T16:00:00+00:00"), True, True),
            Step(_utc("2027-03-05T15:59:59.999+00:00"), True, None), Step(_utc("2027-03-05T16:00:00+00:00"), False, None),
        )),
    "public holidays move no period of publication: one that ends on Spring Festival ends there": Life(
        "GENERAL", "2025-02-17", (
            Step(_at("2026-02-17", end=True), True, None), Step(_at("2026-02-18"), False, False),
        )),
}  # fmt: skip


async def _shown(world: World, number: int) -> bool:
    token = await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED")
    answer = await world.ask(token, _READ, {"u": COMPANY})
    nodes = answer["data"]["organization"]["government"]["penalties"]["nodes"]
    return f"琼市监罚〔2026〕演{number:03d}号" in {node["documentNo"] for node in nodes}


async def _applied(world: World, stage: Scene, number: int) -> bool:
    own = await world.token("subject-org", "SELF_QUERY")
    asked = {
        "dataset": PENALTY, "record": "rec_" + stage.name(number).record_id.hex(), "proof": "证001", "commitment": "诺001",
    }  # fmt: skip
    return (await world.ask(own, _APPLY, {"i": asked}))["data"] is not None


def test_on_every_boundary_day_a_third_party_sees_and_the_subject_may_do_exactly_what_the_table_says(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        for number, (rule, life) in enumerate(LIVES.items(), start=1):
            stage.turn_to(date.fromisoformat(life.decided), time(0, 0))
            await stage.put(number, decided=date.fromisoformat(life.decided), severity=life.severity)
            for step in life.steps:
                world.clock.instant = step.at
                assert await _shown(world, number) is step.shown, (rule, step)
                if step.repair is not None:
                    assert await _applied(world, stage, number) is step.repair, (rule, step)

    run(database_url, tmp_path, scene)


_CASES = {
    "3 and 10 working days from the eve of Spring Festival, over the holiday and its make-up Saturdays": (
        "2026-02-13", "2026-02-25", "2026-03-05",
    ),
    "3 and 10 working days from the eve of the National Day holiday": ("2026-09-30", "2026-10-10", "2026-10-20"),
    "3 and 10 working days from a leap year's 28 February": ("2028-02-28", "2028-03-02", "2028-03-13"),
    "3 and 10 working days over New Year, whose make-up day is a Sunday": ("2025-12-31", "2026-01-06", "2026-01-15"),
}  # fmt: skip


@pytest.mark.parametrize("rule", _CASES)
def test_a_case_is_overdue_from_the_midnight_after_its_last_working_day(
    rule: str, database_url: str, tmp_path: Path
) -> None:
    applied, due, decide = _CASES[rule]

    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(date.fromisoformat(applied), _END)
        await stage.put(1, decided=date.fromisoformat(applied), severity="MINOR")
        case = await stage.apply()
        assert (str(case.due_on), str(case.decide_by)) == (due, decide)
        for accepted, last in ((False, due), (True, decide)):
            if accepted:
                world.clock.instant = _at(due, end=True)
                await world.hub.lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment)
            for day, end, late in ((last, True, []), (last, False, [])):
                world.clock.instant = _at(day, end=end)
                assert await _overdue(world) == late, rule
            stage.turn_to(date.fromordinal(date.fromisoformat(last).toordinal() + 1), time(0, 0))
            assert await _overdue(world) == [{"dueOn": last}], rule

    run(database_url, tmp_path, scene)


async def _overdue(world: World) -> list[dict[str, str]]:
    token = await world.token("dept-amr", "DATA_SUPPLY", ())
    return list((await world.ask(token, _DUE))["data"]["dueCases"]["nodes"])
