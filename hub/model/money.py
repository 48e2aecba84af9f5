"""Amounts of money: whole minor units (分) of CNY, always exact.

Rules
- Files give 元 or 万元 (10,000 CNY, up to six decimals in dual publication); stored is a whole number of 分.
- An amount that is not a whole number of 分 is refused, never rounded.
- No binary fractions: all arithmetic is decimal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from hub.model.values import Cell, read_decimal, refuse

FEN_PER_UNIT = {"元": 100, "万元": 1_000_000}
"""Minor units in one unit of a file's column."""

_PLAIN = {
    "元": (re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?"), 2),
    "万元": (re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?"), 6),
}
"""Amounts as most files write them, and how many decimals are 分 and less; read without decimal arithmetic."""

_PLAIN_COLUMN = {
    unit: (re.compile(rf"(?:{form.pattern})?(?:\n(?:{form.pattern})?)*"), decimals)
    for unit, (form, decimals) in _PLAIN.items()
}
"""Any number of them or of empty cells, a line each."""

LARGEST = 9_000_000_000_000_000
"""Largest accepted amount in minor units; every reader of JSON keeps it exact."""


def read_money(cell: Cell, *, unit: str) -> int:
    """An amount in minor units (分), from a cell whose column has the unit 元 or 万元.

    Raises:
        ValueFormatError: BAD_MONEY when it is not a whole number of 分, NEGATIVE_AMOUNT, NUMBER_TOO_LARGE,
            or as `hub.model.values.read_decimal`.
    """
    plain = read_plain_money(cell, unit) if isinstance(cell, str) else None
    if plain is not None:
        return plain
    fen = read_decimal(cell, unit=unit) * FEN_PER_UNIT[unit]
    if fen != fen.to_integral_value():
        raise refuse(
            "BAD_MONEY",
            "The amount has a fraction of 分.",
            "Give 元 with at most two decimals, 万元 with at most six.",
            "金额精确到分，小数位过多。",
        )
    if fen < 0:
        raise refuse("NEGATIVE_AMOUNT", "The amount is negative.", "Enter 0 or more.", "金额不能为负。")
    if fen > LARGEST:
        raise refuse(
            "NUMBER_TOO_LARGE", "The amount is too large.", "Check its unit.", "金额过大，请检查单位。"
        )
    return int(fen)


def read_plain_money(cell: str, unit: str) -> int | None:
    """The amount as `read_money` has it, of digits with a point at most; None for all other cells."""
    form, decimals = _PLAIN[unit]
    plain = form.fullmatch(cell)
    return int(plain[1] + (plain[2] or "").ljust(decimals, "0")) if plain else None


def read_plain_money_column(cells: Sequence[str], unit: str) -> list[int | None] | None:
    """What `read_plain_money` says of each cell, None for empty ones; None when one is neither empty nor plain."""
    form, decimals = _PLAIN_COLUMN[unit]
    text = "\n".join(cells)
    if text.count("\n") != len(cells) - 1 or not form.fullmatch(text):
        return None
    if "." not in text:
        zeros = "0" * decimals
        return [int(cell + zeros) if cell else None for cell in cells]
    parts = [cell.partition(".") for cell in cells]
    return [int(whole + rest.ljust(decimals, "0")) if whole else None for whole, _, rest in parts]


def yuan(fen: int) -> str:
    """An amount in minor units as decimal text in 元 with two decimals, for example 123456 as "1234.56"."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def in_unit(fen: int, unit: str) -> str:
    """An amount in minor units as decimal text in a file's unit: 150000 in 万元 is "0.15"."""
    text = format(Decimal(fen) / FEN_PER_UNIT[unit], "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
