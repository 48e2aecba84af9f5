"""Reads `detections.toml`: what in the audit log a person should look at, as rules with parameters.

- A rule names its method (`Method`), which `hub.audit.detect` computes, and exactly the parameters of that method.
- Its texts explain each finding; they may hold the facts of the method in braces, and nothing else in braces.
- Each rule says what it cannot see, states its source, and whether somebody who answers for it has verified it.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hub.catalog.types import Label
from hub.model.outcome import Reason
from hub.policies.entries import Entry, listed

FILE = "detections.toml"
EXCEPT = "except"
_COMMON = frozenset({"institution", "caller", "person", "subject", "count", "first", "last"})


class Severity(StrEnum):
    """How grave a finding or a case is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class RelationKind(StrEnum):
    """Why a person acting must stand aside from a subject, as its institution declares it (回避)."""

    SELF = "SELF"
    """It is the person itself."""
    RELATIVE = "RELATIVE"
    NEIGHBOUR = "NEIGHBOUR"
    """Or of the same household."""
    INTEREST = "INTEREST"
    """Another interest: creditor, debtor, former employer, dispute."""


class Method(StrEnum):
    """How a rule is computed."""

    NO_REFERENCE = "NO_REFERENCE"
    OFF_HOURS = "OFF_HOURS"
    OWN_INSTITUTION = "OWN_INSTITUTION"
    WATCHED = "WATCHED"
    DECLARED_RELATION = "DECLARED_RELATION"
    MANY_INSTITUTIONS = "MANY_INSTITUTIONS"
    ENUMERATION = "ENUMERATION"
    REFUSED_SUBJECTS = "REFUSED_SUBJECTS"
    REFUSAL_BURST = "REFUSAL_BURST"
    COMPLEMENTARY = "COMPLEMENTARY"
    PURPOSE_DRIFT = "PURPOSE_DRIFT"
    OPENINGS = "OPENINGS"
    OVERDUE_USE = "OVERDUE_USE"


class Form(NamedTuple):
    """What a method takes and tells."""

    numbers: Mapping[str, tuple[int, int]] = {}
    """Parameters that are whole numbers, with the least and the most."""
    purposes: tuple[str, ...] = ()
    """Parameters that are lists of purposes; `except` may be left out."""
    reasons: tuple[str, ...] = ()
    """Parameters that are lists of reason codes."""
    kinds: tuple[str, ...] = ()
    """Parameters that are lists of kinds of declared relations."""
    facts: frozenset[str] = frozenset()
    """What its texts may hold, besides who, how often and when."""


