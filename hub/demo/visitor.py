"""One party of the story at the hub's door: fetches a token, asks, and shows both as they went over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from hub.clock import Clock
from hub.demo.clients import DEMO_CLIENTS, DemoClient, unsafe_demo_key
from hub.errors import UnavailableError
from hub.identity.assertion import request_token
from hub.identity.details import TYPE
from hub.identity.metadata import TOKEN_PATH

_CLIENTS = {client.client_id: client for client in DEMO_CLIENTS}


@dataclass(frozen=True)
class Reply:
    """An answer as it came over the wire."""

    status: int
    raw: bytes
    body: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """The data; empty when there are none."""
        return self.body.get("data") or {}

    @property
    def notes(self) -> Sequence[Mapping[str, Any]]:
        """What was masked and withheld, and why."""
        notes: Sequence[Mapping[str, Any]] = (
            self.body.get("extensions", {}).get("disclosure", {}).get("fields", ())
        )
        return notes


@dataclass(frozen=True)
class Visit:
    """Who asks, for which purpose, about whom and on what basis."""

    client_id: str
    purpose: str
    subjects: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)
    """Further members of the authorization detail: `consent`, `matter`, `reference`, `operator`."""

    @property
    def client(self) -> DemoClient:
        """The demo client that asks."""
        return _CLIENTS[self.client_id]

    def detail(self) -> dict[str, Any]:
        """The authorization detail of the token (RFC 9396)."""
        return {"type": TYPE, "purpose": self.purpose, "subjects": list(self.subjects), **self.members}


class Door:
    """The hub as its visitors see it: two URLs."""

    def __init__(self, http: httpx.AsyncClient, url: str, clients: Path, clock: Clock) -> None:
        self._http = http
        self._clients = clients
        self._clock = clock
        self.url = url

    async def ask(self, visit: Visit, query: str, variables: Mapping[str, Any]) -> Reply:
        """Fetch a token for the visit and send one GraphQL operation under it.

        Raises:
            AuthenticationError: when no token is given out.
            UnavailableError: when the hub does not answer.
        """
        answer = await request_token(
            self._http,
            self.url + TOKEN_PATH,
            unsafe_private_jwk=unsafe_demo_key(self._clients, visit.client_id),
            client_id=visit.client_id,
            issuer=self.url,
            details=[visit.detail()],
            now=self._clock.now(),
        )
        try:
            response = await self._http.post(
                f"{self.url}/graphql",
                content=orjson.dumps({"query": query, "variables": dict(variables)}),
                headers={
                    "authorization": f"Bearer {answer['access_token']}",
                    "content-type": "application/json",
                    "accept": "application/graphql-response+json",
                },
            )
            body = orjson.loads(response.content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise UnavailableError(
                "The hub does not answer.", hint="See the server's log and run the demo again."
            ) from error
        return Reply(response.status_code, response.content, body)
