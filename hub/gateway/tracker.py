"""The ledger as a data tracker: `findUsage`, `usagePeriod` and `heartbeat` of Andmejälgija, for citizen portals.

Rules
- Paths, parameters, JSON and status codes are those of dumonitor-openapi 2.0.0 (github.com/e-gov/AJ).
- There the X-Road security server says who asks. Here the access token does, the same as for the ledger: for
  SELF_QUERY, of a client that acts for the subject. `X-Road-UserId` must be there and is not believed.
- A subject that is not the token's own is refused by one error, whether or not there is such a subject.
- Each use of `findUsage` and `usagePeriod` by a known caller is an entry of kind AUDIT_READ, durable before the
  answer leaves, refused and malformed ones too. `heartbeat` reads nothing of the log and is open, like `/readyz`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.context import held_grant
from hub.audit.callers import read_names
from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.ledger_words import LedgerWords
from hub.audit.log import AuditLog
from hub.audit.tracked import find_uses, log_begin
from hub.clock import Clock
from hub.disclosure.rules import Rules
from hub.errors import HubError, InputError, UnavailableError
from hub.gateway.graphql import Authenticator
from hub.gateway.tracker_wire import (
    answer,
    failure,
    find_request,
    found_json,
    instant_text,
    plain_request,
    refused,
)
from hub.gateway.upload_wire import bearer
from hub.identity.tokens import Caller
from hub.keys.index import Indexer
from hub.store.database import Database

PREFIX = "/data-tracker"
_SELF = "SELF_QUERY"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Visit:
    """One request of a known caller."""

    request: Request
    rules: Rules
    caller: Caller
    now: datetime


_Answering = Callable[[_Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Tracker:
    """Serves the data tracker of one hub."""

    database: Database
    log: AuditLog
    tokens: Authenticator
    rules: Callable[[], Rules]
    resolve_subject: Callable[[str], bytes]
    indexer: Indexer
    clock: Clock
    timeout: float
    """Seconds for one request."""

    def routes(self) -> list[Route]:
        """Its three paths."""
        return [
            Route(f"{PREFIX}/findUsage", self._served("findUsage", self._find), methods=["GET"]),
            Route(f"{PREFIX}/usagePeriod", self._served("usagePeriod", self._period), methods=["GET"]),
            Route(f"{PREFIX}/heartbeat", self._heartbeat, methods=["GET"]),
        ]

    def _served(self, name: str, act: _Answering) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.timeout):
                    now = self.clock.now()
                    caller = await self.tokens.authenticate(bearer(request), now)
                    visit = _Visit(request, self.rules(), caller, now)
                    return await self._recorded(name, act, visit)
            except HubError as error:
                return failure(error)
            except TimeoutError:
                return failure(UnavailableError("The request took too long.", message_zh="处理超时。"))
            except Exception as error:
                _logger.error("A request to the data tracker failed with %s.", type(error).__name__)
                return failure(HubError("The hub could not answer.", message_zh="系统内部错误。"))

        return serve

    async def _recorded(self, name: str, act: _Answering, visit: _Visit) -> Response:
        """Nothing leaves before its entry is durable."""
        outcome, reason, parts = EntryOutcome.DONE, "", tuple[SubjectPart, ...]()
        try:
            subject_id = own_subject(visit)
            parts = (SubjectPart(subject_id, EntryOutcome.DONE),)
            response = await act(visit)
        except InputError as error:
            outcome, reason, parts = EntryOutcome.REFUSED, error.code, ()
            response = failure(error)
        await self.log.append(self._entry(name, visit, outcome, reason, parts))
        return response

    async def _find(self, visit: _Visit) -> Response:
        asked, policy, catalog = find_request(visit.request), visit.rules.policy, visit.rules.catalog
        subject_id = own_subject(visit)
        try:
            if self.resolve_subject(asked.code) != subject_id:
                raise refused()
        except HubError:
            raise refused() from None
        uses = await find_uses(self.database, subject_id, policy, visit.now, asked.window)
        names = await read_names(
            self.database, [u.caller for u in uses.lines], {u.institution for u in uses.lines}, catalog.units
        )
        return answer(200, found_json(uses, names, LedgerWords(policy, catalog)))

    async def _period(self, visit: _Visit) -> Response:
        plain_request(visit.request)
        begin = await log_begin(self.database)
        return answer(200, {"periodStart": instant_text(begin or visit.now)})

    async def _heartbeat(self, _request: Request) -> Response:
        try:
            async with self.database.connection() as connection:
                await connection.fetchval("SELECT 1")
        except HubError as error:
            return answer(200, {"status": "FAIL", "message": f"{error.message_zh} {error.message}"})
        return answer(200, {"status": "OK", "message": "可以查询。 API is ready."})

    def _entry(
        self, name: str, visit: _Visit, outcome: EntryOutcome, reason: str, parts: tuple[SubjectPart, ...]
    ) -> Entry:
        caller, user = visit.caller, visit.request.headers.get("x-road-userid", "").strip()
        hashed = self.indexer.alias_hash("operator", f"{caller.institution}:{user}").hex()
        return Entry(
            new_entry_id(), visit.now, Kind.AUDIT_READ, outcome, caller.client.client_id, reason=reason,
            institution=caller.institution, operator=f"op_{hashed}" if user else "",
            purpose=_SELF if _SELF in caller.purposes else "", operation=f"tracker.{name}",
            policy=visit.rules.policy.revision, catalogue=visit.rules.catalog.revision, subjects=parts,
            country=caller.client.country, roles=caller.roles,
        )  # fmt: skip


def own_subject(visit: _Visit) -> bytes:
    """The subject that the caller is or acts for.

    Raises:
        InputError: when it acts for none, or the token is not for its own affairs.
    """
    grant = held_grant(visit.rules.policy, visit.caller, _SELF)
    subject_id = visit.caller.client.subject_id
    if grant is None or subject_id is None or subject_id not in grant.subject_ids:
        raise refused()
    return subject_id
