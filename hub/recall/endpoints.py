"""Where an institution's recalls are posted, and which addresses that may be.

- An endpoint is https without user or fragment; http is taken for the loopback interface of a demo only.
- A name is resolved before every delivery, and all its addresses must be public, or lie in a network that the
  operator named: a webhook must not be a way into the hub's own network. The connection then goes to the very address
  that was checked, so a name that changes in between changes nothing.
- Setting and removing one is one transaction with its entry in the log, which names the host and not the path.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.audit.log import AuditLog
from hub.errors import ConfigurationError, InputError
from hub.store.database import Database

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCAL = tuple(ipaddress.ip_network(net) for net in ("192.0.0.0/24", "64:ff9b:1::/48", "5f00::/16"))
"""Protocol assignments (RFC 6890), local translation (RFC 8215) and segment routing (RFC 9602): older libraries take
them for public."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_MOST_CHARS = 500
_KNOWN = "SELECT EXISTS (SELECT FROM client WHERE institution = $1)"
_SET = """INSERT INTO recall_endpoint (institution, url, set_at, set_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (institution) DO UPDATE SET url = excluded.url, set_at = excluded.set_at, set_by = excluded.set_by"""
_REMOVE = "DELETE FROM recall_endpoint WHERE institution = $1 RETURNING institution"


@dataclass(frozen=True)
class Reach:
    """Which addresses may be posted to."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    """Networks that are not public and may be reached all the same."""
    loopback: bool = False
    """Whether this very machine may be reached, and by http; for demos."""

    @classmethod
    def of(cls, networks: str, *, loopback: bool) -> Reach:
        """From the setting: CIDR, separated by commas.

        Raises:
            ConfigurationError: when it is not.
        """
        try:
            named = tuple(ipaddress.ip_network(one.strip()) for one in networks.split(",") if one.strip())
        except ValueError:
            raise ConfigurationError(
                "HUB_WEBHOOK_NETWORKS does not list networks.",
                hint="Write them as CIDR, separated by commas, for example 10.20.0.0/16.",
            ) from None
        return cls(named, loopback)

    def allows(self, address: Address) -> bool:
        """Whether an address may be posted to."""
        inner = _embedded(address)
        if inner is not None:
            return self.allows(inner)
        if address.is_loopback:
            return self.loopback
        named = any(address.version == network.version and address in network for network in self.networks)
        local = address.is_multicast or getattr(address, "is_site_local", False)
        return named or (address.is_global and not local and not any(address in net for net in _LOCAL))

    async def resolve(self, url: str) -> str:
        """The address that a URL is posted to.

        Raises:
            InputError: when the URL is none that may be posted to, or one of its addresses is not public.
            OSError: when its name does not resolve.
        """
        parts = urlsplit(url)
        check_url(url, loopback=self.loopback)
        assert parts.hostname is not None
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), type=socket.SOCK_STREAM
        )
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not addresses or not all(self.allows(address) for address in addresses):
            raise _not_reached()
        if parts.scheme == "http" and not all(address.is_loopback for address in addresses):
            raise _not_reached()
        return str(addresses[0])


class Endpoints:
    """The endpoints of one database."""

    def __init__(self, database: Database, log: AuditLog, reach: Reach) -> None:
        self._database, self._log, self._reach = database, log, reach

    async def set(self, institution: str, url: str, actor: str, now: datetime) -> None:
        """Post an institution's recalls to a URL from now on, those that it has not acknowledged first.

        Raises:
            InputError: when no client belongs to the institution, or the URL may not be posted to.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        check_url(url, loopback=self._reach.loopback)
        async with self._database.connection() as connection, connection.transaction():
            if not await connection.fetchval(_KNOWN, institution):
                raise InputError(
                    "No client belongs to an institution of this code.",
                    hint="Register a client of it first, or check the code.",
                    message_zh="没有属于该机构的客户端，请核对统一社会信用代码。",
                )
            await connection.execute(_SET, institution, url, now, actor)
            detail = {"institution": institution, "host": urlsplit(url).netloc}  # the rest may hold a secret
            await self._log.append_in(connection, [_entry("recall.endpoint.set", detail, actor, now)])

    async def remove(self, institution: str, actor: str, now: datetime) -> None:
        """Post nothing to an institution any more; its feed stays.

        Raises:
            InputError: when it has no endpoint.
            UnavailableError: as `set`.
        """
        async with self._database.connection() as connection, connection.transaction():
            if await connection.fetchval(_REMOVE, institution) is None:
                raise InputError(
                    "The institution has no endpoint.",
                    hint="Check its code.",
                    message_zh="该机构未登记推送地址。",
                )
            detail = {"institution": institution}
            await self._log.append_in(connection, [_entry("recall.endpoint.remove", detail, actor, now)])


def check_url(url: str, *, loopback: bool) -> None:
    """Check the form of an endpoint's URL.

    Raises:
        InputError: when it is not https, or http to a loopback address where that is allowed.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        not host
        or len(url) > _MOST_CHARS
        or not url.isascii()
        or any(c.isspace() or not c.isprintable() for c in url)
        or "@" in parts.netloc
        or "#" in url
        or not (parts.scheme == "https" or (parts.scheme == "http" and loopback and _is_loopback(host)))
    ):
        raise InputError(
            "An endpoint is an https URL without user and fragment.",
            hint="Write https://host/path; plain http is for the loopback address of a demo.",
            message_zh="推送地址须为 https 网址，不含用户名和片段。",
        )


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it does.

    Mapped and compatible (RFC 4291), 6to4 (RFC 3056), translated by the well-known prefix (RFC 6052).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_reached() -> InputError:
    return InputError(
        "The endpoint lies in a network that webhooks may not reach.",
        hint="Use a public address, or have the operator name the network in HUB_WEBHOOK_NETWORKS.",
        message_zh="推送地址所在网络不允许访问。",
    )


def _entry(act: str, detail: Mapping[str, Any], actor: str, now: datetime) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, purpose="OPERATION", operation=act,
        subjects=(), detail=detail,
    )  # fmt: skip
