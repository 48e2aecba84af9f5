"""Pages of the lists outside the gate: how long they are, and cursors, opaque to clients."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from hub.api.context import RequestContext
from hub.errors import InputError

_DEFAULT_PAGE = 50


def page_size(first: int | None, context: RequestContext) -> int:
    """How many are wanted.

    Raises:
        InputError: when it is none or more than a page holds.
    """
    size = _DEFAULT_PAGE if first is None else first
    if not 1 <= size <= context.services.max_page:
        raise InputError(
            f"`first` must lie between 1 and {context.services.max_page}.",
            hint="Ask for the next page for more.",
            message_zh=f"first 必须在 1 到 {context.services.max_page} 之间。",
        )
    return size


def encode_cursor(*place: object) -> str:
    """The opaque text of a place: its parts, as text and in their order."""
    return urlsafe_b64encode("/".join(map(str, place)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, form: re.Pattern[str]) -> re.Match[str]:
    """The place that a cursor names, in the form of those of its list.

    Raises:
        InputError: when it is not a cursor of this list.
    """
    try:
        found = form.fullmatch(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
    except ValueError:
        found = None
    if found is None:
        raise foreign_cursor()
    return found


def foreign_cursor() -> InputError:
    """What is said of a cursor that is not one of the list."""
    return InputError(
        "The cursor is not one of this list.",
        hint="Pass the cursor of the page before, unchanged.",
        message_zh="游标不属于该列表，请原样传回。",
    )
