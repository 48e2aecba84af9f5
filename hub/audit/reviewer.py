"""Who acts in review: the client, and the person behind it.

Four eyes need to know whether two acts are of one person, on the command line and over the API alike. So a reviewer
has, besides the pseudonym of the log, one made of the name alone (`person`): the same name at another client or at the
command line is taken for the same person. Two people of one name can therefore not confirm each other; give them
different names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hub.errors import InputError

_PREFIX = "rv_"
_MOST_CHARS = 64


class Reviewer(NamedTuple):
    """Who acts."""

    client_id: str
    institution: str
    operator: str
    """Pseudonym of the person as entries of the log have it; empty at the command line."""
    person: str
    """Pseudonym of the name alone, `rv_` and hex."""
    policy: str
    """Revision in force."""
    known_as: Callable[[str], str]
    """Pseudonym that entries of the log give this person at an institution."""

    def concerned_by(self, concerned: Iterable[str]) -> bool:
        """Whether entries made by these (see `made_by`) may be this person's own."""
        for maker in concerned:
            institution, _, operator = maker.partition(" ")
            if maker == self.client_id or (operator and self.known_as(institution) == operator):
                return True
        return False


def made_by(institution: str, caller: str, operator: str) -> str:
    """Who made an entry: the person at its institution where one is named, else the client."""
    return f"{institution} {operator}" if operator else caller


def person_of(hashed: Callable[[str, str], bytes], name: str | None) -> str:
    """The pseudonym of a reviewer by name; blanks, case and width of letters do not matter.

    Args:
        hashed: `Indexer.alias_hash`.
        name: of the person.

    Raises:
        InputError: when no person is named, or the name is too long.
    """
    plain = "".join(unicodedata.normalize("NFKC", name or "").casefold().split())
    if not plain or len(plain) > _MOST_CHARS or not plain.isprintable():
        raise InputError(
            "No person is named who acts.",
            hint="Name the person as `operator` in the token's authorization_details.",
            message_zh="未写明经办人，请在令牌的 operator 中写明。",
        )
    return _PREFIX + hashed("reviewer", plain).hex()
