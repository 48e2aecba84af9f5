"""What must hold between rules, registries and catalogue. A policy that breaks one of these is not loaded.

- Every rule matches at least one field of the catalogue, for its kind and level.
- An opening rule names its purpose, and its role may hold that purpose; roles of `roles.toml` without
  field data (officer, operator, auditor) have no opening rule, and those without persons none for persons.
- An opening rule at MASKED matches something that has a mask; no rule opens a field at GENERALISED that cannot
  be made coarser; one at PREDICATE matches something that a declared question reads.
- Every declared question may be asked by someone.
- Every field is opened to someone, or stands in `closed.toml` with a reason, and not both.
- A consent template asks for exactly what its purpose opens for its kind of subject: nothing is shown that
  was not asked for, and nothing is asked for that is not needed (PIPL art. 6).
- An emergency grant names exactly the datasets that its purpose opens, so that nobody widens it by a rule alone.
- An opening rule names a purpose that reads subjects, that is, one with a fair-use template; the narrower caps of a
  template are about datasets that a rule opens for its purpose, and a range of data about such as have one.
- Inheritance has no circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hub.catalog.types import Catalog, Dataset, Field, Nature, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.compile import DecisionTable, TableCompiler
from hub.policies.model import ANY, Effect, PolicySet, Rule
from hub.policies.patterns import matches, may_touch
from hub.policies.rows import FILE, Link, row_error


def check(policy: PolicySet, catalog: Catalog) -> None:
    """Hold a policy to the rules above.

    Raises:
        PolicyError: at the first rule broken, with file, row and column.
    """
    patterns = _Patterns(catalog)
    asked = {field for reads in _questions(policy, catalog).values() for field in reads}
    for rule in policy.rules:
        fields = _matched(rule, patterns)
        if rule.effect is Effect.ALLOW:
            _check_opening(rule, fields, policy)
            _check_renders(rule, fields, asked)
    tables = tuple(_single_role_tables(policy, catalog))
    _check_coverage(policy, catalog, tables)
    _check_questions(policy, catalog, tables)
    _check_templates(policy, patterns)
    _check_grants(policy, patterns)
    _check_fair_use(policy, patterns)


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
    deciding = {d.rule for table in _single_role_tables(policy, catalog) for d in table.decisions.values()}
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
    for template in policy.fair_use.values():
        if not template.verified:
            yield f"fair_use.toml: {template.id} is not verified by those who answer for its caps."
    for predicate in policy.questionnaire.predicates.values():
        if not predicate.verified:
            yield f"predicates.toml: {predicate.code} is not confirmed by those who answer for its thresholds."
    unread = [code for code, template in policy.notices.templates.items() if not template.verified]
    if unread:
        yield f"notices.toml: {len(unread)} notices still await legal review."
    for name in policy.clocks.unverified:
        yield f"clocks.toml: {name} is not verified against its legal text."
    for ground in policy.grounds.values():
        if not ground.verified:
            yield f"withholding.toml: {ground.code} is not verified against its legal text."
    for term in policy.retention.values():
        if not term.verified:
            yield f"retention.toml: {term.code} is not verified against its legal text."
    unheld = [rule.id for rule in policy.detections.values() if not rule.verified]
    if unheld:
        yield f"detections.toml: {len(unheld)} rules are not verified by those who answer for their thresholds."
    if not all(term.verified for term in policy.review.severities.values()):
        yield "review.toml: time limits of cases are not verified."


class _Patterns:
    """The fields of a catalogue by the patterns that name them, each looked up once."""

    def __init__(self, catalog: Catalog) -> None:
        self._datasets = tuple(catalog)
        self._named: dict[str, list[tuple[Field, Dataset]]] = {}

    def named(self, pattern: str) -> list[tuple[Field, Dataset]]:
        """The fields a pattern names, each with its dataset."""
        found = self._named.get(pattern)
        if found is None:
            near = (d for d in self._datasets if may_touch(pattern, d.id))
            found = [(f, d) for d in near for f in d.fields if matches(pattern, f.id)]
            self._named[pattern] = found
        return found

    def timeless(self, dataset: str) -> bool:
        """Whether a dataset is read whatever its dates are."""
        return any(d.id == dataset and (d.profile or d.nature is Nature.BASIC) for d in self._datasets)

    def reached(self, rule: Rule) -> Iterator[tuple[Field, SubjectKind]]:
        """The fields a rule reaches, each with the kind of subject it does so for."""
        for field, dataset in self.named(rule.pattern):
            for kind in dataset.subjects:
                if rule.concerns(kind) and rule.reaches_level(field.level_for(kind)):
                    yield field, kind


def _matched(rule: Rule, patterns: _Patterns) -> list[Field]:
    named = patterns.named(rule.pattern)
    if not named:
        hint = "Correct the pattern or delete the row."
        raise row_error(rule.row, "object", "the pattern matches no field of the catalogue", hint)
    if not any(rule.concerns(k) for _, d in named for k in d.subjects):
        hint = "Correct the kind or delete the row."
        raise row_error(rule.row, "kind", "no dataset under the pattern has subjects of this kind", hint)
    reached = {f.id: f for f, _ in patterns.reached(rule)}
    if not reached:
        raise row_error(
            rule.row, "level", "no field under the pattern has such a level", "Correct the level."
        )
    return list(reached.values())


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
    if not policy.fair_use_for(rule.purpose):
        hint = "Add a template to fair_use.toml, or delete the row."
        raise row_error(
            rule.row, "purpose", f"{rule.purpose} has no fair-use template, so it reads nobody", hint
        )


def _check_renders(rule: Rule, fields: list[Field], asked: set[str]) -> None:
    """Refuse an outcome that nothing can show: no mask, no generaliser, or no question that reads the field."""
    if rule.outcome is Outcome.MASKED and not any(field.mask for field in fields):
        raise row_error(
            rule.row,
            "outcome",
            "nothing the rule matches has a mask",
            "Give the field a mask, or delete the row.",
        )
    if rule.outcome is Outcome.GENERALISED and not all(field.generalise for field in fields):
        raise row_error(
            rule.row,
            "outcome",
            "a field the rule matches cannot be made coarser",
            "Name `generalise` in the catalogue, or narrow the pattern.",
        )
    if rule.outcome is Outcome.PREDICATE and asked.isdisjoint(field.id for field in fields):
        hint = "Declare one in predicates.toml, or delete the row."
        raise row_error(rule.row, "outcome", "no declared question reads what the rule matches", hint)


def _questions(policy: PolicySet, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Field ids that each declared question reads, by code."""
    predicates = policy.questionnaire.predicates.values()
    return {
        p.code: tuple(f"{p.dataset}.{name}" for name in p.reads(catalog.datasets[p.dataset]))
        for p in predicates
    }


