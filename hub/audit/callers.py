"""What the callers in log entries are called today: by the register of clients, else by the list of units.

A client that acts for one credit subject is named by what it is (the subject itself, its guardian), not by a
person's name. What is in neither register is named by its code. The log holds codes only,
so a name is the one of the day
of the reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from hub.catalog.types import Label
from hub.catalog.units import SourceUnit, unit_of
from hub.store.database import Database

_SELECT = """
SELECT client_id, institution, name_zh, name_en, roles, subject_id IS NOT NULL AS for_one
FROM client WHERE client_id = ANY($1::text[])
"""
_INSTITUTION = """
SELECT DISTINCT ON (institution) institution, name_zh, name_en FROM client
WHERE institution = ANY($1::text[]) AND subject_id IS NULL ORDER BY institution, created_at, client_id
"""
_OPERATOR = Label("平台运维人员", "the operator of the platform")
_UNKNOWN = Label("未能识别的调用方", "a caller that could not be identified")
_SUBJECT = Label("本人（本单位）", "the subject itself")
_GUARDIAN = Label("监护人", "the guardian")


@dataclass(frozen=True)
class CallerNames:
    """Names of some callers and institutions."""

    _clients: dict[str, tuple[str, Label]]
    _institutions: dict[str, Label]
    _units: tuple[SourceUnit, ...]

    def of(self, client_id: str, institution: str = "") -> Label:
        """The name of whoever called, in both languages.

        Args:
            client_id: as in the entry; empty when the caller was not known.
            institution: USCC, as in the entry; empty: only the client is known.
        """
        registered, name = self._clients.get(client_id, ("", None))
        if name is not None and institution in ("", registered):
            return name
        if institution:
            return self.institution(institution)
        if client_id.startswith("cli:"):
            return _OPERATOR
        return Label(client_id, client_id) if client_id else _UNKNOWN

    def institution(self, uscc: str) -> Label:
        """The name of an institution; its code where no register knows it."""
        known = self._institutions.get(uscc)
        if known is not None:
            return known
        unit = unit_of(self._units, uscc)
        return unit.title if unit is not None else Label(uscc, uscc)


async def read_names(
    database: Database,
    client_ids: Iterable[str],
    institutions: Collection[str] = (),
    units: tuple[SourceUnit, ...] = (),
) -> CallerNames:
    """The names of callers, from the registers as they are now.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        clients = await connection.fetch(_SELECT, sorted(set(client_ids)))
        found = await connection.fetch(_INSTITUTION, sorted(set(institutions)))
    return CallerNames(
        {row["client_id"]: (row["institution"], _name(row)) for row in clients},
        {row["institution"]: Label(row["name_zh"], row["name_en"]) for row in found},
        units,
    )


def _name(row: Any) -> Label:
    if row["for_one"]:
        return _GUARDIAN if "guardian" in row["roles"] else _SUBJECT
    return Label(row["name_zh"], row["name_en"])
