"""What GENERALISED shows: the same type, coarser, never more than the mask, and null where that cannot be."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.catalog.loader import GENERALISERS as NAMES
from hub.catalog.loader import load_catalog
from hub.catalog.types import FieldType
from hub.disclosure.generalise import (
    GENERALISERS,
    count_band,
    first_of_decade,
    first_of_month,
    first_of_year,
    generaliser_for,
    prefecture,
    township,
    yuan_band,
)
from hub.disclosure.masks import mask_amount, mask_date
from hub.folders import locate

SHOWN: dict[str, tuple[Any, Any, Any]] = {
    "a date is its year's first day": (first_of_year, "2019-05-20", "2019-01-01"),
    "a month is its year's first month": (first_of_year, "2026-03", "2026-01"),
    "a birth date is its decade": (first_of_decade, "1987-06-15", "1980-01-01"),
    "the last day of a decade stays in it": (first_of_decade, "1989-12-31", "1980-01-01"),
    "a month of a decade": (first_of_decade, "2026-03", "2020-01"),
    "a date is its month's first day": (first_of_month, "2024-02-29", "2024-02-01"),
    "an amount is the lower bound of its band": (yuan_band, 1_234_567_89, 1_000_000_00),
    "a bound belongs to its own band": (yuan_band, 500_000_00, 500_000_00),
    "one fen below a bound belongs to the band below": (yuan_band, 500_000_00 - 1, 200_000_00),
    "less than a yuan is nothing": (yuan_band, 99, 0),
    "nothing is nothing": (yuan_band, 0, 0),
    "a count is the lower bound of its band": (count_band, 49, 20),
    "a count of fifty": (count_band, 50, 50),
    "a negative number is mirrored": (count_band, -49, -20),
    "a county is its prefecture": (prefecture, "460105", "460100"),
    "a county without a prefecture is its province's rest": (prefecture, "469021", "469000"),
    "a long division code": (prefecture, "460105001002", "460100"),
    "a code that is none shows nothing": (prefecture, "海口", None),
    "an address ends with its township": (township, "海南省海口市美兰区海甸街道人民大道58号", "海南省海口市美兰区海甸街道"),
    "an address without township ends with its county": (township, "海口市龙华区滨海大道12号", "海口市龙华区"),
    "a town": (township, "琼海市博鳌镇朝阳村3号", "琼海市博鳌镇"),
    "an autonomous county": (township, "海南省保亭黎族苗族自治县保城镇1号", "海南省保亭黎族苗族自治县保城镇"),
    "a housing estate is no county": (township, "三亚市吉祥小区5号楼", "三亚市"),
    "a street named after a city stays out": (township, "海口市上海路8号", "海口市"),
    "what is no address shows nothing": (township, "5号楼301室", None),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_it_shows(name: str) -> None:
    coarser, value, shown = SHOWN[name]
    assert coarser(value) == shown


@given(st.integers(0, 9_000_000_000_000_000))
def test_an_amount_in_bands_follows_from_the_masked_amount(fen: int) -> None:
    assert yuan_band(mask_amount(fen)) == yuan_band(fen) <= fen
    assert count_band(mask_amount(fen)) == count_band(fen) <= fen


@given(st.dates())
def test_a_year_or_decade_follows_from_the_masked_date(day: date) -> None:
    for coarser in (first_of_year, first_of_decade):
        assert coarser(mask_date(day.isoformat())) == coarser(day.isoformat())


@given(st.text(max_size=40))
def test_an_address_is_cut_and_never_changed(text: str) -> None:
    shown = township(text)
    assert shown is None or text.startswith(shown)


def test_every_name_that_the_catalogue_knows_has_a_function_and_fits_its_fields() -> None:
    assert set(NAMES) == set(GENERALISERS)
    fields = [f for f in load_catalog(locate("schema")).fields() if f.generalise]
    assert {f.generalise for f in fields} == set(NAMES) - {"month"}
    for field in fields:
        value: Any = {FieldType.MONEY: 12_345_600, FieldType.INTEGER: 37, FieldType.MONTH: "2026-03"}.get(
            field.type, "2019-05-20" if "ate" in field.type.value else "460105"
        )
        shown = generaliser_for(field)(value)
        assert shown is None or type(shown) is type(value), field.id
