"""Scalars of the schema. All travel as strings, so that no client loses a digit."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal as PythonDecimal
from decimal import InvalidOperation
from functools import lru_cache
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from hub.errors import IdentifierError
from hub.model.identifiers import normalise, parse_uscc
from hub.model.subjects import SubjectName, subject_of

USCC = NewType("USCC", str)
PersonIdentifier = NewType("PersonIdentifier", str)
SubjectIdentifier = NewType("SubjectIdentifier", str)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
YearMonth = NewType("YearMonth", str)
Decimal = NewType("Decimal", str)
RecordRow = NewType("RecordRow", dict[str, Any])

_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
_PERSON = re.compile(r"^[1-9]\d{16}[\dX]$")


def _fail(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_INPUT"})


def _parse_uscc(value: Any) -> str:
    if not isinstance(value, str):
        raise _fail("A USCC is a string of 18 characters. 统一社会信用代码为18位字符串。")
    if value.startswith("sub_") and re.fullmatch(r"sub_[0-9a-f]{32}", value):
        return value
    try:
        return _checked_uscc(value)
    except IdentifierError as error:
        raise _fail(
            f"Not a unified social credit code ({error.detail}). 统一社会信用代码有误。 {error.hint}".strip()
        ) from None


@lru_cache(maxsize=8192)
def _checked_uscc(text: str) -> str:
    """The normalised code; codes of organisations are public, so remembering some is harmless."""
    return str(parse_uscc(text, demo=True))


def _parse_person(value: Any) -> str:
    text = normalise(value) if isinstance(value, str) else value
    if not isinstance(text, str) or not _PERSON.match(text):
        raise _fail("A person is named by an 18-character resident id. 请使用18位公民身份号码。")
    return text


def _parse_subject(value: Any) -> SubjectName:
    if not isinstance(value, str):
        raise _fail("A subject is named by a USCC or resident id. 请使用统一社会信用代码或公民身份号码。")
    try:
        return SubjectName(*subject_of(value, today=date.max, demo=True))
    except IdentifierError as error:
        raise _fail(
            f"Neither a USCC nor a resident id ({error.detail}). 主体代码有误。 {error.hint}".strip()
        ) from None


def _parse_date(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise _fail("A Date is written YYYY-MM-DD. 日期格式为 YYYY-MM-DD。") from None


def _parse_datetime(value: Any) -> str:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _fail("A DateTime is written as RFC 3339. 时间格式为 RFC 3339。") from None
    if instant.tzinfo is None:
        raise _fail("A DateTime names its offset, for example +08:00. 时间必须带时区。")
    return instant.isoformat()


def _parse_month(value: Any) -> str:
    if not isinstance(value, str) or not _MONTH.match(value):
        raise _fail("A YearMonth is written YYYY-MM. 月份格式为 YYYY-MM。")
    return value


def _parse_decimal(value: Any) -> str:
    try:
        number = PythonDecimal(str(value))
    except InvalidOperation:
        raise _fail("A Decimal is written as digits with a point. 数值格式有误。") from None
    if not number.is_finite():
        raise _fail("A Decimal is finite. 数值格式有误。")
    return str(number)


def _parse_row(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _fail("A row is a JSON object. 每行应为 JSON 对象。")
    for found in value.values():
        if isinstance(found, float) and not _exact(found):
            raise _fail("A number of more than 15 digits is sent as text. 超过15位的数值请以文本报送。")
    return value


def _exact(number: float) -> bool:
    """Whether the number still has all the digits it was sent with."""
    digits = repr(number).partition("e")[0].replace(".", "").lstrip("-0")
    return abs(number) < 1e15 and len(digits) <= 15


SCALARS: dict[object, ScalarDefinition] = {
    USCC: strawberry.scalar(
        name="USCC",
        description="统一社会信用代码，18位，含校验位（GB 32100-2015）。Unified social credit code, 18 characters, checked.",
        parse_value=_parse_uscc,
    ),
    PersonIdentifier: strawberry.scalar(
        name="PersonIdentifier",
        description="公民身份号码，18位（GB 11643）。Resident id number, 18 characters.",
        parse_value=_parse_person,
    ),
    SubjectIdentifier: strawberry.scalar(
        name="SubjectIdentifier",
        description="统一社会信用代码或公民身份号码，18位。USCC or resident id, 18 characters.",
        parse_value=_parse_subject,
    ),
    Date: strawberry.scalar(
        name="Date",
        description="日期 YYYY-MM-DD（北京时间）。Civil date in China Standard Time.",
        parse_value=_parse_date,
    ),
    DateTime: strawberry.scalar(
        name="DateTime", description="时间，RFC 3339。Instant, RFC 3339.", parse_value=_parse_datetime
    ),
    YearMonth: strawberry.scalar(
        name="YearMonth", description="月份 YYYY-MM。Month.", parse_value=_parse_month
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="十进制数，以字符串传输。Decimal number, sent as a string.",
        parse_value=_parse_decimal,
    ),
    RecordRow: strawberry.scalar(
        name="RecordRow",
        description="一行记录：JSON 对象，键为官方列名、列代码或字段名。A row: a JSON object by official column, code or field.",
        parse_value=_parse_row,
    ),
}
