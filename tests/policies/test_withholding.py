"""Grounds for taking bodies out of the audit log: read key by key, and compared when a policy changes."""

from __future__ import annotations

import pytest

from hub.errors import PolicyError
from hub.folders import locate
from hub.policies.diff_clocks import ground_differences
from hub.policies.withholding import FILE, read_grounds

_TEXT = (locate("policies", "") / FILE).read_text("utf-8")


def test_the_shipped_grounds_all_ask_for_two_persons_and_await_review() -> None:
    grounds = read_grounds(_TEXT)
    assert set(grounds) == {"IDENTIFIER_IN_TEXT", "COURT_ORDER"}
    assert all(ground.four_eyes and not ground.verified for ground in grounds.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    {
        "a ground that stands twice": ('code = "COURT_ORDER"', 'code = "IDENTIFIER_IN_TEXT"', "stands twice"),
        "a ground without its source": ('source = "个人信息保护法第四十七条"', "", "source"),
        "a key that nothing reads": ("four_eyes = true", "four_eyes = true\nsix_eyes = true", "six_eyes"),
    }.values(),
)
def test_a_ground_that_breaks_a_rule_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        read_grounds(_TEXT.replace(old, new, 1))


def test_a_ground_that_needs_only_one_person_from_now_on_is_a_difference() -> None:
    old = read_grounds(_TEXT)
    assert list(ground_differences(old, old)) == []
    new = read_grounds(_TEXT.replace("four_eyes = true", "four_eyes = false", 1))
    (found,) = ground_differences(old, new)
    assert "IDENTIFIER_IN_TEXT" in found.place
    assert ("two persons" in found.before, "one person" in found.after) == (True, True)
