"""Terms of retention: data with a source, never shorter than the law, every kind but acts named once."""

from __future__ import annotations

import pytest

from hub.errors import PolicyError
from hub.folders import locate
from hub.policies.diff_clocks import retention_differences
from hub.policies.retention import FILE, read_retention, term_of

_TEXT = (locate("policies", "") / FILE).read_text("utf-8")


def test_bodies_are_kept_six_years_by_default_and_acts_for_good() -> None:
    terms = read_retention(_TEXT)
    found = {kind: term_of(terms, kind) for kind in ("QUERY", "MUTATION", "AUDIT_READ", "ADMIN")}
    assert {kind: term.months if term else None for kind, term in found.items()} == {
        "QUERY": 72, "MUTATION": 72, "AUDIT_READ": 72, "ADMIN": None,
    }  # fmt: skip


BROKEN: dict[str, tuple[str, str, str]] = {
    "records of queries for less than five years": ("months = 72", "months = 59", "less than the law's 60"),
    "acts that would be pruned": ('["AUDIT_READ"]', '["AUDIT_READ", "ADMIN"]', "not in kinds"),
    "a kind that stands twice": ('["AUDIT_READ"]', '["AUDIT_READ", "QUERY"]', "stands twice"),
    "a kind without a term": ('["QUERY", "MUTATION"]', '["QUERY"]', "no term names MUTATION"),
    "a term without its source": ("source = ", "# source = ", "source"),
    "a key that nothing reads": ("months = 72", "months = 72\nyears = 6", "years"),
}


@pytest.mark.parametrize(("old", "new", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_term_that_breaks_a_rule_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        read_retention(_TEXT.replace(old, new, 1))


def test_readings_of_the_log_are_kept_six_months_at_least() -> None:
    head, _, tail = _TEXT.rpartition("months = 72")
    assert read_retention(f"{head}months = 6{tail}")["LOG_READINGS"].months == 6
    with pytest.raises(PolicyError, match="less than the law's 6"):
        read_retention(f"{head}months = 5{tail}")


def test_a_shorter_term_is_a_difference_between_policies() -> None:
    old = read_retention(_TEXT)
    assert list(retention_differences(old, old)) == []
    new = read_retention(_TEXT.replace("months = 72", "months = 60", 1))
    found = {d.place: (d.before, d.after) for d in retention_differences(old, new)}
    assert found == {
        "retain QUERY": ("72 months", "60 months"),
        "retain MUTATION": ("72 months", "60 months"),
    }
