"""Quick ways to read a cell give what the full way gives."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.money import read_money
from hub.model.normal import normalise
from hub.model.values import is_blank

_NOTHING = {"", "-", "--", "/", "\\", "—", "——", "–", "无", "空", "NULL", "NONE", "N/A", "NA", "NAN"}
_SIGNS = st.one_of(
    st.characters(), st.sampled_from("０９Ａｚ　 無无空—–－／＼-NnUuLl\ufeff\u200b\u00ad\u00a0㎏①")
)


@given(st.text(_SIGNS, max_size=12))
def test_the_normal_form_is_half_width_without_white_space_in_capitals(text: str) -> None:
    full = re.sub(r"[\s\ufeff\u200b\u00ad]+", "", unicodedata.normalize("NFKC", text)).upper()
    assert normalise(text) == full
    assert is_blank(text) == (full in _NOTHING)


@given(st.integers(0, 10**9 - 1), st.integers(0, 6), st.integers(0, 10**6 - 1))
def test_a_plain_amount_is_exact(whole: int, places: int, rest: int) -> None:
    cell = f"{whole}.{rest % 10**places:0{places}d}" if places else str(whole)
    assert read_money(cell, unit="万元") == Decimal(cell) * 1_000_000
    if places <= 2:
        assert read_money(cell, unit="元") == Decimal(cell) * 100


@pytest.mark.parametrize("cell", ["１２.5", " 12.5 ", "12.5元", "1,012.5", "+12.5"])
def test_other_ways_to_write_an_amount_are_still_read(cell: str) -> None:
    assert read_money(cell, unit="元") in (1_250, 101_250)
