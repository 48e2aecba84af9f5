"""Rows that come one request at a time: from a department's system, or declared by a subject itself.

Rules
- A request is known by its id within the institution that sends it. Sent again with the same rows, it is not taken in
  again: the stored answer comes back. The same id with other rows is refused. An id whose request was refused as a
  whole is free again.
- The rows go through the one intake there is, as JSON Lines: everything that holds for files holds for them. Rows
  are taken in to the end even if the caller is gone; the answer can be fetched by sending the same request again.
- The entry in the log is durable before the answer is stored, and that before the batch is finished. A process killed
  in between repeats from the rows: they are recognised by their content and counted as before.
- A stored answer holds counts and codes, never a value of a row.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from hub.catalog.loader import header_key
from hub.catalog.types import Catalog, Dataset
from hub.errors import InputError, IntakeError, UnavailableError
from hub.intake.faults import Fault
from hub.intake.incoming import incoming_file
from hub.intake.pipeline import Supply, file_supply
from hub.intake.readers import Format
from hub.intake.report import IntakeReport
from hub.intake.store import FileInProgressError
from hub.intake.suppliers import Supplier
from hub.intake.target import find_dataset
from hub.intake.worker import IntakeWorker
from hub.policies.clocks import Clocks
from hub.store.database import Database

MAX_ROWS = 1_000
"""Most rows of one request."""
MAX_FAULTS = 200
"""Most faults in one answer."""
_AT_ONCE = 16
_AT_ONCE_EACH = 6
"""Requests of one institution that may wait or run, so that none keeps the others out."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
_RESERVE = """
INSERT INTO intake_request (institution, request_id, dataset, sha256, begun_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
_FIND = "SELECT dataset, sha256, answer FROM intake_request WHERE institution = $1 AND request_id = $2"
_STORE = "UPDATE intake_request SET answer = $3 WHERE institution = $1 AND request_id = $2 AND answer IS NULL"
_RELEASE = "DELETE FROM intake_request WHERE institution = $1 AND request_id = $2 AND answer IS NULL"
_FINISH = "UPDATE intake_batch SET finished_at = $2 WHERE batch_id = $1 AND finished_at IS NULL"


class RowFault(NamedTuple):
    """One reason why a row was refused."""

    row: int
    field: str
    """Name of the catalogue's field; empty when the fault lies in the row as a whole."""
    column: str
    code: str
    message_zh: str
    message_en: str
    hint: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a request. `rows` = accepted + updated + unchanged + quarantined."""

    request_id: str
    batch: str
    dataset: str
    source_unit: str
    rows: int
    accepted: int
    updated: int
    unchanged: int
    quarantined: int
    log_index: int
    faults: tuple[RowFault, ...]
    more_faults: bool
    replayed: bool = False
    """Whether this is the answer of an earlier request with this id."""


class Request(NamedTuple):
    """What is submitted."""

    request_id: str
    dataset: str
    edition: str
    """Edition of the dataset that the sender means; empty: the one in force."""
    rows: Sequence[Mapping[str, Any]]
    """Values by official column, column code or field name."""


Log = Callable[[IntakeReport], Awaitable[int]]
"""Leaves the entry about a batch; gives its index."""


class _Turn:
    """Whose turn it is among requests of one id, and how many of them there are."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Submissions:
    """Takes requests in."""

    def __init__(self, worker: IntakeWorker, database: Database) -> None:
        self.worker = worker
        self._database = database
        self._tasks: dict[asyncio.Task[Submitted], str] = {}
        self._running: dict[tuple[str, str], _Turn] = {}

    async def close(self) -> None:
        """Let what runs come to an end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _full(self, institution: str) -> bool:
        mine = sum(1 for of in self._tasks.values() if of == institution)
        return self.worker.stopping or len(self._tasks) >= _AT_ONCE or mine >= _AT_ONCE_EACH

    async def submit(
        self,
        request: Request,
        catalog: Catalog,
        clocks: Clocks,
        institution: str,
        supplier: Callable[[Dataset], Supplier],
        log: Log,
    ) -> Submitted:
        """Take the rows of a request in.

        Args:
            request: from the caller.
            catalog: in force.
            clocks: working days, by which lateness is judged, and how long records are kept.
            institution: who sends it, by which the id is known.
            supplier: who supplies rows of the dataset; raises when they may not.
            log: leaves the entry.

        Raises:
            InputError: when the request is not well formed, or its id was used for other rows.
            IntakeError: when the rows as a whole are refused.
            UnavailableError: when too much is on its way, or the database is away.
        """
        dataset = _checked(request, catalog)
        found = supplier(dataset)
        if self._full(institution):
            raise UnavailableError(
                "Too many submissions are on their way.", hint="Send it again shortly.",
                message_zh="报送任务过多，请稍后重试。",
            )  # fmt: skip
        task = asyncio.create_task(self._in_turn(request, dataset, catalog, clocks, institution, found, log))
        self._tasks[task] = institution
        task.add_done_callback(self._tasks.pop)
        return await asyncio.shield(task)

    async def _in_turn(
        self,
        request: Request,
        dataset: Dataset,
        catalog: Catalog,
        clocks: Clocks,
        institution: str,
        supplier: Supplier,
        log: Log,
    ) -> Submitted:
        """One request after the other under the same id: the second gets the answer of the first."""
        key = (institution, request.request_id)
        turn = self._running.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                return await self._submit(request, dataset, catalog, clocks, institution, supplier, log)
        finally:
            turn.users -= 1
            if not turn.users:
                self._running.pop(key, None)

    async def _submit(
        self,
        request: Request,
        dataset: Dataset,
        catalog: Catalog,
        clocks: Clocks,
        institution: str,
        supplier: Supplier,
        log: Log,
    ) -> Submitted:
        lines = _lines(request.rows)
        sha256 = hashlib.sha256(f"{request.request_id}\0{dataset.id}\0".encode() + lines).hexdigest()
        earlier = await self._reserve(request, institution, sha256)
        if earlier is not None:
            return earlier
        answers: list[Submitted] = []

        async def record(report: IntakeReport) -> None:
            answer = _answer(request.request_id, dataset, report, await log(report))
            async with self._database.connection() as connection:
                await connection.execute(_STORE, institution, request.request_id, _json(answer))
            answers.append(answer)

        try:
            with incoming_file(self.worker.intake.home / "incoming") as incoming:
                incoming.write(lines)
                incoming.complete()
                opened = file_supply(incoming.path, Format.JSONL, "submission.jsonl")
                supply = Supply(opened.name, lambda: sha256, opened.open, supplier)
                await self.worker.run(supply, dataset.id, "", catalog, clocks, record, MAX_FAULTS + 1)
        except FileInProgressError:
            raise
        except IntakeError:
            async with self._database.connection() as connection:
                await connection.execute(_RELEASE, institution, request.request_id)
            raise
        return answers[0]

    async def _reserve(self, request: Request, institution: str, sha256: str) -> Submitted | None:
        """Take the id for these rows, or give the answer that these rows got under it."""
        now: datetime = self.worker.intake.clock.now()
        async with self._database.connection() as connection:
            await connection.execute(_RESERVE, institution, request.request_id, request.dataset, sha256, now)
            row = await connection.fetchrow(_FIND, institution, request.request_id)
            if row is None or row["sha256"] != sha256:
                raise InputError(
                    "This request id was used for other rows.",
                    hint="Use a fresh id for every request; repeat one only with the same rows.",
                    message_zh="该请求编号已用于其他数据，请使用新的编号。",
                )
            if row["answer"] is None:
                return None
            answer = _read(row["answer"])
            await connection.execute(_FINISH, answer.batch, now)
        return answer


def _checked(request: Request, catalog: Catalog) -> Dataset:
    if not _REQUEST_ID.fullmatch(request.request_id):
        raise InputError(
            "The request id is not well formed.",
            hint="Write 8 to 64 letters, digits and . _ : -, for example a UUID; no identifier of a subject.",
            message_zh="请求编号应为8至64位字母、数字及 . _ : - 组成，建议使用UUID。",
        )
    if not 1 <= len(request.rows) <= MAX_ROWS:
        raise InputError(
            f"A request has 1 to {MAX_ROWS} rows.",
            hint="Send them in several requests, or as a file to /intake/{dataset}.",
            message_zh=f"一次报送1至{MAX_ROWS}行。",
        )
    dataset = find_dataset(catalog, request.dataset)
    if request.edition and request.edition != dataset.edition:
        raise InputError(
            f"Edition {dataset.edition} of {dataset.id} is in force, another one is named.",
            hint="Leave the edition out, or make the rows by the edition in force.",
            message_zh=f"该数据集现行版本为 {dataset.edition}，与所填不符。",
        )
    return dataset


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as JSON Lines; the order of their members does not count, so that it may differ when they are repeated.

    Raises:
        InputError: when a row holds what JSON Lines cannot.
    """
    try:
        return b"".join(orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS) + b"\n" for row in rows)
    except TypeError:
        raise InputError(
            "A row holds a number that is too long, or lists in lists.",
            hint="Send numbers of more than 15 digits as text, and one value for each column.",
            message_zh="行内含有过长的数字或多层嵌套，请以文本报送长数字，每列一个值。",
        ) from None


def _answer(request_id: str, dataset: Dataset, report: IntakeReport, index: int) -> Submitted:
    faults = tuple(_fault(dataset, found) for found in report.findings[:MAX_FAULTS])
    return Submitted(
        request_id, report.batch_id, report.dataset, report.source_unit, report.rows, report.inserted, report.updated,
        report.unchanged, report.quarantined, index, faults, len(report.findings) > MAX_FAULTS,
    )  # fmt: skip


def _fault(dataset: Dataset, found: Fault) -> RowFault:
    field = dataset.by_column.get(header_key(found.column)) if found.column else None
    name = field.name if field else ""
    return RowFault(found.row, name, found.column, found.code, found.message_zh, found.message_en, found.hint)


def _json(answer: Submitted) -> str:
    fields = {
        name: getattr(answer, name) for name in Submitted.__slots__ if name not in ("faults", "replayed")
    }
    return orjson.dumps(fields | {"faults": [list(fault) for fault in answer.faults]}).decode()


def _read(text: str) -> Submitted:
    fields = orjson.loads(text)
    faults = tuple(RowFault(*fault) for fault in fields.pop("faults"))
    return Submitted(**fields, faults=faults, replayed=True)
