"""Rules to a decision table: for one set of roles, one purpose and one kind, every field's decision.

Casbin (`hub.policies.reference`) is the meaning of the rules; this is the same meaning without calling it:

- no rule means withheld; an opening rule opens its outcome and the less open ones, up to its level;
- a shutting rule shuts its outcome and the more open ones, from its level up, and always wins;
- a caller with several roles has the rules of all of them and of the roles these inherit from, so a
  shutting rule of any one of them holds;
- a purpose that is not registered, or that none of the caller's roles holds, opens nothing;
- MASKED on a field that has no mask is WITHHELD, and so is GENERALISED on one that cannot be made coarser.

The truth table is in `docs/policy-decisions.md`; a property test holds this equal to Casbin.

```python
table = compile_table(policy, catalog, frozenset({"bank"}), "LOAN_APPLICATION", SubjectKind.ORG)
table["financial.loan.balance"]     # Decision(outcome=Outcome.CLEAR, rule="B-LOAN-51", reason=Reason.ALLOWED)
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hub.catalog.types import Catalog, Field, SubjectKind
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies.index import RuleIndex
from hub.policies.model import ANY, Effect, PolicySet, Rule
from hub.policies.patterns import matches, naming

NO_RULE = Decision(Outcome.WITHHELD, "DEFAULT", Reason.NO_RULE)
"""What holds where no rule speaks; DEFAULT stands in the place of a rule id."""
NOT_HELD = Decision(Outcome.WITHHELD, "DEFAULT", Reason.PURPOSE_NOT_HELD)

_REASONS: Mapping[Outcome, Reason] = {
    Outcome.CLEAR: Reason.ALLOWED,
    Outcome.MASKED: Reason.MASKED_BY_RULE,
    Outcome.GENERALISED: Reason.GENERALISED_BY_RULE,
    Outcome.PREDICATE: Reason.PREDICATE_ONLY,
}


@dataclass(frozen=True)
class DecisionTable(Mapping[str, Decision]):
    """Field id to decision, for one set of roles, purpose and subject kind under one policy revision."""

    roles: frozenset[str]
    purpose: str
    kind: SubjectKind
    policy_revision: str
    catalog_revision: str
    decisions: Mapping[str, Decision]

    def __getitem__(self, field_id: str) -> Decision:
        """The decision on a field; a field the catalogue does not know is withheld."""
        return self.decisions.get(field_id, NO_RULE)

    def __iter__(self) -> Iterator[str]:
        """Ids of the catalogue's fields."""
        return iter(self.decisions)

    def __len__(self) -> int:
        """Number of fields decided."""
        return len(self.decisions)


@dataclass(frozen=True)
class TableCompiler:
    """Compiles tables of one policy over one catalogue.

    The rules are indexed once, by role, purpose and pattern; a table then costs the same whether there are a
    hundred rules or a hundred thousand.
    """

    policy: PolicySet
    catalog: Catalog

    @cached_property
    def index(self) -> RuleIndex:
        """The rules, found by role, purpose and pattern."""
        return RuleIndex(self.policy.rules)

    @cached_property
    def _named(self) -> Mapping[str, tuple[Field, ...]]:
        """Fields by every pattern that names them."""
        found: dict[str, list[Field]] = {}
        for field in self.catalog.fields():
            for pattern in naming(field.id):
                found.setdefault(pattern, []).append(field)
        return {pattern: tuple(fields) for pattern, fields in found.items()}

    @cached_property
    def _silent(self) -> dict[str, Decision]:
        """Every field of the catalogue where no rule speaks."""
        return dict.fromkeys((field.id for field in self.catalog.fields()), NO_RULE)

    def table(self, roles: frozenset[str], purpose: str, kind: SubjectKind) -> DecisionTable:
        """Decide every field of the catalogue for a caller with these roles and this purpose."""
        if self.policy.holds(roles, purpose):
            near = self.index.near(self.policy.effective_roles(roles), purpose, kind)
            decisions = self._silent.copy()
            for field, opener, shutter in near.strongest(self._named, kind):
                decisions[field.id] = _settle(_combine(opener, shutter), field)
        else:
            decisions = dict.fromkeys(self._silent, NOT_HELD)
        return DecisionTable(roles, purpose, kind, self.policy.revision, self.catalog.revision, decisions)


def compile_table(
    policy: PolicySet, catalog: Catalog, roles: frozenset[str], purpose: str, kind: SubjectKind
) -> DecisionTable:
    """One table by itself; whoever needs several of one policy keeps a `TableCompiler`."""
    return TableCompiler(policy, catalog).table(roles, purpose, kind)


def applicable(policy: PolicySet, roles: Iterable[str], purpose: str, kind: SubjectKind) -> tuple[Rule, ...]:
    """Rules that speak to these roles, this purpose and this kind, whatever the field, in file order."""
    held = policy.effective_roles(roles)
    return tuple(
        r for r in policy.rules if r.role in held and r.purpose in (purpose, ANY) and r.concerns(kind)
    )


def decide(rules: Iterable[Rule], field: Field, kind: SubjectKind) -> Decision:
    """The decision of the applicable rules on one field."""
    field_id, level, opener, shutter = field.id, field.level_for(kind), None, None
    for rule in rules:
        if not rule.reaches_level(level) or not matches(rule.pattern, field_id):
            continue
        if rule.effect is Effect.ALLOW:
            opener = rule if opener is None or rule.outcome > opener.outcome else opener
        else:
            shutter = rule if shutter is None or rule.outcome < shutter.outcome else shutter
    return _settle(_combine(opener, shutter), field)


def _combine(opener: Rule | None, shutter: Rule | None) -> Decision:
    cap = Outcome(shutter.outcome - 1) if shutter else Outcome.CLEAR
    if shutter and cap is Outcome.WITHHELD:
        return Decision(Outcome.WITHHELD, shutter.id, Reason.DENIED_BY_RULE)
    if opener is None:
        return NO_RULE
    if shutter and cap < opener.outcome:
        return Decision(cap, shutter.id, _REASONS[cap])
    return Decision(opener.outcome, opener.id, _REASONS[opener.outcome])


def renders(field: Field, outcome: Outcome) -> bool:
    """Whether a field has what this outcome needs: a mask for MASKED, a generaliser for GENERALISED."""
    needs = {Outcome.MASKED: field.mask, Outcome.GENERALISED: field.generalise}
    return bool(needs.get(outcome, "-"))


def _settle(decision: Decision, field: Field) -> Decision:
    if renders(field, decision.outcome):
        return decision
    return Decision(Outcome.WITHHELD, decision.rule, decision.reason)
