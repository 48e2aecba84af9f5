"""Changing the policy in force: publish a folder, or go back to a revision that was published before.

- What is published has been linted against the catalogue, and its own cases hold.
- Storing it, putting it in force, the entry in the audit log and the notification to all processes are one
  transaction: there is no change without its entry.
- Changes are made one after the other; each entry names the revision before and after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.catalog.types import Catalog
from hub.errors import InputError, PolicyError
from hub.policies import store
from hub.policies.cases import FILE as CASES
from hub.policies.cases import read_cases, run_cases
from hub.policies.files import FILES, build_policy, revision
from hub.policies.model import PolicySet
from hub.policies.reference import CasbinReference
from hub.store.database import Database

REVISION_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the policy in force."""

    act: str
    """`policy.publish` or `policy.activate`."""
    old: str
    """Revision before; empty for the first."""
    new: str
    by: str
    at: datetime


Recorder = Callable[[Any, Change], Awaitable[None]]
"""Writes the entry about a change over the connection it is handed, inside that connection's transaction."""


class Publisher:
    """Changes the policy of one database."""

    def __init__(self, database: Database, record: Recorder) -> None:
        self._database = database
        self._record = record

    async def publish(self, policy: PolicySet, *, by: str, note: str, now: datetime) -> Change:
        """Store a policy that was checked, and put it in force.

        Args:
            policy: from `check_files` or `load_policies`.
            by: who does it, as the log names them.
            note: why, for those who read the list of revisions.
            now: the instant of the change.

        Raises:
            InputError: when this revision is in force already.
            UnavailableError: when database or log cannot take it; nothing changed then.
        """
        async with self._database.connection() as connection, connection.transaction():
            await store.keep(connection, policy.revision, policy.files, by, note, now)
            return await self._put_in_force(connection, "policy.publish", policy.revision, by, now)

    async def activate(self, policy_revision: str, *, by: str, now: datetime) -> Change:
        """Put a revision in force that was published before; it must have been checked again.

        Raises:
            InputError: when it is in force already.
            UnavailableError: when database or log cannot take it; nothing changed then.
        """
        async with self._database.connection() as connection, connection.transaction():
            return await self._put_in_force(connection, "policy.activate", policy_revision, by, now)

    async def begin(self, policy: PolicySet, *, by: str, note: str, now: datetime) -> Change | None:
        """Publish the first policy of a database; None when there is one already.

        Raises:
            UnavailableError: when database or log cannot take it; nothing changed then.
        """
        async with self._database.connection() as connection, connection.transaction():
            if not await store.begin(connection, policy.revision, by, now):
                return None
            await store.keep(connection, policy.revision, policy.files, by, note, now)
            return await self._recorded(connection, Change("policy.publish", "", policy.revision, by, now))

    async def _put_in_force(self, connection: Any, act: str, new: str, by: str, now: datetime) -> Change:
        current = await store.active(connection, lock=True)
        if current is None and await store.begin(connection, new, by, now):
            return await self._recorded(connection, Change(act, "", new, by, now))
        current = current or await store.active(connection, lock=True)
        old = current.revision if current else ""
        if old == new:
            raise InputError(
                "This policy is in force already.",
                hint="Change the folder first, or choose another revision.",
                message_zh="该策略已生效。",
            )
        await store.switch(connection, new, by, now)
        return await self._recorded(connection, Change(act, old, new, by, now))

    async def _recorded(self, connection: Any, change: Change) -> Change:
        await store.announce(connection, change.new)
        await self._record(connection, change)
        return change


def check_files(files: Mapping[str, str], catalog: Catalog, *, by_casbin: bool = False) -> PolicySet:
    """The policy of a folder's texts, linted, with its own cases run.

    Args:
        files: texts by file name.
        catalog: the catalogue it must fit.
        by_casbin: run the cases by Casbin as well, which takes seconds.

    Raises:
        PolicyError: when a file is missing or breaks a rule, or a case does not hold.
    """
    if set(files) != set(FILES):
        raise PolicyError(
            "A published policy does not consist of the files of a policy folder.",
            hint="Publish the folder again with `hub policy publish`.",
        )
    policy = build_policy(files, catalog)
    cases = read_cases(files[CASES], policy, catalog)
    report = run_cases(policy, catalog, cases, CasbinReference(policy) if by_casbin else None)
    if report.failures:
        raise PolicyError(
            str(report.failures[0]), hint=f"{len(report.failures)} fields fail their case: `hub policy test`."
        )
    return policy


def check_published(wanted: str, files: Mapping[str, str], catalog: Catalog) -> PolicySet:
    """The policy of a stored revision, checked as if it came from a folder.

    Raises:
        PolicyError: when the files are not those of the revision, or do not hold.
    """
    if revision(files) != wanted:
        raise PolicyError(
            "The stored files of a policy are not those of its revision.",
            hint="Publish the folder again, or go back with `hub policy activate`.",
        )
    return check_files(files, catalog)


async def find_revision(database: Database, text: str) -> str:
    """The one published revision that begins with `text`; the prefix `sha256:` may be left out.

    Raises:
        InputError: when there is none, or more than one.
        UnavailableError: when the database is away.
    """
    prefix = text if text.startswith(REVISION_PREFIX) else REVISION_PREFIX + text
    async with database.connection() as connection:
        found = await store.find(connection, prefix)
    if len(found) != 1:
        what = "No published policy begins" if not found else "Several published policies begin"
        raise InputError(
            f"{what} like this.",
            hint="`hub policy list` shows them.",
            message_zh="没有唯一匹配的策略版本。",
        )
    return found[0]
