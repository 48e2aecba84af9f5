"""Reporting what came of a use: one entry of the institution that was shown something, and nothing stored besides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.ledger import REPORT
from hub.audit.log import AuditLog
from hub.audit.uses import Use, UseOutcome, owed_by
from hub.clock import to_millis
from hub.errors import InputError
from hub.policies.model import PolicySet
from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports."""

    client_id: str
    institution: str
    operator: str
    """Pseudonym of the person; empty when none is named."""
    purposes: Collection[str]
    """For which it may ask now, and so report."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that was made."""

    entry_id: str
    """Of the report's own entry."""
    uses: list[Use]
    """What it closes, each with the report before, if there was one."""


async def report_use(
    database: Database,
    log: AuditLog,
    reporter: Reporter,
    entry_id: str,
    subject_id: bytes | None,
    outcome: UseOutcome,
    reference: str,
    policy: PolicySet,
    now: datetime,
) -> Reported:
    """Report what came of a use, or of another one than was reported before.

    Args:
        database: where the log lies.
        log: takes the entry.
        reporter: who reports.
        entry_id: of the entry by which something was shown.
        subject_id: whose use; None: of all subjects of the entry.
        outcome: what came of it.
        reference: the institution's own number of the case; may be empty.
        policy: says for which purposes a report is owed.
        now: the instant.

    Raises:
        InputError: when the institution was shown nothing by such an entry that a report is owed of, whatever
            the reason.
        UnavailableError: when database or log cannot take it; nothing was reported then.
    """
    async with database.connection() as connection, connection.transaction():
        owed = await owed_by(connection, entry_id, reporter.institution, reporter.purposes, policy)
        uses = [use for use in owed if subject_id in (None, use.subject_id)]
        if not uses:
            raise _no_use()
        entry = _entry(reporter, uses, outcome, reference, policy, now)
        await log.append_in(connection, [entry])
    return Reported(entry.entry_id, uses)


def _entry(
    reporter: Reporter, uses: list[Use], outcome: UseOutcome, reference: str, policy: PolicySet, now: datetime
) -> Entry:
    first = uses[0]
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, reporter.client_id,
        institution=reporter.institution, operator=reporter.operator, purpose=first.purpose, operation=REPORT,
        policy=policy.revision, subjects=tuple(_part(use, first.purpose) for use in uses),
        detail={
            "use": first.entry_id, "readAt": to_millis(first.at), "outcome": outcome.value, "reference": reference,
            "amends": any(use.report is not None for use in uses),
        },
    )  # fmt: skip


def _part(use: Use, stated: str) -> SubjectPart:
    """The use's own ground goes along: it decides when the subject may know."""
    purpose = use.purpose if use.purpose != stated else ""
    return SubjectPart(use.subject_id, EntryOutcome.DONE, basis=use.basis, purpose=purpose)


def _no_use() -> InputError:
    return InputError(
        "There is no such use of yours that a report is owed of.",
        hint="`unclosedUses` lists yours; take `entry` from there or from the receipt, under a token for its purpose.",
        message_zh="没有需要贵机构报告结果的该次查询。",
    )
