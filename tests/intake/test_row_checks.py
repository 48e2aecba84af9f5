"""Every fault of a row, severity and publication window."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hub.catalog.types import Catalog, SubjectKind
from hub.intake.faults import Fault
from hub.intake.headers import map_headers
from hub.intake.rows import ValidRow
from hub.intake.severity import Severity, add_months, derive_severity, last_shown
from hub.intake.source import CellFault, SourceRow
from hub.intake.validate import RowValidator

from .intake_world import (
    DECIDED,
    DOCUMENT,
    PENALTY,
    SHOWN_UNTIL,
    USCC_COLUMN,
    Row,
    penalty,
    person_penalty,
    resident_id,
    uscc,
)

TODAY = date(2026, 11, 21)
ORG_CODE = "行政相对人代码_3(组织机构代码)"
CERT = "证件号码"


def check(
    catalog: Catalog,
    row: Row,
    *,
    demo: bool = True,
    dataset: str = "government.penalty",
    faults: tuple[CellFault, ...] = (),
) -> ValidRow | list[Fault]:
    header = map_headers(catalog.datasets[dataset], list(row))
    return RowValidator(catalog.datasets[dataset], header, today=TODAY, demo=demo).check(
        SourceRow(7, list(row.values()), faults)
    )


def good(catalog: Catalog, row: Row, **options: Any) -> ValidRow:
    result = check(catalog, row, **options)
    assert isinstance(result, ValidRow), [(f.column, f.code) for f in result]
    return result


FAULTS: dict[str, tuple[Row, list[tuple[str, str]]]] = {
    "an unknown class of counterparty": (penalty(行政相对人类别="外星人"), [("行政相对人类别", "BAD_ENUM")]),
    "a missing required value": (penalty(**{DOCUMENT: ""}), [(DOCUMENT, "REQUIRED")]),
    "a value required of organisations": (penalty(法定代表人=""), [("法定代表人", "REQUIRED")]),
    "a value required of persons": (person_penalty(证件类型=""), [("证件类型", "REQUIRED")]),
    "several missing values, all of them": (
        penalty(**{DOCUMENT: "", "处罚依据": " "}),
        [(DOCUMENT, "REQUIRED"), ("处罚依据", "REQUIRED")],
    ),
    "a wrong check character of a USCC": (
        penalty(**{USCC_COLUMN: uscc(1)[:-1] + "5"}),
        [(USCC_COLUMN, "CHECKSUM_MISMATCH")],
    ),
    "a USCC of 17 characters": (penalty(**{USCC_COLUMN: uscc(1)[:-1]}), [(USCC_COLUMN, "LENGTH")]),
    "a letter O in a USCC": (penalty(**{USCC_COLUMN: "9144030071526726XO"}), [(USCC_COLUMN, "ALPHABET")]),
    "no identifier of an organisation": (
        penalty(**{USCC_COLUMN: "", "行政相对人名称": ""}),
        [("行政相对人名称", "REQUIRED")],
    ),
    "no identifier of a person": (person_penalty(证件号码=""), [(CERT, "PERSON_ID_MISSING")]),
    "a wrong check character of a resident id": (
        person_penalty(证件号码="469999199003070010"),
        [(CERT, "CHECKSUM_MISMATCH")],
    ),
    "a resident id born on 30 February": (
        person_penalty(证件号码="469999199002300011"),
        [(CERT, "BAD_DATE")],
    ),
    "a person under fourteen": (person_penalty(证件号码=resident_id(3, "20160601")), [(CERT, "UNDER_14")]),
    "a person who is fourteen tomorrow": (
        person_penalty(证件号码=resident_id(3, "20121122")),
        [(CERT, "UNDER_14")],
    ),
    "a passport number that is none": (person_penalty(证件类型="护照", 证件号码="?!"), [(CERT, "ALPHABET")]),
    "an organisation code that disagrees with the USCC": (
        penalty(**{ORG_CODE: uscc(2)[8:17]}),
        [(ORG_CODE, "ORGANIZATION_CODE_MISMATCH")],
    ),
    "a wrong organisation code": (penalty(**{ORG_CODE: "DEM000019"}), [(ORG_CODE, "CHECKSUM_MISMATCH")]),
    "a date that does not exist": (penalty(**{DECIDED: "2026-02-30"}), [(DECIDED, "BAD_DATE")]),
    "a decision tomorrow": (
        penalty(**{DECIDED: "2026-11-22", SHOWN_UNTIL: "2027-01-01"}),
        [(DECIDED, "FUTURE_DATE")],
    ),
    "an end before the decision": (penalty(处罚有效期="2026-03-04"), [("处罚有效期", "DATE_ORDER")]),
    "publication that ends before the decision": (
        penalty(**{SHOWN_UNTIL: "2026-03-04"}),
        [(SHOWN_UNTIL, "DATE_ORDER")],
    ),
    "publication a day too long for GENERAL": (
        penalty(**{SHOWN_UNTIL: "2027-03-06"}),
        [(SHOWN_UNTIL, "PUBLICATION_TOO_LONG")],
    ),
    "publication a day too long for MINOR": (
        penalty(处罚类别="警告", **{SHOWN_UNTIL: "2026-06-06", "罚款金额(万元)": ""}),
        [(SHOWN_UNTIL, "PUBLICATION_TOO_LONG")],
    ),
    "publication a day too long for SERIOUS": (
        penalty(处罚类别="吊销许可证件", **{SHOWN_UNTIL: "2029-03-06"}),
        [(SHOWN_UNTIL, "PUBLICATION_TOO_LONG")],
    ),
    "an amount that is none": (penalty(**{"罚款金额(万元)": "一万"}), [("罚款金额(万元)", "BAD_UNIT")]),
    "a text beyond its length": (penalty(备注="长" * 513), [("备注", "TOO_LONG")]),
    "a formula in a text file": (penalty(备注="=HYPERLINK(1)"), [("备注", "FORMULA")]),
    "a control character": (penalty(备注="a\x07b"), [("备注", "CONTROL_CHARACTER")]),
}


@pytest.mark.parametrize(("row", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_row_is_refused_for(catalog: Catalog, row: Row, expected: list[tuple[str, str]]) -> None:
    found = check(catalog, row)
    assert isinstance(found, list), "the row passed"
    assert [(f.column, f.code) for f in found] == expected
    assert all(f.row == 7 and f.message_zh and f.message_en and f.hint for f in found)


@pytest.mark.parametrize(("row", "expected"), FAULTS.values(), ids=FAULTS)
def test_no_fault_shows_a_value_of_the_row(
    catalog: Catalog, row: Row, expected: list[tuple[str, str]]
) -> None:
    found = check(catalog, row)
    assert isinstance(found, list)
    text = " ".join(f"{f.message_zh} {f.message_en} {f.hint}" for f in found)
    cell = row.get(expected[0][0], "")
    assert len(cell) < 4 or cell not in text


def test_synthetic_identifiers_are_refused_outside_the_demo(catalog: Catalog) -> None:
    found = check(catalog, person_penalty(), demo=False)
    assert isinstance(found, list)
    assert {f.code for f in found} == {"DEMO_ONLY"}


def test_cells_that_the_reader_refused_are_faults_of_their_columns(catalog: Catalog) -> None:
    position = list(PENALTY).index(DOCUMENT)
    found = check(catalog, penalty(**{DOCUMENT: ""}), faults=(CellFault(position, "FORMULA"),))
    assert isinstance(found, list)
    assert [(f.column, f.code) for f in found] == [(DOCUMENT, "FORMULA")]


def test_a_value_beyond_the_last_column_and_a_row_cut_short_are_refused(catalog: Catalog) -> None:
    dataset = catalog.datasets["government.penalty"]
    rules = RowValidator(dataset, map_headers(dataset, list(PENALTY)), today=TODAY, demo=True)
    longer = rules.check(SourceRow(2, [*penalty().values(), "x"]))
    assert isinstance(longer, list)
    assert [f.code for f in longer] == ["EXTRA_CELL"]
    shorter = rules.check(SourceRow(2, list(penalty().values())[:12]))
    assert isinstance(shorter, list)
    assert [f.code for f in shorter] == ["MISSING_CELLS"]
    assert isinstance(rules.check(SourceRow(2, [*penalty().values(), "", " "])), ValidRow)


def test_a_good_row_comes_out_in_stored_form(catalog: Catalog) -> None:
    row = good(
        catalog,
        penalty(
            **{
                USCC_COLUMN: uscc(1).lower().replace("9", "９"),
                DECIDED: "2026年3月5日",
                SHOWN_UNTIL: "2027/3/5",
                "罚款金额(万元)": "１.25",
                "处罚类别": "警告;罚款",
            }
        ),
    )
    assert (row.subject.kind, row.subject.identifier) == (SubjectKind.ORG, uscc(1))
    assert ("legacyOrganizationCode", uscc(1)[8:17]) in row.subject.aliases
    assert row.values["fineAmount"] == 1_250_000
    assert row.values["penaltyTypes"] == ["WARNING", "FINE"]
    assert "validTo" not in row.values, "an open end is stored as nothing"
    assert (row.severity, row.severity_source) == ("GENERAL", "DERIVED")
    assert (row.event_date, row.visible_from, row.visible_until) == (
        date(2026, 3, 5),
        date(2026, 3, 5),
        date(2027, 3, 6),
    )


def test_a_person_is_found_by_resident_id_and_by_another_certificate(catalog: Catalog) -> None:
    assert good(catalog, person_penalty(5)).subject.identifier == resident_id(5)
    other = good(catalog, person_penalty(证件类型="护照", 证件号码="e12345678"))
    assert other.subject.identifier == "PASSPORT:E12345678"
    assert (
        good(catalog, person_penalty(证件号码=resident_id(3, "20121121"))).subject.kind is SubjectKind.PERSON
    )


def test_an_organisation_code_alone_is_left_to_the_alias_lookup(catalog: Catalog) -> None:
    code = uscc(1)[8:17]
    row = good(catalog, penalty(**{USCC_COLUMN: "", ORG_CODE: f"{code[:8]}-{code[8]}"}))
    assert row.subject.identifier == ""
    assert row.subject.aliases == (("legacyOrganizationCode", code),)


def test_the_source_s_own_severity_counts_and_bounds_publication(catalog: Catalog) -> None:
    row = good(catalog, penalty(**{"失信严重程度": "严重", SHOWN_UNTIL: "2029-03-05"}))
    assert (row.severity, row.severity_source) == ("SERIOUS", "SOURCE")
    assert row.visible_until == date(2029, 3, 6)


SEVERITIES: dict[str, tuple[SubjectKind, dict[str, Any], Severity]] = {
    "a warning": (SubjectKind.ORG, {"penaltyTypes": ["WARNING"]}, Severity.MINOR),
    "criticism and warning": (SubjectKind.ORG, {"penaltyTypes": ["CRITICISM", "WARNING"]}, Severity.MINOR),
    "a fine of 3,000 for an organisation": (
        SubjectKind.ORG,
        {"penaltyTypes": ["FINE"], "fineAmount": 300_000},
        Severity.MINOR,
    ),
    "a fine of 3,000.01": (
        SubjectKind.ORG,
        {"penaltyTypes": ["FINE"], "fineAmount": 300_001},
        Severity.GENERAL,
    ),
    "a fine of 200 for a person": (
        SubjectKind.PERSON,
        {"penaltyTypes": ["FINE"], "fineAmount": 20_000},
        Severity.MINOR,
    ),
    "a fine of 201 for a person": (
        SubjectKind.PERSON,
        {"penaltyTypes": ["FINE"], "fineAmount": 20_100},
        Severity.GENERAL,
    ),
    "a fine of unknown amount": (SubjectKind.ORG, {"penaltyTypes": ["FINE"]}, Severity.GENERAL),
    "a small fine with confiscation": (
        SubjectKind.ORG,
        {"penaltyTypes": ["FINE", "CONFISCATE_GAINS"], "fineAmount": 100},
        Severity.GENERAL,
    ),
    "a suspended licence": (SubjectKind.ORG, {"penaltyTypes": ["SUSPEND_LICENCE"]}, Severity.GENERAL),
    "a revoked licence with a warning": (
        SubjectKind.ORG,
        {"penaltyTypes": ["WARNING", "REVOKE_LICENCE"]},
        Severity.SERIOUS,
    ),
    "detention": (SubjectKind.PERSON, {"penaltyTypes": ["DETENTION"]}, Severity.SERIOUS),
    "something else": (SubjectKind.ORG, {"penaltyTypes": ["OTHER"]}, Severity.GENERAL),
}


@pytest.mark.parametrize(("kind", "values", "severity"), SEVERITIES.values(), ids=SEVERITIES)
def test_severity_of_a_penalty_the_source_did_not_mark(
    catalog: Catalog, kind: SubjectKind, values: dict[str, Any], severity: Severity
) -> None:
    assert derive_severity(catalog.datasets["government.penalty"], kind, values) is severity


def test_lists_have_the_severity_of_their_kind(catalog: Catalog) -> None:
    found = {
        d.id: derive_severity(d, SubjectKind.ORG, {})
        for d in catalog
        if d.nature == "NEGATIVE" and d.id != "government.penalty"
    }
    serious = {dataset for dataset, severity in found.items() if severity is Severity.SERIOUS}
    assert serious == {
        "government.tax_violation",
        "government.serious_dishonesty",
        "judicial.dishonest_judgment_debt",
        "judicial.consumption_restriction",
    }
    assert found["government.abnormal_list"] is Severity.GENERAL
    assert set(found.values()) == {Severity.SERIOUS, Severity.GENERAL}


MONTHS = {
    "the last day of a longer month": (date(2026, 11, 30), 3, date(2027, 2, 28)),
    "a leap day, a year on": (date(2024, 2, 29), 12, date(2025, 2, 28)),
    "over the turn of the year": (date(2026, 12, 31), 3, date(2027, 3, 31)),
    "three years": (date(2026, 3, 5), 36, date(2029, 3, 5)),
}


@pytest.mark.parametrize(("day", "months", "expected"), MONTHS.values(), ids=MONTHS)
def test_months_are_counted_by_the_calendar(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


def test_without_a_date_from_the_source_publication_lasts_the_longest_period() -> None:
    assert last_shown(date(2026, 3, 5), Severity.MINOR) == date(2026, 6, 5)
