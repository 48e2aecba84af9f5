"""Detection over a range of the log: the rules of the policy in force, each computed when somebody asks.

- Nothing is stored: the same log, rules and instants give the same findings.
- Nothing of the log leaves but indices, pseudonyms and counts; no value is opened.
- Bounded: a range is read once, within a limit of time and memory (`hub.audit.detect_scan`).
- Two rules rest on other parts of the review: openings on the equation, overdue outcomes on use-closure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.audit.detect_methods import METHODS, Finding, Surroundings, finding
from hub.audit.detect_scan import MOST, Scan, Seen, Who, past_of, scan
from hub.audit.entry import subject_ref
from hub.audit.relations import relations_of
from hub.audit.review_equation import Misfit, check_equation
from hub.audit.review_filter import EntryFilter
from hub.audit.review_read import SECONDS, index_range, reading
from hub.audit.uses import MAX_LIMIT, Use, UseFilter, unclosed_uses
from hub.audit.watch import watched_subjects
from hub.catalog.types import Label
from hub.clock import CST
from hub.errors import InputError
from hub.policies.detections import Detection, Method, Severity
from hub.policies.model import PolicySet
from hub.store.database import Database

LONGEST = timedelta(days=31)
"""The longest range of one detection."""
_GRAVITY = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2}


@dataclass(frozen=True, slots=True)
class Detected:
    """What the rules found."""

    findings: list[Finding]
    """The gravest first, then by rule and time."""
    policy: str
    """Revision of the rules."""
    entries: int
    """Entries of the log in the range."""
    withheld: int
    """Of these, without a body; the rules know nothing of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which range, and which rules."""

    since: datetime
    until: datetime
    """First instant that is no longer looked at."""
    rule: str | None = None
    """Id of one rule; None: all."""
    caller: str | None = None
    """Only findings about this client; a finding about several clients is not one of them."""
    institution: str | None = None

    @classmethod
    def checked(
        cls,
        policy: PolicySet,
        since: datetime,
        until: datetime,
        rule: str | None = None,
        caller: str | None = None,
        institution: str | None = None,
    ) -> Wanted:
        """What was asked for, held to its limits.

        Raises:
            InputError: when the range is empty or too long, there is no such rule, or a text cannot be one of these.
        """
        if not timedelta(0) < until - since <= LONGEST:
            raise InputError(
                f"The range is empty, or longer than {LONGEST.days} days.",
                hint="Give `since` before `until`, and look at longer times month by month.",
                message_zh=f"时段为空或超过 {LONGEST.days} 日。",
            )
        if rule is not None and rule not in policy.detections:
            raise InputError(
                "There is no such rule of detection.",
                hint=f"The rules are {', '.join(policy.detections)}.",
                message_zh="没有该检测规则。",
            )
        EntryFilter.checked(caller=caller, institution=institution)  # the log is told of both
        return cls(since, until, rule, caller, institution)

    def said(self) -> dict[str, str]:
        """As an entry of the log tells it."""
        told = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        more = {"rule": self.rule, "caller": self.caller, "institution": self.institution}
        return told | {name: value for name, value in more.items() if value}


async def detect(
    database: Database,
    policy: PolicySet,
    own: Callable[[str], bytes],
    wanted: Wanted,
    now: datetime,
    *,
    seconds: float = SECONDS,
    most: int = MOST,
) -> Detected:
    """Compute the rules over a range of the log.

    Args:
        database: where the log lies.
        policy: the rules, the working calendar and the purposes.
        own: subject id of an institution, by its USCC.
        wanted: range and rules.
        now: decides what is overdue.
        seconds: longest time.
        most: how many subjects of entries may be held at once.

    Raises:
        InputError: when it would take longer, or hold more.
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    rules = [rule for rule in policy.detections.values() if wanted.rule in (None, rule.id)]
    try:
        async with asyncio.timeout(seconds):
            found, read = await _detect(database, policy, own, wanted, now, rules, seconds, most)
    except TimeoutError:
        raise InputError(
            f"Detection looks through more of the log than {seconds:g} seconds allow.",
            hint="Narrow it by since and until, or to one rule.",
            message_zh=f"检测范围过大，超出 {seconds:g} 秒的时限，请缩短时段或只选一条规则。",
        ) from None
    kept = [one for one in found if _fits(one, wanted)]
    kept.sort(key=lambda one: (_GRAVITY[one.rule.severity], one.rule.id, one.first, one.entries, one.subject))
    return Detected(kept, policy.revision, read.entries, read.withheld)


