"""A planted change is found where it is, with its direction and its rules; nothing else is."""

from __future__ import annotations

import pytest

from hub.catalog.types import Catalog
from hub.policies.diff import Effect, EntryChange, compare
from hub.policies.files import build_policy
from hub.policies.model import PolicySet


def _changed(texts: dict[str, str], catalog: Catalog, file: str, old: str, new: str) -> PolicySet:
    assert old in texts[file], old
    return build_policy({**texts, file: texts[file].replace(old, new, 1)}, catalog)


def test_a_policy_does_not_differ_from_itself(policy: PolicySet, catalog: Catalog) -> None:
    found = compare(policy, policy, catalog)
    assert (found.fields, found.entries, found.may_open) == ((), (), False)


def test_a_deny_row_closes_exactly_its_field_for_its_role_and_purpose(
    texts: dict[str, str], policy: PolicySet, catalog: Catalog
) -> None:
    row = (
        "p, Z-TEST-01, bank, LOAN_APPLICATION, government.registration.establishedOn, 1, ORG, PREDICATE, deny"
    )
    texts["rules.csv"] += row + "\n"
    new = build_policy(texts, catalog)
    (change,) = compare(policy, new, catalog).fields
    assert (change.role, change.purpose, change.kind.value, change.field) == (
        "bank", "LOAN_APPLICATION", "ORG", "government.registration.establishedOn",
    )  # fmt: skip
    assert (change.before.rule, change.after.rule) == ("B-LOAN-01", "Z-TEST-01")
    assert (change.before.outcome.name, change.after.outcome.name) == ("CLEAR", "WITHHELD")
    assert change.effect is Effect.CLOSES
    assert not compare(policy, new, catalog).may_open
    assert [c.effect for c in compare(new, policy, catalog).fields] == [Effect.OPENS]
    assert compare(new, policy, catalog).may_open


