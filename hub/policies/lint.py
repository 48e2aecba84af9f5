"""What must hold between rules, registries and catalogue. A policy that breaks one of these is not loaded.

- Every rule matches at least one field of the catalogue, for its kind and level.
- An opening rule names its purpose, and its role may hold that purpose; roles of `roles.toml` without
  field data (officer, operator, auditor) have no opening rule, and those without persons none for persons.
- An opening rule at MASKED matches something that has a mask.
- Every field is opened to someone, or stands in `closed.toml` with a reason, and not both.
- A consent template asks for exactly what its purpose opens for its kind of subject: nothing is shown that
  was not asked for, and nothing is asked for that is not needed (PIPL art. 6).
- Inheritance has no circle.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.catalog.types import Catalog, Field, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.compile import DecisionTable, compile_table
from hub.policies.model import ANY, Effect, PolicySet, Rule
from hub.policies.patterns import matches, may_touch
from hub.policies.rows import FILE, Link, row_error


def check(policy: PolicySet, catalog: Catalog) -> None:
    """Hold a policy to the rules above.

    Raises:
        PolicyError: at the first rule broken, with file, row and column.
    """
    for rule in policy.rules:
        fields = _matched(rule, catalog)
        if rule.effect is Effect.ALLOW:
            _check_opening(rule, fields, policy)
    _check_coverage(policy, catalog)
    _check_templates(policy, catalog)


def check_links(links: tuple[Link, ...]) -> None:
    """Refuse a circle of inheritance and a row that stands twice.

    Raises:
        PolicyError: with the row that closes the circle or repeats another.
    """
    parents: dict[str, set[str]] = {}
    for link in links:
        above, waiting = {link.parent}, [link.parent]
        while waiting:
            for role in parents.get(waiting.pop(), set()) - above:
                above.add(role)
                waiting.append(role)
        if link.role in above:
            raise row_error(link.row, "parent", "the inheritance runs in a circle", "Delete one of its rows.")
        if link.parent in parents.setdefault(link.role, set()):
            raise row_error(link.row, "parent", "this inheritance stands already above", "Delete the row.")
        parents[link.role].add(link.parent)


def idle_rules(policy: PolicySet, catalog: Catalog) -> tuple[Rule, ...]:
    """Opening rules that decide nothing for any role, purpose and kind: others always decide before them."""
    deciding = {d.rule for table in _single_role_tables(policy, catalog) for d in table.values()}
    return tuple(r for r in policy.rules if r.effect is Effect.ALLOW and r.id not in deciding)


def warnings(policy: PolicySet, catalog: Catalog) -> Iterator[str]:
    """What is allowed but deserves a look, one sentence each."""
    for rule in idle_rules(policy, catalog):
        yield f"{FILE} row {rule.row}: rule {rule.id} never decides; another rule always does before it."
    for purpose in policy.purposes.values():
        if not purpose.verified:
            yield f"purposes.toml: {purpose.code} is not verified against its legal text."
    for matter in policy.matters.values():
        if not matter.verified:
            yield f"matters.toml: {matter.code} is not verified against the published list."


def _matched(rule: Rule, catalog: Catalog) -> list[Field]:
    near = [d for d in catalog if may_touch(rule.pattern, d.id)]
    named = [(f, d) for d in near for f in d.fields if matches(rule.pattern, f.id)]
    if not named:
        hint = "Correct the pattern or delete the row."
        raise row_error(rule.row, "object", "the pattern matches no field of the catalogue", hint)
    if not any(rule.concerns(k) for _, d in named for k in d.subjects):
        hint = "Correct the kind or delete the row."
        raise row_error(rule.row, "kind", "no dataset under the pattern has subjects of this kind", hint)
    reached = {f.id: f for f, _ in _reached(rule, catalog)}
    if not reached:
        raise row_error(
            rule.row, "level", "no field under the pattern has such a level", "Correct the level."
        )
    return list(reached.values())


def _reached(rule: Rule, catalog: Catalog) -> Iterator[tuple[Field, SubjectKind]]:
    for dataset in (d for d in catalog if may_touch(rule.pattern, d.id)):
        for field in dataset.fields:
            if matches(rule.pattern, field.id):
                for kind in dataset.subjects:
                    if rule.concerns(kind) and rule.reaches_level(field.level_for(kind)):
                        yield field, kind


def _check_opening(rule: Rule, fields: list[Field], policy: PolicySet) -> None:
    role = policy.roles[rule.role]
    if rule.purpose == ANY:
        raise row_error(rule.row, "purpose", "an opening rule must name its purpose", "Write a purpose code.")
    if not role.field_data:
        raise row_error(rule.row, "role", f"the role {role.code} never sees field data", "Delete the row.")
    if not role.persons and rule.kind != SubjectKind.ORG:
        raise row_error(rule.row, "kind", f"the role {role.code} never sees persons", "Write ORG.")
    if role.code not in policy.purposes[rule.purpose].holders:
        hint = "Add the role to the holders in purposes.toml, or delete the row."
        raise row_error(rule.row, "purpose", f"the role {role.code} may not hold {rule.purpose}", hint)
    if rule.outcome is Outcome.MASKED and not any(field.mask for field in fields):
        raise row_error(
            rule.row,
            "outcome",
            "nothing the rule matches has a mask",
            "Give the field a mask, or delete the row.",
        )


def _check_templates(policy: PolicySet, catalog: Catalog) -> None:
    for purpose in sorted(p.code for p in policy.purposes.values() if p.consent_required):
        for kind in SubjectKind:
            opened = _opened_datasets(policy, catalog, purpose, kind)
            asked = {d: t.id for t in policy.templates_for(purpose) if t.kind is kind for d in t.datasets}
            for dataset, rule in sorted(opened.items()):
                if dataset not in asked:
                    message = f"no consent template of {purpose} asks {kind} subjects for {dataset}"
                    hint = "Add it to consents.toml, or narrow the pattern."
                    raise row_error(rule.row, "object", message, hint)
            for dataset, template in sorted(asked.items()):
                if dataset not in opened:
                    raise PolicyError(
                        f"consents.toml, entry {template}: it asks for {dataset}, which no rule opens.",
                        hint="Delete the item; consent covers what is needed and no more.",
                    )


def _opened_datasets(policy: PolicySet, catalog: Catalog, purpose: str, kind: SubjectKind) -> dict[str, Rule]:
    opened: dict[str, Rule] = {}
    for rule in policy.rules:
        if rule.effect is Effect.ALLOW and rule.purpose == purpose and rule.concerns(kind):
            opened |= {f.dataset: rule for f, k in _reached(rule, catalog) if k is kind}
    return opened


def _check_coverage(policy: PolicySet, catalog: Catalog) -> None:
    opened = {
        field_id
        for table in _single_role_tables(policy, catalog)
        for field_id, decision in table.items()
        if decision.outcome is not Outcome.WITHHELD
        and table.kind in catalog.datasets[field_id.rpartition(".")[0]].subjects
    }
    for field in catalog.fields():
        if field.id in opened and field.id in policy.closed:
            message = f"closed.toml names {field.id}, but a rule opens it"
            raise PolicyError(f"{message}.", hint="Delete the entry, or shut the field with a deny row.")
        if field.id not in opened and field.id not in policy.closed:
            hint = "Add a row to rules.csv, or name it in closed.toml with a reason."
            raise PolicyError(f"{FILE} has no rule that opens {field.id} to anyone.", hint=hint)


def _single_role_tables(policy: PolicySet, catalog: Catalog) -> Iterator[DecisionTable]:
    for purpose in policy.purposes.values():
        for role in purpose.holders:
            for kind in SubjectKind:
                yield compile_table(policy, catalog, frozenset({role}), purpose.code, kind)