async def _detect(
    database: Database,
    policy: PolicySet,
    own: Callable[[str], bytes],
    wanted: Wanted,
    now: datetime,
    rules: Sequence[Detection],
    seconds: float,
    most: int,
) -> tuple[list[Finding], Scan]:
    async with reading(database, seconds) as connection:
        first, end = await index_range(connection, wanted.since, wanted.until)
        fields = any(rule.method is Method.COMPLEMENTARY for rule in rules)
        read = await scan(connection, wanted.since, wanted.until, fields=fields, most=most)
        count = max((rule.numbers.get("past", 0) for rule in rules), default=0)
        if count:
            read.past = await past_of(connection, (one.who.caller for one in read.seen), first, count)
        around = Surroundings(
            policy.clocks.calendar,
            lambda institution: subject_ref(own(institution)),
            await watched_subjects(connection),
            await relations_of(connection, (one.who.person for one in read.seen if one.who.person)),
        )
    found = await asyncio.to_thread(_computed, rules, read, around)
    for rule in rules:
        if rule.method is Method.OPENINGS:
            found += [one async for one in _openings(database, rule, wanted, read)]
        if rule.method is Method.OVERDUE_USE:
            found += [one async for one in _overdue(database, rule, policy, wanted, now, (first, end))]
    return found, read


def _computed(rules: Sequence[Detection], read: Scan, around: Surroundings) -> list[Finding]:
    return [
        one for rule in rules if rule.method in METHODS for one in METHODS[rule.method](rule, read, around)
    ]


def explained(one: Finding) -> Label:
    """A finding in words."""
    facts = {
        "institution": one.who.institution, "caller": one.who.caller, "person": one.who.person,
        "subject": one.subject, "count": str(one.count), "first": _civil(one.first), "last": _civil(one.last),
    }  # fmt: skip
    return one.rule.explain({**facts, **one.facts})


async def _openings(
    database: Database, rule: Detection, wanted: Wanted, read: Scan
) -> AsyncIterator[Finding]:
    by_index = {one.index: one for one in read.seen}
    found = await check_equation(database, wanted.since, wanted.until)
    for misfit in found.findings:
        if misfit.misfit in (Misfit.MORE, Misfit.FEWER):
            one = by_index.get(misfit.index)
            who = one.who if one is not None else Who("", "", "")
            at = one.at if one is not None else wanted.since
            yield Finding(
                rule, who, "", (misfit.index,), 1, at, at,
                {"index": str(misfit.index), "stated": str(misfit.stated), "needed": str(misfit.needed),
                 "misfit": misfit.misfit.value},
            )  # fmt: skip


async def _overdue(
    database: Database,
    rule: Detection,
    policy: PolicySet,
    wanted: Wanted,
    now: datetime,
    span: tuple[int, int],
) -> AsyncIterator[Finding]:
    """Uses in the range whose outcome is overdue, by caller and purpose."""
    groups: dict[tuple[str, str, str], list[Use]] = {}
    after: int | None = span[0] - 1
    while after is not None and after < span[1]:
        page = await unclosed_uses(
            database, policy, UseFilter(overdue=True), now, limit=MAX_LIMIT, after=after
        )
        for use in page.uses:
            if wanted.since <= use.at < wanted.until:
                groups.setdefault((use.institution, use.caller, use.purpose), []).append(use)
        after = page.next_after
    for (institution, caller, purpose), uses in groups.items():
        if len(uses) >= rule.numbers["least"]:
            seen = [_seen(use) for use in uses]
            yield finding(rule, seen, Who(institution, caller, ""), purpose=purpose)


def _seen(use: Use) -> Seen:
    who = Who(use.institution, use.caller, use.operator)
    return Seen(
        use.index, use.at, who, use.purpose, subject_ref(use.subject_id), True, "", False, 1, None
    )  # fmt: skip


def _fits(one: Finding, wanted: Wanted) -> bool:
    return wanted.caller in (None, one.who.caller) and wanted.institution in (None, one.who.institution)


def _civil(at: datetime) -> str:
    return at.astimezone(CST).strftime("%Y-%m-%d %H:%M")
