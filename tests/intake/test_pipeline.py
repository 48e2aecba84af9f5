"""Files into the database: what lands, what does not, and that running again changes nothing."""

from __future__ import annotations

import asyncio
import base64
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from hub.catalog.types import Catalog, SubjectKind
from hub.clock import FixedClock
from hub.errors import IntakeError, SealError, UnavailableError
from hub.intake import run
from hub.intake.merge import IDENTIFIER_FIELD, Origin, load_rows
from hub.intake.report import IntakeProgress
from hub.intake.rows import RowShape, SubjectRef, ValidRow
from hub.intake.subjects import organization_ref
from hub.keys.sealing import aad, subject_aad
from hub.store.database import Database

from .intake_world import (
    CODES,
    DOCUMENT,
    NOW,
    OTHER_UNIT,
    SHOWN_UNTIL,
    UNIT,
    USCC_COLUMN,
    World,
    csv_text,
    make_world,
    penalty,
    person_penalty,
    read_table,
    resident_id,
    table,
    uscc,
    write_csv,
    write_xlsx,
)

ORG_CODE = "行政相对人代码_3(组织机构代码)"
GOOD = [penalty(1), penalty(2), person_penalty(3), person_penalty(4)]


def counts(report: Any) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, report.quarantined


def codes(report: Any) -> list[tuple[str, str]]:
    return [(line[0], line[2]) for line in read_table(report.quarantine_file)[1:]]


def test_the_same_rows_land_once_whatever_form_the_file_has(world: World, tmp_path: Path) -> None:
    files = [
        write_csv(tmp_path / "utf8.csv", GOOD),
        write_csv(tmp_path / "bom.csv", GOOD, "utf-8-sig"),
        write_csv(tmp_path / "gbk.csv", GOOD, "gbk", "\t"),
        write_xlsx(tmp_path / "names.xlsx", [["双公示"], *table(GOOD)]),
        write_xlsx(tmp_path / "codes.xlsx", table(GOOD, CODES.__getitem__)),
        write_csv(
            tmp_path / "dates.csv",
            [r | {"处罚决定日期": "2026年3月5日", SHOWN_UNTIL: "20270305"} for r in GOOD],
        ),
    ]
    assert [counts(world.ingest(f)) for f in files] == [(4, 0, 0, 0)] + [(0, 0, 4, 0)] * 5


def test_dirty_rows_go_to_quarantine_are_mended_sent_again_and_land(world: World, tmp_path: Path) -> None:
    dirty = [
        penalty(1),
        penalty(2, **{USCC_COLUMN: uscc(2)[:-1] + "0"}),
        penalty(3, **{SHOWN_UNTIL: "2029-01-01", "备注": "+86 来电"}),
        person_penalty(4, 证件号码=""),
    ]
    report = world.ingest(write_csv(tmp_path / "a.csv", dirty, "gbk"))
    assert counts(report) == (1, 0, 0, 3)
    assert codes(report) == [
        ("3", "CHECKSUM_MISMATCH"),
        ("4", "PUBLICATION_TOO_LONG"),
        ("5", "PERSON_ID_MISSING"),
    ]
    lines = read_table(report.quarantine_file)
    where = {h: n for n, h in enumerate(lines[0])}
    assert lines[2][where["备注"]] == "'+86 来电"
    lines[1][where[USCC_COLUMN]] = uscc(2)
    lines[2][where[SHOWN_UNTIL]] = "2027-03-05"
    lines[3][where["证件号码"]] = "'" + resident_id(4)
    mended = tmp_path / "mended.csv"
    mended.write_text(csv_text(lines), encoding="gbk")
    again = world.ingest(mended)
    assert counts(again) == (3, 0, 0, 0)
    remarks = world.rows("SELECT clear ->> 'remarks' AS r FROM record WHERE clear ->> 'remarks' IS NOT NULL")
    assert remarks == [{"r": "+86 来电"}]
    assert counts(world.ingest(write_csv(tmp_path / "b.csv", [penalty(3, 备注="+86 来电")]))) == (0, 0, 1, 0)


