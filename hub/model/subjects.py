"""Which kind of subject an identifier names, where only the identifier is given: tokens and commands."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from hub.errors import IdentifierError
from hub.model.identifiers import normalise, parse_resident_id, parse_uscc


class SubjectName(NamedTuple):
    """A subject as a caller names it."""

    kind: str
    """ORG or PERSON."""
    identifier: str
    """Normalised USCC or resident id; for an organisation also `sub_` and its id in hex."""


def subject_of(text: str, *, today: date, demo: bool) -> tuple[str, str]:
    """Kind (ORG or PERSON) and normalised identifier.

    A code can satisfy the check character of both standards; a resident id also carries a real birth date in
    positions 7 to 14 and a known province, which a unified social credit code's division and serial do not.

    Args:
        text: a unified social credit code or resident id.
        today: civil date, for birth dates in the future.
        demo: whether synthetic identifiers are accepted.

    Raises:
        IdentifierError: when it is neither; `detail` is that of the likelier kind.
    """
    code = normalise(text)
    if code[:17].isdigit():
        try:
            person = parse_resident_id(code, today=today, demo=demo)
            if person.region_known:
                return "PERSON", str(person)
        except IdentifierError as error:
            if code[6:8] in ("18", "19", "20") and code[:1] in "12345678":
                return "ORG", _uscc_or(code, demo, error)
    return "ORG", str(parse_uscc(code, demo=demo))


def _uscc_or(code: str, demo: bool, error: IdentifierError) -> str:
    try:
        return str(parse_uscc(code, demo=demo))
    except IdentifierError:
        raise error from None
