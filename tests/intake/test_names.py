"""Names of organisations: what counts as the same, and which keys find a near name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.intake.names import SAME, SAME_CORE, Why, core, keys, normal, score

SAME_FORM = {
    "full and half width brackets": ("海南椰澜（三亚）贸易有限公司", "海南椰澜(三亚)贸易有限公司"),
    "blanks inside": ("海南 椰澜贸易有限公司", "海南椰澜贸易有限公司"),
    "full-width letters": ("海南ＡＢ科技有限公司", "海南ab科技有限公司"),
}
SAME_CORES = {
    "有限公司 and 有限责任公司": ("海南椰澜贸易有限公司", "海南椰澜贸易有限责任公司"),
    "海南省 and 海南": ("海南省椰澜贸易有限公司", "海南椰澜贸易有限公司"),
    "with and without province": ("椰澜贸易有限公司", "海南椰澜贸易有限公司"),
}
NEAR = {
    "one wrong character": ("海南椰澜贸易有限公司", "海南椰兰贸易有限公司"),
    "one missing character": ("海南椰澜贸易有限公司", "海南椰澜贸有限公司"),
    "two swapped characters": ("海南椰澜贸易有限公司", "海南澜椰贸易有限公司"),
}
_TEXT = st.text(st.sampled_from("海南省口椰澜渚晴贸易科技有限责任公司（）() 1A"), max_size=20)


@pytest.mark.parametrize("case", SAME_FORM)
def test_names_that_differ_in_width_brackets_and_blanks_are_one(case: str) -> None:
    one, other = SAME_FORM[case]
    assert normal(one) == normal(other)
    assert score(one, other) == (SAME, Why.SAME_NAME)


@pytest.mark.parametrize("case", SAME_CORES)
def test_the_province_in_front_and_the_legal_form_behind_do_not_count(case: str) -> None:
    one, other = SAME_CORES[case]
    assert core(one) == core(other)
    assert score(one, other) == (SAME_CORE, Why.SAME_CORE)


@pytest.mark.parametrize("case", NEAR)
def test_names_one_edit_apart_share_a_key_and_score_below_the_same_core(case: str) -> None:
    one, other = NEAR[case]
    assert keys(one) & keys(other)
    points, why = score(one, other)
    assert 50 < points < SAME_CORE
    assert why is Why.SIMILAR


def test_a_city_tells_two_organisations_apart() -> None:
    assert core("海口椰澜贸易有限公司") != core("三亚椰澜贸易有限公司")


@given(_TEXT, _TEXT)
def test_the_score_is_symmetric_and_full_only_for_one_normal_form(one: str, other: str) -> None:
    assert score(one, other) == score(other, one)
    assert (score(one, other)[0] == SAME) is (normal(one) == normal(other))
