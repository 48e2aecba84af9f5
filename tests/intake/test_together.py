"""What intake does for many rows at once is what it would do for each alone, and what chunks leave undone is safe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.catalog.types import Dataset, FieldType, SubjectKind
from hub.catalog.values import natural_key, natural_keys
from hub.errors import IntakeError
from hub.intake import run, store
from hub.intake.bodies import BodyWriter
from hub.intake.csv_file import open_csv
from hub.intake.headers import is_known
from hub.intake.pipeline import file_supply
from hub.store.database import Database

from .intake_world import World, penalty, table, the_catalog, write_csv
from .test_pipeline import codes, counts

CATALOG = the_catalog()
DATASETS = sorted(CATALOG.datasets)
_TEXTS = st.text("aZ09〔〕（）()【】-–—/\\\"', \n\r\t\u0000\u001f\u007f\u2028甲罚\U00020000", max_size=12)


def _values(dataset: Dataset) -> st.SearchStrategy[dict[str, Any]]:
    """Values in stored form, any of them missing."""
    kinds: dict[FieldType, st.SearchStrategy[Any]] = {
        FieldType.MONEY: st.integers(0, 9 * 10**15),
        FieldType.INTEGER: st.integers(0, 10**9),
        FieldType.BOOLEAN: st.booleans(),
        FieldType.ENUM_LIST: st.lists(_TEXTS, min_size=1, max_size=3),
        FieldType.TEXT_LIST: st.lists(_TEXTS, min_size=1, max_size=3),
    }
    return st.fixed_dictionaries({}, optional={f.name: kinds.get(f.type, _TEXTS) for f in dataset.fields})


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in {name for row in rows for name in row}}


@pytest.mark.parametrize("name", DATASETS)
def test_bodies_made_together_are_the_json_of_each_value_alone(name: str) -> None:
    dataset = CATALOG.datasets[name]

    @settings(max_examples=15, deadline=None, database=None)
    @given(rows=st.lists(_values(dataset), min_size=1, max_size=4), kind=st.sampled_from(SubjectKind))
    def hold(rows: list[dict[str, Any]], kind: SubjectKind) -> None:
        sealed = {f.name for f in dataset.fields if f.is_sealed(kind)}
        writer = BodyWriter(dataset, kind)
        assert set(writer.sealed) == sealed
        bodies = writer.all(_columns(rows), len(rows))
        for values, (clear, hidden) in zip(rows, bodies, strict=True):
            assert orjson.loads(clear) == {n: v for n, v in values.items() if n not in sealed}
            assert list(orjson.loads(clear)) == sorted(n for n in values if n not in sealed)
            assert hidden == {n: orjson.dumps(v) for n, v in values.items() if n in sealed}
            assert list(hidden) == sorted(hidden)
            assert b"\n" not in b"".join((clear, *hidden.values())), "a line feed divides them in the hash"

    hold()


def test_a_value_that_no_field_takes_is_an_error_and_not_left_out() -> None:
    writer = BodyWriter(CATALOG.datasets["government.penalty"], SubjectKind.ORG)
    with pytest.raises(ValueError, match="no fields of the dataset"):
        writer.all({"documentNo": ["1"], "shoeSize": [43]}, 1)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.one_of(_TEXTS, st.none()), min_size=1, max_size=5))
def test_natural_keys_made_together_are_those_of_each_alone(texts: list[str | None]) -> None:
    dataset = CATALOG.datasets["government.penalty"]
    first, second = dataset.natural_key
    columns = {first: texts, second: texts[::-1]}
    alone = [natural_key(dataset, {first: a, second: b}) for a, b in zip(*columns.values(), strict=True)]
    assert [key.decode() for key in natural_keys(dataset, columns, len(texts))] == alone


def test_signs_that_keys_are_read_with_at_once_are_in_normal_form() -> None:
    """For every sign of the quick way: alone beside a sign of the slow way it gives the same key."""
    dataset = CATALOG.datasets["judicial.dishonest_judgment_debt"]
    (name,) = dataset.natural_key
    signs = [chr(n) for n in (*range(0x21, 0x7F), *range(0x3000, 0x3020), *range(0x4E00, 0xA000))]
    quick = natural_keys(dataset, {name: [f"甲{sign}" for sign in signs]}, len(signs))
    slow = [natural_keys(dataset, {name: [f"甲{sign}", " "]}, 2)[0] for sign in signs]
    each = [natural_keys(dataset, {name: [f"甲{sign}"]}, 1)[0] for sign in signs]
    assert list(quick) == slow == each


def test_a_key_that_a_later_chunk_brings_with_other_content_is_refused_even_after_a_correction(
    world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "first.csv", [penalty(1), penalty(2)]))
    rows = [penalty(1, 处罚内容="更正"), penalty(2), penalty(3), penalty(1, 处罚内容="另一内容"), penalty(1)]
    rows += [penalty(2, 处罚内容="另一内容"), penalty(3, 处罚内容="另一内容")]
    report = world.ingest(write_csv(tmp_path / "second.csv", rows), chunk_rows=1)
    assert counts(report) == (1, 1, 1, 4)
    assert codes(report) == [(row, "DUPLICATE_KEY") for row in ("5", "6", "7", "8")]


@pytest.mark.parametrize("again", ["另一内容", "给予警告并罚款"])
def test_a_key_is_refused_again_though_another_file_has_corrected_the_record_in_between(
    again: str, world: World, tmp_path: Path
) -> None:
    first = write_csv(
        tmp_path / "a.csv", [penalty(1, 处罚内容="给予警告并罚款"), penalty(2), penalty(1, 处罚内容=again)]
    )
    second = write_csv(tmp_path / "b.csv", [penalty(1, 处罚内容="更正")])
    once = iter([Thread(target=lambda: world.ingest(second))])

    def correct(_state: object) -> None:
        for thread in once:
            thread.start()
            thread.join()

    report = world.ingest(first, chunk_rows=1, progress=correct)
    assert counts(report) == (2, 0, 0, 1)
    assert codes(report) == [("4", "DUPLICATE_KEY")]
    clear = [r["clear"] for r in world.rows("SELECT clear FROM record WHERE version = 2")]
    assert ["更正" in text for text in clear] == [True], "the correction stands"


def test_a_file_that_was_cut_short_while_it_was_read_is_not_finished(world: World, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 400)])
    size = path.stat().st_size

    def cut(_state: object) -> None:
        with path.open("r+b") as file:
            file.truncate(size // 2)

    with pytest.raises(IntakeError, match="changed while it was read"):
        world.ingest(path, chunk_rows=50, progress=cut)
    assert not world.rows("SELECT 1 FROM intake_batch WHERE finished_at IS NOT NULL")


def test_cells_count_though_nothing_is_in_them(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK_CHARACTERS", 3_000)
    lines = table([penalty(1), penalty(2)])
    path = tmp_path / "a.csv"
    rows = [",".join(line) + "," * 2_000 for line in lines[1:]]
    path.write_text("\n".join([",".join(lines[0]), *rows]), encoding="utf-8")
    landed: list[int] = []
    report = world.ingest(path, progress=lambda state: landed.append(state.rows))
    assert (landed, report.rows) == ([2], 2)
    rows = [row + "," * 2_000 for row in rows]
    path.write_text("\n".join([",".join(lines[0]), *rows]), encoding="utf-8")
    landed.clear()
    world.ingest(path, progress=lambda state: landed.append(state.rows))
    assert landed == [1, 2]


class _Cut(Exception):
    pass


def _stop_after(chunks: int) -> Callable[[object], None]:
    left = iter(range(chunks))

    def progress(_state: object) -> None:
        if next(left, None) is None:
            raise _Cut

    return progress


def test_a_run_that_was_cut_off_and_repeated_refuses_the_same_rows(world: World, tmp_path: Path) -> None:
    rows = [penalty(1), penalty(2), penalty(3), penalty(1, 处罚内容="另一内容"), penalty(4), penalty(2)]
    path = write_csv(tmp_path / "a.csv", rows)

    for done in (1, 2, 4):
        with pytest.raises(_Cut):
            world.ingest(path, chunk_rows=1, progress=_stop_after(done))
    report = world.ingest(path, chunk_rows=1)
    assert report.repeated
    assert counts(report) == (4, 0, 1, 1)
    assert codes(report) == [("5", "DUPLICATE_KEY")]
    assert {r["version"] for r in world.rows("SELECT version FROM record")} == {1}


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_a_header_that_stands_in_a_file_again_is_no_row(
    chunk_rows: int, world: World, tmp_path: Path
) -> None:
    lines = table([penalty(1), penalty(2)])
    lines = [lines[0], lines[1], lines[0], lines[0], lines[2], lines[0]]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    report = world.ingest(path, chunk_rows=chunk_rows)
    assert counts(report) == (2, 0, 0, 0)
    assert report.rows == 2


def test_a_chunk_does_not_wait_for_the_disk_and_the_end_of_the_batch_does(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[str, str]] = []

    def watched(name: str) -> None:
        original = getattr(store, name)

        async def act(connection: Any, *arguments: Any) -> Any:
            waits.append((name, await connection.fetchval("SHOW synchronous_commit")))
            return await original(connection, *arguments)

        monkeypatch.setattr(store, name, act)

    watched("count_rows")
    watched("finish_batch")
    path = write_csv(tmp_path / "a.csv", [penalty(1), penalty(2)])

    async def act(database: Database) -> None:
        async with database.connection() as connection:
            await connection.execute("SET synchronous_commit = on")
        await world.ingest_with(database, path, chunk_rows=1)
        async with database.connection() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"

    world.run(act)
    assert waits == [("count_rows", "off"), ("count_rows", "off"), ("finish_batch", "on")]


def test_the_digest_taken_beside_the_opening_is_the_files(tmp_path: Path) -> None:
    dataset = CATALOG.datasets["government.penalty"]
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 50)])
    supply = file_supply(path)
    opened = supply.open(dataset)
    assert supply.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(opened.rows()) == list(open_csv(path, lambda header: is_known(dataset, header)).rows())
