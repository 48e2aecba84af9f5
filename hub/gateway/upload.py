"""`POST /intake/{dataset}`: a department's system sends a file, and it goes through the one intake there is.

Rules
- Who may: a client with the role `source_unit`, under a token for the purpose DATA_SUPPLY. The source unit of the
  rows is the institution of the client; nothing in the request can say otherwise.
- The token is checked before the body is read. The body is streamed to a private file within the size limit; one
  that breaks off is dropped, and nothing of it lands.
- Reading, checking and sealing run in a thread with a database connection of its own, one file at a time, so that
  questions are answered meanwhile. A few uploads may wait; more are told to come back.
- The entry in the log is durable before the batch is finished, and the answer is sent after that. The same file
  again finds every row unchanged; one that was cut off is continued as the same batch.
- Once the body is there, the file is taken in to its end even if the client is gone.
- What is refused for the sake of the caller's rights or of the file leaves an entry, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.audit.log import AuditLog
from hub.disclosure.rules import Rules
from hub.errors import HubError, IntakeError, UnavailableError
from hub.gateway.graphql import Authenticator
from hub.gateway.upload_wire import (
    MAX_FINDINGS,
    SupplyRefusedError,
    answer,
    bearer,
    dataset_id,
    format_of,
    refusal,
    report_json,
    too_large,
)
from hub.gateway.wire import WireError
from hub.identity.tokens import Caller
from hub.intake.incoming import IncomingFile, incoming_file
from hub.intake.pipeline import file_supply
from hub.intake.readers import Format
from hub.intake.report import IntakeReport, entry_detail
from hub.intake.store import FileInProgressError
from hub.intake.worker import IntakeWorker

UPLOAD_PATH = "/intake/{dataset}"
PURPOSE = "DATA_SUPPLY"
ROLE = "source_unit"
_ACT = "intake.upload"
_AT_ONCE = 4
_AT_ONCE_EACH = 3
"""Uploads of one institution, so that one that sends slowly does not keep all others out."""
_PIECE_SECONDS = 30.0
_RECEIVE_SECONDS = 1800.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Supply:
    """One upload that was let in."""

    caller: Caller
    rules: Rules
    dataset: str
    media: Format


class UploadEndpoint:
    """Serves uploads."""

    def __init__(
        self,
        worker: IntakeWorker,
        log: AuditLog,
        tokens: Authenticator,
        rules: Callable[[], Rules],
        max_bytes: int,
        *,
        piece_seconds: float = _PIECE_SECONDS,
    ) -> None:
        self._worker = worker
        self._intake = worker.intake
        self._log = log
        self._tokens = tokens
        self._rules = rules
        self._max_bytes = max_bytes
        self._piece_seconds = piece_seconds
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Response]] = set()

    async def close(self) -> None:
        """Stop after the chunk that is being merged; what is cut off is continued when it is sent again."""
        self._worker.stopping = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one upload."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return  # the rest of the body will not come, and nobody waits for an answer
        except HubError as error:
            response = refusal(error)
        except Exception as error:
            _logger.error("An upload failed with %s.", type(error).__name__)
            response = refusal(HubError("The hub could not answer.", message_zh="系统内部错误。"))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise WireError(
                405, "Files are taken by POST only.", hint="Send the file as the body of a POST.",
                message_zh="只接受 POST 请求。",
            )  # fmt: skip
        supply = await self._admit(request)
        who = supply.caller.institution
        if self._worker.stopping or self._open.total() >= _AT_ONCE or self._open[who] >= _AT_ONCE_EACH:
            raise UnavailableError(
                "Too many uploads are on their way.", hint="Send it again shortly.",
                message_zh="上传任务过多，请稍后重试。",
            )  # fmt: skip
        self._open[who] += 1
        async with AsyncExitStack() as stack:
            stack.callback(self._closed, who)
            incoming = stack.enter_context(incoming_file(self._intake.home / "incoming"))
            await self._receive(request, incoming)
            task = asyncio.create_task(self._take_in(supply, incoming, stack.pop_all()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    def _closed(self, institution: str) -> None:
        self._open[institution] -= 1
        self._open += Counter()  # forgets those at zero

    async def _admit(self, request: Request) -> _Supply:
        """Who sends what; refuses before the body is read."""
        rules = self._rules()
        caller = await self._tokens.authenticate(bearer(request), self._intake.clock.now())
        try:
            if ROLE not in caller.roles or PURPOSE not in caller.purposes:
                raise SupplyRefusedError(
                    "This token is not one for supplying data.",
                    hint=f"A client that is registered as a source unit asks for one with the purpose {PURPOSE}.",
                    message_zh="该令牌不能用于报送数据：须由信源单位的客户端以 DATA_SUPPLY 用途申请。",
                )
            dataset = dataset_id(rules, str(request.path_params["dataset"]))
            media = format_of(request)
            self._check_declared_length(request)
        except WireError as error:
            denied = isinstance(error, SupplyRefusedError)
            outcome = EntryOutcome.REFUSED if denied else EntryOutcome.INVALID
            await self._log.append(self._entry(caller, rules, outcome, reason=error.code))
            raise
        return _Supply(caller, rules, dataset, media)

    def _check_declared_length(self, request: Request) -> None:
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            raise too_large(self._max_bytes)

    async def _receive(self, request: Request, incoming: IncomingFile) -> None:
        """The body, piece by piece."""
        size = 0
        try:
            async with asyncio.timeout(_RECEIVE_SECONDS):
                async for piece in _pieces(request, self._piece_seconds):
                    size += len(piece)
                    if size > self._max_bytes:
                        raise too_large(self._max_bytes)
                    incoming.write(piece)
        except TimeoutError:
            raise WireError(
                408, "The body took too long to arrive.", hint="Send it again.", message_zh="请求体接收超时。"
            ) from None
        incoming.complete()

    async def _take_in(self, supply: _Supply, incoming: IncomingFile, stack: AsyncExitStack) -> Response:
        """Take the file in, in the thread; the file is removed with `stack`."""
        async with stack:
            try:
                report, index = await self._run(supply, incoming.path)
            except FileInProgressError:
                raise
            except IntakeError as error:
                entry = self._entry(
                    supply.caller, supply.rules, EntryOutcome.INVALID, reason=error.code,
                    detail={"dataset": supply.dataset, "sourceUnit": supply.caller.institution},
                )  # fmt: skip
                await self._log.append(entry)
                raise
            return answer(200, report_json(report, index))

    async def _run(self, supply: _Supply, path: Path) -> tuple[IntakeReport, int]:
        """One file, in the thread; the log is the server's and is asked here."""
        index = -1

        async def record(report: IntakeReport) -> None:
            nonlocal index
            entry = self._entry(supply.caller, supply.rules, EntryOutcome.DONE, detail=entry_detail(report))
            index = (await self._log.append(entry)).index

        file = file_supply(path, supply.media, f"upload.{supply.media}")
        report = await self._worker.run(
            file,
            supply.dataset,
            supply.caller.institution,
            supply.rules.catalog,
            supply.rules.policy.clocks,
            record,
            MAX_FINDINGS + 1,
        )
        return report, index

    def _entry(
        self,
        caller: Caller,
        rules: Rules,
        outcome: EntryOutcome,
        *,
        reason: str = "",
        detail: dict[str, Any] | None = None,
    ) -> Entry:
        operator = next((g.operator for g in caller.grants if g.purpose == PURPOSE and g.operator), "")
        hashed = self._intake.indexer.alias_hash("operator", f"{caller.institution}:{operator}").hex()
        return Entry(
            new_entry_id(), self._now(), Kind.ADMIN, outcome, caller.client.client_id,
            reason=reason, institution=caller.institution, operator=f"op_{hashed}" if operator else "",
            purpose=PURPOSE if PURPOSE in caller.purposes else "", operation=_ACT,
            policy=rules.policy.revision, catalogue=rules.catalog.revision, detail=detail or {},
            country=caller.client.country, roles=caller.roles,
        )  # fmt: skip

    def _now(self) -> datetime:
        return self._intake.clock.now()


async def _pieces(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """The pieces of the body, each within its time."""
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece
