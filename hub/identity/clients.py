"""The clients that may ask for tokens: who they are, what they may be, and the keys they sign with.

- Lookups are in memory and synchronous. `refresh` reads the table again; the app calls it when the database
  notifies `CHANNEL` and at intervals, so a client that was disabled anywhere is gone everywhere.
- Unknown, disabled and unreadable are one answer: None. A row that cannot be read closes that client, and
  `unreadable` names it for `hub check`; it does not keep the others from being refreshed.
- `generation` grows with every change, so that whoever remembers a client knows when to look again.
- A client speaks for itself or for a ward, never both: what a guardian gets masked, it would read in clear.
- A client is in a country, which the operator registers and no request states. For one outside the mainland, a permit
  to provide data abroad may be registered (personal information protection law art. 38), and ends on a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import orjson

from hub.errors import InputError
from hub.identity.details import fit_reference
from hub.identity.jose import VerificationKey, import_keys
from hub.model.countries import MAINLAND, countries
from hub.store.database import Database

CHANNEL = "hub_client"
"""PostgreSQL notification channel on which changes of clients are announced."""

ACTIVE = "ACTIVE"
DISABLED = "DISABLED"

_APART = frozenset({"subject", "guardian"})
"""Roles of which a client has one at most: both speak for the one subject that the client is registered with."""
_COLUMNS = (
    *("client_id", "name_zh", "name_en", "roles", "institution"),
    *("subject_id", "purposes", "jwks", "status", "demo", "ad_hoc"),
    *("country", "permit_kind", "permit_number", "permit_until"),
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM client"  # noqa: S608
_UPSERT = (
    f"INSERT INTO client ({', '.join(_COLUMNS)}, created_at)"  # noqa: S608
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $16)"
    " ON CONFLICT (client_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)


class PermitKind(StrEnum):
    """On what personal information may be provided abroad (personal information protection law art. 38)."""

    SECURITY_ASSESSMENT = "SECURITY_ASSESSMENT"
    STANDARD_CONTRACT = "STANDARD_CONTRACT"
    CERTIFICATION = "CERTIFICATION"


_PERMITS = {kind.value: kind for kind in PermitKind}


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client."""

    client_id: str
    name_zh: str
    name_en: str
    roles: tuple[str, ...]
    institution: str
    """USCC of the organisation behind the client (GB 32100-2015)."""
    purposes: tuple[str, ...]
    """Purpose codes the client holds."""
    jwks: Mapping[str, Any] = field(repr=False, hash=False)
    """Its public keys, a JWK set (RFC 7517)."""
    subject_id: bytes | None = None
    """Set when the client acts for one credit subject: then it may ask about no other."""
    status: str = ACTIVE
    demo: bool = False
    ad_hoc: bool = False
    """Whether it may send GraphQL text of its own where trusted documents are required."""
    country: str = MAINLAND
    """Where it is, ISO 3166-1 alpha-2; Hong Kong, Macao and Taiwan by codes of their own."""
    permit_kind: PermitKind | None = None
    """On what data may leave the mainland to it; None: on nothing."""
    permit_number: str | None = None
    """Of the assessment, filing or certificate."""
    permit_until: date | None = None
    """Last civil day on which it is good."""

    def permitted(self, today: date) -> bool:
        """Whether data may leave the mainland to it on a day."""
        return self.permit_kind is not None and self.permit_until is not None and today <= self.permit_until


