"""`POST /intake/{dataset}`: who may send, what comes back, and what happens when an upload goes wrong."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import orjson
from gateway.test_hostile import one_shape
from intake.intake_world import DECIDED, csv_text, penalty, table
from intake.test_xml_messages import message
from starlette.types import Message
from world import World, run

from hub.audit.entry import EntryOutcome
from hub.demo import story_facts as facts
from hub.gateway.upload import UPLOAD_PATH
from hub.intake.incoming import incoming_file

PENALTIES = "/intake/government.penalty"
CSV, LINES, XML = "text/csv", "application/x-ndjson", "application/xml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GOOD = csv_text(table([penalty(1), penalty(2)])).encode()
WRONG = csv_text(table([penalty(1), penalty(2, **{DECIDED: "2026-02-30"})])).encode()


async def supply(world: World, client: str = "dept-amr") -> str:
    return await world.token(client, "DATA_SUPPLY", ())


async def send(
    world: World, body: Any, media: str = CSV, *, token: str = "", path: str = PENALTIES, **headers: str
) -> httpx.Response:
    """An upload; without a token, under a fresh one of the department."""
    found = {"authorization": f"Bearer {token or await supply(world)}", "content-type": media, **headers}
    return await world.http.post(path, content=body, headers=found)


async def records(world: World) -> int:
    sql = "SELECT count(*) FROM record WHERE dataset = 'government.penalty'"
    return int(await world.hub.database.pool.fetchval(sql))


async def entries(world: World) -> list[dict[str, Any]]:
    """The entries about uploads, oldest first."""
    rows = await world.hub.database.pool.fetch("SELECT body FROM log_entry ORDER BY idx")
    found = [orjson.loads(row["body"]) for row in rows]
    return [entry for entry in found if entry.get("operation") == "intake.upload"]


def play(database_url: str, folder: Path, scene: Any, **settings: Any) -> None:
    run(database_url, folder, scene, state_dir=str(folder / "state"), **settings)


def leftovers(folder: Path) -> list[Path]:
    return list((folder / "state").rglob("*.part"))


def test_a_file_lands_under_the_institution_of_the_client_with_one_entry(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        response = await send(world, GOOD)
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        body = response.json()
        assert (body["rows"], body["inserted"], body["quarantined"]) == (2, 2, 0)
        assert (body["sourceUnit"], body["findings"], body["moreFindings"]) == (facts.DEPT_AMR, [], False)
        units = await world.hub.database.pool.fetch(
            "SELECT DISTINCT source_unit FROM record WHERE dataset = 'government.penalty'"
        )
        assert [r["source_unit"] for r in units] == [facts.DEPT_AMR]
        (entry,) = await entries(world)
        assert (entry["kind"], entry["outcome"], entry["caller"]) == ("ADMIN", "DONE", "dept-amr")
        assert entry["purpose"] == "DATA_SUPPLY"
        assert entry["detail"]["batch"] == body["batch"]
        assert entry["detail"]["inserted"] == 2
        assert world.hub.log.size == body["logIndex"] + 1
        assert not leftovers(tmp_path)

    play(database_url, tmp_path, scene)


def test_every_format_says_the_same(database_url: str, tmp_path: Path) -> None:
    rows = [penalty(1), penalty(2)]
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in table(rows):
        book.active.append(line)
    book.save(tmp_path / "rows.xlsx")
    bodies = {
        CSV: GOOD,
        f"{CSV}; charset=gbk": csv_text(table(rows)).encode("gbk"),
        LINES: b"".join(orjson.dumps(row) + b"\n" for row in rows),
        XLSX: (tmp_path / "rows.xlsx").read_bytes(),
        XML: message(*rows).encode(),
    }

    async def scene(world: World) -> None:
        landed = 0
        for media, body in bodies.items():
            answer = (await send(world, body, media)).json()
            assert (answer["rows"], answer["quarantined"]) == (2, 0), (media, answer)
            landed += answer["inserted"]
        assert landed == 2

    play(database_url, tmp_path, scene)


def test_refused_rows_come_back_as_findings_without_their_values_and_land_once_mended(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        answer = (await send(world, WRONG)).json()
        assert (answer["inserted"], answer["quarantined"]) == (1, 1)
        (finding,) = answer["findings"]
        assert (finding["row"], finding["column"], finding["code"]) == (3, DECIDED, "BAD_DATE")
        assert finding["message"]
        assert finding["messageZh"]
        assert "2026-02-30" not in json.dumps(answer)
        (kept,) = (tmp_path / "state" / "demo" / "quarantine").glob("*.csv")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        mended = kept.read_text(encoding="utf-8-sig").replace("2026-02-30", "2026-03-05")
        assert (await send(world, mended.encode())).json()["inserted"] == 1

    play(database_url, tmp_path, scene)


def test_findings_are_bounded_and_say_when_there_are_more(database_url: str, tmp_path: Path) -> None:
    rows = [penalty(n, **{DECIDED: "x"}) for n in range(1, 302)]

    async def scene(world: World) -> None:
        answer = (await send(world, csv_text(table(rows)).encode())).json()
        assert answer["quarantined"] == 301
        assert len(answer["findings"]) == 200
        assert answer["moreFindings"] is True

    play(database_url, tmp_path, scene)


def test_the_same_file_again_or_twice_at_once_doubles_nothing(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        both = await asyncio.gather(send(world, GOOD), send(world, GOOD))
        assert [r.status_code for r in both] == [200, 200]
        assert sum(r.json()["inserted"] for r in both) == 2
        again = (await send(world, GOOD)).json()
        assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, 2)
        assert await records(world) == 2
        assert len(await entries(world)) == 3

    play(database_url, tmp_path, scene)


def test_only_a_source_unit_with_a_token_for_supplying_is_let_in(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for headers in ({}, {"authorization": "Basic x"}, {"authorization": "Bearer x.y.z"}):
            refused = await world.http.post(PENALTIES, content=GOOD, headers={"content-type": CSV, **headers})
            one_shape(refused, 401)
            assert refused.headers["www-authenticate"].startswith("Bearer")
        assert not await entries(world)
        for token in (
            await world.token("dept-amr", "GOV_APPROVAL", (), matter="M-001"),
            await world.token("subject-org", "SELF_QUERY"),
            await world.bank_token(),
        ):
            one_shape(await send(world, GOOD, token=token), 403)
        found = await entries(world)
        assert [e["outcome"] for e in found] == [EntryOutcome.REFUSED] * 3
        assert await records(world) == 0
        assert not leftovers(tmp_path)

    play(database_url, tmp_path, scene)


def test_nobody_supplies_in_the_name_of_another_unit(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await send(world, GOOD)
        changed = csv_text(table([penalty(1, 处罚内容="另一内容")])).encode()
        other = await send(
            world, changed, token=await supply(world, "dept-tax"),
            path=f"{PENALTIES}?source={facts.DEPT_AMR}", **{"x-source-unit": facts.DEPT_AMR},
        )  # fmt: skip
        body = other.json()
        assert body["sourceUnit"] == facts.DEPT_TAX
        assert [f["code"] for f in body["findings"]] == ["OTHER_SOURCE"]
        assert body["updated"] == 0

    play(database_url, tmp_path, scene)


def test_requests_that_are_no_upload_are_refused_in_the_one_shape(database_url: str, tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'

    async def scene(world: World) -> None:
        token = await supply(world)
        refused: list[tuple[int, dict[str, Any]]] = [
            (404, {"body": GOOD, "path": "/intake/government.penalties"}),
            (415, {"body": GOOD, "media": "application/json"}),
            (415, {"body": GOOD, "media": ""}),
            (415, {"body": GOOD, "content-encoding": "gzip"}),
            (413, {"body": b"x" * 100_001}),
            (422, {"body": b""}),
            (422, {"body": GOOD + b'"x'}),
            (422, {"body": b"\xff\xfe" + GOOD}),
            (422, {"body": GOOD, "media": XLSX}),
            (422, {"body": GOOD, "media": XML}),
            (422, {"body": GOOD, "media": LINES}),
            (422, {"body": bomb, "media": XML}),
            (422, {"body": b"PK\x03\x04" + b"x" * 99}),
        ]
        for status, request in refused:
            one_shape(await send(world, token=token, **request), status)
        one_shape(await world.http.get(PENALTIES), 405)
        assert await records(world) == 0
        assert {e["outcome"] for e in await entries(world)} == {"INVALID"}
        assert not leftovers(tmp_path)

    play(database_url, tmp_path, scene, max_upload_bytes=100_000)


def test_a_body_of_no_stated_length_is_cut_off_at_the_limit(database_url: str, tmp_path: Path) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 50_000_000:
            given += 10_000
            yield b"x" * 10_000

    async def scene(world: World) -> None:
        one_shape(await send(world, endless()), 413)
        assert not leftovers(tmp_path)
        assert (await send(world, GOOD)).status_code == 200

    play(database_url, tmp_path, scene, max_upload_bytes=100_000)


async def _raw(world: World, messages: list[Message], *, then: str) -> list[Message]:
    """An upload as the server hands it in; afterwards the client is gone, or says nothing more."""
    endpoint = next(r for r in world.hub.routes if r.path == UPLOAD_PATH).app
    token = await supply(world)
    sent: list[Message] = []
    scope = {
        "type": "http", "method": "POST", "path": PENALTIES, "query_string": b"",
        "path_params": {"dataset": "government.penalty"},
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", CSV.encode())],
    }  # fmt: skip

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        if then == "gone":
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def answer(message: Message) -> None:
        sent.append(message)

    await endpoint(scope, receive, answer)
    return sent


def test_an_upload_that_breaks_off_lands_nothing_though_what_came_was_well_formed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        sent = await _raw(world, [{"type": "http.request", "body": GOOD, "more_body": True}], then="gone")
        assert sent == []
        assert await records(world) == 0
        assert not await world.hub.database.pool.fetch("SELECT 1 FROM intake_batch")
        assert not leftovers(tmp_path)

    play(database_url, tmp_path, scene)


def test_a_client_that_goes_once_the_body_is_there_finds_its_file_taken_in(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        upload = asyncio.create_task(
            _raw(world, [{"type": "http.request", "body": GOOD, "more_body": False}], then="gone")
        )
        while not leftovers(tmp_path) and not upload.done():
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        upload.cancel()
        for _ in range(200):
            if await entries(world) and not leftovers(tmp_path):
                break
            await asyncio.sleep(0.05)
        assert await records(world) == 2
        assert (await send(world, GOOD)).json()["unchanged"] == 2

    play(database_url, tmp_path, scene)


def test_what_the_log_did_not_take_is_no_finished_batch_and_is_continued(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        pool = world.hub.database.pool
        token = await supply(world)
        await pool.execute("ALTER TABLE log_entry RENAME TO away")
        one_shape(await send(world, GOOD, token=token), 503)
        await pool.execute("ALTER TABLE away RENAME TO log_entry")
        (batch,) = await pool.fetch("SELECT batch_id, finished_at FROM intake_batch")
        assert batch["finished_at"] is None
        answer = (await send(world, GOOD)).json()
        assert (answer["batch"], answer["continued"], answer["inserted"]) == (batch["batch_id"], True, 2)
        assert await records(world) == 2
        assert len(await entries(world)) == 1

    play(database_url, tmp_path, scene)


def test_a_file_that_a_killed_process_left_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "incoming"
    with incoming_file(folder) as used:
        used.write(b"rows")
        used.complete()
        assert stat.S_IMODE(used.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        left = folder / "left.part"
        left.write_bytes(b"rows of somebody")
        with incoming_file(folder) as other:
            assert not left.exists()
            assert used.path.exists()
            assert other.path != used.path
    assert list(folder.iterdir()) == []
