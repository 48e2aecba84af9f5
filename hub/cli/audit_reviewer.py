"""Who acts in review at the command line: the account of the process, whatever its environment says."""

from __future__ import annotations

import os
import pwd

from hub.audit.reviewer import Reviewer, person_of
from hub.cli.desk import Desk


def reviewer(desk: Desk) -> Reviewer:
    """The person at the command line, as review cases know it.

    The name is that of the process's user id. `LOGNAME`, by which other commands name who acts, can be set to anything;
    whoever may become another user of the machine can still act as that one.
    """
    name = account()

    def known_as(institution: str) -> str:
        return "op_" + desk.indexer.alias_hash("operator", f"{institution}:{name}").hex()

    person = person_of(desk.indexer.alias_hash, name)
    return Reviewer(f"cli:{name}", "", "", person, desk.rules.policy.revision, known_as)


def account() -> str:
    """The name of the user that the process runs as."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # no name for this user id
        return f"uid-{os.getuid()}"
