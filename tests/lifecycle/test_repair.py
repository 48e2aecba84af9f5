"""Repair: who may do what, when, and what has changed afterwards; whatever is refused changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from world import World, run

from hub.clock import civil_date
from hub.demo import story_facts as facts
from hub.errors import InputError, UnavailableError
from hub.keys.sealing import aad_prefix
from hub.lifecycle.case import CaseReason, CaseState
from hub.lifecycle.repair import Application

from .case_world import APPLICATION, CERT_NO, DECIDED, FIRST_DAY, PENALTY, Scene, penalty

_DAY = timedelta(days=1)
_WHY = CaseReason.PROOF_INSUFFICIENT


def play(database_url: str, folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Play in a world with one penalty, on the first day on which it may be repaired."""

    async def inner(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        await scene(stage)

    run(database_url, folder, inner)


async def refused(stage: Scene, act: Awaitable[Any], said: str = ".") -> None:
    """The act is refused, and nothing has changed."""
    before = await stage.everything()
    with pytest.raises(InputError, match=said):
        await act
    assert await stage.everything() == before


def test_repair_opens_the_day_after_the_shortest_period_and_not_a_day_before(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        stage.turn_to(FIRST_DAY - _DAY, time(23, 59, 59))
        await refused(stage, stage.apply(), "2026-06-06")
        stage.turn_to(FIRST_DAY, time(0, 0))
        assert (await stage.apply()).state is CaseState.APPLIED
        await stage.put(2, severity="SERIOUS")
        stage.turn_to(date(2027, 3, 5))
        await refused(stage, stage.apply(2), "2027-03-06")
        stage.turn_to(date(2027, 3, 6))
        await stage.apply(2)
        stage.turn_to(DECIDED)
        await stage.put(3, severity="MINOR")
        await stage.apply(3)

    play(database_url, tmp_path, scene)


def test_repair_is_possible_up_to_the_last_day_of_display(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        stage.turn_to(date(2027, 3, 6), time(0, 0))
        await refused(stage, stage.apply(), "no such record")
        stage.turn_to(date(2027, 3, 5), time(23, 59, 59))
        await stage.apply()

    play(database_url, tmp_path, scene)


def test_acceptance_is_due_in_three_and_the_decision_in_ten_working_days(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        desk, repairs = stage.world.hub.lifecycle.desk, stage.world.hub.lifecycle.repairs
        stage.turn_to(date(2026, 9, 30), time(23, 59))
        case = await stage.apply()
        assert (case.due_on, case.decide_by) == (date(2026, 10, 10), date(2026, 10, 20))

        async def late() -> list[str]:
            found = await desk.due(stage.unit, stage.moment, 10, overdue=True)
            return [c.case_id for c in found]

        for day, expected in (
            (date(2026, 10, 9), []),
            (date(2026, 10, 10), []),
            (date(2026, 10, 11), [case.case_id]),
        ):
            stage.turn_to(day)
            assert await late() == expected, day
        case = await repairs.accept(case.case_id, stage.unit, stage.moment)
        assert case.due_on == date(2026, 10, 20)
        for day, expected in (
            (date(2026, 10, 19), []),
            (date(2026, 10, 20), []),
            (date(2026, 10, 21), [case.case_id]),
        ):
            stage.turn_to(day)
            assert await late() == expected, day
        case = await repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert case.due_on is None
        assert await desk.due(stage.operator, stage.moment, 10, overdue=False) == []

    play(database_url, tmp_path, scene)


def test_only_proof_and_commitment_are_needed_and_neither_may_be_missing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        for missing in (replace(APPLICATION, proof=" "), replace(APPLICATION, commitment="")):
            await refused(
                stage, repairs.apply(stage.name(), missing, stage.subject, stage.moment), "needs a proof"
            )
        long = replace(APPLICATION, statement="长" * 2001)
        await refused(stage, repairs.apply(stage.name(), long, stage.subject, stage.moment), "2000")
        await repairs.apply(stage.name(), Application("证001", "诺001"), stage.subject, stage.moment)

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_record_that_is_unknown_anothers_or_no_longer_shown_is_one_and_the_same_refusal(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        await stage.repaired()
        name = stage.name()
        for wrong, actor in (
            (name, stage.subject),
            (replace(name, record_id=bytes(16)), stage.subject),
            (replace(name, dataset="government.honour"), stage.subject),
            (replace(name, subject_id=bytes(16)), stage.subject),
            (name, replace(stage.subject, subject_id=bytes(16))),
        ):
            await refused(
                stage, repairs.apply(wrong, APPLICATION, actor, stage.moment), "no such record of yours"
            )

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_record_that_is_not_negative_or_is_removed_by_a_court_is_not_repaired(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        async with stage.world.hub.database.connection() as connection:
            tax = await connection.fetchval(
                "SELECT record_id FROM record WHERE dataset = 'government.tax_payment'"
            )
            await connection.execute(
                "UPDATE record SET dataset = 'judicial.dishonest_judgment_debt' WHERE dataset = $1", PENALTY
            )
        for name in (
            replace(stage.name(), dataset="government.tax_payment", record_id=tax),
            replace(stage.name(), dataset="judicial.dishonest_judgment_debt"),
        ):
            await refused(
                stage, repairs.apply(name, APPLICATION, stage.subject, stage.moment), "not repaired by"
            )

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_record_has_one_open_application_and_may_have_another_after_a_refusal(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()
        await refused(stage, stage.apply(), "open case")
        await repairs.decline(case.case_id, _WHY, "", stage.unit, stage.moment)
        case = await stage.apply()
        await repairs.accept(case.case_id, stage.unit, stage.moment)
        await repairs.reject(case.case_id, _WHY, "", stage.other_person, stage.moment)
        assert (await stage.record())["version"] == 1
        await stage.apply()

    play(database_url, tmp_path, scene)


def test_who_accepted_does_not_decide_and_the_finding_unit_takes_part(
    database_url: str, tmp_path: Path
) -> None:
    """Every pair of those who accept and decide: which of them may, and that a refusal changes nothing."""

    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        unnamed = replace(stage.unit, operator="")
        people = {
            "one": stage.unit,
            "two": stage.other_person,
            "unnamed": unnamed,
            "other client": replace(unnamed, client_id="dept-amr-2"),
            "operator": stage.operator,
            "second operator": replace(stage.operator, operator="op_four"),
        }
        allowed = {
            ("one", "two"), ("two", "one"),
            ("one", "other client"), ("two", "other client"), ("unnamed", "other client"),
            ("other client", "one"), ("other client", "two"), ("other client", "unnamed"),
            *((unit, op) for unit in ("one", "two", "unnamed", "other client") for op in ("operator", "second operator")),
            *((op, unit) for unit in ("one", "two", "unnamed", "other client") for op in ("operator", "second operator")),
        }  # fmt: skip
        case = await stage.apply()
        for accepting, first in people.items():
            await repairs.accept(case.case_id, first, stage.moment)
            for deciding, second in people.items():
                if (accepting, deciding) in allowed:
                    continue
                for act in (
                    repairs.approve(case.case_id, "", second, stage.moment),
                    repairs.reject(case.case_id, _WHY, "", second, stage.moment),
                ):
                    await refused(stage, act, "same person|found the conduct")
            deciders = [name for name in people if (accepting, name) in allowed]
            for name in deciders:
                done = await repairs.reject(case.case_id, _WHY, "", people[name], stage.moment)
                assert done.state is CaseState.REJECTED
                case = await stage.apply()
                await repairs.accept(case.case_id, first, stage.moment)
            await repairs.reject(case.case_id, _WHY, "", people[deciders[0]], stage.moment)
            case = await stage.apply()

    play(database_url, tmp_path, scene)


def test_nobody_handles_a_case_of_its_own_nor_one_of_another_units_record(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()
        outsiders = {
            "no such case": (stage.subject, replace(stage.unit, institution=facts.DEPT_TAX)),
            "case of its own": (
                replace(stage.operator, institution=facts.COMPANY_USCC),
                replace(stage.operator, subject_id=stage.subject_id),
                replace(stage.unit, subject_id=stage.subject_id),
            ),
        }
        for said, actors in outsiders.items():
            for actor in actors:
                for act in (
                    repairs.accept(case.case_id, actor, stage.moment),
                    repairs.decline(case.case_id, _WHY, "", actor, stage.moment),
                    repairs.approve(case.case_id, "", actor, stage.moment),
                    repairs.reject(case.case_id, _WHY, "", actor, stage.moment),
                    repairs.revoke(case.case_id, _WHY, "", actor, stage.moment),
                ):
                    await refused(stage, act, said)
        await refused(stage, repairs.accept("l_nothing", stage.unit, stage.moment), "no such case")
        assert await stage.world.hub.lifecycle.desk.due(
            replace(stage.unit, institution=facts.DEPT_TAX), stage.moment, 10, overdue=False
        ) == []  # fmt: skip

    play(database_url, tmp_path, scene)


def test_acts_come_in_order(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()

        def acts() -> dict[str, Awaitable[Any]]:
            return {
                "accept": repairs.accept(case.case_id, stage.unit, stage.moment),
                "decline": repairs.decline(case.case_id, _WHY, "", stage.unit, stage.moment),
                "approve": repairs.approve(case.case_id, "", stage.operator, stage.moment),
                "reject": repairs.reject(case.case_id, _WHY, "", stage.operator, stage.moment),
                "revoke": repairs.revoke(case.case_id, _WHY, "", stage.unit, stage.moment),
            }

        async def only(*allowed: str) -> None:
            for name, act in acts().items():
                if name in allowed:
                    act.close()  # type: ignore[attr-defined]
                else:
                    await refused(stage, act, "needs one that is")

        await only("accept", "decline")
        await repairs.accept(case.case_id, stage.unit, stage.moment)
        await only("approve", "reject")
        await repairs.approve(case.case_id, "", stage.operator, stage.moment)
        await only("revoke")
        await repairs.revoke(case.case_id, CaseReason.FALSE_PROOF, "", stage.unit, stage.moment)
        await only()

    play(database_url, tmp_path, scene)


def test_an_approved_repair_is_a_new_version_with_every_sealed_value_bound_to_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        before = dict(await stage.record())
        stage.turn_to(FIRST_DAY + _DAY)
        case = await stage.repaired()
        after = dict(await stage.record())
        name = stage.name()
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"version", "state", "received_at", "batch_id", "batch_row", "sealed"}
        assert (after["version"], after["state"], after["batch_id"]) == (2, "REPAIRED", case.case_id)
        async with stage.world.hub.database.connection() as connection:
            kept = await connection.fetchrow(
                "SELECT * FROM record_history WHERE record_id = $1", name.record_id
            )
            key = await connection.fetchrow(
                "SELECT kek_id, wrapped_key FROM subject WHERE subject_id = $1", name.subject_id
            )
        assert (kept["version"], kept["state"], kept["sealed"]) == (1, "VALID", before["sealed"])
        assert (kept["received_at"], kept["replaced_at"]) == (before["received_at"], after["received_at"])
        opened = stage.world.hub.ring.sealer().open_data_key(name.subject_id, *key)
        place = aad_prefix(name.subject_id, PENALTY, name.record_id, 2)
        sealed = orjson.loads(after["sealed"])
        assert sealed.keys() == orjson.loads(before["sealed"]).keys()
        cert = opened.unseal(place + b"legalRepresentativeCertNo", sealed["legalRepresentativeCertNo"])
        assert orjson.loads(cert) == CERT_NO

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_repaired_record_that_its_source_sends_again_or_corrects_stays_out_of_publication(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        await stage.repaired()
        await stage.put()
        assert (await stage.record())["version"] == 2
        await stage.put(1, fineAmount=1)
        record = await stage.record()
        assert (record["version"], record["state"]) == (3, "REPAIRED")

    play(database_url, tmp_path, scene)


def test_a_false_repair_is_taken_back_and_both_periods_begin_anew(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.repaired()
        taken_back = date(2026, 11, 20)
        stage.turn_to(taken_back)
        await refused(
            stage, repairs.revoke(case.case_id, _WHY, "", stage.operator, stage.moment), "no such case"
        )
        done = await repairs.revoke(
            case.case_id, CaseReason.FALSE_PROOF, "凭证系伪造", stage.unit, stage.moment
        )
        assert done.state is CaseState.REVOKED
        record = await stage.record()
        assert (record["version"], record["state"]) == (3, "VALID")
        assert record["visible_until"] == date(2027, 11, 21)
        stage.turn_to(date(2027, 2, 20))
        await refused(stage, stage.apply(), "2027-02-21")
        stage.turn_to(date(2027, 2, 21))
        await stage.apply()

    play(database_url, tmp_path, scene)  # fmt: skip


def test_a_period_that_a_correction_has_moved_is_looked_at_again_at_the_decision(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()
        await repairs.accept(case.case_id, stage.unit, stage.moment)
        await stage.put(1, severity="SERIOUS")
        await refused(stage, repairs.approve(case.case_id, "", stage.operator, stage.moment), "2027-03-06")
        await repairs.reject(case.case_id, CaseReason.PERIOD_NOT_OVER, "", stage.operator, stage.moment)

    play(database_url, tmp_path, scene)  # fmt: skip


def test_every_act_has_one_entry_that_names_case_and_record_and_holds_no_text(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.repaired()
        await repairs.revoke(case.case_id, CaseReason.FALSE_PROOF, "凭证系伪造", stage.unit, stage.moment)
        async with stage.world.hub.database.connection() as connection:
            bodies = [
                bytes(row[0])
                for row in await connection.fetch(
                    "SELECT body FROM log_entry WHERE kind = 'ADMIN' ORDER BY idx"
                )
            ]
            stored = await connection.fetch(
                "SELECT e::text, c::text FROM lifecycle_event e, lifecycle_case c"
            )
        entries = [orjson.loads(body) for body in bodies if b"lifecycle." in body]
        assert [e["operation"] for e in entries] == [
            "lifecycle.repair.apply",
            "lifecycle.repair.accept",
            "lifecycle.repair.approve",
            "lifecycle.repair.revoke",
        ]
        assert {e["detail"]["record"] for e in entries} == {stage.name().record_id.hex()}
        assert [e["operator"] for e in entries] == ["", "op_one", "op_three", "op_one"]
        everything = b"".join(bodies) + repr(stored).encode()
        for text in ("缴款书", "承诺书", "罚款已于", "伪造"):
            assert text.encode() not in everything
            assert orjson.dumps(text)[1:-1] not in everything

    play(database_url, tmp_path, scene)  # fmt: skip


def test_texts_are_read_by_subject_and_source_unit_and_not_by_the_operator(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        desk = stage.world.hub.lifecycle.desk
        case = await stage.apply()
        for actor in (stage.subject, stage.unit):
            _, ((_, written),) = await desk.file(case.case_id, actor)
            assert written == {
                "proof": APPLICATION.proof,
                "commitment": APPLICATION.commitment,
                "statement": APPLICATION.statement,
            }
        _, ((event, written),) = await desk.file(case.case_id, stage.operator)
        assert (event.number, written) == (1, {})
        for actor in (
            replace(stage.subject, subject_id=bytes(16)),
            replace(stage.unit, institution=facts.DEPT_TAX),
        ):
            with pytest.raises(InputError, match="no such case"):
                await desk.file(case.case_id, actor)

    play(database_url, tmp_path, scene)  # fmt: skip


def test_cases_of_an_erased_subject_are_gone(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        lifecycle = stage.world.hub.lifecycle
        case = await stage.apply()
        async with stage.world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE subject SET wrapped_key = NULL WHERE subject_id = $1", stage.subject_id
            )
        assert await lifecycle.desk.due(stage.unit, stage.moment, 10, overdue=False) == []
        await refused(stage, lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment), "no such case")
        await refused(stage, stage.apply(), "no such record of yours")

    play(database_url, tmp_path, scene)  # fmt: skip


_KILL = """
CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {act}; RETURN NEW; END $$;
CREATE TRIGGER strike BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION strike();
"""
_STRIKES = {
    "the connection dies while the entry is written": ("log_entry", "PERFORM pg_terminate_backend(pg_backend_pid())"),
    "the connection dies while the event is written": ("lifecycle_event", "PERFORM pg_terminate_backend(pg_backend_pid())"),
    "the connection dies while the history is written": ("record_history", "PERFORM pg_terminate_backend(pg_backend_pid())"),
}  # fmt: skip


@pytest.mark.parametrize("name", _STRIKES)
def test_nothing_of_an_act_remains_when(name: str, database_url: str, tmp_path: Path) -> None:
    table, act = _STRIKES[name]

    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()
        await repairs.accept(case.case_id, stage.unit, stage.moment)
        before = await stage.everything()
        async with stage.world.hub.database.connection() as connection:
            await connection.execute(_KILL.format(table=table, act=act))
        with pytest.raises(UnavailableError):
            await repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert await stage.everything() == before
        async with stage.world.hub.database.connection() as connection:
            await connection.execute(f"DROP TRIGGER strike ON {table}")
        done = await repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert done.state is CaseState.APPROVED
        assert (await stage.record())["version"] == 2

    play(database_url, tmp_path, scene)


def test_without_the_log_nothing_is_done(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        case = await stage.apply()
        before = await stage.everything()
        await stage.world.hub.log.close()
        with pytest.raises(UnavailableError):
            await stage.world.hub.lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment)
        assert await stage.everything() == before

    play(database_url, tmp_path, scene)


def test_of_two_decisions_at_once_one_holds(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        repairs = stage.world.hub.lifecycle.repairs
        case = await stage.apply()
        await repairs.accept(case.case_id, stage.unit, stage.moment)
        results = await asyncio.gather(
            *(repairs.approve(case.case_id, "", stage.operator, stage.moment) for _ in range(6)),
            *(repairs.reject(case.case_id, _WHY, "", stage.other_person, stage.moment) for _ in range(6)),
            return_exceptions=True,
        )
        assert sum(not isinstance(r, BaseException) for r in results) == 1
        assert all(isinstance(r, InputError) for r in results if isinstance(r, BaseException))
        record = await stage.record()
        assert (record["version"], record["state"]) in {(1, "VALID"), (2, "REPAIRED")}

    play(database_url, tmp_path, scene)


def test_the_first_day_is_a_day_of_beijing(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        stage.world.clock.instant = datetime.fromisoformat("2026-06-05T16:00:00+00:00")
        assert civil_date(stage.world.clock.now()) == FIRST_DAY
        case = await stage.apply()
        assert case.due_on == date(2026, 6, 10)
        assert penalty()["decisionDate"] == DECIDED.isoformat()

    play(database_url, tmp_path, scene)