_MANY, _PERCENT, _MINUTES, _PAST = (1, 100_000), (1, 100), (1, 1_440), (1, 5_000)
FORMS: Mapping[Method, Form] = {
    Method.NO_REFERENCE: Form(
        {"usual_percent": _PERCENT, "least": _MANY, "past": _PAST}, ("purposes",),
        facts=frozenset({"purpose", "share"}),
    ),
    Method.OFF_HOURS: Form(
        {"from_hour": (0, 23), "to_hour": (1, 24), "least": _MANY}, (EXCEPT, "automatic"),
        facts=frozenset({"day", "subjects"}),
    ),
    Method.OWN_INSTITUTION: Form(purposes=(EXCEPT,), facts=frozenset({"purpose"})),
    Method.WATCHED: Form(purposes=(EXCEPT,), facts=frozenset({"purpose"})),
    Method.DECLARED_RELATION: Form(
        {"after_days": (0, 1_000)}, (EXCEPT,), kinds=("kinds",), facts=frozenset({"purpose"})
    ),
    Method.MANY_INSTITUTIONS: Form({"institutions": _MANY}, (EXCEPT,), facts=frozenset({"institutions"})),
    Method.ENUMERATION: Form(
        {"subjects": _MANY, "unnamed_subjects": _MANY, "minutes": _MINUTES, "batch": _MANY}, (EXCEPT,),
        facts=frozenset({"subjects", "minutes"}),
    ),
    Method.REFUSED_SUBJECTS: Form(
        {"subjects": _MANY, "minutes": _MINUTES}, (EXCEPT,), ("reasons",),
        facts=frozenset({"subjects", "minutes"}),
    ),
    Method.REFUSAL_BURST: Form(
        {"refusals": _MANY, "minutes": _MINUTES}, (EXCEPT,), facts=frozenset({"minutes"})
    ),
    Method.COMPLEMENTARY: Form({"fields": _MANY}, (EXCEPT,), facts=frozenset({"views", "fields"})),
    Method.PURPOSE_DRIFT: Form(
        {"percent": _PERCENT, "least": _MANY, "past": _PAST}, (EXCEPT,),
        facts=frozenset({"purpose", "share", "before"}),
    ),
    Method.OPENINGS: Form(facts=frozenset({"index", "stated", "needed", "misfit"})),
    Method.OVERDUE_USE: Form({"least": _MANY}, facts=frozenset({"purpose"})),
}  # fmt: skip
_SEVERITIES = {severity.value: severity for severity in Severity}
_METHODS = {method.value: method for method in Method}
_KINDS = {kind.value: kind for kind in RelationKind}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Detection:
    """One rule."""

    id: str
    method: Method
    title: Label
    text: Label
    """Explains a finding; facts in braces."""
    unseen: Label
    """What the rule cannot see."""
    severity: Severity
    numbers: Mapping[str, int]
    words: Mapping[str, frozenset[str]]
    """Lists of purposes, reasons and kinds of relations, by parameter."""
    source: str
    verified: bool

    def explain(self, facts: Mapping[str, str]) -> Label:
        """The text of a finding; a fact that is not there is a dash."""
        known = dict.fromkeys(_COMMON | FORMS[self.method].facts, "—")
        known |= {name: fact for name, fact in facts.items() if fact}
        return Label(self.text.zh.format_map(known), self.text.en.format_map(known))

    def concerns(self, purpose: str) -> bool:
        """Whether reads for a purpose are looked at."""
        return purpose not in self.words.get(EXCEPT, ())


def read_detections(text: str, purposes: Mapping[str, object]) -> dict[str, Detection]:
    """The rules of a file, by id.

    Args:
        text: of the file.
        purposes: the registered ones, by code.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    found: dict[str, Detection] = {}
    for entry in listed(FILE, text, "detection"):
        rule = _rule(entry, purposes)
        if rule.id in found:
            raise entry.error("id", f"{rule.id} stands twice", "Give each rule an id of its own.")
        found[rule.id] = rule
        entry.close()
    return found


def _rule(entry: Entry, purposes: Mapping[str, object]) -> Detection:
    method = entry.known("method", _METHODS, "the methods")
    form = FORMS[method]
    rule = Detection(
        id=entry.text("id"),
        method=method,
        title=entry.label("title"),
        text=entry.label("text"),
        unseen=entry.label("unseen"),
        severity=entry.known("severity", _SEVERITIES, "the severities"),
        numbers={name: _number(entry, name, *span) for name, span in form.numbers.items()},
        words=_words(entry, form, purposes),
        source=entry.text("source"),
        verified=entry.flag("verified"),
    )
    _check_text(entry, rule.text, _COMMON | form.facts)
    if method is Method.OFF_HOURS and rule.numbers["from_hour"] >= rule.numbers["to_hour"]:
        raise entry.error("to_hour", "the working day ends before it begins", "Write a later hour.")
    return rule


def _number(entry: Entry, name: str, least: int, most: int) -> int:
    value = entry.whole(name)
    if not least <= value <= most:
        raise entry.error(name, "the number is out of range", f"Write {least} to {most}.")
    return value


def _words(entry: Entry, form: Form, purposes: Mapping[str, object]) -> dict[str, frozenset[str]]:
    found = {
        name: frozenset(entry.words(name, purposes, "purposes.toml"))
        for name in form.purposes
        if name != EXCEPT or entry.has(name)
    }
    found |= {name: frozenset(entry.words(name, _KINDS, "the kinds of relations")) for name in form.kinds}
    return found | {name: frozenset(entry.words(name, _REASONS, "the reasons")) for name in form.reasons}


def _check_text(entry: Entry, label: Label, known: frozenset[str]) -> None:
    for key, text in (("text_zh", label.zh), ("text_en", label.en)):
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError:
            raise entry.error(key, "a brace is not closed", "Write {name}.") from None
        for _, name, form, conversion in parts:
            if name is not None and (name not in known or form or conversion):
                raise entry.error(key, "a fact is not known", f"Use {', '.join(sorted(known))}.")
