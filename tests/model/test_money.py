"""Amounts are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ValueFormatError
from hub.model.money import LARGEST, in_unit, read_money, yuan

AMOUNTS = {
    "万元 with six decimals is one fen": ("0.000001", "万元", 1),
    "half a unit of 万元": ("0.5", "万元", 500_000),
    "a unit of 万元 from a spreadsheet": (1.1, "万元", 1_100_000),
    "元 with separators": ("1,234,567.89", "元", 123_456_789),
    "full-width digits": ("３０００", "元", 300_000),
    "a currency sign": ("￥12.30", "元", 1230),
    "zero": (0, "元", 0),
    "trailing zeros beyond the fen": ("1.2300", "元", 123),
}


@pytest.mark.parametrize(("cell", "unit", "fen"), AMOUNTS.values(), ids=AMOUNTS)
def test_an_amount_becomes_whole_fen(cell, unit, fen):
    assert read_money(cell, unit=unit) == fen


REFUSED = {
    "a tenth of a fen in 万元": ("0.0000001", "万元", "BAD_MONEY"),
    "a tenth of a fen in 元": ("1.005", "元", "BAD_MONEY"),
    "a negative amount": ("-1", "元", "NEGATIVE_AMOUNT"),
    "more than any reader of JSON keeps": ("90000000000.01", "万元", "NUMBER_TOO_LARGE"),
    "words": ("三千", "元", "BAD_NUMBER"),
    "the other unit": ("3000元", "万元", "BAD_UNIT"),
}


@pytest.mark.parametrize(("cell", "unit", "code"), REFUSED.values(), ids=REFUSED)
def test_an_amount_is_refused_rather_than_rounded(cell, unit, code):
    with pytest.raises(ValueFormatError) as caught:
        read_money(cell, unit=unit)
    assert caught.value.detail == code


@given(st.integers(0, 10**15), st.sampled_from(["元", "万元"]))
def test_an_amount_written_in_a_files_unit_reads_back(fen, unit):
    assert read_money(in_unit(fen, unit), unit=unit) == fen


def test_an_amount_is_shown_in_yuan_with_two_decimals():
    assert [yuan(n) for n in (0, 5, 123_456, -5, LARGEST)] == [
        "0.00",
        "0.05",
        "1234.56",
        "-0.05",
        "90000000000000.00",
    ]
