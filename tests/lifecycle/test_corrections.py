"""What a correction leaves standing on a record: a restarted clock, and how far a statement goes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import orjson
from lifecycle.case_world import CERT_NO, Scene
from world import World, run

from hub.lifecycle.case import CaseReason


def play(database_url: str, folder: Path, scene: Any) -> None:
    async def body(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(date(2026, 11, 20))
        await stage.put()
        await scene(stage)

    run(database_url, folder, body)


async def taken_back(stage: Scene) -> None:
    case = await stage.repaired()
    await stage.world.hub.lifecycle.repairs.revoke(
        case.case_id, CaseReason.FALSE_PROOF, "凭证系伪造", stage.unit, stage.moment
    )


def test_a_correction_after_a_repair_was_taken_back_keeps_the_clock_that_began_anew(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        await taken_back(stage)
        assert (await stage.record())["visible_until"] == date(2027, 11, 21)
        await stage.put(violationType="价格欺诈")
        record = await stage.record()
        assert (record["version"], record["visible_until"]) == (4, date(2027, 11, 21))
        await stage.put(severity="MINOR")
        assert (await stage.record())["visible_until"] == date(2027, 2, 21), "by the severity it has now"
        await stage.put(severity="SERIOUS")
        assert (await stage.record())["visible_until"] == date(2029, 11, 21)

    play(database_url, tmp_path, scene)


def test_a_correction_of_a_record_that_was_never_taken_back_goes_by_its_own_dates(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        await stage.put(severity="SERIOUS")
        assert (await stage.record())["visible_until"] == date(2029, 3, 6)
        await stage.put(severity="GENERAL")
        assert (await stage.record())["visible_until"] == date(2027, 3, 6)

    play(database_url, tmp_path, scene)


async def quotes(stage: Scene) -> list[str]:
    (mark,) = orjson.loads((await stage.record())["marks"])
    async with stage.world.hub.database.connection() as connection:
        kept = await connection.fetchval("SELECT quotes FROM record_mark WHERE ended_at IS NULL")
    assert mark.get("quotes", []) == kept
    return list(kept)


def test_a_statement_goes_no_further_than_a_value_that_a_correction_brings(
    database_url: str, tmp_path: Path
) -> None:
    other = CERT_NO[:-4] + "2222"
    text = f"罚款应为2万元，尾号{other[:6]} {other[6:]}者并非本公司负责人"

    async def scene(stage: Scene) -> None:
        await stage.world.hub.lifecycle.marks.state(stage.name(), text, stage.subject, stage.moment)
        before = await quotes(stage)
        assert "fineAmount" not in before
        await stage.put(violationType="价格欺诈")
        assert await quotes(stage) == before, "a correction that brings nothing it names"
        await stage.put(fineAmount=2_000_000)
        assert await quotes(stage) == sorted({*before, "fineAmount"})
        await stage.put(fineAmount=3_000_000, legalRepresentativeCertNo=other)
        now = sorted({*before, "fineAmount", "legalRepresentativeCertNo"})
        assert await quotes(stage) == now, "what it quoted before stays, and sealed values count"

    play(database_url, tmp_path, scene)
