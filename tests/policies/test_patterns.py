"""A pattern names whole segments: a star stands for one, a last star for all that follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policies.patterns import WELL_FORMED, matches, may_touch
from hub.policies.reference import _regex

_SEGMENT = st.sampled_from(["a", "b", "ab"])
_FIELD = st.lists(_SEGMENT, min_size=3, max_size=3).map(".".join)
_PATTERN = st.lists(st.one_of(_SEGMENT, st.just("*")), min_size=1, max_size=4).map(".".join)

NAMED = {
    "a field names itself": ("financial.loan.balance", "financial.loan.balance", True),
    "a field does not name another": ("financial.loan.balance", "financial.loan.lender", False),
    "a field does not name a longer one": ("financial.loan.bal", "financial.loan.balance", False),
    "a star names everything": ("*", "financial.loan.balance", True),
    "a domain star names every field of the domain": ("financial.*", "financial.loan.balance", True),
    "a domain star does not name another domain": ("financial.*", "financially.loan.balance", False),
    "a dataset star names its fields": ("financial.loan.*", "financial.loan.balance", True),
    "a dataset star does not name a dataset of a longer name": (
        "financial.loan.*",
        "financial.loan_application.lender",
        False,
    ),
    "a star inside stands for one segment": ("government.*.amount", "government.tax_payment.amount", True),
    "a star inside does not stand for two": ("government.*", "government", False),
    "a pattern of a domain alone names no field": ("financial", "financial.loan.balance", False),
    "stars must not be more than the segments": ("*.*.*.*", "financial.loan.balance", False),
    "capitals differ": ("Financial.*", "financial.loan.balance", False),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_a_pattern_names(name: str) -> None:
    pattern, field, named = NAMED[name]
    assert matches(pattern, field) is named


@given(_PATTERN, _FIELD)
def test_both_ways_of_matching_agree(pattern: str, field: str) -> None:
    assert WELL_FORMED.fullmatch(pattern)
    assert matches(pattern, field) is (_regex(pattern).fullmatch(field) is not None)


@given(_PATTERN, _FIELD)
def test_a_pattern_that_names_a_field_is_never_passed_over_for_its_dataset(pattern: str, field: str) -> None:
    assert may_touch(pattern, field.rsplit(".", 1)[0]) or not matches(pattern, field)
