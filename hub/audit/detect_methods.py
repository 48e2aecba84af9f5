"""The methods of detection rules that look at who read whom: each gives findings over one scan of the log.

A method is a function of the rule and the scan, and of nothing else: the same log gives the same findings, in the same
order. What a method cannot see is said by its rule (`Detection.unseen`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import NamedTuple, TypeVar

from hub.audit.detect_scan import Fields, Past, Scan, Seen, Who
from hub.audit.relations import Relation
from hub.clock import CST
from hub.model.workdays import WorkingCalendar
from hub.policies.detections import Detection, Method

MOST_LISTED = 100
"""Entries listed with a finding; the first."""
_NOBODY = Past()
_K = TypeVar("_K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should look at."""

    rule: Detection
    who: Who
    """Parts that the finding is not about are empty."""
    subject: str
    """Pseudonym; empty: of no single subject."""
    entries: tuple[int, ...]
    """Indices, at most 100."""
    count: int
    """Of entries in all."""
    first: datetime
    last: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the explanation is filled with, besides."""


class Surroundings(NamedTuple):
    """What methods know besides the log."""

    calendar: WorkingCalendar
    own: Callable[[str], str]
    """Pseudonym of an institution as a subject."""
    watched: Collection[str]
    """Pseudonyms on the watch list."""
    relations: Mapping[tuple[str, str, str], Sequence[Relation]] = {}
    """By institution, person and subject: the declarations of avoidance about the persons of the scan."""


def finding(rule: Detection, group: Sequence[Seen], who: Who, subject: str = "", **facts: object) -> Finding:
    """A finding over some of what was seen."""
    entries = list(dict.fromkeys(one.index for one in group))
    return Finding(
        rule, who, subject, tuple(entries[:MOST_LISTED]), len(entries),
        min(one.at for one in group), max(one.at for one in group),
        {name: str(fact) for name, fact in facts.items()},
    )  # fmt: skip


def _grouped(seen: Iterable[Seen], key: Callable[[Seen], _K]) -> dict[_K, list[Seen]]:
    found: dict[_K, list[Seen]] = {}
    for one in seen:
        found.setdefault(key(one), []).append(one)
    return found


def no_reference(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """Shown without a case number, where the purpose or the caller's own habit would have one."""

    def usual(one: Seen) -> int:
        past = scan.past.get(one.who.caller, _NOBODY)
        reads = past.reads[one.purpose]
        share = past.referred[one.purpose] * 100 // reads if reads else 0
        return share if reads >= rule.numbers["least"] else 0

    without = [one for one in scan.seen if one.shown and not one.referred]
    for (who, purpose), group in _grouped(without, lambda one: (one.who, one.purpose)).items():
        share = usual(group[0])
        if purpose in rule.words["purposes"] or share >= rule.numbers["usual_percent"]:
            yield finding(rule, group, who, purpose=purpose, share=share)


def off_hours(rule: Detection, scan: Scan, around: Surroundings) -> Iterator[Finding]:
    """Shown on a day off or before or after the working day, in civil time; by person and day."""

    def off(one: Seen) -> bool:
        at = one.at.astimezone(CST)
        working = rule.numbers["from_hour"] <= at.hour < rule.numbers["to_hour"]
        automatic = not one.who.person and one.purpose in rule.words.get("automatic", ())
        return not automatic and not (working and around.calendar.works(at.date()))

    looked = [one for one in scan.seen if one.shown and rule.concerns(one.purpose) and off(one)]
    groups = _grouped(looked, lambda one: (one.who, one.at.astimezone(CST).date()))
    for (who, day), group in groups.items():
        subjects = {one.subject for one in group}
        if len(subjects) >= rule.numbers["least"]:
            yield finding(rule, group, who, day=day.isoformat(), subjects=len(subjects))


def own_institution(rule: Detection, scan: Scan, around: Surroundings) -> Iterator[Finding]:
    """The institution that asks is the subject."""
    named = {one.who.institution for one in scan.seen if one.who.institution}
    own = {institution: around.own(institution) for institution in sorted(named)}
    about = [
        one
        for one in scan.seen
        if one.shown and rule.concerns(one.purpose) and one.subject == own.get(one.who.institution)
    ]
    for (who, purpose), group in _grouped(about, lambda one: (one.who, one.purpose)).items():
        yield finding(rule, group, who, group[0].subject, purpose=purpose)


