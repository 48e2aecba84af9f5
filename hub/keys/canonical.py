"""Canonical JSON of signed documents: the JSON Canonicalization Scheme (RFC 8785) on the part of JSON we use.

Text, whole numbers, booleans, null, lists, and objects with ASCII keys. Floats are refused, because their
canonical form is where implementations differ; whole numbers stay within ±(2^53 - 1) (RFC 7493, 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from hub.errors import ValueFormatError

_MOST = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """The value in canonical JSON, UTF-8.

    Raises:
        ValueFormatError: when the value has no canonical form here.
    """
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError):
        raise _refusal() from None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) and -_MOST <= value <= _MOST:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) and key.isascii() for key in value):
        return {key: _plain(item) for key, item in value.items()}
    raise _refusal()


def _refusal() -> ValueFormatError:
    return ValueFormatError(
        "A document to be signed holds something that has no canonical form.",
        detail="NOT_CANONICAL",
        hint="Use text, whole numbers, booleans, null, lists and objects with ASCII keys only.",
    )
