"""Cursors of lists: where the next page starts, opaque to clients.

A cursor holds the last record's place in the list's order. Where the caller may not see the date that orders
a list, the list is ordered by record id and the cursor holds no date.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date

from hub.errors import InputError

START_DATE = date.max
START_ID = b"\xff" * 17


@dataclass(frozen=True)
class Position:
    """A place in a list, newest first: everything after it has a smaller (event_date, record_id)."""

    event_date: date = START_DATE
    record_id: bytes = START_ID


def encode_cursor(position: Position, *, dated: bool) -> str:
    """The opaque text of a place."""
    day = position.event_date.toordinal() if dated else 0
    return base64.urlsafe_b64encode(day.to_bytes(4, "big") + position.record_id).decode().rstrip("=")


def decode_cursor(text: str, *, dated: bool) -> Position:
    """The place that a cursor names.

    Raises:
        InputError: when it is not a cursor of such a list.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        day = int.from_bytes(raw[:4], "big")
        if len(raw) != 20 or (day == 0) == dated:
            raise ValueError
        return Position(date.fromordinal(day) if dated else START_DATE, raw[4:])
    except (ValueError, OverflowError, binascii.Error):
        raise InputError(
            "The cursor is not one of this list.",
            hint="Pass pageInfo.endCursor of the page before, unchanged.",
            message_zh="游标不属于该列表，请原样传回上一页的 pageInfo.endCursor。",
        ) from None
