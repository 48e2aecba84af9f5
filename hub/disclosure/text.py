"""Answers as JSON text, in two orders: as it is sent, and canonical, as the receipt commits to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

Both = tuple[bytes, bytes]
"""JSON text with response keys in the order of the selection (GraphQL, 7.2.2), and the same with sorted keys."""
NULLS: Both = (b"null", b"null")


def both(value: Any) -> Both:
    """The text of a value in both orders."""
    return orjson.dumps(value), orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def both_list(parts: Iterable[Both]) -> Both:
    """A list of texts."""
    found = list(parts)
    return b"[" + b",".join([p[0] for p in found]) + b"]", b"[" + b",".join([p[1] for p in found]) + b"]"


def both_object(parts: Sequence[tuple[str, Both]]) -> Both:
    """An object of texts, by response keys in the order of the selection."""
    sent = b",".join([b'"%b":%b' % (key.encode(), part[0]) for key, part in parts])
    canonical = b",".join([b'"%b":%b' % (key.encode(), part[1]) for key, part in sorted(parts)])
    return b"{" + sent + b"}", b"{" + canonical + b"}"
