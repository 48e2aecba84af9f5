"""The clocks' file: complete, in itself consistent, and the same as what intake publishes by."""

from __future__ import annotations

from datetime import date

import pytest

from hub.catalog.loader import load_catalog
from hub.errors import PolicyError
from hub.folders import locate
from hub.intake.severity import LONGEST_MONTHS, last_shown
from hub.policies.clocks import Limited, read_clocks

_CATALOG = load_catalog(locate("schema", ""))
_TEXT = (locate("policies", "") / "clocks.toml").read_text("utf-8")
_SHIPPED = read_clocks(_TEXT, _CATALOG)
_SECOND_2026 = '[[calendar]]\nyear = 2026\nholidays = []\nworkdays = []\nsource = "x"\nverified = false\n\n'
_BROKEN = {
    "a severity is missing": ('severity = "MINOR"', 'severity = "GENERAL"', "stands twice"),
    "a severity is none": ('severity = "MINOR"', 'severity = "PETTY"', "severities"),
    "a longest period is not longer": ("longest_months = 12", "longest_months = 3", "not longer"),
    "an override breaks a period": ("shortest_months = 0 # 履行公示", "shortest_months = 36 # 履行公示", "longer than its"),
    "a dataset is unknown": ('"government.abnormal_list"', '"government.gossip"', "negative"),
    "a dataset is not negative": ('"government.abnormal_list"', '"government.honour"', "negative"),
    "a limit is missing": ('act = "REPAIR_ACCEPT"', 'act = "REPAIR_DECIDE"', "stands twice"),
    "a domain has no limit": ('domain = "market"', 'domain = "financial"', "stands twice"),
    "a limit is no days": ("days = 20", "days = 0", "no days"),
    "a unit is unknown": ('unit = "DAY"', 'unit = "FORTNIGHT"', "units"),
    "a decision comes before its acceptance": ("days = 3\n", "days = 11\n", "before it is accepted"),
    "a holiday lies in another year": ('to = "2026-10-07"', 'to = "2027-10-07"', "this year"),
    "a holiday ends before it begins": ('to = "2026-10-07"', 'to = "2026-09-30"', "before it begins"),
    "a make-up day is a weekday": ('on = "2026-10-10"', 'on = "2026-10-09"', "weekday"),
    "a make-up day is a holiday": ('on = "2026-10-10"', 'on = "2026-10-03"', "holiday"),
    "a day does not exist": ('on = "2026-10-10"', 'on = "2026-02-30"', "this year"),
    "a year stands twice": ("[[calendar]]\nyear = 2025", _SECOND_2026 + "[[calendar]]\nyear = 2025", "stands twice"),
    "a key is misspelt": ("longest_months = 12", "longest_month = 12", "longest_months"),
    "a table is unknown": ("[[override]]", "[[overide]]", "override"),
    "a source is missing": ('source = "征信业管理条例第二十五条"\n', "", "source"),
}  # fmt: skip


@pytest.mark.parametrize("name", _BROKEN)
def test_a_clock_is_refused_when(name: str) -> None:
    old, new, said = _BROKEN[name]
    assert old in _TEXT
    with pytest.raises(PolicyError, match=said):
        read_clocks(_TEXT.replace(old, new, 1), _CATALOG)


def test_a_file_without_a_severity_or_a_domain_is_refused() -> None:
    for head in ('[[publication]]\nseverity = "SERIOUS"', '[[limit]]\nact = "OBJECTION"\ndomain = "market"'):
        start = _TEXT.index(head)
        end = _TEXT.index("verified = false\n", start) + len("verified = false\n")
        with pytest.raises(PolicyError, match="Add one"):
            read_clocks(_TEXT[:start] + _TEXT[end:], _CATALOG)


def test_the_longest_period_is_the_one_that_intake_publishes_by() -> None:
    for severity, months in LONGEST_MONTHS.items():
        assert _SHIPPED.publication[severity].longest_months == months
        begun = date(2026, 1, 31)
        hidden = _SHIPPED.publication[severity].hidden_from(begun)
        assert (hidden - last_shown(begun, severity)).days == 1


def test_repair_begins_the_day_after_the_shortest_period_and_at_once_where_there_is_none() -> None:
    begun = date(2026, 3, 5)
    first = {s: _SHIPPED.publication[s].earliest_repair(begun) for s in _SHIPPED.publication}
    assert first == {"MINOR": begun, "GENERAL": date(2026, 6, 6), "SERIOUS": date(2027, 3, 6)}


def test_what_a_law_says_of_a_dataset_goes_before_its_severity() -> None:
    listed = _SHIPPED.publication_of("government.abnormal_list", "GENERAL")
    assert (listed.shortest_months, listed.longest_months) == (0, 12)
    assert _SHIPPED.publication_of("government.penalty", "GENERAL").shortest_months == 3


def test_time_limits_run_over_weekends_holidays_and_make_up_days() -> None:
    eve = date(2026, 9, 30)
    assert _SHIPPED.due(Limited.REPAIR_ACCEPT, eve) == date(2026, 10, 10)
    assert _SHIPPED.due(Limited.REPAIR_DECIDE, eve) == date(2026, 10, 20)
    assert _SHIPPED.due(Limited.OBJECTION, date(2026, 11, 20), "government") == date(2026, 12, 1)
    assert _SHIPPED.due(Limited.OBJECTION, date(2026, 9, 12), "financial") == date(2026, 10, 8)
