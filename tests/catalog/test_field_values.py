"""Cells are read as the catalogue declares their fields."""

from __future__ import annotations

from datetime import date

import pytest

from hub.catalog.loader import load_catalog
from hub.catalog.types import SubjectKind
from hub.catalog.values import is_missing, must_be_given, natural_key, read_value
from hub.errors import ValueFormatError
from hub.folders import locate

TODAY = date(2026, 11, 21)
CATALOG = load_catalog(locate("schema"))


def field(name):
    dataset, _, leaf = name.rpartition(".")
    return CATALOG.datasets[dataset].by_name[leaf]


def read(name, cell, *, demo=True):
    return read_value(field(name), cell, today=TODAY, demo=demo)


STORED = {
    "a fine in 万元 becomes fen": ("government.penalty.fineAmount", "０．３", 300_000),
    "tax in 元 becomes fen": ("government.tax_payment.amount", "12,345.67", 1_234_567),
    "penalty types are split at ；": ("government.penalty.penaltyTypes", "警告；罚款", ["WARNING", "FINE"]),
    "penalty types are split at 、": (
        "government.penalty.penaltyTypes",
        "没收违法所得、没收非法财物",
        ["CONFISCATE_GAINS", "CONFISCATE_PROPERTY"],
    ),
    "a penalty type counts once": ("government.penalty.penaltyTypes", "罚款;罚款; ", ["FINE"]),
    "an explained other is other": (
        "government.penalty.penaltyTypes",
        "罚款;其他-责令改正",
        ["FINE", "OTHER"],
    ),
    "a class by its number": ("government.licence.licenceClass", "01", "ORDINARY"),
    "a class by its full-width number": ("government.licence.licenceClass", "０１", "ORDINARY"),
    "a status kept as a number": ("government.licence.status", 1.0, "VALID"),
    "a status by its code": ("government.licence.status", "valid", "VALID"),
    "a counterparty class of the older list": ("government.penalty.counterpartyType", "法人", "ORGANIZATION"),
    "a date": ("government.penalty.decisionDate", "2026年3月5日", "2026-03-05"),
    "an open end": ("government.licence.validTo", "2099-12-31", None),
    "an end that is not open": ("government.licence.validTo", "20290304", "2029-03-04"),
    "a month": ("government.tax_payment.period", "202603", "2026-03"),
    "a code in lower case": ("government.penalty.uscc", "91460100dem000014c", "91460100DEM000014C"),
    "an identity number": (
        "government.person_profile.residentIdNumber",
        "46999919781231124x",
        "46999919781231124X",
    ),
    "a telephone kept as a number": (
        "government.registration.legalRepresentativePhone",
        10012345678.0,
        "10012345678",
    ),
    "a list of names": (
        "judicial.judgment.otherParties",
        "甲公司（演示）；乙公司、分公司",
        ["甲公司（演示）", "乙公司、分公司"],
    ),
    "a rate": ("financial.loan.annualRate", "3.850%", "3.85"),
    "a count": ("government.social_insurance.insuredCount", "12人", 12),
    "nothing": ("government.penalty.fineAmount", "无", None),
    "a word that is a text": ("government.penalty.remarks", "无", "无"),
}


@pytest.mark.parametrize(("name", "cell", "stored"), STORED.values(), ids=STORED)
def test_a_cell_becomes_its_stored_form(name, cell, stored):
    assert read(name, cell) == stored


REFUSED = {
    "a date that does not exist": ("government.penalty.decisionDate", "2026-02-30", "BAD_DATE"),
    "a fraction of a fen": ("government.penalty.fineAmount", "0.0000001", "BAD_MONEY"),
    "a negative fine": ("government.penalty.fineAmount", "-1", "NEGATIVE_AMOUNT"),
    "元 in a column of 万元": ("government.penalty.fineAmount", "3000元", "BAD_UNIT"),
    "a value outside the list": ("government.penalty.severity", "特别严重", "BAD_ENUM"),
    "one value of several outside the list": ("government.penalty.penaltyTypes", "罚款;没收", "BAD_ENUM"),
    "a text that is too long": ("government.penalty.documentNo", "演" * 129, "TOO_LONG"),
    "a formula": ("government.penalty.content", "=HYPERLINK(1)", "FORMULA"),
    "a huge cell": ("government.penalty.content", "罚" * 100_000, "CELL_TOO_LARGE"),
    "a wrong check character": ("government.penalty.uscc", "91460100DEM000014D", "CHECKSUM_MISMATCH"),
    "a code kept as a number": ("government.penalty.uscc", 914600006200251612.0, "DIGITS_LOST"),
    "an identity number of 30 February": (
        "government.person_profile.residentIdNumber",
        "469999199002300011",
        "BAD_DATE",
    ),
}


@pytest.mark.parametrize(("name", "cell", "code"), REFUSED.values(), ids=REFUSED)
def test_a_cell_that_does_not_fit_is_refused_and_never_quoted(name, cell, code):
    with pytest.raises(ValueFormatError) as caught:
        read(name, cell)
    assert caught.value.detail == code
    assert str(cell) not in f"{caught.value} {caught.value.message_zh}"


def test_synthetic_codes_are_refused_outside_demo_mode():
    with pytest.raises(ValueFormatError) as caught:
        read("government.penalty.uscc", "91460100DEM000014C", demo=False)
    assert caught.value.detail == "DEMO_ONLY"


def test_an_open_end_is_given_and_an_empty_cell_is_missing():
    valid_to = field("government.licence.validTo")
    assert not is_missing(valid_to, "长期")
    assert is_missing(valid_to, " ")
    assert is_missing(valid_to, None)


def test_what_must_be_given_depends_on_the_kind_of_subject():
    org, person = SubjectKind.ORG, SubjectKind.PERSON
    needs = {
        name: (
            must_be_given(field(f"government.penalty.{name}"), org),
            must_be_given(field(f"government.penalty.{name}"), person),
        )
        for name in ("documentNo", "uscc", "certNo", "fineAmount", "remarks")
    }
    assert needs == {
        "documentNo": (True, True),
        "uscc": (True, False),
        "certNo": (False, True),
        "fineAmount": (False, False),
        "remarks": (False, False),
    }


def test_every_spelling_of_every_value_in_the_catalogue_is_read():
    for item in CATALOG.fields():
        for value in item.values:
            for text in (value.code, value.label.zh, value.label.en, *value.aliases):
                if item.type == "enum":
                    assert read_value(item, text, today=TODAY, demo=True) == value.code, (item.id, text)
                else:
                    assert read_value(item, text, today=TODAY, demo=True) == [value.code], (item.id, text)


def test_the_natural_key_does_not_depend_on_width_case_or_spaces():
    debt = CATALOG.datasets["judicial.dishonest_judgment_debt"]
    assert natural_key(debt, {"caseNo": "（２０２６）琼演0106执 1号"}) == natural_key(
        debt, {"caseNo": "(2026)琼演0106执1号"}
    )
    assert natural_key(debt, {"caseNo": "(2026)琼演0106执1号"}) != natural_key(
        debt, {"caseNo": "(2026)琼演0106执2号"}
    )
    assert natural_key(CATALOG.datasets["government.registration"], {}) == ""
