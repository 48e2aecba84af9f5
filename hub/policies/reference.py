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
from hub.policies.model import ANY, PolicySet

_KNOWN = "@"
"""A role that every user made here has, and no rule speaks of; it marks those that are made."""
_OPENING = tuple(o for o in sorted(Outcome, reverse=True) if o is not Outcome.WITHHELD)


class CasbinReference:
    """A Casbin enforcer over a policy set."""

    def __init__(self, policy: PolicySet) -> None:
        self._policy = policy
        self._rows = policy.rules_text.replace("\r\n", "\n")
        self._enforcer = _enforcer(policy.model_text, self._rows)
        self._by_purpose: dict[str, casbin.Enforcer] = {}
        if len(self._enforcer.get_policy()) != len(policy.rules):
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
        caller = _caller(self._enforcer, held)
        for outcome in _OPENING:
            if self._enforcer.enforce(caller, stated, field_id, level, kind.value, outcome.name):
                return outcome
        return Outcome.WITHHELD

    def confirms(
        self, roles: Iterable[str], purpose: str, field: Field, kind: SubjectKind, outcome: Outcome
    ) -> bool:
        """Whether Casbin allows an outcome and refuses the next more open one; quicker than `decide`, and enough.

        A rule that opens covers all less open outcomes, and one that shuts all more open ones, so the two answers
        settle the others; and Casbin is given the rows of the purpose only, as no other can match. False where it
        is not as plain, as for a field that has no mask: then `decide` tells.
        """
        if (outcome is Outcome.MASKED and not field.mask) or (
            outcome is Outcome.GENERALISED and not field.generalise
        ):
            return False
        held = frozenset(roles)
        stated = purpose if self._policy.holds(held, purpose) else ""
        if stated not in self._by_purpose:
            self._by_purpose[stated] = _enforcer(self._policy.model_text, _rows_of(self._rows, stated))
        near = self._by_purpose[stated]
        question = (_caller(near, held), stated, field.id, field.level_for(kind), kind.value)
        if outcome is not Outcome.WITHHELD and not near.enforce(*question, outcome.name):
            return False
        return outcome is Outcome.CLEAR or not near.enforce(*question, Outcome(outcome + 1).name)


def _enforcer(model_text: str, rows: str) -> casbin.Enforcer:
    model = Model()
    model.load_model_from_text(model_text)
    enforcer = casbin.Enforcer(model, StringAdapter(rows))
    enforcer.add_function("object_match", _object_match)
    enforcer.add_function("level_reaches", _level_reaches)
    enforcer.add_function("outcome_covers", _outcome_covers)
    enforcer.enable_auto_save(False)
    return enforcer


def _rows_of(rows: str, purpose: str) -> str:
    """The inheritance rows, and the rules of one purpose or of any."""
    kept = (row for row in rows.split("\n") if not row.startswith("p") or _purpose(row) in (purpose, ANY))
    return "\n".join(("# Casbin takes no empty text", *kept))


def _purpose(row: str) -> str:
    return row.split(",")[3].strip()


def _caller(enforcer: casbin.Enforcer, roles: frozenset[str]) -> str:
    """A Casbin user that has these roles."""
    name = "@" + "+".join(sorted(roles))
    if not enforcer.has_grouping_policy(name, _KNOWN):
        for role in (*sorted(roles), _KNOWN):
            enforcer.add_role_for_user(name, role)
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