def test_a_second_run_of_the_same_file_changes_nothing(world: World, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [*GOOD, penalty(9, **{DOCUMENT: ""})])
    first = world.ingest(path)
    before = world.dump()
    second = world.ingest(path, clock=FixedClock(NOW + timedelta(days=1)))
    assert counts(first) == (4, 0, 0, 1)
    assert counts(second) == (0, 0, 4, 1)
    assert world.dump() == before
    assert first.batch_id != second.batch_id


KILLED = """
import asyncio, sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[3]).parent / "tests"))
from intake.intake_world import the_catalog
from hub.clock import FixedClock
from hub.intake.pipeline import ingest
from hub.keys.ring import load_ring
from hub.store.database import Database

async def main(url, ring, schema, file, quarantine, unit, now):
    keys = load_ring(Path(ring), demo=True)
    database = await Database.open(url, pool_size=2)
    await ingest(Path(file), "government.penalty", unit, database=database, catalog=the_catalog(),
        indexer=keys.indexer(), sealer=keys.sealer(), clock=FixedClock(datetime.fromisoformat(now)),
        quarantine_dir=Path(quarantine), demo=True, chunk_rows=40, progress=lambda p: print(p.rows, flush=True))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def second_url(postgres: Any, database_url: str) -> Iterator[str]:
    import asyncpg

    from hub.store.database import asyncpg_arguments, parse_url
    from hub.store.migrate import migrate

    async def run(sql: str) -> None:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(postgres.url("postgres"))))
        await connection.execute(sql)
        await connection.close()

    asyncio.run(run('CREATE DATABASE "intake_second"'))
    migrate(postgres.url("intake_second"))
    yield postgres.url("intake_second")
    asyncio.run(run('DROP DATABASE "intake_second" WITH (FORCE)'))


def test_a_run_killed_in_the_middle_and_run_again_equals_an_uninterrupted_one(
    world: World, tmp_path: Path, ring_folder: Path, catalog: Catalog, second_url: str
) -> None:
    rows = [penalty(n) if n % 3 else person_penalty(n) for n in range(1, 601)]
    rows[50][DOCUMENT] = ""
    rows[300][DOCUMENT] = ""
    rows[500] = penalty(20, 处罚内容="另一内容")  # same key as an early row, other content
    path = write_csv(tmp_path / "a.csv", rows)
    arguments = (
        ring_folder,
        Path(__file__).parents[2] / "schema",
        path,
        tmp_path / "quarantine",
        UNIT,
        NOW.isoformat(),
    )
    for chunks in (2, 5):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, world.database_url, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(chunks):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        landed = world.rows("SELECT count(*) AS n FROM record")[0]["n"]
        (batch,) = world.rows("SELECT rows_done, inserted, quarantined, finished_at FROM intake_batch")
        assert batch["finished_at"] is None
        assert landed == batch["inserted"] >= 40 * chunks - 3
        assert batch["rows_done"] == batch["inserted"] + batch["quarantined"]
    finished = world.ingest(path, chunk_rows=40)
    other = make_world(second_url, tmp_path / "other", ring_folder, catalog)
    uninterrupted = other.ingest(path, chunk_rows=70)
    assert finished.repeated
    assert not uninterrupted.repeated
    assert counts(finished) == counts(uninterrupted) == (597, 0, 0, 3)
    assert world.facts() == other.facts()
    assert finished.quarantine_file is not None
    assert uninterrupted.quarantine_file is not None
    assert finished.quarantine_file.read_bytes() == uninterrupted.quarantine_file.read_bytes()
    assert not world.rows("SELECT 1 FROM record_history")


def test_kill_9_at_any_instant_loses_and_doubles_nothing(
    world: World, tmp_path: Path, ring_folder: Path, catalog: Catalog, second_url: str
) -> None:
    rows = [penalty(n % 400) | {DOCUMENT: f"琼市监罚演〔2026〕{n:05d}号"} for n in range(1, 2_001)]
    rows[1_500][DOCUMENT] = ""
    path = write_csv(tmp_path / "a.csv", rows)
    schema, quarantine = Path(__file__).parents[2] / "schema", tmp_path / "quarantine"
    arguments = (ring_folder, schema, path, quarantine, UNIT, NOW.isoformat())
    rng = Random(4)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, world.database_url, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.random() * 0.25)  # somewhere: reading, sealing, writing, committing
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        landed = world.rows("SELECT count(*) AS n FROM record")[0]["n"]
        (batch,) = world.rows("SELECT rows_done, inserted, quarantined FROM intake_batch")
        assert landed >= batch["inserted"]  # a run counts from the top; what landed before stays
        assert batch["rows_done"] == batch["inserted"] + batch["quarantined"]
    finished = world.ingest(path)
    other = make_world(second_url, tmp_path / "other", ring_folder, catalog)
    uninterrupted = other.ingest(path)
    assert counts(finished) == counts(uninterrupted) == (1_999, 0, 0, 1)
    assert world.facts() == other.facts()
    assert not world.rows("SELECT 1 FROM record_history")


def test_a_chunk_ends_early_when_its_rows_are_very_long(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK_CHARACTERS", 10)
    steps: list[IntakeProgress] = []
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 41)])
    assert counts(world.ingest(path, progress=steps.append)) == (40, 0, 0, 0)
    assert [s.rows for s in steps] == list(range(1, 41))


def test_a_correction_keeps_the_old_version_and_the_state_and_seals_anew(
    world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [person_penalty(3)]))
    world.rows("UPDATE record SET state = 'REPAIRED'")
    (old,) = world.rows("SELECT * FROM record")
    later = FixedClock(NOW + timedelta(days=2))
    report = world.ingest(
        write_csv(tmp_path / "b.csv", [person_penalty(3, 处罚内容="罚款贰万元")]), clock=later
    )
    assert counts(report) == (0, 1, 0, 0)
    (new,) = world.rows("SELECT * FROM record")
    (kept,) = world.rows("SELECT * FROM record_history")
    assert (new["version"], new["state"], kept["version"]) == (2, "REPAIRED", 1)
    assert kept["replaced_at"] == later.instant
    assert new["marks"] == old.pop("marks")  # marks are the record's, not a version's
    assert {k: kept[k] for k in old} == old
    before, after = orjson.loads(old["sealed"]), orjson.loads(new["sealed"])
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_sealed_values_open_in_their_own_place_and_version_only(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [person_penalty(3)]))
    (record,) = world.rows("SELECT * FROM record")
    (subject,) = world.rows("SELECT * FROM subject")
    key = world.ring.sealer().open_data_key(subject["subject_id"], subject["kek_id"], subject["wrapped_key"])
    sealed = orjson.loads(record["sealed"])
    place = (record["subject_id"], "government.penalty", record["record_id"])
    opened = {name: orjson.loads(key.unseal(aad(*place, 1, name), text)) for name, text in sealed.items()}
    assert opened == {
        "counterpartyName": "符演二",
        "certNo": resident_id(3),
        "violationFacts": "未按规定公示年度报告",
        "content": "罚款壹万元",
    }
    identifier = key.unseal(
        subject_aad(subject["subject_id"], IDENTIFIER_FIELD), subject["identifier_sealed"]
    )
    assert orjson.loads(identifier) == resident_id(3)
    with pytest.raises(SealError):
        key.unseal(aad(*place, 2, "certNo"), sealed["certNo"])


def test_no_sealed_value_is_found_anywhere_in_the_tables(world: World, tmp_path: Path) -> None:
    canaries = ["金丝雀事实", "金丝雀内容", "金丝雀姓名", resident_id(7), resident_id(8)]
    row = person_penalty(7, 违法事实=canaries[0], 处罚内容=canaries[1], 行政相对人名称=canaries[2])
    world.ingest(write_csv(tmp_path / "a.csv", [row, penalty(8, 法定代表人证件号码=resident_id(8))]))
    world.ingest(write_csv(tmp_path / "b.csv", [row | {"备注": "更正"}]))
    names = [r["t"] for r in world.rows("SELECT tablename AS t FROM pg_tables WHERE schemaname = 'public'")]
    text = "\n".join(r["t"] for name in names for r in world.rows(f'SELECT x::text AS t FROM "{name}" x'))
    assert uscc(8) in text, "the search would find what is not sealed"
    for canary in canaries:
        raw = canary.encode()
        for form in (
            canary,
            raw.hex(),
            base64.b64encode(raw).decode().rstrip("="),
            canary.encode("utf-16-le").hex(),
        ):
            assert form not in text


def test_rows_of_one_key_in_one_file_are_taken_once_and_refused_when_they_conflict(
    world: World, tmp_path: Path
) -> None:
    rows = [penalty(1), penalty(2), penalty(1), penalty(2, 处罚内容="另一内容"), penalty(1)]
    for size in (1, 2, 10):
        report = world.ingest(
            write_csv(tmp_path / f"{size}.csv", [*rows, penalty(10 + size)]), chunk_rows=size
        )
        assert sum(counts(report)) == 6
        assert codes(report) == [("5", "DUPLICATE_KEY")]
    assert {r["v"] for r in world.rows("SELECT version AS v FROM record")} == {1}
    assert not world.rows("SELECT 1 FROM record_history")


@pytest.mark.parametrize("chunk_rows", [1, 50])
def test_a_record_of_another_source_unit_is_refused_alike_whether_what_is_sent_says_the_same_or_not(
    chunk_rows: int, world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", GOOD))
    before = world.dump()
    guesses = [penalty(1, 处罚内容="另一内容"), penalty(1), penalty(2), penalty(2, 处罚内容="另一内容")]
    report = world.ingest(write_csv(tmp_path / "b.csv", guesses), unit=OTHER_UNIT, chunk_rows=chunk_rows)
    assert counts(report) == (0, 0, 0, 4)
    assert codes(report) == [(str(line), "OTHER_SOURCE") for line in (2, 3, 4, 5)]
    assert world.dump() == before


def test_nothing_is_collected_again_of_a_subject_whose_key_was_destroyed(
    world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [person_penalty(3)]))
    world.rows("UPDATE subject SET wrapped_key = NULL")
    before = world.dump()
    report = world.ingest(write_csv(tmp_path / "b.csv", [person_penalty(3, **{DOCUMENT: "新号"})]))
    assert codes(report) == [("2", "SUBJECT_ERASED")]
    assert world.dump() == before


def test_an_organisation_code_alone_finds_a_known_subject_and_no_other(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1)]))
    rows = [
        penalty(1, **{USCC_COLUMN: "", ORG_CODE: uscc(1)[8:17], DOCUMENT: "琼市监罚演〔2026〕0100号"}),
        penalty(2, **{USCC_COLUMN: "", ORG_CODE: uscc(2)[8:17]}),
    ]
    report = world.ingest(write_csv(tmp_path / "b.csv", rows))
    assert counts(report) == (1, 0, 0, 1)
    assert codes(report) == [("3", "UNKNOWN_ORGANIZATION_CODE")]
    assert len(world.rows("SELECT 1 FROM subject")) == 1
    assert len(world.rows("SELECT DISTINCT subject_id FROM record")) == 1


def test_a_subject_keeps_its_key_and_division_comes_from_its_profile(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1)]))
    (before,) = world.rows("SELECT subject_id, wrapped_key, division_code FROM subject")
    profile = {
        "name": "海南椰澜贸易有限公司",
        "uscc": uscc(1),
        "divisionCode": "469025",
        "legalRepresentativeIdNumber": resident_id(1),
    }
    world.ingest(write_csv(tmp_path / "b.csv", [profile]), "government.registration")
    (after,) = world.rows("SELECT subject_id, wrapped_key, division_code FROM subject")
    assert before["division_code"] == "460100"
    assert after == before | {"division_code": "469025"}


def test_the_blind_index_follows_the_current_version(world: World, tmp_path: Path) -> None:
    def profile(number: int) -> dict[str, str]:
        return {"name": "甲", "uscc": uscc(1), "legalRepresentativeIdNumber": resident_id(number)}

    def token(number: int) -> bytes:
        value = orjson.dumps(resident_id(number))
        return world.ring.indexer().blind_token("government.registration.legalRepresentativeIdNumber", value)

    for number in (1, 2):
        world.ingest(write_csv(tmp_path / f"{number}.csv", [profile(number)]), "government.registration")
        assert [r["token"] for r in world.rows("SELECT token FROM blind_index")] == [token(number)]
    (record,) = world.rows("SELECT event_date::text, version FROM record")
    assert record == {"event_date": "1970-01-01", "version": 2}


def test_two_files_of_one_dataset_at_once_lose_and_double_nothing(world: World, tmp_path: Path) -> None:
    rows = [penalty(n) for n in range(1, 121)]
    files = [write_csv(tmp_path / "a.csv", rows[:80]), write_csv(tmp_path / "b.csv", rows[40:])]

    async def both(database: Database) -> list[Any]:
        return await asyncio.gather(*(world.ingest_with(database, f, chunk_rows=10) for f in files))

    reports = world.run(both)
    assert sum(r.inserted for r in reports) == 120
    assert sum(r.unchanged for r in reports) == 40
    assert len(world.rows("SELECT 1 FROM record")) == len(world.rows("SELECT 1 FROM subject")) == 120


def test_the_same_file_is_not_taken_in_twice_at_once(world: World, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 101)])

    async def both(database: Database) -> list[Any]:
        runs = (world.ingest_with(database, path, chunk_rows=10) for _ in range(2))
        return await asyncio.gather(*runs, return_exceptions=True)

    results = world.run(both)
    refused = [r for r in results if isinstance(r, IntakeError)]
    assert len(refused) == 1
    assert "right now" in refused[0].message
    assert counts(world.ingest(path)) == (0, 0, 100, 0), "the lock was given back"


REFUSALS: dict[str, tuple[str, str, str]] = {
    "a dataset the catalogue does not have, naming the nearest": (
        "government.penalties",
        UNIT,
        "government.penalty",
    ),
    "a source unit with a wrong check character": ("government.penalty", UNIT[:-1] + "9", ""),
    "a source unit that is no known client": ("government.penalty", "dept-amr", ""),
}


@pytest.mark.parametrize(("dataset", "unit", "hint"), REFUSALS.values(), ids=REFUSALS)
def test_nothing_lands_for(world: World, tmp_path: Path, dataset: str, unit: str, hint: str) -> None:
    with pytest.raises(IntakeError) as refusal:
        world.ingest(write_csv(tmp_path / "a.csv", GOOD), dataset, unit)
    assert hint in refusal.value.hint
    assert not any(world.dump().values())
    assert not world.rows("SELECT 1 FROM intake_batch")


def test_a_column_outside_the_catalogue_lets_nothing_land(world: World, tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="血型"):
        world.ingest(write_csv(tmp_path / "a.csv", [penalty(1) | {"血型": "A"}]))
    assert not any(world.dump().values())


def test_a_client_stands_for_its_institution(world: World, tmp_path: Path) -> None:
    world.rows(
        "INSERT INTO client (client_id, name_zh, name_en, roles, institution, purposes, jwks, status, demo, created_at, act, mac)"
        " VALUES ('dept-amr', '市监', 'AMR', '{source_unit}', $1, '{}', '{}', 'ACTIVE', true, now(), 0, '')",
        UNIT,
    )
    assert world.ingest(write_csv(tmp_path / "a.csv", GOOD), unit="dept-amr").source_unit == UNIT
    with pytest.raises(IntakeError) as refusal:
        world.ingest(write_csv(tmp_path / "b.csv", GOOD), unit="dept-arm")
    assert "dept-amr" in refusal.value.hint


def test_an_xlsx_formula_quarantines_its_row_and_the_rest_lands(world: World, tmp_path: Path) -> None:
    lines: list[list[Any]] = table([penalty(1), penalty(2)])
    lines[2][lines[0].index("罚款金额(万元)")] = "=1+1"
    report = world.ingest(write_xlsx(tmp_path / "a.xlsx", lines))
    assert counts(report) == (1, 0, 0, 1)
    assert codes(report) == [("3", "FORMULA")]


def test_progress_and_the_batch_row_say_the_same_as_the_report(world: World, tmp_path: Path) -> None:
    steps: list[IntakeProgress] = []
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 11)])
    report = world.ingest(path, chunk_rows=4, progress=steps.append)
    assert [(s.rows, s.total) for s in steps] == [(4, 10), (8, 10), (10, 10)]
    (batch,) = world.rows("SELECT * FROM intake_batch")
    assert (batch["batch_id"], batch["rows_done"], batch["inserted"]) == (report.batch_id, 10, 10)
    assert (batch["source_unit"], batch["file_name"]) == (UNIT, "a.csv")
    assert batch["finished_at"] == NOW


def test_what_the_database_refuses_shows_no_value_and_the_file_can_be_run_again(
    world: World, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "a.csv", [person_penalty(n) for n in range(1, 11)])
    world.rows("ALTER TABLE record ADD CONSTRAINT small CHECK (batch_row < 7)")
    with pytest.raises(UnavailableError) as refusal:
        world.ingest(path, chunk_rows=3)
    assert refusal.value.__cause__ is None
    assert "record" not in str(refusal.value)
    assert len(world.rows("SELECT 1 FROM record")) == 3
    world.rows("ALTER TABLE record DROP CONSTRAINT small")
    report = world.ingest(path, chunk_rows=3)
    assert (counts(report), report.repeated) == ((10, 0, 0, 0), True)


def test_rows_made_by_a_program_land_by_the_same_way(world: World, catalog: Catalog) -> None:
    dataset = catalog.datasets["government.tax_payment"]
    shape = RowShape(dataset)

    def row(number: int, subject: SubjectRef) -> ValidRow:
        values = {
            "subjectName": "甲",
            "period": f"2026-{number:02d}",
            "taxType": "VAT",
            "amount": 100 * number,
        }
        return shape.row(subject, values | {"uscc": subject.identifier}, number)

    rows = [row(n, organization_ref(uscc(1))) for n in range(1, 11)]
    origin = Origin(dataset, UNIT, "demo", NOW)

    async def load(database: Database) -> Any:
        return await load_rows(
            rows,
            origin,
            database=database,
            indexer=world.ring.indexer(),
            sealer=world.ring.sealer(),
            chunk_rows=3,
        )

    assert (world.run(load).inserted, world.run(load).unchanged) == (10, 10)
    stored = world.rows(
        "SELECT event_date::text AS d, clear ->> 'amount' IS NOT NULL AS open,"
        " sealed ->> 'amount' IS NOT NULL AS shut FROM record"
    )
    assert {(r["open"], r["shut"]) for r in stored} == {(False, True)}
    assert "2026-10-01" in {r["d"] for r in stored}
    unknown = shape.row(
        SubjectRef(SubjectKind.ORG, "", (("legacyOrganizationCode", uscc(9)[8:17]),)),
        {"period": "2026-01"},
        1,
    )
    rows.append(unknown)
    with pytest.raises(IntakeError, match="UNKNOWN_ORGANIZATION_CODE"):
        world.run(load)
