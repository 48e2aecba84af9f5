"""Source units are data: who they are, what each may supply, and what intake refuses of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from intake.intake_world import World as IntakeWorld
from intake.intake_world import make_world, penalty, the_catalog, uscc, write_csv

from hub.catalog.loader import load_catalog
from hub.catalog.types import SubjectKind
from hub.catalog.units import FILE, UnitKind, read_units, unit_of
from hub.demo import story_facts as facts
from hub.errors import CatalogError, IntakeError
from hub.intake.faults import Fault
from hub.intake.rows import RowShape, SubjectRef
from hub.intake.suppliers import source_unit_supplier
from hub.keys.ring import create_ring

SCHEMA = Path(__file__).parents[2] / "schema"
CATALOG = load_catalog(SCHEMA)
BAISHA = uscc(80001, "11469025")
SOURCE = "数据来源单位统一社会信用代码"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> IntakeWorld:
    from intake.intake_world import NOW

    create_ring(tmp_path / "ring", demo=True, now=NOW)
    return make_world(database_url, tmp_path, tmp_path / "ring", the_catalog())


def test_46_departments_the_courts_market_and_financial_bodies_and_all_cities_and_counties_are_listed() -> (
    None
):
    kinds = [unit.kind for unit in CATALOG.units]
    assert kinds.count(UnitKind.PROVINCIAL) + kinds.count(UnitKind.JUDICIAL) >= 46
    assert kinds.count(UnitKind.COUNTY) == 4 + 15
    assert {UnitKind.MARKET, UnitKind.FINANCIAL, UnitKind.JUDICIAL} <= set(kinds)


def test_every_dataset_has_a_unit_that_may_supply_it() -> None:
    listed = {name for unit in CATALOG.units for name in unit.datasets}
    assert listed == set(CATALOG.datasets)


def test_a_body_of_a_county_is_known_by_its_code_and_a_company_is_not() -> None:
    found = unit_of(CATALOG.units, BAISHA)
    assert found is not None
    assert found.code == "COUNTY_469025"
    assert unit_of(CATALOG.units, uscc(1, "91469025")) is None
    district = unit_of(CATALOG.units, uscc(1, "11460106"))
    assert district is not None
    assert district.code == "COUNTY_460100"


def test_a_unit_supplies_only_what_it_is_listed_for(world: IntakeWorld, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", [penalty(1)])
    with pytest.raises(IntakeError) as refused:
        world.ingest(file, unit=facts.BANK_HKB)
    assert "not listed" in refused.value.message
    assert "不是" in refused.value.message_zh
    with pytest.raises(IntakeError, match="no source unit"):
        world.ingest(file, unit=facts.COMPANY_USCC)
    assert world.rows("SELECT count(*) AS n FROM record") == [{"n": 0}]
    assert world.rows("SELECT count(*) AS n FROM intake_batch") == [{"n": 0}]


def test_a_county_supplies_for_its_own_division_only(world: IntakeWorld, tmp_path: Path) -> None:
    own, other = penalty(1, **{SOURCE: BAISHA}), penalty(2, **{SOURCE: uscc(80002, "11469007")})
    report = world.ingest(write_csv(tmp_path / "a.csv", [own, other]), unit=BAISHA, keep_findings=5)
    assert (report.inserted, report.quarantined) == (1, 1)
    assert [(fault.code, fault.column) for fault in report.findings] == [("OTHER_DIVISION", SOURCE)]


def test_a_county_draws_no_organisation_of_another_division_to_itself_by_stating_its_own() -> None:
    dataset = CATALOG.datasets["government.registration"]
    supplier = source_unit_supplier(CATALOG, dataset, BAISHA)
    taken = {}
    for code in (uscc(1, "91469025"), uscc(1, "91460100")):
        values = {"name": "演", "uscc": code, "divisionCode": "469025"}
        row = RowShape(dataset).row(SubjectRef(SubjectKind.ORG, code, (), "469025"), values, 1)
        found = supplier.take(row, str)
        taken[code] = (found.code, found.column) if isinstance(found, Fault) else None
    assert list(taken.values()) == [None, ("OTHER_DIVISION", "uscc")]


def broken(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    read_units((tmp_path / FILE).read_bytes(), CATALOG.datasets)


UNIT = '[[unit]]\ncode = "A"\ntitle = { zh = "甲", en = "a" }\nkind = "MARKET"\ndatasets = ["market.commitment"]\nusccs = ["1"]\n'
BROKEN = {
    "a dataset the catalogue does not have": UNIT.replace("market.commitment", "market.gossip"),
    "one code for two units": UNIT + UNIT.replace('"A"', '"B"'),
    "one name twice": UNIT + UNIT.replace('"1"', '"2"'),
    "a key nobody knows": UNIT + "unknown = 1\n",
    "a county without a division": UNIT.replace("MARKET", "COUNTY"),
    "no TOML": "[[unit",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_list_stops_the_catalogue(name: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        broken(tmp_path, BROKEN[name])


def test_without_the_list_nobody_supplies(tmp_path: Path) -> None:
    shutil.copytree(SCHEMA, tmp_path / "schema")
    (tmp_path / "schema" / FILE).unlink()
    assert load_catalog(tmp_path / "schema").units == ()
