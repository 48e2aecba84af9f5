"""What an operator's command works with: database, keys, rules and the log, opened for one act.

- Whoever can run these commands holds the keys and the database; the log still says who did what: entries name
  the caller `cli:` and the operating system's user.
- The log is opened before the act, so that nothing is done that could not be recorded.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from hub import loop
from hub.audit.batch import Appended
from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.cli.places import Places, with_database, with_demo_keys
from hub.clock import Clock, SystemClock, civil_date
from hub.config import Settings
from hub.consent.service import ConsentService
from hub.disclosure.changes import announce_changes
from hub.disclosure.live import rules_in_force
from hub.disclosure.rules import Rules
from hub.errors import ConfigurationError, IdentifierError, InputError
from hub.identity.clients import Act, ClientRegistry, Enter
from hub.intake.acting import Steward
from hub.keys.index import Indexer
from hub.keys.ring import KeyRing
from hub.loading import load_rules, open_ring
from hub.model.subjects import subject_of
from hub.store.database import Database
from hub.store.migrate import check_revision

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """Everything one operator's command may need."""

    settings: Settings
    clock: Clock
    database: Database
    ring: KeyRing
    indexer: Indexer
    rules: Rules
    log: AuditLog
    consents: ConsentService
    registry: ClientRegistry
    actor: str

    @property
    def steward(self) -> Steward:
        """Who acts on the register of subjects."""
        return Steward(self.actor, "", "", self.rules.policy.revision, self.rules.catalog.revision)

    def subject_id(self, text: str) -> bytes:
        """The 16-byte id of a subject, given as USCC, resident id or pseudonym.

        Raises:
            InputError: when it is none of these.
        """
        if text.startswith("sub_") and len(text) == 36:
            try:
                return bytes.fromhex(text[4:])
            except ValueError:
                pass
        try:
            kind, identifier = subject_of(text, today=civil_date(self.clock.now()), demo=self.settings.demo)
        except IdentifierError as error:
            raise InputError(
                "This is no USCC, resident id or pseudonym of a subject.",
                hint=error.hint,
                message_zh="不是有效的统一社会信用代码、公民身份号码或主体代号。",
            ) from None
        return self.indexer.subject_id(kind, identifier)

    def entry(self, act: str, detail: Mapping[str, Any]) -> Entry:
        """The entry of an administrative act, for acts that write it in their own transaction.

        Args:
            act: name of the act, for example `audit.withhold`.
            detail: ids and counts, never values.
        """
        return Entry(
            new_entry_id(), self.clock.now(), Kind.ADMIN, EntryOutcome.DONE, self.actor, purpose="OPERATION",
            operation=act, policy=self.rules.policy.revision, catalogue=self.rules.catalog.revision, detail=detail,
        )  # fmt: skip

    def enters(self, act: str, detail: Mapping[str, Any]) -> Enter:
        """What appends the entry of an act on a client, for the registry."""

        async def enter(connection: asyncpg.Connection, done: Act) -> None:
            entry = self.entry(act, {**detail, "state": done.state})
            await self.log.append_in(connection, [entry._replace(entry_id=done.entry_id)])

        return enter

    async def record(
        self,
        act: str,
        *,
        now: datetime,
        kind: Kind = Kind.ADMIN,
        purpose: str = "OPERATION",
        detail: Mapping[str, Any],
        subject_ids: tuple[bytes, ...] = (),
    ) -> Appended:
        """Leave an entry about an act; gives where it stands.

        Args:
            act: name of the act, for example `audit.list`.
            now: the instant of the act.
            kind: what sort of operation it was.
            purpose: purpose code.
            detail: ids and counts, never values.
            subject_ids: whom it concerned.

        Raises:
            UnavailableError: when the log cannot take it.
        """
        entry = Entry(
            new_entry_id(), now, kind, EntryOutcome.DONE, self.actor, purpose=purpose, operation=act,
            policy=self.rules.policy.revision, catalogue=self.rules.catalog.revision,
            subjects=tuple(SubjectPart(s, EntryOutcome.DONE) for s in subject_ids), detail=detail,
        )  # fmt: skip
        return await self.log.append(entry)


def at_desk(act: Callable[[Desk], Awaitable[T]], *, in_force: bool = True) -> T:
    """Open the desk from `HUB_…` settings, do one act at it, and close it.

    Args:
        act: what is done.
        in_force: work by the policy in force in the database, if any was published; else by the folder's.

    Raises:
        ConfigurationError: when settings, keys, rules or database are not as they must be.
        UnavailableError: when the database does not answer.
    """
    settings = with_demo_keys(Settings.from_environment())
    ring, rules = open_private_ring(settings), load_rules(settings)
    with with_database(settings) as ready:
        return loop.run(_act(ready, ring, rules, act, in_force=in_force))


def with_open_database(act: Callable[[Database], Awaitable[T]]) -> T:
    """Open only the database, do one act with it, and close it; no keys are needed.

    Raises:
        ConfigurationError: when the database is not at the newest schema.
        UnavailableError: when the database does not answer.
    """

    async def body(url: str) -> T:
        database = await open_database(url)
        try:
            return await act(database)
        finally:
            await database.close()

    with with_database(Settings.from_environment()) as ready:
        return loop.run(body(ready.database_url))


def open_private_ring(settings: Settings) -> KeyRing:
    """The key ring; when there is none but a demo was run here, says how to work on the demo.

    Raises:
        ConfigurationError, KeyRingError: when it is not there or cannot be used.
    """
    if not settings.keys_dir and not settings.demo and Places.of_demo(settings).ring.is_dir():
        raise ConfigurationError(
            "There is no key ring.",
            hint="Set HUB_DEMO=1 to work on the demo; otherwise run `hub keys init FOLDER` and set HUB_KEYS_DIR.",
            message_zh="未设置密钥环。",
        )
    return open_ring(settings)


async def open_database(url: str) -> Database:
    """A small pool on a database at the newest schema.

    Raises:
        ConfigurationError: when `hub migrate` must run first, or the server refuses us.
        UnavailableError: when the server does not answer.
    """
    database = await Database.open(url, pool_size=2)
    try:
        await check_revision(url)
    except BaseException:
        await database.close()
        raise
    return database


async def _act(
    settings: Settings, ring: KeyRing, folder: Rules, act: Callable[[Desk], Awaitable[T]], *, in_force: bool
) -> T:
    clock = SystemClock()
    database = await open_database(settings.database_url)
    try:
        rules = await rules_in_force(database, folder) if in_force else folder
        signer = LogKeySigner(settings.log_origin, ring.log.active)
        verifiers = ring.public().note_verifiers()
        log = await AuditLog.open(database, settings.log_origin, signer, clock, verifiers=verifiers)
        try:
            desk = Desk(
                settings, clock, database, ring, ring.indexer(), rules, log,
                ConsentService(database, log, ring), await ClientRegistry.load(database, ring.client_seal()),
                actor(),
            )  # fmt: skip
            await announce_changes(database, log, ring, rules, desk.actor, clock.now())
            return await act(desk)
        finally:
            await log.close()
    finally:
        await database.close()


def actor() -> str:
    """Who acts, as the log names it: the account that the process runs under, never what the environment says.

    Four-eyes rules rest on it, and `LOGNAME` is anybody's to set.
    """
    return f"cli:{account()}"


def account() -> str:
    """Name of the user that the process runs as; the number where it has none."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
