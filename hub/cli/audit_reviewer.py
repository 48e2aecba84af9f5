"""Who acts in review at the command line: the account of the process, whatever its environment says."""

from __future__ import annotations

from hub.audit.reviewer import Reviewer, person_of
from hub.cli.desk import Desk, account


def reviewer(desk: Desk) -> Reviewer:
    """The person at the command line, as review cases know it.

    The name is that of the process's user id; whoever may become another user of the machine can act as that one.
    """
    name = account()

    def known_as(institution: str) -> str:
        return "op_" + desk.indexer.alias_hash("operator", f"{institution}:{name}").hex()

    person = person_of(desk.indexer.alias_hash, name)
    return Reviewer(f"cli:{name}", "", "", person, desk.rules.policy.revision, known_as)
