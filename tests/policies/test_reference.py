"""The decision table says what Casbin says, over generated worlds and over the shipped policy.

`HUB_POLICY_PAIRS=150000 pytest tests/policies/test_reference.py` compares that many (policy, request) pairs.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import pytest
from policy_worlds import PURPOSES, ROLES, make_catalog, make_field, make_policy, make_world

from hub.catalog.types import Catalog, SubjectKind
from hub.model.outcome import Outcome, Reason
from hub.policies.compile import compile_table
from hub.policies.model import PolicySet
from hub.policies.reference import CasbinReference

PAIRS = int(os.environ.get("HUB_POLICY_PAIRS", "20000"))
PARTS = 4
TRUTH = Path(__file__).parents[2] / "docs" / "policy-decisions.md"


@pytest.mark.parametrize("part", range(PARTS))
def test_the_table_equals_casbin_over_generated_policies_and_requests(part: int) -> None:
    rng = random.Random(2026_00 + part)
    compared = opened = 0
    seen: set[Outcome] = set()
    while compared < PAIRS // PARTS:
        world = make_world(rng)
        reference = CasbinReference(world.policy)
        for _ in range(4):
            roles = frozenset(rng.sample(ROLES, rng.choice((1, 1, 1, 2, 3))))
            purpose, kind = (
                rng.choice((*PURPOSES, "LEND", "WATCH", "", "NOT_REGISTERED")),
                rng.choice(list(SubjectKind)),
            )
            table = compile_table(world.policy, world.catalog, roles, purpose, kind)
            for field in world.catalog.fields():
                expected = reference.decide(roles, purpose, field, kind)
                found = table[field.id]
                assert found.outcome is expected, (
                    world.policy.rules_text,
                    roles,
                    purpose,
                    kind,
                    field,
                    found,
                )
                compared += 1
                opened += expected is not Outcome.WITHHELD
                seen.add(expected)
    assert seen == set(Outcome)
    assert 0.05 < opened / compared < 0.95


def test_the_table_equals_casbin_on_the_shipped_policy(policy: PolicySet, catalog: Catalog) -> None:
    rng, reference, fields = random.Random(7), CasbinReference(policy), list(catalog.fields())
    for _ in range(150):
        purpose = rng.choice(list(policy.purposes.values()))
        roles = frozenset({rng.choice(purpose.holders), rng.choice(list(policy.roles))})
        field, kind = rng.choice(fields), rng.choice(list(SubjectKind))
        table = compile_table(policy, catalog, roles, purpose.code, kind)
        assert table[field.id].outcome is reference.decide(roles, purpose.code, field, kind), (
            roles,
            purpose,
            field,
        )


def _truth_rows() -> list[list[str]]:
    lines = TRUTH.read_text(encoding="utf-8").split("## Truth table")[1].splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return cells[2:]


@pytest.mark.parametrize("row", _truth_rows(), ids=lambda row: " ".join(row))
def test_the_truth_table_of_the_documentation_holds(row: list[str]) -> None:
    opens, shuts, mask, coarser, outcome, rule, reason = row
    rows = ["p, T-OTHER, officer, LEND, *, 5, *, CLEAR, allow"]
    rows += [f"p, T-ALLOW, bank, LEND, *, 5, *, {opens}, allow"] if opens != "-" else []
    rows += [f"p, T-DENY, bank, *, financial.*, 1, *, {shuts}, deny"] if shuts != "-" else []
    policy = make_policy("\n".join(rows))
    field = make_field(
        "financial.loan",
        "name",
        3,
        mask="name" if mask == "yes" else "",
        generalise="township" if coarser == "yes" else "",
    )
    catalog = make_catalog({"financial.loan": [field]})
    decision = compile_table(policy, catalog, frozenset({"bank"}), "LEND", SubjectKind.ORG)[field.id]
    named = {"allow": "T-ALLOW", "deny": "T-DENY", "DEFAULT": "DEFAULT"}[rule]
    assert (decision.outcome, decision.rule, decision.reason) == (Outcome[outcome], named, Reason(reason))
    reference = CasbinReference(policy).decide({"bank"}, "LEND", field, SubjectKind.ORG)
    assert reference is Outcome[outcome]


def test_the_truth_table_names_every_way_an_opening_and_a_shutting_can_end() -> None:
    assert {row[4] for row in _truth_rows()} == {o.name for o in Outcome}
    assert {(row[0], row[1]) for row in _truth_rows()} >= set(
        itertools.product(["CLEAR"], ["-", "CLEAR", "MASKED"])
    )


def test_the_quick_question_to_casbin_says_what_the_full_one_says() -> None:
    rng = random.Random(9)
    confirmed = 0
    for _ in range(20):
        world = make_world(rng)
        reference = CasbinReference(world.policy)
        roles, purpose, kind = (
            frozenset(rng.sample(ROLES, 2)),
            rng.choice(PURPOSES),
            rng.choice(list(SubjectKind)),
        )
        for field in world.catalog.fields():
            decided = reference.decide(roles, purpose, field, kind)
            agreed = {o for o in Outcome if reference.confirms(roles, purpose, field, kind, o)}
            assert agreed <= {decided}
            confirmed += bool(agreed)
    assert confirmed > 100
