"""The index of rules gives what reading all rules one by one gives, down to the rule that decides."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from policy_worlds import PURPOSES, ROLES, make_catalog, make_field, make_policy, make_world

from hub.catalog.types import SubjectKind
from hub.model.outcome import Outcome
from hub.policies.compile import NOT_HELD, TableCompiler, applicable, decide
from hub.policies.patterns import matches, naming

_SEGMENT = st.sampled_from(["a", "b", "c"])
_FIELD = st.lists(_SEGMENT, min_size=1, max_size=4).map(".".join)
_PATTERN = st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=5).map(".".join)


@given(_FIELD, _PATTERN)
def test_a_pattern_names_a_field_exactly_when_it_is_among_the_fields_patterns(
    field: str, pattern: str
) -> None:
    assert (pattern in naming(field)) is matches(pattern, field)


def test_the_patterns_of_a_field_are_all_different() -> None:
    assert len(set(naming("a.b.c"))) == len(naming("a.b.c")) == 11


def test_the_table_decides_like_all_rules_read_one_by_one_and_names_the_same_rule() -> None:
    rng = random.Random(11)
    for _ in range(400):
        world = make_world(rng)
        compiler = TableCompiler(world.policy, world.catalog)
        roles = frozenset(rng.sample(ROLES, rng.choice((1, 1, 2, 3))))
        for purpose in PURPOSES:
            for kind in SubjectKind:
                rules = applicable(world.policy, roles, purpose, kind)
                held = world.policy.holds(roles, purpose)
                table = compiler.table(roles, purpose, kind)
                for field in world.catalog.fields():
                    expected = decide(rules, field, kind) if held else NOT_HELD
                    assert table[field.id] == expected, (world.policy.rules_text, roles, purpose, kind, field)


def test_among_equal_rules_of_different_patterns_and_roles_the_first_in_the_file_is_named() -> None:
    rows = [
        "p, T-1, clerk, LEND, financial.*, 5, *, CLEAR, allow",
        "p, T-2, bank, LEND, financial.loan.name, 5, *, CLEAR, allow",
        "p, T-3, bank, LEND, *, 5, *, CLEAR, allow",
        "g, bank, clerk",
    ]
    catalog = make_catalog({"financial.loan": [make_field("financial.loan", "name", 2)]})
    compiler = TableCompiler(make_policy("\n".join(rows)), catalog)
    decision = compiler.table(frozenset({"bank"}), "LEND", SubjectKind.ORG)["financial.loan.name"]
    assert (decision.outcome, decision.rule) == (Outcome.CLEAR, "T-1")
