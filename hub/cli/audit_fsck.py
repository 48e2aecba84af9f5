"""`hub audit fsck`: whether state, entries, tree and published folder fit together, after a crash above all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.audit.fsck import fsck as look
from hub.cli.console import say
from hub.cli.desk import with_open_database
from hub.cli.group import IN_PART, NOT_VERIFIED
from hub.cli.public_keys import log_verifiers
from hub.config import Settings


def fsck(
    tiles: Annotated[
        Path | None, typer.Option(help="Folder of the published log, to look at as well.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the stored subtree hashes anew from the entries.")
    ] = False,
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
) -> None:
    """Look whether the log's state, entries, tree and published folder fit together; run it after a crash.

    Exit code 0: all fit; 1: the log does not; 3: the log does, and what was made from it does not.
    """
    verifiers = log_verifiers(Settings.from_environment(), key)
    folder = tiles.expanduser() if tiles else None
    done = with_open_database(lambda database: look(database, verifiers, folder, rebuild=rebuild))
    for fault in done.faults:
        say(f"✗ {fault.place}: {fault.what}")
        say(f"  {fault.advice}")
    if not done.faults:
        published = f", {done.published} of them published" if done.published is not None else ""
        say(f"✓ 日志一致 The log fits together: {done.size} entries{published}.")
        return
    raise typer.Exit(IN_PART if all(fault.mild for fault in done.faults) else NOT_VERIFIED)
