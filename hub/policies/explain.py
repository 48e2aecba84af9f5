"""Why a field is shown or not: every rule that speaks to the case, and the one that decided.

The text is what `hub explain` prints; the decision is the one of `hub.policies.compile`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.catalog.types import Catalog, Field, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies.compile import NOT_HELD, applicable, decide
from hub.policies.model import Effect, PolicySet, Rule
from hub.policies.patterns import matches


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision with everything that led to it."""

    roles: frozenset[str]
    purpose: str
    kind: SubjectKind
    field: Field
    decision: Decision
    matched: tuple[Rule, ...]
    """Rules that reach the field in this case, in file order."""
    beyond: tuple[Rule, ...]
    """Rules whose pattern names the field but whose level does not reach it."""
    message_zh: str
    message_en: str

    def text(self) -> str:
        """The explanation in lines, for a person."""
        level = self.field.level_for(self.kind)
        lines = [
            f"{self.field.id}  {self.field.label.zh} / {self.field.label.en}",
            f"sensitivity level {level} for {self.kind.value}",
            f"{' + '.join(sorted(self.roles))} for {self.purpose or 'no purpose'}: "
            f"{self.decision.outcome.name} ({self.decision.reason.value}), decided by {self.decision.rule}",
            f"{self.message_zh} / {self.message_en}",
        ]
        if self.decision.outcome is Outcome.WITHHELD and self.decision.reason is Reason.MASKED_BY_RULE:
            lines.append("The rule would mask the field, but it has no mask, so it is withheld.")
        if self.decision.outcome is Outcome.WITHHELD and self.decision.reason is Reason.GENERALISED_BY_RULE:
            lines.append("The rule would generalise the field, but it names no way to, so it is withheld.")
        lines += [_line(rule, "->" if rule.id == self.decision.rule else "  ") for rule in self.matched]
        lines += [_line(rule, "  ") + "  (level not reached)" for rule in self.beyond]
        return "\n".join(
            lines if self.matched or self.beyond else [*lines, "   no rule names this field here"]
        )


def explain(
    policy: PolicySet, catalog: Catalog, roles: frozenset[str], field_id: str, purpose: str, kind: SubjectKind
) -> Explanation:
    """Explain the decision on one field.

    Raises:
        PolicyError: when the catalogue has no such field.
    """
    field = next((f for f in catalog.fields() if f.id == field_id), None)
    if field is None:
        raise PolicyError(
            "The catalogue has no such field.",
            hint="Write domain.dataset.field, such as financial.loan.balance.",
        )
    held = policy.holds(roles, purpose)
    rules = applicable(policy, roles, purpose, kind) if held else ()
    decision = decide(rules, field, kind) if held else NOT_HELD
    naming = [rule for rule in rules if matches(rule.pattern, field.id)]
    level, message = field.level_for(kind), policy.messages[decision.reason]
    return Explanation(
        roles=roles,
        purpose=purpose,
        kind=kind,
        field=field,
        decision=decision,
        matched=tuple(rule for rule in naming if rule.reaches_level(level)),
        beyond=tuple(rule for rule in naming if not rule.reaches_level(level)),
        message_zh=message.zh,
        message_en=message.en,
    )


def _line(rule: Rule, mark: str) -> str:
    bound = "up to level" if rule.effect is Effect.ALLOW else "from level"
    return (
        f"{mark} {rule.id} (row {rule.row}): {rule.effect.value} {rule.outcome.name} of {rule.pattern} "
        f"{bound} {rule.level}, {rule.kind}, to {rule.role} for {rule.purpose}"
    )
