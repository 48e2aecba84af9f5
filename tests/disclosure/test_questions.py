"""How a question is judged: on the boundary, without records, and where a value is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from hub.catalog.loader import load_catalog
from hub.disclosure.questions import Fact, Question, judge
from hub.folders import locate
from hub.policies.files import load_policies
from hub.policies.predicates import Answer, Predicate

CATALOG = load_catalog(locate("schema"))
PREDICATES = load_policies(locate("policies"), CATALOG).questionnaire.predicates
YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
DAY = date(2026, 3, 1)


def fact(counts: bool | None = True, value: int | None = None, day: date = DAY) -> Fact:
    return Fact(day, counts, value)


def months(number: int) -> list[date]:
    return [date(2026, n + 1, 1) for n in range(number)]


JUDGED: dict[str, tuple[str, str, Sequence[Fact], Any]] = {
    "a sum on the threshold reaches it": ("TAX_PAID_12M_AT_LEAST", "100K", [fact(value=10_000_000)], YES),
    "a sum one fen below does not": ("TAX_PAID_12M_AT_LEAST", "100K", [fact(value=9_999_999)], NO),
    "several records add up": ("TAX_PAID_12M_AT_LEAST", "100K", [fact(value=5_000_000)] * 2, YES),
    "a missing amount leaves a low sum open": (
        "TAX_PAID_12M_AT_LEAST", "100K", [fact(value=1), fact(value=None)], UNKNOWN,
    ),
    "a missing amount does not take back a yes": (
        "TAX_PAID_12M_AT_LEAST", "100K", [fact(value=10_000_000), fact(value=None)], YES,
    ),
    "no record at all is no answer to a sum": ("TAX_PAID_12M_AT_LEAST", "100K", [], UNKNOWN),
    "no record at all is a no to whether there is one": ("TAX_PAYMENT_RECORDED_12M", "", [], NO),
    "a record is a yes to whether there is one": ("TAX_PAYMENT_RECORDED_12M", "", [fact()], YES),
    "no record at all is a yes to whether there is none": ("NO_SERIOUS_DISHONESTY_24M", "", [], YES),
    "a listing is a no to whether there is none": ("NO_SERIOUS_DISHONESTY_24M", "", [fact()], NO),
    "a record that does not count is none": ("NO_SERIOUS_PENALTY_24M", "", [fact(counts=False)], YES),
    "a record without the deciding mark leaves it open": (
        "NO_SERIOUS_PENALTY_24M", "", [fact(counts=False), fact(counts=None)], UNKNOWN,
    ),
    "a record that counts decides, whatever others lack": (
        "NO_SERIOUS_PENALTY_24M", "", [fact(counts=None), fact()], NO,
    ),
    "as many as the threshold are not too many": ("PENALTY_COUNT_AT_MOST_12M", "1", [fact()], YES),
    "one more is": ("PENALTY_COUNT_AT_MOST_12M", "1", [fact()] * 2, NO),
    "a threshold of none": ("PENALTY_COUNT_AT_MOST_12M", "0", [fact()], NO),
    "every month paid": ("SOCIAL_INSURANCE_STABLE_12M", "", [fact(day=m) for m in months(12)], YES),
    "a month missing": ("SOCIAL_INSURANCE_STABLE_12M", "", [fact(day=m) for m in months(11)], NO),
    "a month in arrears": (
        "SOCIAL_INSURANCE_STABLE_12M", "", [*(fact(day=m) for m in months(12)), fact(counts=False)], NO,
    ),
    "a month without a state": (
        "SOCIAL_INSURANCE_STABLE_12M", "", [fact(None if m == DAY else True, day=m) for m in months(12)], UNKNOWN,
    ),
    "no contribution on record": ("SOCIAL_INSURANCE_STABLE_12M", "", [], UNKNOWN),
    "the newest grade decides": (
        "LATEST_TAX_GRADE_A_OR_B", "", [fact(False, day=date(2025, 4, 1)), fact(True)], YES,
    ),
    "an older good grade does not": (
        "LATEST_TAX_GRADE_A_OR_B", "", [fact(True, day=date(2025, 4, 1)), fact(False)], NO,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_it_is_judged(name: str) -> None:
    code, threshold, facts, answer = JUDGED[name]
    predicate = PREDICATES[code]
    assert judge(predicate, predicate.thresholds.get(threshold), facts, months(12)) is answer


def question(predicate: Predicate, *, monthly: bool) -> Question:
    return Question(predicate.code, "", "", None, predicate, None, monthly)


PERIODS = {
    "whole months, the current one included": ("TAX_PAID_12M_AT_LEAST", True, date(2026, 11, 20), "2025-12-01", "2026-11-01"),
    "whole months without the last": ("SOCIAL_INSURANCE_STABLE_12M", True, date(2026, 11, 20), "2025-11-01", "2026-10-01"),
    "over the turn of the year": ("SOCIAL_INSURANCE_STABLE_12M", True, date(2026, 1, 31), "2025-01-01", "2025-12-01"),
    "days, today included": ("NO_SERIOUS_DISHONESTY_24M", False, date(2026, 11, 20), "2024-11-21", "2026-11-20"),
    "on a leap day": ("PENALTY_COUNT_AT_MOST_12M", False, date(2024, 2, 29), "2023-03-01", "2024-02-29"),
    "from a leap day on": ("NO_SERIOUS_DISHONESTY_24M", False, date(2026, 2, 28), "2024-02-29", "2026-02-28"),
}  # fmt: skip


@pytest.mark.parametrize("name", PERIODS)
def test_the_period_is(name: str) -> None:
    code, monthly, today, first, last = PERIODS[name]
    start, end = question(PREDICATES[code], monthly=monthly).period(today)
    assert (start.isoformat(), end.isoformat()) == (first, last)
