"""The log's writer: every operation's entry, durable before its answer leaves.

- Entries wait in a bounded queue; one task takes all that wait and commits them together. A full queue, a
  closed log or a database that is away is an `UnavailableError`: then nothing may be disclosed.
- Common case: one statement, one round trip, which takes effect only if no other process appended meanwhile.
- Otherwise, in turn with the others: lock the consents and the log's state, look, judge, plan, store, commit.
- What entries use (consents, quotas) is counted by the statement that stores them: once, and only if it does.
- A connection that dies in mid-commit leaves it open whether the batch landed. The writer then looks for its
  entries under the lock before it tries again: nothing acknowledged is lost, nothing is doubled.
- The stored state is verified (signature, root, right edge, no shrinking) each time it is read.
- A waiter that is cancelled leaves its entry in the log.
- Entries of acts (`append_in`) name a client and not where it is: that is put in by the log, as it was introduced.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from hub.audit import store
from hub.audit.batch import Appended, Attempt, Pending, Plan
from hub.audit.entry import Entry
from hub.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from hub.audit.note import Checkpoint, NoteSigner, sign_checkpoint, verify_checkpoint
from hub.audit.reservation import (
    ConsentUse,
    QuotaUse,
    ReservationRefusedError,
    UseCounter,
    group_uses,
    sum_quotas,
)
from hub.clock import Clock
from hub.errors import ConfigurationError, HubError, IntegrityError, UnavailableError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

RETRY_SECONDS = (0.0, 0.05, 0.25)
"""Pauses before each try of the locked path."""
LOCKED_TURNS = 16
"""How many batches go the locked way after another process was faster."""
BATCH_WEIGHT = 8_192
"""Entries, uses of consents and uses of quotas that are committed together at most, so that a queue of requests
for a thousand subjects each does not become one statement that outlasts its time limit."""

_logger = logging.getLogger(__name__)


class AuditLog:
    """Appends to the log. One per process and event loop; many processes may share a log."""

    def __init__(
        self,
        connection: store.LogConnection,
        origin: str,
        signer: NoteSigner,
        clock: Clock,
        verifiers: Sequence[NoteVerifier],
        *,
        capacity: int,
        batch_size: int,
    ) -> None:
        self._connection = connection
        self._origin, self._signer, self._clock, self._verifiers = origin, signer, clock, verifiers
        self._capacity, self._batch_size = capacity, batch_size
        self._queue: deque[Pending] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._head: Frontier | None = None
        self._seen_size = 0
        self._locked_turns = 0
        self._writer: asyncio.Task[None] | None = None
        self._standing: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.noted: Callable[[Entry], None] = lambda _: None
        """Told of the entries of acts (`append_in`), for counting."""

    @classmethod
    async def open(
        cls,
        database: Database,
        origin: str,
        signer: NoteSigner,
        clock: Clock,
        *,
        verifiers: Sequence[NoteVerifier] = (),
        capacity: int = 10_000,
        batch_size: int = 256,
    ) -> AuditLog:
        """Begin the log if it is new, verify its state, and start the writer.

        Args:
            database: where the log lies.
            origin: first line of its checkpoints.
            signer: signs checkpoints.
            clock: gives the time at which the state changed.
            verifiers: earlier keys of the log, besides the signer's own, that may have signed its state.
            capacity: how many entries may wait.
            batch_size: how many entries are committed together at most.

        Raises:
            ConfigurationError: when the database holds a log of another origin.
            IntegrityError: when the stored state does not verify.
            UnavailableError: when the database is away.
        """
        log = cls(
            store.LogConnection(database.url), origin, signer, clock, (signer.verifier, *verifiers),
            capacity=capacity, batch_size=batch_size,
        )  # fmt: skip
        try:
            connection = await log._connection.get()
            if await store.read_state(connection) is None:
                empty = sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), signer)
                await store.create_state(connection, origin, EMPTY_ROOT, empty, clock.now())
            log._head = await log._read_head(connection)
            log._seen_size = log._head.size
        except HubError:
            await log._connection.close()
            raise
        except Exception as error:
            log._connection.drop()
            raise _unavailable("The audit log's database does not answer.") from error
        log._writer = asyncio.create_task(log._run(), name="hub-audit-log")
        return log

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return len(self._queue)

    @property
    def size(self) -> int:
        """Size of the log as this process last saw it."""
        return self._seen_size

    def introduce(self, caller: str, country: str, roles: tuple[str, ...]) -> None:
        """Take note of where a caller is and in what roles it stands, for the entries of acts that do not say so.

        Args:
            caller: client id, of a verified token.
            country: ISO 3166-1 alpha-2, as registered.
            roles: as registered.
        """
        self._standing[caller] = (country, roles)

    async def append(
        self, entry: Entry, uses: Sequence[ConsentUse] = (), quotas: Sequence[QuotaUse] = ()
    ) -> Appended:
        """Append an entry, spend consents and count quotas, all or nothing; returns once it is durable.

        Raises:
            ReservationRefusedError: when a consent is no longer in force or a quota has too few uses left; it
                names all of them, and nothing was written.
            UnavailableError: when the log cannot take it; disclose nothing.
        """
        if self._closed:
            raise _unavailable("The audit log is closed.")
        if len(self._queue) >= self._capacity:
            raise _unavailable("Too many operations wait for the audit log.")
        encoded = entry.encode()
        future = asyncio.get_running_loop().create_future()
        self._queue.append(Pending(encoded, leaf_hash(encoded.body), uses, quotas, future))
        self._wake.set()
        result: Appended = await future
        return result

    async def append_in(self, connection: Any, entries: Sequence[Entry]) -> list[Appended]:
        """Append entries inside the caller's transaction: an act and its entry stand or fall together.

        Call it last before the commit: the log is locked until then. The results hold once the caller's
        transaction has committed; give them to nobody before.

        Raises:
            IntegrityError: when the stored state does not verify.
            UnavailableError: when the log is closed or changed under the lock.
        """
        if self._closed:
            raise _unavailable("The audit log is closed.")
        encoded = [self._stood(entry).encode() for entry in entries]
        items = [Pending(entry, leaf_hash(entry.body)) for entry in encoded]
        self._head = None
        plan = self._plan(await self._read_head(connection, lock=True), items)
        if not await store.append(connection, plan):
            raise _unavailable("The audit log could not be written.")
        for entry in entries:
            self.noted(entry)
        return [plan.appended(number) for number in range(len(items))]

    def _stood(self, entry: Entry) -> Entry:
        known = None if entry.country else self._standing.get(entry.caller)
        return entry if known is None else entry.standing(*known)

    async def close(self) -> None:
        """Take no more entries, write those that wait, and stop."""
        self._closed = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        await self._connection.close()

    async def _run(self) -> None:
        while self._queue or not self._closed:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            batch = self._take_batch()
            if batch:
                await self._write(batch)

    def _take_batch(self) -> list[Pending]:
        """The next that wait: as many as go together, and at least one however much it uses."""
        batch: list[Pending] = []
        weight = 0
        while self._queue and len(batch) < self._batch_size:
            weight += self._queue[0].weight
            if batch and weight > BATCH_WEIGHT:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _write(self, batch: list[Pending]) -> None:
        try:
            tried: list[Attempt] = []
            if self._locked_turns > 0 or not await self._write_at_once(batch, tried):
                self._locked_turns = max(0, self._locked_turns - 1)
                await self._write_locked(batch, tried)
        except Exception as error:
            self._head = None
            self._connection.drop()
            _logger.error("The audit log took no entry of a batch (%s); nothing is disclosed.", _name(error))
            _fail(batch, error)

    async def _write_at_once(self, batch: list[Pending], tried: list[Attempt]) -> bool:
        """The optimistic way. Leaves what it sent in `tried` when the end is unknown."""
        if self._head is None:
            return False
        attempt = Attempt(self._plan(self._head, batch))
        try:
            done = await store.append(await self._connection.get(), attempt.plan)
        except Exception as error:
            self._uncertain(error)
            tried.append(attempt)
            return False
        if done:
            self._settle(attempt)
        return done

    async def _write_locked(self, batch: list[Pending], tried: list[Attempt]) -> None:
        """The pessimistic way, which also finds out what became of earlier tries."""
        expected = self._head.size if self._head is not None else None
        for pause in RETRY_SECONDS:
            await asyncio.sleep(pause)
            try:
                async with self._connection.transaction() as connection:
                    attempt, seen = await self._append_locked(connection, batch, tried)
            except IntegrityError:
                raise
            except Exception as error:
                self._uncertain(error)
                failure = error
                continue
            if expected is not None and seen != expected:
                self._locked_turns = LOCKED_TURNS
            self._settle(attempt)
            return
        raise _unavailable("The audit log's database does not answer.") from failure

    async def _append_locked(
        self, connection: Any, batch: list[Pending], tried: list[Attempt]
    ) -> tuple[Attempt, int]:
        """One try under the locks; gives the attempt that holds and the size of the log before it."""
        groups = group_uses((use, p.entry.at) for p in batch for use in p.uses)
        consents = await store.lock_consents(connection, groups)
        head = await self._read_head(connection, lock=True)
        self._seen_size = head.size
        if tried:
            landed = await store.find_entries(connection, [p.entry.entry_id for p in batch])
            if landed:
                return _landed(tried, landed), head.size
        counted = await store.read_quotas(connection, sum_quotas(q for p in batch for q in p.quotas))
        kept, refused = _judge(batch, UseCounter(consents, counted))
        attempt = Attempt(self._plan(head, kept, judged=True), refused)
        if kept:
            tried.append(attempt)
            if not await store.append(connection, attempt.plan):
                raise IntegrityError("The log's state changed while it was locked.")
        return attempt, head.size

    def _plan(self, head: Frontier, items: Sequence[Pending], *, judged: bool = False) -> Plan:
        return Plan(head, items, self._origin, self._signer, self._clock.now(), judged=judged)

    def _settle(self, attempt: Attempt) -> None:
        self._head = attempt.plan.frontier
        self._seen_size = max(self._seen_size, self._head.size)
        attempt.settle()

    def _uncertain(self, error: Exception) -> None:
        _logger.warning(
            "A write to the audit log has an unknown end (%s); looking again.", type(error).__name__
        )
        self._head = None
        self._connection.drop()

    async def _read_head(self, connection: Any, *, lock: bool = False) -> Frontier:
        """The stored right edge, verified."""
        row = await store.read_state(connection, lock=lock)
        if row is None:
            raise IntegrityError("The log's state is missing.", hint="Run `hub audit verify`.")
        if row.origin != self._origin:
            raise ConfigurationError(
                "The database holds a log of another origin.", hint="Use the key ring that belongs to it."
            )
        signed = verify_checkpoint(row.checkpoint, *self._verifiers)
        frontier = Frontier.decode(row.size, row.frontier)
        stored = Checkpoint(row.origin, row.size, row.root)
        if signed != stored or frontier.root() != row.root or row.size < self._seen_size:
            raise IntegrityError("The log's state was altered or set back.", hint="Run `hub audit verify`.")
        return frontier


def _judge(
    batch: Sequence[Pending], counter: UseCounter
) -> tuple[list[Pending], list[tuple[Pending, ReservationRefusedError]]]:
    """Those that get what they use, and those that do not with what is refused."""
    kept: list[Pending] = []
    refused: list[tuple[Pending, ReservationRefusedError]] = []
    for pending in batch:
        error = counter.take(pending.uses, pending.quotas, pending.entry.at)
        if error is None:
            kept.append(pending)
        else:
            refused.append((pending, error))
    return kept, refused


def _landed(tried: Sequence[Attempt], landed: dict[str, int]) -> Attempt:
    for attempt in tried:
        if attempt.plan.positions() == landed:
            return attempt
    raise IntegrityError("Entries stand in the log where they were not put.", hint="Run `hub audit verify`.")


def _fail(batch: Sequence[Pending], cause: Exception) -> None:
    for pending in batch:
        if pending.future is not None and not pending.future.done():
            error = _unavailable("The operation could not be recorded.")
            error.__cause__ = cause
            pending.future.set_exception(error)


def _name(error: Exception) -> str:
    """What may be logged of an error: its kind and that of its cause, never statements or values."""
    cause = error.__cause__
    return f"{type(error).__name__} from {type(cause).__name__}" if cause else type(error).__name__


def _unavailable(message: str) -> UnavailableError:
    return UnavailableError(
        message,
        hint="Nothing was disclosed; try again shortly.",
        message_zh="审计日志暂不可写，未披露任何信息，请稍后重试。",
    )
