"""The wire of the data tracker: parameters, JSON and errors as dumonitor-openapi 2.0.0 of Andmejälgija has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hub.audit.callers import CallerNames
from hub.audit.ledger import LedgerLine
from hub.audit.ledger_words import LedgerWords
from hub.audit.tracked import Uses, Window
from hub.clock import CST
from hub.errors import AuthenticationError, HubError, InputError
from hub.gateway.graphql import NoTokenError

MAX_LIMIT = 10_000
_MAX_INT = 2**31 - 1
_USER_CHARS = 64
_SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_NUMBER = re.compile(r"[0-9]{1,10}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
"""A day alone is none: whoever ends a period with it would miss that day."""
_FIND = frozenset({"userCode", "periodStart", "periodEnd", "offset", "limit"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for uses."""

    user: str
    """Who asks, as X-Road states it: not believed, and recorded as a pseudonym only."""
    code: str
    """The subject: USCC, resident id or pseudonym."""
    window: Window


def find_request(request: Request) -> Asked:
    """What `findUsage` is asked for.

    Raises:
        InputError: when a parameter is missing, unknown, stated twice or not well formed.
    """
    user = user_of(request)
    given = _given(request, _FIND)
    if not given.get("userCode"):
        raise _bad("`userCode` is missing.", "Name the subject.", "缺少 userCode。")
    window = Window(
        since=_read(given, "periodStart", None, _instant),
        until=_read(given, "periodEnd", None, _instant),
        offset=_read(given, "offset", 0, lambda text: _whole(text, 0, _MAX_INT)),
        limit=_read(given, "limit", 1000, lambda text: _whole(text, 1, MAX_LIMIT)),
    )
    return Asked(user, given["userCode"], window)


def plain_request(request: Request) -> None:
    """Hold a request to having no parameters.

    Raises:
        InputError: when it has any.
    """
    _given(request, frozenset())


def user_of(request: Request) -> str:
    """The header `X-Road-UserId`.

    Raises:
        InputError: when it is missing or no short printable text.
    """
    user = request.headers.get("x-road-userid", "").strip()
    if not user or len(user) > _USER_CHARS or not user.isprintable():
        raise _bad("The header `X-Road-UserId` is missing.", "State who asks.", "缺少 X-Road-UserId 请求头。")
    return user


def found_json(uses: Uses, names: CallerNames, words: LedgerWords) -> dict[str, Any]:
    """`FindUsageResponse`."""
    return {"totalUsages": uses.total, "usages": [_usage(line, names, words) for line in uses.lines]}


def _usage(line: LedgerLine, names: CallerNames, words: LedgerWords) -> dict[str, str]:
    purpose = words.purpose(line)
    return {
        "logtime": instant_text(line.at),
        "action": f"{purpose.zh} {purpose.en}",
        "receiverCode": line.institution,
        "receiverName": names.of(line.caller, line.institution).zh,
        "receiverSystem": line.caller,
    }


def instant_text(at: datetime) -> str:
    """An instant as `date-time`, in China Standard Time."""
    return at.astimezone(CST).isoformat(timespec="seconds")


def answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON that nobody keeps."""
    return Response(orjson.dumps(body), status, _SAFE | (headers or {}), media_type="application/json")


def failure(error: HubError) -> Response:
    """An error: 400 for what is asked wrongly, 500 for what went wrong here, 401 without a good token."""
    body = {"code": error.code, "message": f"{error.message_zh} {error.message} {error.hint}".strip()}
    if isinstance(error, AuthenticationError):
        detail = "" if isinstance(error, NoTokenError) else ', error="invalid_token"'  # RFC 6750, 3.1
        return answer(401, body, {"www-authenticate": f'Bearer realm="credit-hub"{detail}'})
    return answer(400 if isinstance(error, InputError) else 500, body)


def refused() -> InputError:
    """The one error for a subject that is not the caller's own, whatever the reason."""
    return _bad(
        "`userCode` is not the subject that the token is for.",
        "Get a token for SELF_QUERY that names the subject.",
        "userCode 不是令牌所指的本人（本单位）。",
    )


def _given(request: Request, known: frozenset[str]) -> dict[str, str]:
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not known.issuperset(names):
        raise _bad("A parameter is unknown or stated twice.", "See docs/ledger.md.", "请求参数未知或重复。")
    return dict(pairs)


def _read(given: dict[str, str], name: str, default: T, read: Callable[[str], T]) -> T:
    text = given.get(name)
    if text is None:
        return default
    try:
        return read(text)
    except (ValueError, OverflowError):
        hint = (
            f"Numbers are whole, `limit` is at most {MAX_LIMIT}; a time is 2026-01-31T10:20:30, `+` is %2B."
        )
        raise _bad(f"`{name}` is not well formed.", hint, f"参数 {name} 格式有误。") from None


def _whole(text: str, least: int, most: int) -> int:
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise ValueError
    return int(text)


def _instant(text: str) -> datetime:
    """A `date-time`; one without an offset, as the specification's own examples, is in China Standard Time."""
    if not _DATE_TIME.fullmatch(text):
        raise ValueError
    instant = datetime.fromisoformat(text)
    instant = instant if instant.tzinfo else instant.replace(tzinfo=CST)
    return instant.astimezone(CST)


def _bad(message: str, hint: str, message_zh: str) -> InputError:
    return InputError(message, hint=hint, message_zh=message_zh)
