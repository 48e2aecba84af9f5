"""`hub audit prune`: take out the bodies of entries whose time is over, and which an archive holds."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from hub.audit.months import Progress
from hub.audit.offline import NotVerifiedError
from hub.audit.offline_archive import read_months, verify_archive
from hub.audit.prune import MonthPruned, Source, expired_kinds, prune_month
from hub.cli.console import progress_bar, say
from hub.cli.desk import Desk, at_desk
from hub.errors import VerificationError


def prune(
    archive: Annotated[Path, typer.Argument(help="Folder of the archive that holds the entries.")],
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only say what would go.")] = False,
) -> None:
    """Take out the bodies of entries that are past their term of retention, archived, and not under hold.

    The archive is verified first. Leaf hashes and search columns stay, and all proofs still hold. Each month is one
    transaction with one entry.
    """
    with progress_bar("entries") as bar:
        task = bar.add_task("prune", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        found = at_desk(lambda desk: _prune(desk, archive.expanduser(), progress, apply=apply))
    for month in found:
        held = f", {month.held} under hold stay" if month.held else ""
        if month.act is not None:
            say(f"已清理 {month.name}: {month.taken} bodies taken out{held}; entry {month.act} says so.")
        elif month.taken:
            say(f"可清理 {month.name}: {month.taken} bodies would go{held}. Do it with --apply.")
        else:
            why = "nothing goes" if month.held else "nothing is past its term"
            say(f"无可清理 {month.name}: {why}{held}.")


async def _prune(desk: Desk, folder: Path, progress: Progress, *, apply: bool) -> list[MonthPruned]:
    keys = " ".join(str(verifier) for verifier in desk.ring.public().note_verifiers())
    try:
        manifest = verify_archive(folder, keys, lambda _: None)
    except NotVerifiedError as error:
        raise VerificationError(
            f"The archive does not verify: {error}.",
            hint="Nothing was taken out. Look at it with `hub verify`, and make another one.",
            message_zh="归档未通过核验，未清理。",
        ) from error
    source = Source(folder, sha256((folder / "manifest.json").read_bytes()).hexdigest())
    terms, now = desk.rules.policy.retention, desk.clock.now()
    found: list[MonthPruned] = []
    for month in read_months(manifest):
        kinds = expired_kinds(terms, now, month.name)
        if not kinds:
            found.append(MonthPruned(month.name))
            continue
        found.append(
            await prune_month(
                desk.database, desk.log, desk.entry, source, month, kinds, progress, apply=apply
            )
        )
    return found
