"""Disclosure certificates: the exact set of fields that can ever leave through a document.

* One section for each role, purpose and kind of subject that the document is for: every catalogue field that can
  leave with its outcome, the fields that are asked for but never leave, the lists whose length and record ids
  show, and the yes/no questions that are answered.
* It is the maximum: all variables, and for a purpose that rests on consent a consent over all items of the
  template. What is asked for under a narrower consent lies within it.
* Nothing in it depends on revisions, time or stored data, so that a difference is a difference of disclosure. It is
  a file beside the document, reviewed like code: `loan-file.certificate.json`.

Comparing two of them tells widening (a field appears, or its outcome opens) from narrowing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hub.catalog.types import SubjectKind
from hub.disclosure.plan import PlanCompiler, Scope
from hub.disclosure.rules import Rules
from hub.documents.reach import ANY_QUESTION, Reach
from hub.documents.registry import TrustedDocument
from hub.errors import DocumentsError
from hub.model.outcome import Outcome
from hub.policies.predicates import Predicate

_CLOSED = Outcome.WITHHELD.name


@dataclass(frozen=True)
class Section:
    """What can leave to one role, for one purpose, about one kind of subject."""

    role: str
    purpose: str
    kind: str
    fields: Mapping[str, str]
    """Field id to the name of its outcome; a field that only answers questions does not leave."""
    withheld: tuple[str, ...]
    """Field ids asked for that never leave."""
    lists: tuple[str, ...]
    """Datasets whose records may be counted and named by id."""
    questions: tuple[str, ...] = ()
    """Codes of yes/no questions that are answered."""

    @property
    def key(self) -> str:
        """Role, purpose and kind in one word, as differences name it."""
        return f"{self.role}/{self.purpose}/{self.kind}"


_NOTHING = Section("", "", "", {}, (), ())


@dataclass(frozen=True)
class Certificate:
    """What can leave through one document."""

    document: str
    """The `documentId`."""
    sections: tuple[Section, ...]
    other: tuple[str, ...]
    """Leaves outside the catalogue, as paths: ids, cursors, entries of the log, registers."""

    def section(self, role: str, purpose: str, kind: str) -> Section | None:
        """The section of a role, a purpose and a kind; None: nothing leaves."""
        return next((s for s in self.sections if s.key == f"{role}/{purpose}/{kind}"), None)

    def to_json(self) -> bytes:
        """The certificate as it is committed: sorted, indented, ending in a newline."""
        body = {
            "documentId": self.document,
            "other": list(self.other),
            "sections": [
                {
                    "role": s.role,
                    "purpose": s.purpose,
                    "kind": s.kind,
                    "fields": dict(s.fields),
                    "withheld": list(s.withheld),
                    "lists": list(s.lists),
                    "questions": list(s.questions),
                }
                for s in self.sections
            ],
        }
        return orjson.dumps(
            body, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )


@dataclass(frozen=True)
class Difference:
    """How a certificate differs from the committed one."""

    wider: tuple[str, ...] = ()
    """Each way in which more can leave."""
    narrower: tuple[str, ...] = ()
    """Each way in which less can leave, or only the text or what is asked for in vain has changed."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.wider or self.narrower)


def certificate_file(folder: Path, name: str) -> Path:
    """Where the certificate of the document of this name lies."""
    return folder / f"{name}.certificate.json"


def certify(rules: Rules, trusted: TrustedDocument) -> Certificate:
    """Compute the certificate of a document under the rules in force."""
    asked = trusted.asked
    sections = [
        _section(rules, asked, role, purpose, kind)
        for role in sorted(trusted.listed.roles)
        for purpose in sorted(trusted.listed.purposes)
        if rules.policy.holds((role,), purpose)
        for kind in asked.kinds
    ]
    return Certificate(trusted.id, tuple(sections), tuple(sorted(asked.other)))


def widest_scope(rules: Rules, role: str, purpose: str, kind: SubjectKind) -> Scope:
    """The scope of a request under the widest consent that can be given; without consent where none is needed."""
    items: dict[str, frozenset[str]] | None = None
    if rules.policy.purposes[purpose].consent_required:
        templates = [t for t in rules.policy.templates_for(purpose) if t.kind is kind]
        items = {dataset: frozenset() for template in templates for dataset in template.datasets}
    return Scope(frozenset({role}), purpose, kind, items)


