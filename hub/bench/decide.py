"""`hub bench decide` and `hub bench policy`: what deciding costs when there are many rules, and what a change costs.

- decide: the shipped policy grown to 100,000 rules that lint accepts: opening rows beside those there are, and
  shutting rows where nothing is open. Measured: reading, linting and indexing it; a decision table; a plan of the
  report document; one look-up of a field.
- policy: the shipped policy, published to a running process: checking it, making it ready, and what the first
  request after the swap adds (table and plan anew).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from hub.api.schema import build_schema, core
from hub.bench import machine
from hub.bench.document import KIND, PURPOSE, report_text
from hub.bench.measure import Spread, spread
from hub.catalog.types import Catalog, SubjectKind
from hub.disclosure.documents import DocumentCache
from hub.disclosure.limits import Limits
from hub.disclosure.operations import Preparer
from hub.disclosure.plan import PlanCompiler, Scope
from hub.disclosure.rules import Rules
from hub.disclosure.selection import Selected
from hub.model.outcome import Outcome
from hub.policies.compile import TableCompiler
from hub.policies.files import build_policy
from hub.policies.model import Effect, PolicySet, Rule
from hub.policies.patterns import matches
from hub.policies.publish import check_files
from hub.policies.rows import FILE

RULES = 100_000
ROLES = frozenset({"bank"})
_SHUTTING = 0.3
_MAX_PAGE = 100
_LOOKUPS = 200


@dataclass(frozen=True)
class DecideOutcome:
    """Costs by name; the unit stands in the name."""

    rules: int
    fields: int
    costs: dict[str, Spread]

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "rules": self.rules,
            "fields": self.fields,
            "costs": {
                name: {"median": s.median, "low": s.low, "high": s.high} for name, s in self.costs.items()
            },
            "machine": machine.facts(),
        }


def run_decide(rules: Rules, *, count: int = RULES, rounds: int = 5) -> DecideOutcome:
    """Measure deciding under many rules.

    Args:
        rules: the shipped policy, which is grown.
        count: rules in all.
        rounds: how often each act is measured.
    """
    files = grown(rules, count)
    started = perf_counter()
    policy = build_policy(files, rules.catalog)
    read = perf_counter() - started
    large = Rules(rules.catalog, policy)
    started = perf_counter()
    large.warm()
    costs = {"read and lint, s": spread([read]), "index, s": spread([perf_counter() - started])}
    root = _report_root(large)
    compiler = TableCompiler(policy, rules.catalog)
    compiler.table(ROLES, PURPOSE, KIND)
    table = large.table(ROLES, PURPOSE, KIND)
    ids = [field.id for field in rules.catalog.fields()]
    acts: dict[str, Callable[[], Any]] = {
        "table, ms": lambda: compiler.table(ROLES, PURPOSE, KIND),
        "plan of the report, table at hand, ms": lambda: _plan(large, root),
        "table and plan, ms": lambda: _plan(Fresh.of(compiler), root),
    }
    costs |= {name: _measured(act, rounds, 1_000.0) for name, act in acts.items()}
    costs["look up a field, µs"] = _measured(
        lambda: [table[i] for i in ids], rounds, 1_000_000.0 / len(ids), _LOOKUPS
    )
    return DecideOutcome(len(policy.rules), len(ids), costs)


def run_policy(rules: Rules, *, rounds: int = 5) -> DecideOutcome:
    """Measure what a change of policy costs a running process.

    Args:
        rules: the shipped policy.
        rounds: how often each act is measured.
    """
    root = _report_root(rules)
    rules.table(ROLES, PURPOSE, KIND)

    def ready() -> Rules:
        fresh = Rules(rules.catalog, check_files(rules.policy.files, rules.catalog))
        fresh.warm(rules.compiled)
        return fresh

    made: list[Rules] = []
    costs = {
        "check, run cases, compile beside the running one, ms": _measured(
            lambda: made.append(ready()), rounds, 1_000.0
        )
    }
    waiting = iter(made)
    costs["first request: table and plan, ms"] = _measured(
        lambda: _plan(next(waiting), root), rounds, 1_000.0
    )
    cold = iter([Rules(rules.catalog, rules.policy) for _ in range(rounds)])
    costs["first request, no table made ready, ms"] = _measured(
        lambda: _plan(next(cold), root), rounds, 1_000.0
    )
    return DecideOutcome(len(rules.policy.rules), sum(1 for _ in rules.catalog.fields()), costs)


@dataclass(frozen=True)
class Fresh:
    """Rules whose tables are compiled each time they are asked for."""

    catalog: Catalog
    policy: PolicySet
    compiler: TableCompiler

    @classmethod
    def of(cls, compiler: TableCompiler) -> Fresh:
        """Over one compiler."""
        return cls(compiler.catalog, compiler.policy, compiler)

    def table(self, roles: frozenset[str], purpose: str, kind: SubjectKind) -> Any:
        """A table compiled now."""
        return self.compiler.table(roles, purpose, kind)


def _plan(rules: Rules | Fresh, root: Selected) -> Any:
    table = rules.table(ROLES, PURPOSE, KIND)
    scope = Scope(ROLES, PURPOSE, KIND)
    return PlanCompiler(rules.catalog, table, scope, _MAX_PAGE, rules.policy.questionnaire).compile(root)


def _report_root(rules: Rules) -> Selected:
    schema = core(build_schema(rules.catalog))
    operation = DocumentCache(schema, Limits()).get(report_text()).operation(None)
    preparer = Preparer(schema)
    variables = preparer.variables(operation, {"uscc": "91460100DEM000014C"})
    return preparer.prepare(operation, variables).subjects[0].selected


def _measured(act: Callable[[], Any], rounds: int, scale: float, times: int = 1) -> Spread:
    found = []
    for _ in range(rounds):
        started = perf_counter()
        for _ in range(times):
            act()
        found.append((perf_counter() - started) / times * scale)
    return spread(found)


def grown(rules: Rules, count: int) -> dict[str, str]:
    """The files of a policy with rules added until there are `count`; what they decide is all but the same.

    Args:
        rules: the policy to begin with.
        count: rules in all.
    """
    draw = random.Random(count)  # noqa: S311 - a sample, not a secret
    opening = [r for r in rules.policy.rules if r.effect is Effect.ALLOW]
    reached = {r.id: _reached(rules.catalog, r) for r in opening}
    shut = _shut(rules)
    rows = [rules.policy.files[FILE].rstrip("\n")]
    for number in range(count - len(rules.policy.rules)):
        if shut and draw.random() < _SHUTTING:
            role, purpose, field = draw.choice(shut)
            cells = (role, purpose, field, "1", "*", Outcome.PREDICATE.name, Effect.DENY.value)
        else:
            rule = draw.choice(opening)
            pattern = _pattern(draw, rule, reached[rule.id])
            cells = (
                rule.role, rule.purpose, pattern, str(rule.level), rule.kind, rule.outcome.name, rule.effect.value
            )  # fmt: skip
        rows.append(", ".join(("p", f"Z-BENCH-{number:06d}", *cells)))
    return {**rules.policy.files, FILE: "\n".join(rows) + "\n"}


def _reached(catalog: Catalog, rule: Rule) -> list[str]:
    """Ids of the fields that a rule reaches for some kind of subject."""
    return [
        field.id
        for dataset in catalog
        for field in dataset.fields
        if matches(rule.pattern, field.id)
        and any(rule.concerns(k) and rule.reaches_level(field.level_for(k)) for k in dataset.subjects)
    ]


def _pattern(draw: random.Random, rule: Rule, reached: list[str]) -> str:
    """The rule's own pattern, or one field of it; a row that masks keeps its pattern, as not all have a mask."""
    return rule.pattern if rule.outcome is not Outcome.CLEAR or draw.random() < 0.2 else draw.choice(reached)


def _shut(rules: Rules) -> list[tuple[str, str, str]]:
    """Role, purpose and field where nothing is open for either kind."""
    found = []
    for purpose in rules.policy.purposes.values():
        for role in purpose.holders:
            tables = [rules.table(frozenset({role}), purpose.code, kind) for kind in SubjectKind]
            closed = (f.id for f in rules.catalog.fields() if all(not t[f.id].outcome for t in tables))
            found += [(role, purpose.code, field) for field in closed]
    return found
