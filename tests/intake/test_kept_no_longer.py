"""Adverse records of persons that a purge would delete are not stored again; see `hub.lifecycle.purge`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from hub.clock import FixedClock
from hub.intake.report import IntakeReport
from hub.policies.clocks import Clocks
from hub.policies.files import load_policies

from .intake_world import (
    OTHER_UNIT,
    SCHEMA,
    World,
    penalty,
    person_penalty,
    resident_id,
    the_catalog,
    write_csv,
)

CLOCKS = load_policies(SCHEMA.parent / "policies", the_catalog()).clocks
LAST_DAY = FixedClock(datetime(2031, 3, 5, 15, 59, 59, tzinfo=UTC))
"""The last second, in China, of five years after the decision of `person_penalty`."""
DAY_AFTER = FixedClock(datetime(2031, 3, 5, 16, 0, tzinfo=UTC))
DEBTS = "judicial.dishonest_judgment_debt"


def taken(world: World, name: str, *rows: dict[str, str], clock: FixedClock, **more: Any) -> IntakeReport:
    path = write_csv(world.folder / f"{name}.csv", rows)
    return world.ingest(path, clock=clock, **({"clocks": CLOCKS, "keep_findings": 9} | more))


def found(report: IntakeReport) -> list[str]:
    return [fault.code for fault in report.findings]


def test_what_was_purged_does_not_come_back_with_a_full_file_sent_again(world: World) -> None:
    before = world.dump()
    report = taken(world, "again", person_penalty(3), clock=DAY_AFTER)
    assert found(report) == ["NOT_KEPT_SO_LONG"]
    assert (report.inserted, report.quarantined) == (0, 1)
    assert world.dump() == before, "not even the subject was made"


def test_on_the_last_day_of_five_years_it_is_still_taken_and_an_organisations_later_too(world: World) -> None:
    assert taken(world, "a", person_penalty(3), clock=LAST_DAY).inserted == 1
    report = taken(world, "b", penalty(1), person_penalty(4), clock=DAY_AFTER)
    assert (report.inserted, found(report)) == (1, ["NOT_KEPT_SO_LONG"])


def test_what_a_hold_keeps_may_be_corrected_and_is_told_of_to_nobody_else(world: World) -> None:
    taken(world, "a", person_penalty(3), clock=LAST_DAY)
    changed = person_penalty(3, 处罚内容="罚款贰万元")
    assert found(taken(world, "b", changed, clock=DAY_AFTER, unit=OTHER_UNIT)) == ["OTHER_SOURCE"]
    assert taken(world, "c", changed, clock=DAY_AFTER).updated == 1


def test_rules_that_delete_nothing_refuse_nothing(world: World) -> None:
    for number, clocks in enumerate((None, Clocks(), replace(CLOCKS, retention_years=0))):
        row = person_penalty(number + 3)
        assert taken(world, f"{number}", row, clock=DAY_AFTER, clocks=clocks).inserted == 1


def test_conduct_that_has_not_ended_is_taken_however_old_it_is(world: World) -> None:
    def debt(number: int, **more: str) -> bytes:
        row = {
            "subjectName": "符演三", "subjectKind": "自然人", "certType": "身份证", "certNo": resident_id(3),
            "caseNo": f"（2019）琼0105执演{number}号", "court": "演示法院", "performance": "全部未履行",
            "filedOn": "2019-01-05", "publishedOn": "2019-03-05", "issuer": "演示法院",
        } | more  # fmt: skip
        known = {field.name for field in world.catalog.datasets[DEBTS].fields}
        return orjson.dumps({name: value for name, value in row.items() if name in known}) + b"\n"

    path = world.folder / "debts.jsonl"
    ended = (debt(2, removedOn="2021-11-21"), debt(3, removedOn="2021-11-20"))
    path.write_bytes(b"".join((debt(1), *ended)))
    report = world.ingest(path, DEBTS, clocks=CLOCKS, keep_findings=9)
    assert [(fault.row, fault.code) for fault in report.findings] == [(3, "NOT_KEPT_SO_LONG")]
    assert report.inserted == 2