def watched(rule: Detection, scan: Scan, around: Surroundings) -> Iterator[Finding]:
    """A subject of the watch list was shown to somebody."""
    about = [
        one for one in scan.seen if one.shown and one.subject in around.watched and rule.concerns(one.purpose)
    ]
    groups = _grouped(about, lambda one: (one.subject, one.who, one.purpose))
    for (subject, who, purpose), group in groups.items():
        yield finding(rule, group, who, subject, purpose=purpose)


def declared_relation(rule: Detection, scan: Scan, around: Surroundings) -> Iterator[Finding]:
    """A person was shown a subject from which, as its institution has declared, it must stand aside."""
    kinds, days = rule.words["kinds"], rule.numbers["after_days"]

    def declared(one: Seen) -> bool:
        known = around.relations.get((one.who.institution, one.who.person, one.subject), ())
        return any(relation.kind in kinds and relation.covers(one.at, days) for relation in known)

    about = [one for one in scan.seen if one.shown and rule.concerns(one.purpose) and declared(one)]
    groups = _grouped(about, lambda one: (one.subject, one.who, one.purpose))
    for (subject, who, purpose), group in groups.items():
        yield finding(rule, group, who, subject, purpose=purpose)


def many_institutions(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """A subject that unusually many institutions were shown."""
    looked = [one for one in scan.seen if one.shown and rule.concerns(one.purpose)]
    for subject, group in _grouped(looked, lambda one: one.subject).items():
        institutions = {one.who.institution for one in group}
        if len(institutions) >= rule.numbers["institutions"]:
            yield finding(rule, group, Who("", "", ""), subject, institutions=len(institutions))


def enumeration(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """Many different subjects one by one in a short time: by a person, and by a system, whoever is named."""
    batch, minutes = rule.numbers["batch"], rule.numbers["minutes"]
    looked = [
        one for one in scan.seen if one.subject and one.subjects <= batch and rule.concerns(one.purpose)
    ]
    named = [one for one in looked if one.who.person]
    found: set[tuple[str, int]] = set()
    for group in _grouped(named, lambda one: one.who).values():
        for burst in _bursts(group, minutes, rule.numbers["subjects"], _subject):
            found.add((burst[0].who.caller, burst[0].index))
            yield _burst(rule, burst, burst[0].who)
    for group in _grouped(looked, _system).values():
        for burst in _bursts(group, minutes, rule.numbers["unnamed_subjects"], _subject):
            if (burst[0].who.caller, burst[0].index) not in found:
                yield _burst(rule, burst, burst[0].who._replace(person=""))


def refused_subjects(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """A system that was refused about many different subjects in a short time."""
    refused = [
        one
        for one in scan.seen
        if one.subject
        and not one.shown
        and one.reason in rule.words["reasons"]
        and rule.concerns(one.purpose)
    ]
    for group in _grouped(refused, _system).values():
        for burst in _bursts(group, rule.numbers["minutes"], rule.numbers["subjects"], _subject):
            yield _burst(rule, burst, _common(burst))


def refusal_burst(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """A system of which many operations were refused in a short time."""
    refused = [one for one in scan.seen if not one.shown and rule.concerns(one.purpose)]
    for group in _grouped(refused, _system).values():
        for burst in _bursts(group, rule.numbers["minutes"], rule.numbers["refusals"], lambda one: one.index):
            yield _burst(rule, burst, _common(burst))


def complementary(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """Two clients or purposes of one institution, each shown of one subject what was withheld from the other."""
    looked = [one for one in scan.seen if one.fields is not None and rule.concerns(one.purpose)]
    for (institution, subject), group in _grouped(
        looked, lambda one: (one.who.institution, one.subject)
    ).items():
        views = sorted(_grouped(group, lambda one: (one.who.caller, one.purpose)).items())
        for (mine, of_mine), (other, of_other) in combinations(views, 2):
            gained = _gained(of_mine, of_other), _gained(of_other, of_mine)
            if min(map(len, gained)) >= rule.numbers["fields"]:
                told = " + ".join(_view(*view) for view in ((mine, of_mine), (other, of_other)))
                both = sorted(of_mine + of_other, key=lambda one: one.index)
                who = Who(institution, mine[0] if mine[0] == other[0] else "", "")
                yield finding(rule, both, who, subject, views=told, fields=sum(map(len, gained)))


def purpose_drift(rule: Detection, scan: Scan, _around: Surroundings) -> Iterator[Finding]:
    """The share of a purpose among a caller's reads is far above what it was."""
    least = rule.numbers["least"]
    looked = [one for one in scan.seen if one.shown and rule.concerns(one.purpose)]
    for caller, group in sorted(_grouped(looked, lambda one: one.who.caller).items()):
        past = scan.past.get(caller, _NOBODY).reads
        before = sum(past.values())
        if len(group) < least or before < least:
            continue
        counts = Counter(one.purpose for one in group)
        for purpose, count in sorted(counts.items()):
            share, was = count * 100 // len(group), past[purpose] * 100 // before
            if share - was >= rule.numbers["percent"]:
                grown = [one for one in group if one.purpose == purpose]
                who = _common(grown)
                yield finding(rule, grown, who, purpose=purpose, share=share, before=was)


METHODS: Mapping[Method, Callable[[Detection, Scan, Surroundings], Iterator[Finding]]] = {
    Method.NO_REFERENCE: no_reference,
    Method.OFF_HOURS: off_hours,
    Method.OWN_INSTITUTION: own_institution,
    Method.WATCHED: watched,
    Method.DECLARED_RELATION: declared_relation,
    Method.MANY_INSTITUTIONS: many_institutions,
    Method.ENUMERATION: enumeration,
    Method.REFUSED_SUBJECTS: refused_subjects,
    Method.REFUSAL_BURST: refusal_burst,
    Method.COMPLEMENTARY: complementary,
    Method.PURPOSE_DRIFT: purpose_drift,
}


def _subject(one: Seen) -> str:
    return one.subject


def _system(one: Seen) -> tuple[str, str]:
    return one.who.institution, one.who.caller


def _common(group: Sequence[Seen]) -> Who:
    """Who they have in common; the person only where it is one and the same."""
    persons = {one.who.person for one in group}
    return group[0].who._replace(person=persons.pop() if len(persons) == 1 else "")


def _burst(rule: Detection, burst: Sequence[Seen], who: Who) -> Finding:
    subjects = len({one.subject for one in burst})
    return finding(rule, burst, who, subjects=subjects, minutes=rule.numbers["minutes"])


def _view(key: tuple[str, str], group: Sequence[Seen]) -> str:
    """How one of two views is named: client, the roles it had, purpose."""
    caller, purpose = key
    roles = ", ".join(sorted({one.roles for one in group if one.roles}))
    return f"{caller} ({roles})/{purpose}" if roles else f"{caller}/{purpose}"


def _gained(mine: Sequence[Seen], other: Sequence[Seen]) -> set[str]:
    """Fields shown to one that were withheld from the other, and never shown to it."""
    shown, withheld = _fields(mine).shown, _fields(other).withheld
    lists = {name.removesuffix(".*") for name in withheld if name.endswith(".*")}
    hidden = {name for name in shown if name in withheld or name.rpartition(".")[0] in lists}
    return hidden - _fields(other).shown


def _fields(group: Sequence[Seen]) -> Fields:
    sets = {one.fields for one in group if one.fields is not None}
    empty: frozenset[str] = frozenset()
    return Fields(empty.union(*(s.shown for s in sets)), empty.union(*(s.withheld for s in sets)))


def _bursts(
    group: Sequence[Seen], minutes: int, least: int, key: Callable[[Seen], Hashable]
) -> Iterator[list[Seen]]:
    """Stretches in which any so many minutes hold at least so many different keys, each as long as it lasts."""
    window: deque[Seen] = deque()
    counts: Counter[Hashable] = Counter()
    burst: list[Seen] = []
    for one in sorted(group, key=lambda one: (one.at, one.index)):
        window.append(one)
        counts[key(one)] += 1
        while one.at - window[0].at >= timedelta(minutes=minutes):
            gone = window.popleft()
            counts[key(gone)] -= 1
            if not counts[key(gone)]:
                del counts[key(gone)]
        if len(counts) >= least:
            if burst:
                burst.append(one)
            else:
                burst = list(window)
        elif burst:
            yield burst
            burst = []
    if burst:
        yield burst
