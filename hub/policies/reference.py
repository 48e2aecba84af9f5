"""The meaning of the rules, asked of Casbin itself. For tests and `hub check` only: it is slow.

- Casbin reads the same two texts as the linter, with its own parser, so that a row it would skip shows.
- A caller with several roles is a Casbin user that has each of them (`g`).
- The decided outcome is the most open one for which `enforce()` says yes, else WITHHELD.
- One `enforce()` costs milliseconds at a few hundred rows; `hub.policies.compile` is what answers requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import casbin
from casbin.model import Model
from casbin.persist.adapters import StringAdapter

from hub.catalog.types import Field, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.model import PolicySet

_OPENING = tuple(o for o in sorted(Outcome, reverse=True) if o is not Outcome.WITHHELD)


class CasbinReference:
    """A Casbin enforcer over a policy set."""

    def __init__(self, policy: PolicySet) -> None:
        self._policy = policy
        model = Model()
        model.load_model_from_text(policy.model_text)
        enforcer = casbin.Enforcer(model, StringAdapter(policy.rules_text.replace("\r\n", "\n")))
        enforcer.add_function("object_match", _object_match)
        enforcer.add_function("level_reaches", _level_reaches)
        enforcer.add_function("outcome_covers", _outcome_covers)
        enforcer.enable_auto_save(False)
        self._enforcer = enforcer
        self._callers: set[str] = set()
        if len(enforcer.get_policy()) != len(policy.rules):
            raise PolicyError(
                "Casbin reads another number of rules than the linter.", hint="Report this as a fault."
            )

    def decide(self, roles: Iterable[str], purpose: str, field: Field, kind: SubjectKind) -> Outcome:
        """The most open outcome Casbin allows; WITHHELD where the field has no mask or generaliser for it."""
        outcome = self.enforced(roles, purpose, field.id, field.level_for(kind), kind)
        lacking = (outcome is Outcome.MASKED and not field.mask) or (
            outcome is Outcome.GENERALISED and not field.generalise
        )
        return Outcome.WITHHELD if lacking else outcome

    def enforced(
        self, roles: Iterable[str], purpose: str, field_id: str, level: int, kind: SubjectKind
    ) -> Outcome:
        """The most open outcome for which `enforce()` says yes, else WITHHELD."""
        held = frozenset(roles)
        stated = purpose if self._policy.holds(held, purpose) else ""
        caller = self._caller(held)
        for outcome in _OPENING:
            if self._enforcer.enforce(caller, stated, field_id, level, kind.value, outcome.name):
                return outcome
        return Outcome.WITHHELD

    def _caller(self, roles: frozenset[str]) -> str:
        name = "@" + "+".join(sorted(roles))
        if name not in self._callers:
            self._callers.add(name)
            for role in sorted(roles):
                self._enforcer.add_role_for_user(name, role)
        return name


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    *front, last = pattern.split(".")
    parts = [r"[^.]+" if segment == "*" else re.escape(segment) for segment in front]
    parts.append(r"[^.]+(?:\.[^.]+)*" if last == "*" else re.escape(last))
    return re.compile(r"\.".join(parts))


def _object_match(object_id: str, pattern: str) -> bool:
    return _regex(pattern).fullmatch(object_id) is not None


def _level_reaches(effect: str, rule_level: str, level: int) -> bool:
    return int(level) <= int(rule_level) if effect == "allow" else int(level) >= int(rule_level)


def _outcome_covers(effect: str, rule_outcome: str, outcome: str) -> bool:
    asked, named = Outcome[outcome], Outcome[rule_outcome]
    return asked <= named if effect == "allow" else asked >= named