def _section(rules: Rules, asked: Reach, role: str, purpose: str, kind: SubjectKind) -> Section:
    scope = widest_scope(rules, role, purpose, kind)
    compiler = PlanCompiler(rules.catalog, rules.table(scope.roles, purpose, kind), scope, 0)
    by_id = {field.id: compiler.decide(field).outcome for field in rules.catalog.fields()}
    listed = {
        dataset
        for dataset in asked.lists[kind]
        if any(by_id[f.id] > Outcome.PREDICATE for f in rules.catalog.datasets[dataset].fields)
    }
    shown = {field: by_id[field].name for field in asked.fields[kind] if by_id[field] > Outcome.PREDICATE}
    withheld = asked.fields[kind] - shown.keys()
    answered = sorted(q.code for q in open_questions(rules, asked, kind, by_id.__getitem__))
    return Section(
        role, purpose, kind.value, shown, tuple(sorted(withheld)), tuple(sorted(listed)), tuple(answered)
    )


def open_questions(
    rules: Rules, asked: Reach, kind: SubjectKind, outcome: Callable[[str], Outcome]
) -> Iterator[Predicate]:
    """The questions of a document that are answered, given the outcome of each field id."""
    for predicate in rules.policy.questionnaire.predicates.values():
        dataset = rules.catalog.datasets[predicate.dataset]
        if asked.questions[kind] & {predicate.code, ANY_QUESTION} and kind in predicate.subjects:
            reads = (dataset.by_name[name].id for name in predicate.reads(dataset))
            if all(outcome(field) > Outcome.WITHHELD for field in reads):
                yield predicate


def read_certificate(folder: Path, name: str) -> Certificate | None:
    """The committed certificate of a document; None when there is none.

    Raises:
        DocumentsError: when it cannot be read.
    """
    path = certificate_file(folder, name)
    if not path.is_file():
        return None
    try:
        body: dict[str, Any] = orjson.loads(path.read_bytes())
        sections = tuple(
            Section(
                s["role"],
                s["purpose"],
                s["kind"],
                {field: Outcome[outcome].name for field, outcome in s["fields"].items()},
                tuple(s["withheld"]),
                tuple(s["lists"]),
                tuple(s["questions"]),
            )
            for s in body["sections"]
        )
        return Certificate(body["documentId"], sections, tuple(body["other"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DocumentsError(
            f"The certificate of {name} cannot be read.",
            hint="Restore it, or write it anew with `hub documents approve`.",
        ) from None


def compare(committed: Certificate | None, now: Certificate) -> Difference:
    """How the certificate of now differs from the committed one; none committed means nothing may leave."""
    before = committed or Certificate("", (), ())
    wider: list[str] = []
    narrower: list[str] = []
    for where, old, new in _outcomes(before, now):
        if old != new:
            (wider if Outcome[new] > Outcome[old] else narrower).append(f"{where}: {old} -> {new}")
    for where, had, has in _members(before, now):
        wider.extend(f"{where}: {name} appears" for name in sorted(has - had))
        narrower.extend(f"{where}: {name} is gone" for name in sorted(had - has))
    if not wider and not narrower and before.to_json() != now.to_json():
        narrower.append("the text of the document, or what it asks for in vain, has changed")
    return Difference(tuple(wider), tuple(narrower))


def _outcomes(before: Certificate, now: Certificate) -> Iterator[tuple[str, str, str]]:
    old, new = ({s.key: s.fields for s in c.sections} for c in (before, now))
    for key in sorted(old.keys() | new.keys()):
        mine, theirs = old.get(key, {}), new.get(key, {})
        for field in sorted(mine.keys() | theirs.keys()):
            yield f"{key} {field}", mine.get(field, _CLOSED), theirs.get(field, _CLOSED)


def _members(before: Certificate, now: Certificate) -> Iterator[tuple[str, set[str], set[str]]]:
    old, new = ({s.key: s for s in c.sections} for c in (before, now))
    for key in sorted(old.keys() | new.keys()):
        mine, theirs = old.get(key, _NOTHING), new.get(key, _NOTHING)
        yield f"{key} list", set(mine.lists), set(theirs.lists)
        yield f"{key} question", set(mine.questions), set(theirs.questions)
    yield "other", set(before.other), set(now.other)
