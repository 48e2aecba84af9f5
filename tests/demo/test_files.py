"""`hub demo-data`: the files departments would send, and that intake makes of them exactly what the manifest says."""

from __future__ import annotations

import asyncio
import filecmp
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.catalog.loader import load_catalog
from hub.clock import FixedClock
from hub.demo.files import MANIFEST, write_files
from hub.demo.generator import Generator
from hub.demo.records_other import _SHAPES
from hub.errors import InputError
from hub.intake.pipeline import ingest
from hub.intake.readers import Format
from hub.keys.ring import create_ring, load_ring
from hub.store.database import Database

CATALOG = load_catalog(Path(__file__).parents[2] / "schema")
TODAY = date(2026, 11, 22)
NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")


def write(folder: Path, organizations: int, persons: int, kind: Format = Format.CSV) -> dict[str, Any]:
    generator = Generator(organizations, persons, 1, TODAY, CATALOG)
    write_files(generator, CATALOG, folder, file_format=kind)
    manifest: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
    return manifest


async def take_all_in(url: str, ring_folder: Path, folder: Path, files: list[dict[str, Any]]) -> list[str]:
    """What differs from the manifest."""
    ring = load_ring(ring_folder, demo=True)
    database = await Database.open(url, pool_size=2)
    wrong = []
    try:
        for file in files:
            report = await ingest(
                folder / file["file"], file["dataset"], file["sourceUnit"], database=database, catalog=CATALOG,
                indexer=ring.indexer(), sealer=ring.sealer(), clock=FixedClock(NOW),
                quarantine_dir=folder / "quarantine", keep_findings=10_000, demo=True,
            )  # fmt: skip
            codes: dict[str, int] = {}
            for found in report.findings:
                codes[found.code] = codes.get(found.code, 0) + 1
            got = (report.rows, report.inserted, report.quarantined, dict(sorted(codes.items())))
            if got != (file["rows"], file["lands"], file["quarantined"], file["faults"]):
                wrong.append(f"{file['file']}: {got} for {file}")
    finally:
        await database.close()
    return wrong


@pytest.mark.parametrize("kind", list(Format))
def test_intake_makes_of_every_file_what_the_manifest_says(
    kind: Format, database_url: str, tmp_path: Path
) -> None:
    create_ring(tmp_path / "ring", demo=True, now=NOW)
    size = (150, 200) if kind is Format.CSV else (30, 30)
    manifest = write(tmp_path / "out", *size, kind)
    assert manifest["synthetic"] is True
    assert manifest["quarantined"] > 0
    assert (
        asyncio.run(take_all_in(database_url, tmp_path / "ring", tmp_path / "out", manifest["files"])) == []
    )


@pytest.mark.parametrize("kind", list(Format))
def test_the_same_arguments_give_the_same_bytes(kind: Format, tmp_path: Path) -> None:
    write(tmp_path / "a", 20, 20, kind)
    write(tmp_path / "b", 20, 20, kind)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    _, differ, errors = filecmp.cmpfiles(tmp_path / "a", tmp_path / "b", names, shallow=False)
    assert (differ, errors) == ([], [])


def test_five_rows_in_a_hundred_are_wrong_in_several_ways(tmp_path: Path) -> None:
    manifest = write(tmp_path / "a", 400, 100)
    wrong = sum(count for code, count in manifest["faults"].items() if code != "UNDER_14")
    assert 0.04 < wrong / manifest["rows"] < 0.06
    assert {"BAD_DATE", "BAD_ENUM", "BAD_UNIT", "CHECKSUM_MISMATCH", "REQUIRED"} <= manifest["faults"].keys()


def test_every_dataset_has_rows_but_those_whose_sources_the_demo_has_not(tmp_path: Path) -> None:
    manifest = write(tmp_path / "a", 2_500, 1_500)
    filled = {file["dataset"] for file in manifest["files"]}
    assert set(CATALOG.datasets) - filled == {"market.credit_rating", "market.self_declaration"}
    assert set(_SHAPES) <= filled


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError):
        write(tmp_path, 5, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
