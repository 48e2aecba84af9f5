"""What the law says of collecting: prior notice, minors, known codes with wrong checks, severity of negative records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hub.catalog.known_codes import read_known_codes
from hub.catalog.types import Catalog, Dataset, Nature, Role, Sharing, SubjectKind
from hub.errors import CatalogError
from hub.intake.faults import Fault
from hub.intake.headers import map_headers
from hub.intake.prior_notice import is_adverse, notice_field
from hub.intake.rows import ValidRow
from hub.intake.severity import has_rule
from hub.intake.source import SourceRow
from hub.intake.validate import RowValidator

from .intake_world import NOW, UNIT, USCC_COLUMN, World, penalty, person_penalty, resident_id, uscc, write_csv

LISTED = uscc(77)[:-1] + ("0" if uscc(77)[-1] != "0" else "1")
ENTRY = f'[[known]]\ncode = "{LISTED}"\nsource = "登记机关公示(演示)"\nreviewer = "省信用中心数据科(演示)"\nreviewed_on = "2026-11-01"\n'


def check(dataset: Dataset, cells: dict[str, str]) -> ValidRow | list[Fault]:
    header = map_headers(dataset, list(cells))
    return RowValidator(dataset, header, today=NOW.date(), demo=True).check(
        SourceRow(2, list(cells.values()), ())
    )


def loan(dataset: Dataset, **changes: str) -> dict[str, str]:
    samples = {
        "date": "2026-01-05",
        "money": "100",
        "text": "演示",
        "integer": "0",
        "uscc": UNIT,
        "month": "2026-01",
    }
    cells = {
        f.name: (f.values[0].label.zh if f.values else samples.get(str(f.type), "1"))
        for f in dataset.fields
        if f.required in ("Y", "P") and f.role is not Role.SUBJECT_KIND
    }
    kind = {f.name: "自然人" for f in dataset.role(Role.SUBJECT_KIND)}
    number = {f.name: resident_id(1) for f in dataset.role(Role.SUBJECT_CERT_NO)}
    return cells | kind | number | changes


def codes(found: ValidRow | list[Fault]) -> list[str]:
    return [] if isinstance(found, ValidRow) else [f.code for f in found]


NOTICE = {
    "overdue without a notice (征信业管理条例第十五条)": (
        "financial.loan",
        {"overdueDays": "30"},
        ["PRIOR_NOTICE_MISSING"],
    ),
    "overdue with a notice": ("financial.loan", {"overdueDays": "30", "priorNoticeOn": "2026-10-01"}, []),
    "a notice that lies in the future": (
        "financial.loan",
        {"overdueDays": "30", "priorNoticeOn": "2026-12-30"},
        ["FUTURE_DATE"],
    ),
    "written off without a notice": ("financial.loan", {"status": "核销"}, ["PRIOR_NOTICE_MISSING"]),
    "not overdue": ("financial.loan", {"overdueDays": "0"}, []),
    "guarantee called without a notice": (
        "financial.guarantee",
        {"status": "代偿"},
        ["PRIOR_NOTICE_MISSING"],
    ),
    "guarantee in force": ("financial.guarantee", {"status": "在保"}, []),
}


@pytest.mark.parametrize("case", NOTICE)
def test_adverse_data_of_a_person_needs_a_notice_beforehand(catalog: Catalog, case: str) -> None:
    dataset_id, changes, expected = NOTICE[case]
    dataset = catalog.datasets[dataset_id]
    assert codes(check(dataset, loan(dataset, **changes))) == expected


def test_an_organisation_needs_no_notice(catalog: Catalog) -> None:
    dataset = catalog.datasets["financial.loan"]
    cells = loan(dataset, overdueDays="30")
    cells |= {f.name: "法人及非法人组织" for f in dataset.role(Role.SUBJECT_KIND)}
    cells |= {f.name: "" for f in dataset.role(Role.SUBJECT_CERT_NO)}
    cells |= {f.name: uscc(1) for f in dataset.role(Role.SUBJECT_USCC)}
    assert "PRIOR_NOTICE_MISSING" not in codes(check(dataset, cells))


def test_what_is_published_by_law_needs_no_notice(world: World, tmp_path: Path) -> None:
    assert world.ingest(write_csv(tmp_path / "a.csv", [person_penalty(1)])).inserted == 1


def test_every_negative_dataset_about_persons_is_published_by_law_or_has_a_day_of_notice(
    catalog: Catalog,
) -> None:
    for dataset in catalog:
        if dataset.nature is Nature.NEGATIVE and SubjectKind.PERSON in dataset.subjects:
            assert dataset.sharing is Sharing.PUBLIC or notice_field(dataset)


def test_a_negative_dataset_without_a_rule_of_its_own_is_adverse_in_every_row(catalog: Catalog) -> None:
    assert is_adverse(replace(catalog.datasets["government.penalty"], sharing=Sharing.AUTHORISED_QUERY), {})


def test_every_negative_dataset_has_a_severity_and_a_rule_that_derives_it(catalog: Catalog) -> None:
    negative = [d for d in catalog if d.nature is Nature.NEGATIVE]
    assert len(negative) >= 13
    assert [d.id for d in negative if not d.role(Role.SEVERITY) or not has_rule(d)] == []


def test_a_person_under_fourteen_is_refused_at_intake(world: World, tmp_path: Path) -> None:
    row = person_penalty(1, 证件号码=resident_id(1, "20160101"))
    found = world.ingest(write_csv(tmp_path / "a.csv", [row]), keep_findings=3)
    assert [f.code for f in found.findings] == ["UNDER_14"]


def test_a_listed_code_passes_in_spite_of_its_check_and_is_marked_in_lineage(
    world: World, tmp_path: Path
) -> None:
    rows = [
        penalty(1),
        penalty(2, **{USCC_COLUMN: LISTED.lower()}),
        penalty(3, **{USCC_COLUMN: uscc(78)[:-2] + "QQ"}),
    ]
    path = write_csv(tmp_path / "a.csv", rows)
    listed = replace(world.catalog, known_codes=read_known_codes(ENTRY.encode()))
    report = world.ingest(path, catalog=listed, keep_findings=5)
    assert (report.inserted, [f.code for f in report.findings]) == (2, ["CHECKSUM_MISMATCH"])
    marks = world.rows(
        "SELECT m.mark, r.batch_row FROM record_lineage m JOIN record r USING (subject_id, dataset, record_id)"
    )
    assert [tuple(m.values()) for m in marks] == [("CHECKSUM_OVERRIDE", 3)]


def test_without_the_list_the_same_code_is_quarantined(world: World, tmp_path: Path) -> None:
    report = world.ingest(
        write_csv(tmp_path / "a.csv", [penalty(2, **{USCC_COLUMN: LISTED})]), keep_findings=5
    )
    assert [f.code for f in report.findings] == ["CHECKSUM_MISMATCH"]


BAD_LISTS = {
    "a code whose check is right": ENTRY.replace(LISTED, uscc(77)),
    "no code at all": ENTRY.replace(LISTED, "123"),
    "no reviewer": ENTRY.replace('reviewer = "省信用中心数据科(演示)"\n', ""),
    "no source": ENTRY.replace('source = "登记机关公示(演示)"\n', ""),
    "a day that does not exist": ENTRY.replace("2026-11-01", "2026-02-30"),
    "the same code twice": ENTRY + ENTRY,
    "an unknown key": ENTRY + "extra = 1\n",
    "no TOML": "[[known",
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_the_list_of_known_codes_is_refused_with(case: str) -> None:
    with pytest.raises(CatalogError):
        read_known_codes(BAD_LISTS[case].encode())
