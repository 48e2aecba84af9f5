"""One GraphQL operation from text to recorded answer.

Operations that only read subjects never enter the GraphQL engine: the gate's plan gives their data directly.
Everything else runs through Strawberry, with subject roots finished by the gate beforehand. Either way the
answer passes the accountant.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError

from hub.api.context import RequestContext, Services
from hub.audit.entry import OPENED, EntryOutcome, Kind
from hub.clock import Clock
from hub.disclosure.account import Accountant, Operated
from hub.disclosure.documents import DocumentCache, DocumentError
from hub.disclosure.explain import error_json
from hub.disclosure.gate import DisclosureGate
from hub.disclosure.operations import Prepared, Preparer
from hub.disclosure.report import Report
from hub.disclosure.rules import Rules
from hub.documents.registry import TrustedDocuments
from hub.errors import HubError, InputError, UnavailableError
from hub.gateway.wire import WireRequest
from hub.identity.tokens import Caller
from hub.keys.index import Indexer
from hub.keys.spool import SealedSpool
from hub.model.subjects import SubjectName

_logger = logging.getLogger(__name__)
_MESSAGE_CHARS = 400
"""Messages quote the document; a caller who sends a long value does not get it back whole."""
_MASKED = HubError(
    "The hub could not answer; the operators have been told.", message_zh="系统内部错误，已通知运维人员。"
)


@dataclass(frozen=True)
class Executed:
    """An answer and how HTTP should carry it."""

    body: bytes
    outcome: str
    request_error: bool = False
    """Whether the operation never began, so that 400 applies under the newer media type."""
    unsealed: int = 0
    questioned: int = 0
    """Sealed values opened behind answers to questions."""
    texts: int = 0
    """Sealed texts opened outside the gate: notices, cases."""
    lines: Generator[bytes] | None = None
    """The answer line by line, where it was asked for so; `body` is empty then."""


class Executor:
    """Runs operations of one process."""

    def __init__(
        self,
        schema: strawberry.Schema,
        documents: DocumentCache,
        trusted: TrustedDocuments,
        preparer: Preparer,
        gate: DisclosureGate,
        accountant: Accountant,
        services: Services,
        indexer: Indexer,
        clock: Clock,
        timeout: float,
        export_timeout: float,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._trusted = trusted
        self._preparer = preparer
        self._gate = gate
        self._accountant = accountant
        self._services = services
        self._indexer = indexer
        self._clock = clock
        self._timeout = timeout
        self._export_timeout = export_timeout

    async def execute(
        self, rules: Rules, caller: Caller, request: WireRequest, now: datetime, *, lines: bool = False
    ) -> Executed:
        """Run a request and record it.

        Args:
            rules: in force.
            caller: who asks.
            request: what is asked.
            now: instant of the request.
            lines: whether the answer is to be sent line by line (NDJSON).

        Raises:
            UnavailableError: when database or log cannot serve; nothing was disclosed.
        """
        try:
            text = self._trusted.text(rules.policy, caller, request.document_id, request.query)
            if text != request.query:
                request = replace(request, query=text)
            document = self._documents.get(text)
            operation = document.operation(request.operation_name)
            variables = self._preparer.variables(operation, request.variables)
            prepared = self._preparer.prepare(operation, variables)
            asked = prepared.asked(variables)
            if lines and not prepared.exportable:
                raise _not_exportable()
        except DocumentError as error:
            return await self._invalid(rules, caller, request, error, now)
        spool = SealedSpool() if lines else None
        report = Report(spool=spool)
        try:
            async with asyncio.timeout(self._export_timeout if lines else self._timeout):
                done = await self._run(rules, caller, request, prepared, asked, now, report)
            if request.by_field:
                done = replace(done, by_field=True)
            answer = await self._accountant.close(done, self._pseudonym(caller, done.report))
        except BaseException as error:
            if spool is not None:
                spool.close()
            if isinstance(error, UnavailableError) or not isinstance(error, Exception):
                raise
            await self._given_up(rules, caller, prepared, report, now, error)
            if isinstance(error, TimeoutError):
                raise UnavailableError(
                    "The operation took too long and was given up.",
                    hint="Ask for less, or try again later.",
                    message_zh="处理超时，请缩小范围或稍后重试。",
                ) from None
            if isinstance(error, InputError):
                body = orjson.dumps({"data": None, "errors": [error_json(error)]})
                return Executed(body, EntryOutcome.REFUSED.value, unsealed=report.unsealed)
            raise
        return Executed(
            answer.body,
            answer.outcome,
            unsealed=done.report.unsealed,
            questioned=sum([part.questioned for part in done.report.parts()]),
            texts=done.detail.get(OPENED, 0),
            lines=answer.lines,
        )

    async def _given_up(
        self,
        rules: Rules,
        caller: Caller,
        prepared: Prepared,
        report: Report,
        now: datetime,
        error: Exception,
    ) -> None:
        """Record an operation that broke off; nothing of it is disclosed."""
        reason = "TIMEOUT" if isinstance(error, TimeoutError) else getattr(error, "code", "INTERNAL")
        operation = prepared.operation
        report.void(reason)
        report.spool = None
        done = Operated(
            rules,
            caller,
            now,
            Kind.QUERY,
            operation.document_hash,
            operation.said,
            report,
            EntryOutcome.REFUSED,
            reason=reason,
            void=True,
        )
        await self._accountant.close(done, "")

    async def _run(
        self,
        rules: Rules,
        caller: Caller,
        request: WireRequest,
        prepared: Prepared,
        asked: Sequence[Sequence[SubjectName]],
        now: datetime,
        report: Report,
    ) -> Operated:
        operation = prepared.operation
        if prepared.subjects:
            await self._gate.report(rules, caller, prepared, asked, now, report)
        common = (rules, caller, now)
        facts = (operation.document_hash, operation.said, report)
        if not prepared.others:
            return Operated(*common, Kind.QUERY, *facts, EntryOutcome.REFUSED)
        self._accountant.introduce(caller)
        context = RequestContext(self._services, rules, caller, now)
        result = await self._schema.execute(
            request.query, dict(request.variables), context, operation_name=request.operation_name
        )
        report.operators += context.operators
        errors = [_shape_error(error) for error in result.errors or ()]
        refused = bool(errors) and not any(v is not None for v in (result.data or {}).values())
        kind = Kind.QUERY if operation.is_query else Kind.MUTATION
        if context.audit_read and not prepared.subjects:  # a lookup is a lookup, whatever was read beside it
            kind = Kind.AUDIT_READ
        if result.data is None:
            report.void()
        return Operated(
            *common,
            kind,
            *facts,
            EntryOutcome.REFUSED if refused else EntryOutcome.DONE,
            reason=str(errors[0]["extensions"].get("reason", errors[0]["extensions"]["code"]))
            if refused
            else "",
            data=result.data or {},
            void=result.data is None,
            errors=errors,
            parts=context.parts,
            purposes=context.purposes,
            detail=context.detail,
        )

    async def _invalid(
        self, rules: Rules, caller: Caller, request: WireRequest, error: DocumentError, now: datetime
    ) -> Executed:
        """Record a request that could not be understood, then say what is wrong with it."""
        digest = request.document_id or "sha256:" + hashlib.sha256(request.query.encode()).hexdigest()
        done = Operated(
            rules, caller, now, Kind.QUERY, digest, "", Report(), EntryOutcome.INVALID, reason=error.code
        )
        await self._accountant.close(done, "")
        errors = [_request_error(e) for e in error.errors]
        return Executed(orjson.dumps({"errors": errors}), EntryOutcome.INVALID.value, request_error=True)

    def _pseudonym(self, caller: Caller, report: Report) -> str:
        operator = next((o for o in report.operators if o), "")
        if not operator:
            return ""
        return "op_" + self._indexer.alias_hash("operator", f"{caller.institution}:{operator}").hex()


def _not_exportable() -> DocumentError:
    return DocumentError(
        [
            GraphQLError(
                "Only an operation of one field `subjects` can be sent line by line.",
                extensions={
                    "code": "NOT_EXPORTABLE",
                    "hint": "Ask for `subjects` alone, or accept application/json.",
                    "messageZh": "只有单独查询 subjects 的操作可以逐行导出。",
                },
            )
        ]
    )


def _request_error(error: GraphQLError) -> dict[str, Any]:
    """A parse, validation or variable error; graphql-core words them without data of ours."""
    own = error.original_error is None or isinstance(error.original_error, GraphQLError)
    shaped: dict[str, Any] = {
        "message": error.message[:_MESSAGE_CHARS] if own else "A value does not fit its type.",
        "extensions": {"code": "GRAPHQL_INVALID", **(error.extensions or {})},
    }
    if error.locations:
        shaped["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    shaped["extensions"].setdefault("messageZh", "GraphQL 请求有误。")
    return shaped


def _shape_error(error: GraphQLError) -> dict[str, Any]:
    """An error of a resolver: ours as it is, unknown ones masked."""
    path = [str(p) for p in error.path or ()]
    original = error.original_error
    if isinstance(original, HubError):
        return error_json(original, path)
    if original is None:
        return {**_request_error(error), "path": path}
    _logger.error("A resolver failed with %s.", type(original).__name__)
    return error_json(_MASKED, path)
