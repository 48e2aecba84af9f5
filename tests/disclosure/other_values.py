"""Other values for a field: of its type, of other lengths, near and far, and such that a mask shows as the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from hub.catalog.types import Field, FieldType

_LETTERS = "ABCDEFGHJKLMNPQRTUWXY0123456789示范演改另一二三"
_FIRST_DAY = date(2015, 1, 1)
_DAYS = 12 * 366


def other_values(item: Field, value: Any, rng: Random) -> Iterator[Any]:
    """Values that might stand instead; without end, some of them equal to the value.

    Args:
        item: the field.
        value: what stands there now, in stored form; None: nothing.
        rng: chooses.
    """
    make = _MAKERS[item.type]
    while True:
        yield make(item, value, rng)


def _text(_item: Field, value: Any, rng: Random) -> str:
    text = str(value or "原有内容")
    size = rng.choice((1, 2, 3, 4, 7, 12, 19, 40))
    fresh = "".join(rng.choice(_LETTERS) for _ in range(size))
    inner = "".join(rng.choice("0123456789") for _ in text[6:-4])
    shapes = (
        fresh,
        fresh + text[-4:],  # the tail that masks of numbers show
        text[:1] + fresh,  # a surname
        text[:2] + fresh,
        text[:6] + inner + text[-4:],  # the ends of an identity number
        text[:3]
        + inner[: len(text) - 7].ljust(len(text) - 7, "5")
        + text[-4:],  # the ends of a telephone number
        text + fresh,  # an address below its township
        text[: max(1, len(text) // 2)] + fresh,
    )
    return rng.choice(shapes)


def _number(_item: Field, value: Any, rng: Random) -> int:
    number = int(value or 0)
    size = max(1, abs(number))
    steps = (1, -1, 7, size // 20, -(size // 20), size // 3, 13_570_000, rng.randrange(size * 3 + 10))
    return abs(number + rng.choice(steps))


def _decimal(_item: Field, value: Any, rng: Random) -> str:
    return f"{rng.randrange(1, 10 ** rng.choice((1, 3, 6)))}.{rng.randrange(1, 10)}"


def _day(value: Any, rng: Random) -> date:
    if isinstance(value, str) and rng.random() < 0.7:
        known = date.fromisoformat(value if len(value) == 10 else f"{value}-01")
        return known + timedelta(days=rng.choice((-400, -31, -2, -1, 1, 2, 31, 200, 400)))
    return _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))


def _date(_item: Field, value: Any, rng: Random) -> str:
    return _day(value, rng).isoformat()


def _month(_item: Field, value: Any, rng: Random) -> str:
    return _day(value, rng).isoformat()[:7]


def _code(item: Field, _value: Any, rng: Random) -> str:
    return rng.choice(item.values).code


def _codes(item: Field, _value: Any, rng: Random) -> list[str]:
    codes = [v.code for v in item.values]
    return sorted(rng.sample(codes, rng.randrange(1, min(4, len(codes)))))


def _texts(item: Field, value: Any, rng: Random) -> list[str]:
    count = rng.choice((1, 2, 5, len(value) if isinstance(value, list) else 1))
    return [_text(item, None, rng) for _ in range(count)]


def _organisation(_item: Field, _value: Any, rng: Random) -> str:
    return f"91460100DEM{rng.randrange(10_000, 99_999)}" + "".join(rng.choice("0123456789AX") for _ in "12")


_MAKERS = {
    FieldType.TEXT: _text,
    FieldType.RESIDENT_ID: _text,
    FieldType.TEXT_LIST: _texts,
    FieldType.INTEGER: _number,
    FieldType.MONEY: _number,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE: _date,
    FieldType.OPEN_DATE: _date,
    FieldType.MONTH: _month,
    FieldType.BOOLEAN: lambda _item, value, _rng: not value,
    FieldType.ENUM: _code,
    FieldType.ENUM_LIST: _codes,
    FieldType.USCC: _organisation,
}
