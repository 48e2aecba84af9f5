"""Reads texts, numbers and yes-or-no out of cells, whatever a file or spreadsheet put there.

Rules
- A cell is what a reader of CSV or XLSX gives: text, number, date, boolean or nothing.
- A cell never becomes more than it was: no formula is evaluated, no digit is invented.
- A number of more than 15 digits that a spreadsheet kept as a number has lost digits and is refused.
- Refusals carry a stable detail code; their messages never hold the cell.
"""

from __future__ import annotations

import math
import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from hub.errors import ValueFormatError
from hub.model.normal import normalise, tidy

Cell = str | int | float | Decimal | date | bool | None
"""A cell as a file reader gives it; `date` includes `datetime`."""

LONGEST_CELL = 65_536
"""Characters in the longest cell that is looked at."""

_EXACT = 10**15
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,18})(?:\.[0-9]{1,12})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing among them: a text must say what it shows."""
_CELL_ERROR = re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)", re.IGNORECASE)
_DASHES = frozenset({"", "-", "--", "/", "\\", "—", "——", "–"})
_NOTHING = _DASHES | {"无", "空", "NULL", "NONE", "N/A", "NA", "NAN"}
_SOME = frozenset("0123456789ABCDEFGHIJKLMOPQRSTUVWXYZabcdefghijklmopqrstuvwxyz")
"""Letters and digits with which no word for nothing begins."""
_YES = frozenset({"是", "有", "TRUE", "YES", "Y", "1", "T"})
_NO = frozenset({"否", "无", "FALSE", "NO", "N", "0", "F"})


def refuse(detail: str, message: str, hint: str, zh: str) -> ValueFormatError:
    """A refusal of a cell: stable detail code, one sentence, what to do, and the sentence in Chinese."""
    return ValueFormatError(message, detail=detail, hint=hint, message_zh=zh)


def is_blank(cell: Cell, *, free_text: bool = False) -> bool:
    """Whether a cell says nothing.

    Empty, white space and lone dashes say nothing. So do words such as 无 and NULL, except in free text.
    """
    if cell is None:
        return True
    if isinstance(cell, float):
        return math.isnan(cell)
    if not isinstance(cell, str) or len(cell) > 64:
        return False
    first = cell[:1]
    if first in _SOME or ("\u4e00" <= first <= "\u9fff" and first not in "无空"):
        return False
    return normalise(cell) in (_DASHES if free_text else _NOTHING)


def cell_text(cell: Cell) -> str:
    """The text of a cell.

    Raises:
        ValueFormatError: CELL_TOO_LARGE, FORMULA, CELL_ERROR, CONTROL_CHARACTER, or DIGITS_LOST.
    """
    if isinstance(cell, str):
        return _checked(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, date):
        return cell.isoformat()
    return format(exact(cell), "f")


def exact(number: int | float | Decimal) -> Decimal:
    """A number cell as a decimal; of a binary number the 15 digits that spreadsheets show.

    Raises:
        ValueFormatError: DIGITS_LOST when a binary number has more than 15 digits, BAD_NUMBER when infinite.
    """
    if not isinstance(number, float):
        value = Decimal(number)
    elif not math.isfinite(number):
        raise _bad_number()
    elif abs(number) >= _EXACT:
        raise refuse(
            "DIGITS_LOST",
            "The spreadsheet kept a long number as a number and lost digits.",
            "Format the column as text and enter the value again.",
            "电子表格把长号码当作数字，已丢失末尾数字。",
        )
    else:
        value = Decimal(f"{number:.15g}")
    if not value.is_finite():
        raise _bad_number()
    return (
        value.quantize(Decimal(1)) if value == value.to_integral_value() and value.adjusted() < 24 else value
    )


def _checked(text: str) -> str:
    if len(text) > LONGEST_CELL:
        raise refuse(
            "CELL_TOO_LARGE",
            "The cell is too large.",
            f"Shorten it to {LONGEST_CELL} characters or fewer.",
            "单元格内容过大。",
        )
    if text.lstrip().startswith(("=", "＝")):
        raise refuse("FORMULA", "The cell holds a formula.", "Enter its value instead.", "单元格内容是公式。")
    if "#" in text and _CELL_ERROR.fullmatch(text.strip()):
        raise refuse(
            "CELL_ERROR", "The cell holds a spreadsheet error.", "Correct it.", "单元格内容是电子表格错误值。"
        )
    if not text.isprintable() and _CONTROL.search(text):
        raise refuse(
            "CONTROL_CHARACTER",
            "The cell holds a control character.",
            "Remove it; the file may be in another encoding.",
            "单元格含有控制字符。",
        )
    return text


def read_text(cell: Cell, *, max_length: int = 0) -> str:
    """Free text, tidied; `max_length` in characters, 0 for no limit.

    Raises:
        ValueFormatError: TOO_LONG, or as `cell_text`.
    """
    text = tidy(cell_text(cell))
    if max_length and len(text) > max_length:
        raise refuse(
            "TOO_LONG",
            "The text is too long.",
            f"Shorten it to {max_length} characters.",
            f"文本超过{max_length}字。",
        )
    return text


def read_decimal(cell: Cell, *, unit: str = "") -> Decimal:
    """A number, with thousands separators and the column's own unit allowed.

    Raises:
        ValueFormatError: BAD_UNIT when another unit of money is written behind it, BAD_NUMBER when none,
            or as `cell_text`.
    """
    if isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool):
        return exact(cell)
    text = normalise(cell_text(cell))
    suffix = _suffix(unit)
    if suffix and text.endswith(suffix) and not (suffix == "元" and text.endswith(("万元", "亿元"))):
        text = text[: -len(suffix)]
    elif text.endswith(("元", "万", "亿")):
        raise refuse(
            "BAD_UNIT",
            "The cell names another unit than its column.",
            f"Give it in {unit or 'plain numbers'}.",
            "金额单位不符。",
        )
    text = text.removeprefix("¥").removeprefix("￥")
    if isinstance(cell, bool) or not _NUMBER.fullmatch(text):
        raise _bad_number()
    return Decimal(text.replace(",", ""))


@lru_cache(maxsize=64)
def _suffix(unit: str) -> str:
    """A unit of the catalogue in the form in which cells are compared with it."""
    return normalise(unit)


def read_integer(cell: Cell, *, unit: str = "") -> int:
    """A whole number that is not negative.

    Raises:
        ValueFormatError: NEGATIVE_NUMBER, NUMBER_TOO_LARGE, BAD_NUMBER when not whole, or as `read_decimal`.
    """
    value = read_decimal(cell, unit=unit)
    if value != value.to_integral_value():
        raise _bad_number()
    if value < 0:
        raise refuse(
            "NEGATIVE_NUMBER", "The number is negative.", "Enter a number of 0 or more.", "数值不能为负。"
        )
    if value >= _EXACT:
        raise refuse("NUMBER_TOO_LARGE", "The number is too large.", "Check its unit.", "数值过大。")
    return int(value)


def read_boolean(cell: Cell) -> bool:
    """A yes or no: 是/否, 有/无, true/false, yes/no, 1/0.

    Raises:
        ValueFormatError: BAD_BOOLEAN when it is neither, or as `cell_text`.
    """
    if isinstance(cell, bool):
        return cell
    word = normalise(cell_text(cell))
    if word not in _YES | _NO:
        raise refuse("BAD_BOOLEAN", "The cell is neither yes nor no.", "Write 是 or 否.", "应填写是或否。")
    return word in _YES


def decimal_string(value: Decimal) -> str:
    """Canonical decimal text: no exponent, no trailing zeros, no negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _bad_number() -> ValueFormatError:
    return refuse(
        "BAD_NUMBER", "The cell is no number.", "Write digits, with a point before decimals.", "应填写数字。"
    )
