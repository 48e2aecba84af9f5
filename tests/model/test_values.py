"""Texts, numbers and yes-or-no out of cells."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ValueFormatError
from hub.model.values import (
    LONGEST_CELL,
    cell_text,
    decimal_string,
    is_blank,
    read_boolean,
    read_decimal,
    read_integer,
    read_text,
)


def detail(read, *args, **options):
    with pytest.raises(ValueFormatError) as caught:
        read(*args, **options)
    assert caught.value.hint
    assert caught.value.message_zh
    return caught.value.detail


BAD_CELLS = {
    "a formula": ("=SUM(A1:A9)", "FORMULA"),
    "a formula behind a full-width sign": ("＝1+1", "FORMULA"),
    "a formula behind blanks": ("\u3000 =1+1", "FORMULA"),
    "a control character of the second set": ("甲\x85乙", "CONTROL_CHARACTER"),
    "a spreadsheet error": ("#REF!", "CELL_ERROR"),
    "a spreadsheet error in lower case": (" #n/a ", "CELL_ERROR"),
    "a zero byte": ("罚款\x00", "CONTROL_CHARACTER"),
    "half of a surrogate pair": ("罚\ud800款", "CONTROL_CHARACTER"),
    "a cell of ten megabytes": ("罚" * 10_000_000, "CELL_TOO_LARGE"),
    "a code of 18 digits kept as a number": (914600006200251612.0, "DIGITS_LOST"),
    "an infinite number": (float("inf"), "BAD_NUMBER"),
}


@pytest.mark.parametrize(("cell", "code"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_cell_that_cannot_be_trusted_is_refused(cell, code):
    assert detail(cell_text, cell) == code


def test_the_longest_cell_is_read_and_one_more_character_is_not():
    assert len(read_text("罚" * LONGEST_CELL)) == LONGEST_CELL
    assert detail(read_text, "罚" * (LONGEST_CELL + 1)) == "CELL_TOO_LARGE"


def test_text_keeps_chinese_punctuation_and_loses_wide_digits_and_ends():
    assert (
        read_text("\ufeff　琼市监罚演〔２０２６〕００１２号，罚款（一）。\r\n")
        == "琼市监罚演〔2026〕0012号，罚款（一）。"
    )


def test_text_is_counted_in_characters():
    assert read_text("警" * 5, max_length=5) == "警" * 5
    assert detail(read_text, "警" * 6, max_length=5) == "TOO_LONG"


BLANKS = {
    "nothing": (None, True, True),
    "white space": (" \u3000\t", True, True),
    "a dash": ("－", True, True),
    "a slash": ("/", True, True),
    "not a number": (float("nan"), True, True),
    "the word for none": ("无", True, False),
    "NULL": ("null", True, False),
    "zero": ("0", False, False),
    "the number zero": (0, False, False),
    "false": (False, False, False),
}


@pytest.mark.parametrize(("cell", "blank", "blank_as_text"), BLANKS.values(), ids=BLANKS)
def test_what_says_nothing(cell, blank, blank_as_text):
    assert is_blank(cell) is blank
    assert is_blank(cell, free_text=True) is blank_as_text


NUMBERS = {
    "plain": ("1234.5", "1234.5"),
    "full-width with separators": ("１，２３４，５６７．８９", "1234567.89"),
    "negative": ("-0.50", "-0.5"),
    "a spreadsheet's binary sum": (0.1 + 0.2, "0.3"),
    "a whole binary number": (20260305.0, "20260305"),
    "trailing zeros": ("100.00", "100"),
    "negative zero": ("-0", "0"),
}


@pytest.mark.parametrize(("cell", "text"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_read_exactly(cell, text):
    assert decimal_string(read_decimal(cell)) == text


@pytest.mark.parametrize("cell", ["12a", "1,23", "1.2.3", "1E+05", "", "一百", True, "∞", "٣"])
def test_what_is_no_number_is_refused(cell):
    assert detail(read_decimal, cell) == "BAD_NUMBER"


def test_a_unit_is_accepted_behind_a_number_if_it_is_the_columns():
    assert read_decimal("12.5万元", unit="万元") == Decimal("12.5")
    assert read_decimal("3.85％", unit="%") == Decimal("3.85")
    assert detail(read_decimal, "12.5元", unit="万元") == "BAD_UNIT"
    assert detail(read_decimal, "12.5万元", unit="元") == "BAD_UNIT"
    assert detail(read_decimal, "2亿", unit="万元") == "BAD_UNIT"


def test_counts_are_whole_and_not_negative():
    assert read_integer("１２人", unit="人") == 12
    assert read_integer(12.0) == 12
    assert detail(read_integer, "12.5") == "BAD_NUMBER"
    assert detail(read_integer, "-1") == "NEGATIVE_NUMBER"
    assert detail(read_integer, "9" * 18) == "NUMBER_TOO_LARGE"


def test_yes_and_no_are_read_in_both_languages():
    assert [read_boolean(c) for c in ("是", "有", "Ｙ", "TRUE", "1", True)] == [True] * 6
    assert [read_boolean(c) for c in ("否", "无", "no", "0", False)] == [False] * 5
    assert detail(read_boolean, "也许") == "BAD_BOOLEAN"


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False))
def test_the_canonical_text_of_a_number_reads_back_as_the_number(value):
    assert read_decimal(decimal_string(value)) == value


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.none()))
def test_whatever_a_cell_holds_only_the_declared_error_comes_out(cell):
    for read in (read_text, read_decimal, read_integer, read_boolean):
        try:
            read(cell)
        except ValueFormatError:
            continue
