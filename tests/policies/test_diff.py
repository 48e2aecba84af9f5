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
        "purposes.toml", "max_range_months = 24", "max_range_months = 36", "max_range_months", Effect.OPENS,
    ),
    "no limit of the range of data opens": (
        "purposes.toml", "max_range_months = 24", "max_range_months = 0", "max_range_months", Effect.OPENS,
    ),
    "a text is no change": ("purposes.toml", 'title_en = "', 'title_en = "Very ', "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_of_the_registers(name: str, texts: dict[str, str], policy: PolicySet, catalog: Catalog) -> None:
    file, old, now, attribute, effect = ENTRIES[name]
    try:
        new = _changed(texts, catalog, file, old, now)
    except AssertionError:
        pytest.skip(f"the shipped policy holds no {old}")
    found = compare(policy, new, catalog)
    assert found.fields == ()
    assert [(c.attribute, c.effect) for c in found.entries] == ([(attribute, effect)] if effect else [])


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
