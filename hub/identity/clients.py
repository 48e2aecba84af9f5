"""The clients that may ask for tokens: who they are, what they may be, and the keys they sign with.

- Lookups are in memory and synchronous. `refresh` reads the table again; the app calls it when the database
  notifies `CHANNEL` and at intervals, so a client that was disabled anywhere is gone everywhere.
- Unknown, disabled, altered and unreadable are one answer: None. A row that cannot be read closes that client, and
  `unreadable` names it for `hub check`; it does not keep the others from being refreshed.
- A row that is not as a process of the hub wrote it last (`hub.keys.client_seal`), or of which the log knows a later
  act, closes that client until it is registered again; `altered` names it. Both are looked at when the table is read,
  never when somebody asks.
- Every act on a client is one transaction with its entry, which holds the seal of the row as it is from then on.
- `generation` grows with every change, so that whoever remembers a client knows when to look again.
- A client speaks for itself or for a ward, never both: what a guardian gets masked, it would read in clear.
- A client is in a country, which the operator registers and no request states. For one outside the mainland, a permit
  to provide data abroad may be registered (personal information protection law art. 38), and ends on a day.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import asyncpg

from hub.errors import InputError, UnavailableError, ValueFormatError
from hub.identity import client_rows
from hub.identity.client_rows import StoredClient
from hub.identity.details import fit_reference
from hub.identity.jose import VerificationKey, import_keys
from hub.keys.client_seal import ClientSeal
from hub.model.countries import MAINLAND, countries
from hub.store.database import Database

CHANNEL = "hub_client"
"""PostgreSQL notification channel on which changes of clients are announced."""

ACTIVE = "ACTIVE"
DISABLED = "DISABLED"

_APART = frozenset({"subject", "guardian"})
"""Roles of which a client has one at most: both speak for the one subject that the client is registered with."""
_KEPT = ("name_zh", "name_en", "institution", "status", "demo", "ad_hoc", "country", "permit_number")
"""Columns that are sealed as they are here."""
_logger = logging.getLogger(__name__)


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


class Act(NamedTuple):
    """An act on a client, as its entry must name it."""

    entry_id: str
    """The id that the entry must have."""
    state: str
    """The seal of the row as it is from now on, hex; the entry holds it as `state`."""


class _Sealed(NamedTuple):
    """What was read of the table and is as it was sealed."""

    rows: list[StoredClient]
    following: Mapping[str, str]
    """Client by the id that the entry of its next act would have."""

    @classmethod
    def of(cls, rows: list[asyncpg.Record], seal: ClientSeal) -> _Sealed:
        held = [one for one in map(StoredClient.of, rows) if one.holds(seal)]
        return cls(held, {seal.act_id(one.client_id, one.act + 1): one.client_id for one in held})


Enter = Callable[[asyncpg.Connection, Act], Awaitable[None]]
"""Appends the entry of an act, inside its transaction."""


class ClientRegistry:
    """All clients of one database, held in memory."""

    def __init__(self, database: Database, seal: ClientSeal) -> None:
        self._database = database
        self._seal = seal
        self._rows: list[asyncpg.Record] = []
        self._sealed = _Sealed([], {})
        self._superseded: set[str] = set()
        self._clients: dict[str, Client] = {}
        self._keys: dict[str, Mapping[str, VerificationKey]] = {}
        self._unreadable: tuple[str, ...] = ()
        self._altered: tuple[str, ...] = ()
        self._reading = asyncio.Lock()  # or a slow reader would put back what a quick one had replaced
        self.generation = 0
        """Grows by one with every change that `refresh` finds."""

    @classmethod
    async def load(cls, database: Database, seal: ClientSeal) -> ClientRegistry:
        """The registry of `database`, read once.

        Args:
            database: where the table lies.
            seal: of the ring that the clients were registered with.

        Raises:
            UnavailableError: when the database is away.
        """
        registry = cls(database, seal)
        await registry.refresh()
        return registry

    def get(self, client_id: str) -> Client | None:
        """The active client of this id; None when it is unknown, disabled, altered or unreadable."""
        client = self._clients.get(client_id)
        return client if client is not None and client_id in self._keys else None

    def keys(self, client_id: str) -> Mapping[str, VerificationKey]:
        """The public keys of an active client by key id; empty when there is no such client."""
        return self._keys.get(client_id, MappingProxyType({}))

    def listed(self) -> tuple[Client, ...]:
        """Every client that can be read and was not altered, disabled ones too, by id."""
        return tuple(self._clients[client_id] for client_id in sorted(self._clients))

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Ids of active clients whose keys cannot be read or whose roles do not go together; closed until mended."""
        return self._unreadable

    @property
    def altered(self) -> tuple[str, ...]:
        """Ids of clients whose rows are not as the hub wrote them last; closed until they are registered again."""
        return self._altered

    async def refresh(self) -> None:
        """Read the table again.

        Raises:
            UnavailableError: when the database is away or refuses; what was known stays.
        """
        async with self._reading:
            try:
                await self._refresh()
            except asyncpg.PostgresError as error:
                raise UnavailableError(
                    "The register of clients could not be read.",
                    hint="Look into the database's log; `hub migrate` makes its tables.",
                    message_zh="无法读取客户端登记。",
                ) from error

    async def _refresh(self) -> None:
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(client_rows.SELECT)
            sealed = self._sealed if rows == self._rows else _Sealed.of(rows, self._seal)
            later = await client_rows.entered(connection, sealed.following)
        superseded = {sealed.following[entry_id] for entry_id in later}
        if sealed is not self._sealed or superseded != self._superseded:
            self._rows, self._sealed, self._superseded = rows, sealed, superseded
            self._replace([one for one in sealed.rows if one.client_id not in superseded])

    def _replace(self, good: list[StoredClient]) -> None:
        altered = tuple(
            sorted({str(row["client_id"]) for row in self._rows} - {one.client_id for one in good})
        )
        clients = {one.client_id: _client(one.values) for one in good}
        if (clients, altered) == (self._clients, self._altered):
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
        for client_id in set(altered) - set(self._altered):
            _logger.error("The client %s is closed: its row was altered.", client_id)
        self._clients, self._keys, self._unreadable = clients, keys, tuple(sorted(unreadable))
        self._altered = altered
        self.generation += 1

    async def register(self, client: Client, now: datetime, enter: Enter) -> None:
        """Add a client or replace the one of this id, and tell every process.

        Args:
            client: with public keys only.
            now: written as creation time of a new client.
            enter: appends the entry of the act.

        Raises:
            InputError: when the id, the roles or a key is not acceptable.
            UnavailableError: when the database is away.
        """
        _check(client)

        async def change(connection: asyncpg.Connection, before: StoredClient | None) -> dict[str, Any]:
            created = client_rows.write_instant(now)
            if before is not None and before.holds(self._seal):
                created = before.values["created_at"]
            return {**_values(client), "created_at": created}

        await self._change(client.client_id, change, enter)

    async def disable(self, client_id: str, enter: Enter) -> None:
        """Close a client at once; its tokens stop working in every process that has refreshed.

        Raises:
            InputError: when there is no such client, or its row was altered.
            UnavailableError: when the database is away.
        """

        async def change(connection: asyncpg.Connection, before: StoredClient | None) -> dict[str, Any]:
            if before is None:
                raise InputError(
                    "There is no such client.", hint="`hub token --help` lists the clients of the demo."
                )
            if not await client_rows.genuine(connection, before, self._seal):
                raise InputError(
                    "The row of this client was altered, so it is closed already.",
                    hint="Register it again with `hub client add --replace`, then disable it.",
                    message_zh="该客户端的登记数据已被篡改，现已停用；请重新登记后再停用。",
                )
            return {**before.values, "status": DISABLED}

        await self._change(client_id, change, enter)

    async def _change(self, client_id: str, change: _Change, enter: Enter) -> None:
        """Write a row anew under the number of its next act, and its entry with it."""
        async with self._database.connection() as connection, connection.transaction():
            await client_rows.queue(connection, client_id)
            before = await client_rows.read_one(connection, client_id)
            values = await change(connection, before)
            act = await client_rows.last_act(connection, self._seal, client_id) + 1
            if before is not None and before.holds(self._seal):
                act = max(act, before.act + 1)
            row = _sealed({**values, "act": act}, self._seal)
            await row.write(connection)
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, client_id)
            await enter(connection, Act(self._seal.act_id(client_id, act), row.mac.hex()))
        await self.refresh()


