"""`hub audit archive`: export whole civil months of the log, in a form that verifies without the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from hub.audit import offline, offline_archive, proofs
from hub.audit.archive import Wanted, seal_archive, write_archive
from hub.audit.entry import Kind
from hub.audit.months import MonthRange, Progress, entries_before, month_of, month_ranges, parse_month
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.audit.publish import Publisher
from hub.cli.console import progress_bar, say
from hub.cli.desk import Desk, at_desk
from hub.errors import InputError, IntegrityError
from hub.keys.files import sync_folder


def archive(
    until: Annotated[str, typer.Option(help="Last month, such as 2026-01.")],
    out: Annotated[Path, typer.Option(help="New folder to write.")],
    since: Annotated[str, typer.Option(help="First month; default: the first of the log.")] = "",
    tiles: Annotated[
        Path | None, typer.Option(help="Folder of the published log: archive under its cosigned checkpoint.")
    ] = None,
) -> None:
    """Export whole civil months of the log into a folder that verifies alone (`hub verify FOLDER`).

    Making it is entered into the log, and that entry seals the archive.
    """
    span = (parse_month(since) if since else "", parse_month(until))
    out = out.expanduser().resolve()
    if out.parent == out:
        raise _unwritable()
    building = out.with_name(out.name + ".part")
    if out.exists() or building.exists():
        raise InputError(
            "The folder is there already; nothing was overwritten.",
            hint="Choose another one with --out; delete one that ends in .part.",
            message_zh="目录已存在，未覆盖。",
        )
    with progress_bar("entries") as bar:
        task = bar.add_task("archive", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        manifest = at_desk(
            lambda desk: _archive(desk, span, building, tiles.expanduser() if tiles else None, progress)
        )
    with _writing():
        building.rename(out)
        sync_folder(out.parent)
    say(
        f"已归档 Archived {manifest['months'][0]['name']} to {manifest['months'][-1]['name']}: "
        f"entries {manifest['first']} to {manifest['stop'] - 1}, verified, {out.name}"
    )


async def _archive(
    desk: Desk, span: tuple[str, str], building: Path, tiles: Path | None, progress: Progress
) -> offline.Json:
    checkpoint, note = await _checkpoint(desk, tiles)
    async with (
        desk.database.connection() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        months = await month_ranges(connection, checkpoint.size, progress)
        chosen = _choose(desk, months, span)
        if await entries_before(connection, checkpoint.size, span[1]):
            raise _older_than_months()
        wanted = Wanted(chosen, checkpoint, note, desk.ring.public_document())
        with _writing():
            manifest = await write_archive(connection, building, wanted, progress)
    sealed = await desk.record(
        offline_archive.ACT,
        now=desk.clock.now(),
        kind=Kind.AUDIT_READ,
        purpose="AUDIT_REVIEW",
        detail={"manifest": sha256(manifest).hexdigest(), "first": wanted.first, "stop": wanted.stop},
    )
    consistency = await proofs.consistency(desk.database, checkpoint.size, sealed.tree_size)
    with _writing():
        seal_archive(building, sealed, consistency)
    keys = " ".join(str(verifier) for verifier in desk.ring.public().note_verifiers())
    try:
        return offline_archive.verify_archive(building, keys, lambda _: None)
    except offline.NotVerifiedError as error:
        raise IntegrityError(
            f"The archive would not verify: {error}.",
            hint="Run `hub audit verify`, and delete the folder that ends in .part.",
            message_zh="归档未通过核验。",
        ) from error


@contextmanager
def _writing() -> Iterator[None]:
    """A disk that is full is not a database that is away."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise _unwritable() from error


def _unwritable() -> InputError:
    return InputError(
        "The folder cannot be written, or its disk is full.",
        hint="Choose another one with --out; delete the one that ends in .part.",
        message_zh="无法写入目录，或磁盘已满。",
    )


def _older_than_months() -> InputError:
    return InputError(
        "The published checkpoint does not cover all entries of these months.",
        hint="Run `hub audit publish` first, or leave --tiles out.",
        message_zh="已发布的检查点未涵盖这些月份的全部条目。",
    )


async def _checkpoint(desk: Desk, tiles: Path | None) -> tuple[Checkpoint, str]:
    verifiers = desk.ring.public().note_verifiers()
    if tiles is None:
        note = await proofs.stored_checkpoint(desk.database)
        return verify_checkpoint(note, *verifiers), note
    published = Publisher(tiles, verifiers).published()
    if published is None:
        raise InputError(
            "The folder holds no published checkpoint.",
            hint="Run `hub audit publish` first, or leave --tiles out.",
            message_zh="该目录没有已发布的检查点。",
        )
    return published


def _choose(desk: Desk, months: list[MonthRange], span: tuple[str, str]) -> list[MonthRange]:
    since, until = span
    if until >= month_of(desk.clock.now()):
        raise InputError(
            "This month is not over yet.", hint="Only whole months are archived; name an earlier one with --until.",
            message_zh="该月尚未结束，只能归档整月。",
        )  # fmt: skip
    chosen = [month for month in months if since <= month.name <= until]
    if not chosen:
        raise InputError(
            "The log has no entries of these months.", hint="Look with `hub audit list`.",
            message_zh="日志中没有这些月份的条目。",
        )  # fmt: skip
    return chosen
