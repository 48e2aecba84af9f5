"""The columns that the log is searched by: they must say what the body says, and go on doing so once it is gone.

While there is a body, each column is compared with it. Before a body is taken out, a digest of the columns goes into
the entry that says so (`hub.audit.withheld`), so that nobody can hide an entry from a view afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from hub.audit.entry import canonical, read_body, subject_ref
from hub.errors import VerificationError

NAMES = "idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id"
"""What is read of an entry to compare it."""

_PLAIN = ("entry_id", "kind", "caller", "purpose", "outcome")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Row = Mapping[str, Any]
"""A row of `log_entry`."""


def columns_agree(row: Row) -> bool:
    """Whether an entry's columns say what its body says; false also for a body that is no entry."""
    try:
        body = read_body(row["body"])
        said = [body[name] for name in ("id", *_PLAIN[1:])]
        subjects = [part["subject"] for part in body["subjects"]]
        at: datetime = _EPOCH + timedelta(milliseconds=body["at"])
    except (VerificationError, KeyError, TypeError, OverflowError):
        return False
    return (
        said == [row[name] for name in _PLAIN]
        and at == row["at"]
        and subjects == [subject_ref(s) for s in row["subjects"]]
    )


def column_digest(row: Row) -> bytes:
    """SHA-256 over an entry's index, leaf hash and columns, without its body."""
    said = [row["idx"], row["leaf_hash"].hex(), (row["at"] - _EPOCH) // _MICROSECOND]
    subjects = [subject_ref(s) for s in row["subjects"]]
    return sha256(canonical([*said, *(row[name] for name in _PLAIN), subjects])).digest()
