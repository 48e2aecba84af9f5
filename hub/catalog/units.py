"""Who may supply what: the source units (数据源单位) of the catalogue, as data in `source_units.toml`.

Rules
- A unit names the datasets it may supply; intake refuses every other one, and everything of a body that is no unit.
- A provincial, market or financial unit is known by the codes listed for it. The same code stands for one unit.
- A county or city is a tenant of the provincial platform and no node of its own. Its bodies are known by their unified
  social credit code: organs and public institutions (first sign 1) carry the division of their registering authority in
  positions 3 to 8 (GB 32100-2015), so nobody has to list them.
- Without the file nobody may supply anything.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hub.catalog.reading import Table, fail
from hub.catalog.types import Label

FILE = "source_units.toml"
_DIVISION_DIGITS = 6
_ORGAN = "1"


class UnitKind(StrEnum):
    """Kinds of source units."""

    PROVINCIAL = "PROVINCIAL"
    JUDICIAL = "JUDICIAL"
    MARKET = "MARKET"
    FINANCIAL = "FINANCIAL"
    COUNTY = "COUNTY"
    """A city or county: a tenant of the provincial platform."""


@dataclass(frozen=True, slots=True)
class SourceUnit:
    """One source unit."""

    code: str
    title: Label
    kind: UnitKind
    datasets: frozenset[str]
    """Ids of the datasets it may supply."""
    usccs: tuple[str, ...] = ()
    """Codes of the bodies that supply for it; counties need none."""
    division: str = ""
    """Code of a county or city (GB/T 2260); empty for all others."""

    def holds(self, division: str) -> bool:
        """Whether a division is the unit's own; every division is that of a unit of the whole province."""
        return division.startswith(self.division_digits)

    @property
    def division_digits(self) -> str:
        """What the codes of all its divisions begin with: a city's districts share its first four digits."""
        return self.division.removesuffix("00") if self.kind is UnitKind.COUNTY else ""

    def includes(self, uscc: str) -> bool:
        """Whether a body with this code belongs to the unit."""
        if self.kind is UnitKind.COUNTY:
            return uscc.startswith(_ORGAN) and self.holds(uscc[2:8])
        return uscc in self.usccs


def unit_of(units: Iterable[SourceUnit], uscc: str) -> SourceUnit | None:
    """The unit that a body with this code belongs to."""
    return next((unit for unit in units if unit.includes(uscc)), None)


def read_units(content: bytes, datasets: Collection[str]) -> tuple[SourceUnit, ...]:
    """The units from the bytes of their file.

    Raises:
        CatalogError: when the file breaks a rule, or a unit names a dataset that is not among these.
    """
    try:
        table = Table(FILE, "", tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        fail(FILE, "(whole file)", "is not valid TOML in UTF-8", "Correct the syntax.")
    county = table.words("county_datasets", required=False)
    units = tuple(_unit(t, county, datasets) for t in table.tables("unit", required=True))
    table.done()
    _lint(units)
    return units


def _unit(table: Table, county: tuple[str, ...], known: Collection[str]) -> SourceUnit:
    kind = table.choice("kind", UnitKind)
    tenant = kind is UnitKind.COUNTY
    listed = table.words("datasets", required=not tenant) or county
    for name in listed:
        if name not in known:
            table.fail(
                "datasets", f"names {name}, which the catalogue does not have", "Write ids of datasets."
            )
    unit = SourceUnit(
        code=table.text("code"),
        title=table.both("title"),
        kind=kind,
        datasets=frozenset(listed),
        usccs=table.words("usccs", required=False),
        division=table.text("division") if tenant else "",
    )
    table.done()
    return unit


def _lint(units: Iterable[SourceUnit]) -> None:
    seen: set[tuple[str, str]] = set()
    for unit in units:
        digits = unit.division
        if unit.kind is UnitKind.COUNTY and not (len(digits) == _DIVISION_DIGITS and digits.isdigit()):
            fail(FILE, f"{unit.code}.division", "is no division", "Write six digits of GB/T 2260.")
        for key in (("code", unit.code), *(("usccs", uscc) for uscc in unit.usccs), ("division", digits)):
            if key[1] and key in seen:
                fail(
                    FILE, f"{unit.code}.{key[0]}", "is used by another unit, too", "Leave it to one of them."
                )
            seen.add(key)
