"""`hub policy publish`, `activate`, `list` and `show`: which policy is in force, and which were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk, with_open_database
from hub.cli.policy_source import catalog_of, short, stored_policy
from hub.config import Settings
from hub.disclosure.live import recorder
from hub.errors import InputError
from hub.folders import locate
from hub.policies import store
from hub.policies.files import load_policies
from hub.policies.lint import warnings
from hub.policies.publish import Change, Publisher, check_files, check_published, find_revision
from hub.store.database import Database

_NOTE_CHARS = 500


def publish(
    note: Annotated[str, typer.Option(help="Why, for those who read the list.")],
    folder: Annotated[Path | None, typer.Argument(help="Policy folder; default: HUB_POLICIES_DIR.")] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Print what deserves a look, too.")
    ] = False,
) -> None:
    """Put the policy of a folder in force, in every running process, without a restart.

    The folder is linted against the catalogue and its cases must hold, by the tables and by Casbin. The change and
    its entry in the audit log are one transaction.
    """
    settings = Settings.from_environment()
    catalog = catalog_of(settings)
    chosen = locate("policies", str(folder) if folder else settings.policies_dir)
    policy = check_files(load_policies(chosen, catalog).files, catalog, by_casbin=True)
    said = note.strip()
    if not said or len(said) > _NOTE_CHARS:
        raise InputError(
            f"The note is blank or longer than {_NOTE_CHARS} characters.",
            hint="Say in one line why the policy changes.",
            message_zh="请用一句话说明修改原因。",
        )
    notes = list(warnings(policy, catalog))
    for line in notes if verbose else ():
        say(f"  {line}")

    async def act(desk: Desk) -> Change:
        publisher = Publisher(desk.database, recorder(desk.log, catalog))
        return await publisher.publish(policy, by=desk.actor, note=said, now=desk.clock.now())

    _say(at_desk(act, in_force=False))


def activate(
    revision: Annotated[str, typer.Argument(help="Beginning of a published revision.")],
) -> None:
    """Go back, or forward, to a policy that was published before; it is checked again."""
    settings = Settings.from_environment()
    catalog = catalog_of(settings)

    async def act(desk: Desk) -> Change:
        wanted = await find_revision(desk.database, revision)
        async with desk.database.connection() as connection:
            files = await store.files(connection, wanted)
        check_published(wanted, files or {}, catalog)
        publisher = Publisher(desk.database, recorder(desk.log, catalog))
        return await publisher.activate(wanted, by=desk.actor, now=desk.clock.now())

    _say(at_desk(act, in_force=False))


def list_revisions(
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List published policies, newest first; `*` marks the one in force."""

    async def act(database: Database) -> list[store.Published]:
        async with database.connection() as connection:
            return await store.listed(connection)

    found = with_open_database(act)
    if json_lines:
        for one in found:
            say(orjson.dumps(one).decode())
        return
    columns = ("", "revision", "published UTC+8", "by", "note")
    show_table(
        columns,
        (
            (
                "*" if one.sequence else "",
                short(one.revision),
                civil_time(one.published_at),
                one.published_by,
                one.note,
            )
            for one in found
        ),
    )


def show(
    revision: Annotated[str, typer.Argument(help="Beginning of a published revision, or `active`.")],
    file: Annotated[str, typer.Option(help="Print this file of it.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write its files into this new folder.")] = None,
) -> None:
    """Show a published policy: its files, one of them, or all of them written to a folder."""
    stored = stored_policy(revision)
    if file:
        if file not in stored.files:
            raise InputError("The policy has no such file.", hint=f"Choose one of {', '.join(stored.files)}.")
        typer.echo(stored.files[file], nl=False)
        return
    if out is not None:
        if out.exists():
            raise InputError("The folder exists already.", hint="Name a new one.")
        out.mkdir(parents=True)
        for name, text in stored.files.items():
            (out / name).write_text(text, encoding="utf-8", newline="")
    say(stored.revision)
    show_table(
        ("file", "lines"), [(name, str(text.count("\n"))) for name, text in sorted(stored.files.items())]
    )


def _say(change: Change) -> None:
    before = f" (before: {short(change.old)})" if change.old else ""
    say(f"策略已生效 In force: {change.new}{before}")
