"""`hub audit withhold`: take the body of one entry out of the log, by rule and with a second person where asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.audit.withhold import Withholding, ask, confirm
from hub.cli.console import say
from hub.cli.desk import Desk, at_desk
from hub.errors import InputError


def withhold(
    index: Annotated[int | None, typer.Argument(min=0, help="Index of the entry.")] = None,
    reason: Annotated[str, typer.Option(help="Code of a ground in policies/withholding.toml.")] = "",
    reference: Annotated[str, typer.Option(help="Number of the decision or file behind it.")] = "",
    confirmed: Annotated[
        int | None,
        typer.Option("--confirm", min=0, help="Confirm what somebody else asked for by this entry."),
    ] = None,
) -> None:
    """Take the body of one entry out of the log; its leaf hash stays, and all proofs still hold.

    Where the ground asks for two persons, the first call asks and --confirm by somebody else does it.
    """
    if (index is None) == (confirmed is None) or (index is not None and not (reason and reference)):
        raise InputError(
            "Either an entry with --reason and --reference is given, or --confirm.",
            hint="Write `hub audit withhold 17 --reason COURT_ORDER --reference NUMBER`.",
            message_zh="请给出条目、事由和文号，或者使用 --confirm。",
        )

    async def act(desk: Desk) -> Withholding:
        grounds = desk.rules.policy.grounds
        if confirmed is not None:
            return await confirm(desk.database, desk.log, grounds, desk.entry, asked=confirmed)
        return await ask(
            desk.database, desk.log, grounds, desk.entry, index=index or 0, ground=reason, reference=reference
        )

    done = at_desk(act)
    if done.done:
        say(f"已撤下 Entry {done.index} is withheld; entry {done.act} says so.")
    else:
        say(
            f"待确认 Entry {done.act} asks for it. Somebody else runs: hub audit withhold --confirm {done.act}"
        )
