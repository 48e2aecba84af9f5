"""Codes with a wrong check character that really exist (`known_codes.toml`), reviewed one by one.

A checksum failure sends a row into quarantine. Early codes were issued with wrong check characters, though; one that
was checked with its registering authority is listed with source and reviewer, and passes intake. Nothing else does,
and a code whose check is right has no place in the list.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date

from hub.catalog.reading import Table, fail
from hub.errors import IdentifierError
from hub.model.identifiers import normalise, parse_uscc

FILE = "known_codes.toml"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_known_codes(content: bytes) -> frozenset[str]:
    """The codes from the bytes of their file.

    Raises:
        CatalogError: when it is not UTF-8 TOML, or an entry lacks source or reviewer, stands twice or is no code with
            a wrong check character.
    """
    try:
        table = Table(FILE, "", tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        fail(FILE, "(whole file)", "is not valid TOML in UTF-8", "Correct the syntax.")
    codes: set[str] = set()
    for entry in table.tables("known"):
        code = entry.text("code")
        entry.text("source")
        entry.text("reviewer")
        if not _is_day(entry.text("reviewed_on")):
            entry.fail("reviewed_on", "is no day", "Write YYYY-MM-DD.")
        entry.done()
        if code in codes or code != normalise(code) or not _wrong_check(code):
            entry.fail(
                "code", "stands twice or is no code with a wrong check character", "Correct or remove it."
            )
        codes.add(code)
    table.done()
    return frozenset(codes)


def _wrong_check(code: str) -> bool:
    try:
        parse_uscc(code, demo=True)
    except IdentifierError as error:
        return error.detail == "CHECKSUM_MISMATCH"
    return False


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False
