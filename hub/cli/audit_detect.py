"""`hub audit detect`: what the detection rules find in a range of time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
import typer

from hub.audit.cases import ReviewCases
from hub.audit.detect import Detected, Wanted, detect, explained
from hub.audit.detect_methods import Finding
from hub.audit.entry import Kind
from hub.catalog.types import SubjectKind
from hub.cli import audit_options as options
from hub.cli.console import say
from hub.cli.desk import Desk, at_desk
from hub.clock import CST, civil_date

_SHOWN = 20
SECONDS = 60.0
"""Longest time of the job of every day."""


def detect_now(
    since: options.Since = "",
    until: options.Until = "",
    rule: Annotated[str | None, typer.Option(help="Id of one rule in policies/detections.toml.")] = None,
    caller: Annotated[str | None, typer.Option(help="Only findings about this client.")] = None,
    institution: Annotated[
        str | None, typer.Option(help="Only findings about this institution, USCC.")
    ] = None,
    seconds: options.Seconds = SECONDS,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Compute the detection rules over a range of the log; default: the last seven days.

    Each finding comes with its explanation, its entries, and what its rule cannot see. The reading itself is entered
    into the log. Exit code 0, whatever is found.
    """

    async def act(desk: Desk) -> tuple[Detected, list[list[str]]]:
        now = desk.clock.now()
        end = options.instant(until, "--until") or now
        wanted = Wanted.checked(
            desk.rules.policy, options.instant(since, "--since") or end - timedelta(days=7), end, rule, caller,
            institution,
        )  # fmt: skip
        found = await _detect(desk, wanted, now, seconds)
        cases = ReviewCases(desk.database, desk.log, desk.ring.sealer())
        return found, await cases.covering([(one.rule.id, one.entries) for one in found.findings])

    found, cases = at_desk(act)
    for one, covering in zip(found.findings, cases, strict=True):
        if json_lines:
            say(orjson.dumps(_document(one, found, covering)).decode())
        else:
            _show(one, covering)
    if not json_lines:
        say(
            f"{len(found.findings)} findings over {found.entries} entries, {found.withheld} of them withheld."
        )


async def detect_yesterday(desk: Desk) -> str:
    """The job of every day: compute the rules over the civil day before, and leave in the log what they found."""
    now = desk.clock.now()
    today = civil_date(now)
    end = datetime(today.year, today.month, today.day, tzinfo=CST)
    wanted = Wanted.checked(desk.rules.policy, end - timedelta(days=1), end)
    found = await _detect(desk, wanted, now, SECONDS)
    return f"{len(found.findings)} findings over {found.entries} entries"


async def _detect(desk: Desk, wanted: Wanted, now: datetime, seconds: float) -> Detected:
    def own(uscc: str) -> bytes:
        return desk.indexer.subject_id(SubjectKind.ORG, uscc)

    found = await detect(desk.database, desk.rules.policy, own, wanted, now, seconds=seconds)
    counts = Counter(one.rule.id for one in found.findings)
    await desk.record(
        "audit.detect", now=now, kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW",
        detail={**wanted.said(), "findings": dict(sorted(counts.items()))},
    )  # fmt: skip
    return found


def _show(one: Finding, cases: list[str]) -> None:
    title, words = one.rule.title, explained(one)
    say(f"{one.rule.severity.value:6} {one.rule.id}  {title.zh} {title.en}")
    say(f"  {words.zh}")
    say(f"  {words.en}")
    say(f"  ? {one.rule.unseen.zh} {one.rule.unseen.en}")
    more = f" and {one.count - _SHOWN} more" if one.count > _SHOWN else ""
    say(f"  entries {', '.join(map(str, one.entries[:_SHOWN]))}{more}")
    if cases:
        say(f"  cases {', '.join(cases)}")
    say("")


def _document(one: Finding, found: Detected, cases: list[str]) -> dict[str, Any]:
    words = explained(one)
    return {
        "rule": one.rule.id,
        "policy": found.policy,
        "severity": one.rule.severity.value,
        "title": {"zh": one.rule.title.zh, "en": one.rule.title.en},
        "explanation": {"zh": words.zh, "en": words.en},
        "unseen": {"zh": one.rule.unseen.zh, "en": one.rule.unseen.en},
        "institution": one.who.institution or None,
        "caller": one.who.caller or None,
        "operator": one.who.person or None,
        "subject": one.subject or None,
        "entries": list(one.entries),
        "count": one.count,
        "first": one.first.astimezone(CST).isoformat(timespec="milliseconds"),
        "last": one.last.astimezone(CST).isoformat(timespec="milliseconds"),
        "cases": cases,
    }