class ClientRegistry:
    """All clients of one database, held in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clients: dict[str, Client] = {}
        self._keys: dict[str, Mapping[str, VerificationKey]] = {}
        self._unreadable: tuple[str, ...] = ()
        self._reading = asyncio.Lock()  # or a slow reader would put back what a quick one had replaced
        self.generation = 0
        """Grows by one with every change that `refresh` finds."""

    @classmethod
    async def load(cls, database: Database) -> ClientRegistry:
        """The registry of `database`, read once.

        Raises:
            UnavailableError: when the database is away.
        """
        registry = cls(database)
        await registry.refresh()
        return registry

    def get(self, client_id: str) -> Client | None:
        """The active client of this id; None when it is unknown, disabled or unreadable."""
        client = self._clients.get(client_id)
        return client if client is not None and client_id in self._keys else None

    def keys(self, client_id: str) -> Mapping[str, VerificationKey]:
        """The public keys of an active client by key id; empty when there is no such client."""
        return self._keys.get(client_id, MappingProxyType({}))

    def listed(self) -> tuple[Client, ...]:
        """Every client that can be read, disabled ones too, by id."""
        return tuple(self._clients[client_id] for client_id in sorted(self._clients))

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Ids of active clients whose keys cannot be read or whose roles do not go together; closed until mended."""
        return self._unreadable

    async def refresh(self) -> None:
        """Read the table again.

        Raises:
            UnavailableError: when the database is away; what was known stays.
        """
        async with self._reading, self._database.connection() as connection:
            self._replace(await connection.fetch(_SELECT))

    def _replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        clients = {row["client_id"]: _client(row) for row in rows}
        if clients == self._clients:
            return
        keys: dict[str, Mapping[str, VerificationKey]] = {}
        unreadable = []
        for client in clients.values():
            if client.status == ACTIVE:
                try:
                    _check_roles(client)
                    _check_country(client)
                    keys[client.client_id] = import_keys(client.jwks)
                except InputError:
                    unreadable.append(client.client_id)
        self._clients, self._keys, self._unreadable = clients, keys, tuple(sorted(unreadable))
        self.generation += 1

    async def register(self, client: Client, now: datetime) -> None:
        """Add a client or replace the one of this id, and tell every process.

        Args:
            client: with public keys only.
            now: written as creation time of a new client.

        Raises:
            InputError: when the id, the roles or a key is not acceptable.
            UnavailableError: when the database is away.
        """
        _check(client)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(_UPSERT, *_row(client), now)
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, client.client_id)
        await self.refresh()

    async def disable(self, client_id: str) -> None:
        """Close a client at once; its tokens stop working in every process that has refreshed.

        Raises:
            InputError: when there is no such client.
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection, connection.transaction():
            done = await connection.execute(
                "UPDATE client SET status = $2 WHERE client_id = $1", client_id, DISABLED
            )
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, client_id)
        if done == "UPDATE 0":
            raise InputError(
                "There is no such client.", hint="`hub token --help` lists the clients of the demo."
            )
        await self.refresh()


def _client(row: Mapping[str, Any]) -> Client:
    jwks = row["jwks"]
    return Client(
        client_id=row["client_id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        roles=tuple(row["roles"]),
        institution=row["institution"],
        purposes=tuple(row["purposes"]),
        jwks=orjson.loads(jwks) if isinstance(jwks, str | bytes) else jwks,
        subject_id=None if row["subject_id"] is None else bytes(row["subject_id"]),
        status=row["status"],
        demo=row["demo"],
        ad_hoc=row["ad_hoc"],
        country=row["country"],
        permit_kind=_PERMITS.get(row["permit_kind"]),
        permit_number=row["permit_number"],
        permit_until=row["permit_until"],
    )


def _row(client: Client) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    values = {name: getattr(client, name) for name in _COLUMNS}
    values["jwks"] = orjson.dumps(dict(client.jwks)).decode()
    return tuple(values.values())


def _check(client: Client) -> None:
    name = client.client_id
    if not 0 < len(name) <= 64 or not name.isascii() or not name.replace("-", "").isalnum():
        raise InputError("A client id is not acceptable.", hint="Use up to 64 letters, digits and hyphens.")
    if not client.roles or client.status not in {ACTIVE, DISABLED}:
        raise InputError("A client has no role or no status.", hint="Give at least one role.")
    _check_roles(client)
    _check_country(client)
    import_keys(client.jwks)


def _check_roles(client: Client) -> None:
    if set(client.roles) >= _APART:
        raise InputError(
            "A client cannot be both the subject itself and a guardian.",
            hint="Register a client for each.",
            message_zh="同一客户端不得同时登记为信用主体本人和监护人，请分别登记。",
        )


def _check_country(client: Client) -> None:
    """A country of the list; a permit whole, and only for a client outside the mainland."""
    permit = (client.permit_kind, client.permit_number, client.permit_until)
    if client.country not in countries():
        raise InputError(
            "There is no country of this code.",
            hint="Give two letters of ISO 3166-1, for example CN, HK, MO, TW or SG.",
            message_zh="国家或地区代码无效，应为 ISO 3166-1 两位字母代码。",
        )
    if permit == (None, None, None):
        return
    if client.country == MAINLAND or None in permit or not fit_reference(client.permit_number or ""):
        raise InputError(
            "A permit to provide data abroad has a kind, a number and a last day, and goes with a client abroad.",
            hint="Give all three, the number without any number of a person, or none of them.",
            message_zh="出境依据须同时写明种类、编号（不得含公民身份号码）和有效期，且仅用于境外客户端。",
        )
