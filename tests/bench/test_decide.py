from __future__ import annotations

from hub.bench import decide
from hub.config import Settings
from hub.loading import load_rules
from hub.policies.files import build_policy


def test_the_grown_policy_passes_lint_and_has_as_many_rules_as_asked_for() -> None:
    rules = load_rules(Settings())
    policy = build_policy(decide.grown(rules, 2_000), rules.catalog)
    assert len(policy.rules) == 2_000


def test_every_cost_is_measured_and_positive() -> None:
    rules = load_rules(Settings())
    for outcome in (decide.run_decide(rules, count=1_000, rounds=1), decide.run_policy(rules, rounds=1)):
        assert outcome.costs
        assert all(spread.median > 0 for spread in outcome.costs.values())
        assert outcome.json()["fields"] == sum(1 for _ in rules.catalog.fields())