ENTRIES = {
    "a longer range of data opens": (
        "fair_use.toml", "range_months = 24",
        "range_months = 36",
        "range_months", Effect.OPENS,
    ),
    "no limit of the range of data opens": (
        "fair_use.toml", "range_months = 36",
        "range_months = 0",
        "range_months", Effect.OPENS,
    ),
    "a shorter validity of consents closes": (
        "fair_use.toml", "max_consent_days = 1095",
        "max_consent_days = 800",
        "max_consent_days", Effect.CLOSES,
    ),
    "more reads of a subject a day open": (
        "fair_use.toml", '"DAY", most = 50',
        '"DAY", most = 60',
        "reads_of_subject by DAY", Effect.OPENS,
    ),
    "a cap by a further unit closes": (
        "fair_use.toml", '{ unit = "DAY", most = 50 }, ',
        '{ unit = "HOUR", most = 10 }, { unit = "DAY", most = 50 }, ',
        "reads_of_subject by HOUR", Effect.CLOSES,
    ),
    "a cap by a unit that is gone opens": (
        "fair_use.toml", '{ unit = "DAY", most = 20 }, ',
        "",
        "reads_of_subject by DAY", Effect.OPENS,
    ),
    "fewer reads in all close": (
        "fair_use.toml", 'reads_in_all = [{ unit = "DAY", most = 1000000 }]',
        'reads_in_all = [{ unit = "DAY", most = 900000 }]',
        "reads_in_all by DAY", Effect.CLOSES,
    ),
    "fewer subjects in a request close": (
        "fair_use.toml", "subjects_per_request = 1000",
        "subjects_per_request = 900",
        "subjects_per_request", Effect.CLOSES,
    ),
    "a shorter data life of a dataset closes": (
        "fair_use.toml", "data_life_days = 180",
        "data_life_days = 170",
        "data_life_days of financial.loan", Effect.CLOSES,
    ),
    "refusing where one cut down closes": (
        "fair_use.toml", 'over_range = "CLAMP"',
        'over_range = "REFUSE"',
        "over_range", Effect.CLOSES,
    ),
    "cutting down where one refused opens": (
        "fair_use.toml", 'over_subjects = "REFUSE"',
        'over_subjects = "CLAMP"',
        "over_subjects", Effect.OPENS,
    ),
    "a case number asked for closes": (
        "purposes.toml", "consent_required = true",
        "consent_required = true\nreference_required = true",
        "reference_required", Effect.CLOSES,
    ),
    "a case number no longer asked for opens": (
        "purposes.toml", "reference_required = true",
        "reference_required = false",
        "reference_required", Effect.OPENS,
    ),
    "a text is no change": ("purposes.toml", 'title_en = "', 'title_en = "Very ', "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_of_the_registers(name: str, texts: dict[str, str], policy: PolicySet, catalog: Catalog) -> None:
    file, old, now, attribute, effect = ENTRIES[name]
    new = _changed(texts, catalog, file, old, now)
    found = compare(policy, new, catalog)
    assert found.fields == ()
    assert [(c.attribute, c.effect) for c in found.entries] == ([(attribute, effect)] if effect else [])


def test_another_default_among_equal_templates_is_told(
    texts: dict[str, str], policy: PolicySet, catalog: Catalog
) -> None:
    head, *entries = texts["fair_use.toml"].split("\n[[template]]")
    second = entries[0].replace('"FU-LOAN-1"', '"FU-LOAN-2"')
    old, new = (
        build_policy({**texts, "fair_use.toml": "\n[[template]]".join([head, *first, *entries[1:]])}, catalog)
        for first in ((entries[0], second), (second, entries[0]))
    )
    assert [(c.place, c.attribute, c.before, c.after) for c in compare(old, new, catalog).entries] == [
        ("purpose LOAN_APPLICATION", "default fair-use template", "FU-LOAN-1", "FU-LOAN-2")
    ]
    assert compare(old, new, catalog).may_open


def test_a_matter_that_is_new_opens_and_one_that_is_gone_closes(
    texts: dict[str, str], policy: PolicySet, catalog: Catalog
) -> None:
    head, *entries = texts["matters.toml"].split("\n[")
    assert entries
    texts["matters.toml"] = "\n[".join([head, *entries[:-1]]) + "\n"
    less = build_policy(texts, catalog)
    (code,) = policy.matters.keys() - less.matters.keys()
    gone = EntryChange(f"matter {code}", "", "", "removed", Effect.CLOSES)
    assert compare(policy, less, catalog).entries == (gone,)
    (new,) = compare(less, policy, catalog).entries
    assert (new.place, new.effect) == (f"matter {code}", Effect.OPENS)


CLOCKS = {
    "a longer period of publication opens": (
        "clocks.toml", "longest_months = 12", "longest_months = 18", "longest_months", Effect.OPENS,
    ),
    "a later repair opens": ("clocks.toml", "shortest_months = 3", "shortest_months = 4", "shortest_months", Effect.OPENS),
    "a shorter retention of adverse records closes": ("clocks.toml", "years = 5", "years = 4", "years", Effect.CLOSES),
    "another time limit does neither": ("clocks.toml", "days = 20", "days = 15", "", Effect.NEITHER),
    "a day off does neither": (
        "clocks.toml", 'to = "2026-01-03"', 'to = "2026-01-02"', "", None,
    ),
    "another wording of a notice does neither": ("notices.toml", "信用修复申请已受理", "您的申请已受理", "title", Effect.NEITHER),
    "one more recipient of a notice opens": (
        "notices.toml", 'code = "repair.accept"\nto = ["SUBJECT"]', 'code = "repair.accept"\nto = ["SUBJECT", "SOURCE_UNIT"]',
        "recipients", Effect.OPENS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", CLOCKS)
def test_clocks_and_notices_are_compared(
    rule: str, texts: dict[str, str], policy: PolicySet, catalog: Catalog
) -> None:
    file, old, new, attribute, effect = CLOCKS[rule]
    found = compare(policy, _changed(texts, catalog, file, old, new), catalog)
    if effect is None:  # 3 January 2026 is a Saturday: not a working day with or without the holiday
        assert found.entries == ()
        return
    assert {(change.attribute, change.effect) for change in found.entries} == {(attribute, effect)}
    assert found.may_open is (effect is Effect.OPENS)
