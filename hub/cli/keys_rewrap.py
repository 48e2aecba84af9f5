"""`hub keys rewrap` and `hub keys destroy`: from an old key-encryption key to its successor, and the old one gone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.console import progress_bar, say
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED
from hub.disclosure.rewrap import Rewrapped, shut_out
from hub.disclosure.rewrap import rewrap as wrap_anew
from hub.errors import InputError
from hub.keys.rotation import check_destroyable, destroy_kek


def rewrap() -> None:
    """Wrap every data key anew under the active key-encryption key, while the hub runs.

    Exit code 0: done; 1: some data keys did not open, and stay as they are.
    """

    async def act(desk: Desk) -> Rewrapped:
        with progress_bar("data keys") as progress:
            task = progress.add_task("rewrap", total=None)
            return await wrap_anew(
                desk.database, desk.log, desk.ring.sealer(), desk.entry,
                lambda table, done: progress.update(task, description=table, completed=done),
            )  # fmt: skip

    done = at_desk(act)
    said = ", ".join(f"{table} {count}" for table, count in done.keys.items() if count)
    say(f"已重新封装 Wrapped anew: {said or 'nothing; all data keys are under the active key'}.")
    for table, count in done.broken.items():
        say(f"warn  {table}: {count} data keys do not open; restore their rows from a backup.", stderr=True)
    if done.broken:
        raise typer.Exit(NOT_VERIFIED)


def destroy(
    key: Annotated[str, typer.Argument(help="Id of a key-encryption key that is active no more.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only checked.")] = False,
) -> None:
    """Destroy an old key-encryption key that wraps nothing any more. Backups older than the rewrapping die with it."""

    async def act(desk: Desk) -> None:
        now = desk.clock.now()
        check_destroyable(desk.ring, key, now)
        async with desk.database.connection() as connection, connection.transaction():
            await shut_out(connection, key)
            if yes:
                await desk.log.append_in(connection, [desk.entry("keys.destroy", {"kek": key})])
                destroy_kek(Path(desk.settings.keys_dir), key, now)

    at_desk(act)
    if yes:
        say(
            f"已销毁 Destroyed: {key}. Do the same with every copy of the ring, and publish public.json anew."
        )
        return
    raise InputError(
        f"Nothing is wrapped under {key}; it was not destroyed yet.",
        hint="Backups of the database from before `hub keys rewrap` cannot be read without it. Add --yes.",
        message_zh="尚未销毁：该密钥已无数据密钥使用，确认请加 --yes。",
    )
