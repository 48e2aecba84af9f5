"""Follows docs/adding-a-dataset.md step by step on a copy of the catalogue, with the page's own example."""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from intake.intake_world import NOW

from hub.api.schema import build_schema
from hub.catalog.pages import dataset_page
from hub.catalog.templates import csv_template
from hub.catalog.types import SubjectKind
from hub.clock import FixedClock
from hub.config import Settings
from hub.errors import IntakeError
from hub.intake.pipeline import ingest
from hub.intake.report import IntakeReport
from hub.keys.ring import create_ring, load_ring
from hub.loading import load_rules
from hub.store.database import Database

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-dataset.md").read_text(encoding="utf-8")
NEW = "government.water_permit"
WATER = "11460000DEM800169E"


def entry() -> str:
    """The example of the page, as a reader would copy it."""
    found = re.search(r"```toml\n(id = .*?)```", PAGE, re.S)
    assert found
    return found[1]


def take_in(settings: Settings, ring: Path, url: str, file: Path) -> IntakeReport:
    async def act() -> IntakeReport:
        database = await Database.open(url, pool_size=2)
        keys = load_ring(ring, demo=True)
        try:
            return await ingest(
                file, NEW, WATER, database=database, catalog=load_rules(settings).catalog, indexer=keys.indexer(),
                sealer=keys.sealer(), clock=FixedClock(NOW), quarantine_dir=file.parent / "quarantine", demo=True,
            )  # fmt: skip
        finally:
            await database.close()

    return asyncio.run(act())


def test_the_page_leads_from_an_entry_to_a_record(tmp_path: Path, database_url: str) -> None:
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    create_ring(tmp_path / "ring", demo=True, now=NOW)
    settings = replace(
        Settings(), schema_dir=str(tmp_path / "schema"), policies_dir=str(tmp_path / "policies"), demo=True
    )
    before = load_rules(settings).catalog
    # 1. the entry
    (tmp_path / "schema/catalog/government/water_permit.toml").write_text(entry(), encoding="utf-8")
    rules = load_rules(settings)
    dataset = rules.catalog.datasets[NEW]
    assert rules.catalog.revision != before.revision
    assert "waterPermits" in build_schema(rules.catalog).as_str()
    # 2. who supplies it: nobody, until a unit is listed
    file = tmp_path / "water.csv"
    template = csv_template(dataset).decode("utf-8-sig").splitlines()[0]
    values = {
        "主体名称": "海南椰澜贸易有限公司",
        "统一社会信用代码": "91460100DEM000014C",
        "许可证编号": "取水演1",
        "许可日期": "2026-03-05",
        "年取水量(立方米)": "1200",
    }
    headers = [dataset.fields[n].columns[0] for n in range(len(dataset.fields))]
    assert all(header in template for header in headers)
    file.write_text(",".join(headers) + "\n" + ",".join(values[h] for h in headers) + "\n", encoding="utf-8")
    with pytest.raises(IntakeError, match="not listed as a source"):
        take_in(settings, tmp_path / "ring", database_url, file)
    units = tmp_path / "schema/source_units.toml"
    text = units.read_text(encoding="utf-8")
    begin = text.index('code = "WATER"')
    units.write_text(
        text[:begin] + text[begin:].replace("datasets = [", f'datasets = [\n    "{NEW}",', 1),
        encoding="utf-8",
    )
    # 3. who reads it: level 1 leaves by the rules for whole domains, level 2 as they say, and nothing is undecided
    rules = load_rules(settings)
    public = rules.table(frozenset({"public"}), "PUBLIC_QUERY", SubjectKind.ORG)
    assert public[f"{NEW}.yearlyVolume"].outcome.name == "WITHHELD"
    # 4. the page
    assert "许可证编号" in dataset_page(dataset)
    # 5. a record
    report = take_in(settings, tmp_path / "ring", database_url, file)
    assert (report.inserted, report.quarantined) == (1, 0)