def _check_questions(policy: PolicySet, catalog: Catalog, tables: Sequence[DecisionTable]) -> None:
    for code, reads in _questions(policy, catalog).items():
        for kind in policy.questionnaire.predicates[code].subjects:
            if not any(
                table.kind is kind and all(table[field].outcome >= Outcome.PREDICATE for field in reads)
                for table in tables
            ):
                raise PolicyError(
                    f"predicates.toml, entry {code}: nobody may ask it about {kind} subjects.",
                    hint="Add rows at PREDICATE for every field it reads, or delete the entry.",
                )


def _check_templates(policy: PolicySet, patterns: _Patterns) -> None:
    for purpose in sorted(p.code for p in policy.purposes.values() if p.consent_required):
        for kind in SubjectKind:
            opened = _opened_datasets(policy, patterns, purpose, kind)
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


def _check_grants(policy: PolicySet, patterns: _Patterns) -> None:
    for purpose in policy.purposes.values():
        if purpose.emergency is None:
            continue
        opened: dict[str, Rule] = {}
        for kind in SubjectKind:
            opened |= _opened_datasets(policy, patterns, purpose.code, kind)
        for dataset, rule in sorted(opened.items()):
            if dataset not in purpose.emergency.items:
                message = f"an emergency grant for {purpose.code} does not name {dataset}"
                hint = "Add it to the items in purposes.toml, or narrow the pattern."
                raise row_error(rule.row, "object", message, hint)
        for dataset in purpose.emergency.items:
            if dataset not in opened:
                raise PolicyError(
                    f"purposes.toml, entry {purpose.code}.grant: it names {dataset}, which no rule opens.",
                    hint="Delete the item; an emergency opens what is needed and no more.",
                )


def _check_fair_use(policy: PolicySet, patterns: _Patterns) -> None:
    for template in (t for t in policy.fair_use.values() if t.datasets):
        opened = {
            d for kind in SubjectKind for d in _opened_datasets(policy, patterns, template.purpose, kind)
        }
        for dataset in template.datasets:
            if dataset not in opened:
                raise PolicyError(
                    f"fair_use.toml, entry {template.id}: no rule opens {dataset} for {template.purpose}.",
                    hint="Delete its caps, or open it in rules.csv.",
                )
            if template.datasets[dataset].range_months and patterns.timeless(dataset):
                raise PolicyError(
                    f"fair_use.toml, entry {template.id}: {dataset} holds basic facts, which no range of data cuts.",
                    hint="Delete its range_months.",
                )


def _opened_datasets(
    policy: PolicySet, patterns: _Patterns, purpose: str, kind: SubjectKind
) -> dict[str, Rule]:
    opened: dict[str, Rule] = {}
    for rule in policy.rules:
        if rule.effect is Effect.ALLOW and rule.purpose == purpose and rule.concerns(kind):
            opened |= {f.dataset: rule for f, k in patterns.reached(rule) if k is kind}
    return opened


def _check_coverage(policy: PolicySet, catalog: Catalog, tables: Iterable[DecisionTable]) -> None:
    held = {kind: {f.id for d in catalog if kind in d.subjects for f in d.fields} for kind in SubjectKind}
    opened: set[str] = set()
    for table in tables:
        shown = {i for i, decision in table.decisions.items() if decision.outcome is not Outcome.WITHHELD}
        opened |= shown & held[table.kind]
    for field in catalog.fields():
        if field.id in opened and field.id in policy.closed:
            message = f"closed.toml names {field.id}, but a rule opens it"
            raise PolicyError(f"{message}.", hint="Delete the entry, or shut the field with a deny row.")
        if field.id not in opened and field.id not in policy.closed:
            hint = "Add a row to rules.csv, or name it in closed.toml with a reason."
            raise PolicyError(f"{FILE} has no rule that opens {field.id} to anyone.", hint=hint)


def _single_role_tables(policy: PolicySet, catalog: Catalog) -> Iterator[DecisionTable]:
    compiler = TableCompiler(policy, catalog)
    for purpose in policy.purposes.values():
        for role in purpose.holders:
            for kind in SubjectKind:
                yield compiler.table(frozenset({role}), purpose.code, kind)