_Change = Callable[[asyncpg.Connection, StoredClient | None], Awaitable[dict[str, Any]]]
"""From the row as it is to the values that it shall have."""


async def unverified_clients(database: Database) -> tuple[Client, ...]:
    """Every client as its row says, by id, for who holds no keys: whether the rows were altered is not looked at.

    Raises:
        UnavailableError: when the database is away.
        InputError: when a row cannot be read.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(f"{client_rows.SELECT} ORDER BY client_id")
    try:
        return tuple(_client(StoredClient.of(row).values) for row in rows)
    except (TypeError, ValueError):
        raise InputError(
            "A row of the register of clients cannot be read.",
            hint="`hub client check` names it.",
            message_zh="客户端登记册中有无法读取的数据。",
        ) from None


def _client(values: Mapping[str, Any]) -> Client:
    return Client(
        client_id=values["client_id"],
        name_zh=values["name_zh"],
        name_en=values["name_en"],
        roles=tuple(values["roles"]),
        institution=values["institution"],
        purposes=tuple(values["purposes"]),
        jwks=values["jwks"],
        subject_id=None if values["subject_id"] is None else bytes.fromhex(values["subject_id"]),
        status=values["status"],
        demo=values["demo"],
        ad_hoc=values["ad_hoc"],
        country=values["country"],
        permit_kind=_PERMITS.get(values["permit_kind"]),
        permit_number=values["permit_number"],
        permit_until=client_rows.read_day(values["permit_until"]),
    )


def _values(client: Client) -> dict[str, Any]:
    """What is sealed of a client, but for the number of the act and the day of its creation."""
    return {name: getattr(client, name) for name in _KEPT} | {
        "client_id": client.client_id,
        "roles": list(client.roles),
        "purposes": list(client.purposes),
        "jwks": dict(client.jwks),
        "subject_id": None if client.subject_id is None else client.subject_id.hex(),
        "permit_kind": None if client.permit_kind is None else client.permit_kind.value,
        "permit_until": client_rows.write_day(client.permit_until),
    }


def _sealed(values: Mapping[str, Any], seal: ClientSeal) -> StoredClient:
    try:
        return StoredClient.sealed(values, seal)
    except ValueFormatError:
        raise InputError(
            "The public keys hold something that cannot be sealed.",
            hint="Give only the members of RFC 7517: text, and no numbers with a fraction.",
            message_zh="公钥集含有无法签封的内容。",
        ) from None


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
