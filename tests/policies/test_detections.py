"""Detection rules and terms of review cases: read key by key, linted, and compared when a policy changes."""

from __future__ import annotations

import tomllib

import pytest

from hub.errors import PolicyError
from hub.folders import locate
from hub.policies.detections import FILE, Detection, Method, Severity, read_detections
from hub.policies.diff_review import detection_differences, review_differences
from hub.policies.review import FILE as REVIEW
from hub.policies.review import read_review

_FOLDER = locate("policies", "")
_TEXT = (_FOLDER / FILE).read_text("utf-8")
_TERMS = (_FOLDER / REVIEW).read_text("utf-8")
_PURPOSES = tomllib.loads((_FOLDER / "purposes.toml").read_text("utf-8"))


def _read(text: str) -> dict[str, Detection]:
    return read_detections(text, _PURPOSES)


def test_every_method_has_a_shipped_rule_and_all_await_review() -> None:
    rules = _read(_TEXT)
    assert {rule.method for rule in rules.values()} == set(Method)
    assert not any(rule.verified for rule in rules.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    {
        "a rule that stands twice": ('id = "D-HOURS-1"', 'id = "D-REF-1"', "stands twice"),
        "a method that is not known": ('method = "OFF_HOURS"', 'method = "GUESS"', "GUESS"),
        "a parameter that is missing": ("least = 20\n", "", "least"),
        "a parameter of another method": ("past = 500", "past = 500\nbatch = 3", "batch"),
        "a number out of range": ("usual_percent = 80", "usual_percent = 101", "out of range"),
        "a day that ends before it begins": ("to_hour = 20", "to_hour = 5", "ends before"),
        "a purpose that is not registered": ('"JUDICIAL_CASE", ', '"NO_PURPOSE", ', "NO_PURPOSE"),
        "a reason that is not a code": ('"SUBJECT_UNKNOWN", ', '"BAD_LUCK", ', "BAD_LUCK"),
        "a fact that the method does not tell": ("{share}%", "{subjects}%", "fact is not known"),
        "a fact that looks inside": ("{share}%", "{share.real}%", "fact is not known"),
        "a brace that is not closed": ("{share}%", "{share%", "brace"),
        "a rule without its limits": ('unseen_zh = "报告的内容由机构自己填写。"', "", "unseen_zh"),
    }.values(),
)
def test_a_rule_that_breaks_the_form_is_refused(old: str, new: str, said: str) -> None:
    assert old in _TEXT
    with pytest.raises(PolicyError, match=said):
        _read(_TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    {
        "a severity that is not there": ('code = "LOW"', 'code = "MEDIUM"', "stands twice"),
        "a severity that is not known": ('code = "LOW"', 'code = "TINY"', "TINY"),
        "an outcome that stands twice": ('code = "MISUSE"', 'code = "MISTAKE"', "stands twice"),
        "no working day at all": ("working_days = 5", "working_days = 0", "out of range"),
    }.values(),
)
def test_terms_that_break_the_form_are_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        read_review(_TERMS.replace(old, new, 1))


def test_terms_without_every_severity_are_refused() -> None:
    with pytest.raises(PolicyError, match="every severity"):
        read_review(_TERMS[_TERMS.index('[[severity]]\ncode = "MEDIUM"') :])


def test_grave_cases_need_two_persons() -> None:
    terms = read_review(_TERMS).severities
    assert terms[Severity.HIGH].four_eyes
    assert terms[Severity.HIGH].working_days < terms[Severity.LOW].working_days


def test_a_rule_that_is_loosened_or_gone_is_a_difference() -> None:
    old = _read(_TEXT)
    assert list(detection_differences(old, old)) == []
    looser = _read(_TEXT.replace("unnamed_subjects = 600", "unnamed_subjects = 60000"))
    (found,) = detection_differences(old, looser)
    assert (found.place, found.attribute, found.before, found.after) == (
        "detection D-ENUM-1", "unnamed_subjects", "600", "60000",
    )  # fmt: skip
    (gone,) = detection_differences(old, {k: v for k, v in old.items() if k != "D-ENUM-1"})
    assert gone.after == "removed"


def test_a_case_that_needs_one_person_less_is_a_difference() -> None:
    old, new = read_review(_TERMS), read_review(_TERMS.replace("four_eyes = true", "four_eyes = false", 1))
    assert list(review_differences(old, old)) == []
    (found,) = review_differences(old, new)
    assert (found.before, found.after) == ("two", "one")
