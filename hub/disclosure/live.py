"""The rules in force in this process, following the policy that is in force in the database.

- A request takes `current` once, when it begins, and works with it to the end; its entry names that revision.
- A new policy is read, linted and compiled beside the running one and swapped in by one assignment.
- A policy that does not hold is refused: logged, counted, and the old one stays.
- The database rules: the folder of a starting process is published only when nothing was published before.

Example: `hub policy publish ./policies --note "…"` commits; every process hears of it, loads and swaps; the next
request of each is decided, and recorded, under the new revision.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import datetime

from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.audit.log import AuditLog
from hub.catalog.types import Catalog
from hub.disclosure.rules import Rules
from hub.errors import HubError, PolicyError
from hub.policies import store
from hub.policies.publish import Change, Publisher, Recorder, check_published
from hub.store.database import Database

_logger = logging.getLogger(__name__)


class LiveRules:
    """The rules of one process, kept up to date."""

    def __init__(
        self, database: Database, rules: Rules, sequence: int = 0, refused: Callable[[], None] = lambda: None
    ) -> None:
        """Hold rules that were loaded.

        Args:
            database: where policies are published.
            rules: the rules to begin with.
            sequence: the number of the change that put them in force; 0: none is known.
            refused: called when a policy is refused.
        """
        self._database = database
        self._current = rules
        self._seen = sequence
        self._refused = refused
        self._reading = asyncio.Lock()
        self.prepare: Callable[[Rules], None] = lambda _: None
        """Called, off the event loop, with rules that are about to be swapped in; what it raises refuses them."""

    @classmethod
    async def open(
        cls,
        database: Database,
        log: AuditLog,
        folder: Rules,
        now: datetime,
        refused: Callable[[], None] = lambda: None,
    ) -> LiveRules:
        """The rules that a starting process works with.

        Args:
            database: where policies are published.
            log: records the first publication.
            folder: catalogue and policy from their folders; published if nothing was published before.
            now: the instant of the start.
            refused: called when, later, a policy is refused.

        Raises:
            PolicyError: when the policy in force does not hold under this catalogue.
            UnavailableError: when database or log is away.
        """
        async with database.connection() as connection:
            known = await store.active(connection)
        if known is None:
            note = "the folder of the first start"
            publisher = Publisher(database, recorder(log, folder.catalog))
            await publisher.begin(folder.policy, by="start", note=note, now=now)
        active, rules = await _in_force(database, folder)
        if rules.policy.revision != folder.policy.revision:
            _logger.warning(
                "The policy folder is not the policy in force (%s); the one in force rules. "
                "`hub policy publish` puts the folder in force.",
                rules.policy.revision,
            )
        return cls(database, rules, active.sequence, refused)

    @property
    def current(self) -> Rules:
        """The rules in force now; take them once for each request."""
        return self._current

    async def refresh(self) -> None:
        """Follow the database, if it has moved on.

        Raises:
            UnavailableError: when the database is away; the rules stay.
        """
        async with self._reading:
            async with self._database.connection() as connection:
                active = await store.active(connection)
                if active is None or active.sequence == self._seen:
                    return
                files = await store.files(connection, active.revision)
            self._seen = active.sequence
            if active.revision != self._current.policy.revision:
                await self._follow(active, files)

    async def _follow(self, active: store.Active, files: Mapping[str, str] | None) -> None:
        old = self._current
        try:
            self._current = await asyncio.to_thread(self._made_ready, active.revision, files, old)
        except Exception as error:  # whatever is wrong with it, the old one stays
            self._refused()
            why = str(error) if isinstance(error, HubError) else type(error).__name__
            _logger.error("The policy %s is refused; %s stays: %s", active.revision, old.policy.revision, why)
            return
        _logger.warning("The policy %s is in force; before: %s.", active.revision, old.policy.revision)

    def _made_ready(self, revision: str, files: Mapping[str, str] | None, old: Rules) -> Rules:
        rules = _load(revision, files, old)
        self.prepare(rules)
        return rules


class PurposesInForce(Set[str]):
    """The purpose codes of the rules in force, as a set that changes with them."""

    def __init__(self, live: LiveRules) -> None:
        self._live = live

    def __contains__(self, code: object) -> bool:
        """Whether this is a purpose now."""
        return code in self._live.current.policy.purposes

    def __iter__(self) -> Iterator[str]:
        """The codes of now."""
        return iter(self._live.current.policy.purposes)

    def __len__(self) -> int:
        """How many there are now."""
        return len(self._live.current.policy.purposes)


async def rules_in_force(database: Database, folder: Rules) -> Rules:
    """The rules of the policy in force in a database; those of the folder when none was published yet.

    Raises:
        PolicyError: when the policy in force does not hold under this catalogue.
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        if await store.active(connection) is None:
            return folder
    return (await _in_force(database, folder))[1]


def recorder(log: AuditLog, catalog: Catalog) -> Recorder:
    """Records changes of the policy as acts of administration, in the transaction that makes them."""

    async def record(connection: object, change: Change) -> None:
        entry = Entry(
            new_entry_id(), change.at, Kind.ADMIN, EntryOutcome.DONE, change.by, purpose="OPERATION",
            operation=change.act, policy=change.new, catalogue=catalog.revision,
            detail={"old": change.old, "new": change.new},
        )  # fmt: skip
        await log.append_in(connection, [entry])

    return record


async def _in_force(database: Database, folder: Rules) -> tuple[store.Active, Rules]:
    async with database.connection() as connection:
        active = await store.active(connection)
        files = await store.files(connection, active.revision) if active else None
    if active is None:
        raise PolicyError("No policy is in force.", hint="Run `hub policy publish`.")
    if active.revision == folder.policy.revision:
        return active, folder
    try:
        return active, await asyncio.to_thread(_load, active.revision, files, folder)
    except PolicyError as error:
        raise PolicyError(
            f"The policy in force does not hold under this catalogue: {error.message}",
            hint="Publish one that does with `hub policy publish`.",
        ) from error


def _load(revision: str, files: Mapping[str, str] | None, old: Rules) -> Rules:
    """Read, lint and compile a policy, with the tables that are in use."""
    if files is None:
        raise PolicyError("The policy in force was never published.", hint="Run `hub policy publish`.")
    rules = Rules(old.catalog, check_published(revision, files, old.catalog))
    rules.warm(old.compiled)
    return rules
