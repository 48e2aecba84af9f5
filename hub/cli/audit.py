"""`hub audit`: verify the log, list its entries, and hand out proofs and checkpoints.

Verifying, proofs and checkpoints need the database and public keys only. Listing is an operation of its own and
leaves an entry of kind AUDIT_READ before anything is printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.audit import proofs
from hub.audit.findings import WalkReport
from hub.audit.merkle import verify_inclusion
from hub.audit.publish import Publisher
from hub.audit.tiles import TileTree
from hub.audit.walk import walk
from hub.cli import audit_case, audit_relation, audit_watch
from hub.cli.audit_archive import archive
from hub.cli.audit_detect import detect_now
from hub.cli.audit_equation import equation
from hub.cli.audit_fsck import fsck
from hub.cli.audit_hold import hold, list_holds, release
from hub.cli.audit_list import list_entries
from hub.cli.audit_prune import prune
from hub.cli.audit_publish import publish
from hub.cli.audit_review import counts, who
from hub.cli.audit_show import show
from hub.cli.audit_uses import list_uses
from hub.cli.audit_withhold import withhold
from hub.cli.console import progress_bar, say, show_table
from hub.cli.desk import with_open_database
from hub.cli.group import NOT_VERIFIED
from hub.cli.proof_file import ProofFile, checkpoint_in
from hub.cli.public_keys import log_verifiers
from hub.config import Settings
from hub.errors import InputError
from hub.store.database import Database

app = typer.Typer(
    help="Verify and read the audit log.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)
app.command("list")(list_entries)
app.command("counts")(counts)
app.command("who")(who)
app.command("show")(show)
app.command("equation")(equation)
app.command("publish")(publish)
app.command("uses")(list_uses)
app.command("fsck")(fsck)
app.command("withhold")(withhold)
app.command("archive")(archive)
app.command("prune")(prune)
app.command("hold")(hold)
app.command("release")(release)
app.command("holds")(list_holds)
app.command("detect")(detect_now)
app.add_typer(audit_case.app, name="case")
app.add_typer(audit_watch.app, name="watch")
app.add_typer(audit_relation.app, name="relation")


@app.command()
def verify(
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", help="Receipt, proof or checkpoint kept earlier, which the log must continue."
        ),
    ] = None,
    start: Annotated[int, typer.Option(min=0, help="First index of the part to verify.")] = 0,
    end: Annotated[int | None, typer.Option(min=1, help="First index behind it; default: the end.")] = None,
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
) -> None:
    """Recompute the log, or a part of it, and name the first entry that is not as it was signed.

    Exit code 0: the log is whole; 1: it is not.
    """
    verifiers = log_verifiers(Settings.from_environment(), key)
    checkpoints = [checkpoint_in(path) for path in earlier or ()]
    with progress_bar("entries") as progress:
        task = progress.add_task("audit log", total=None)

        async def act(database: Database) -> WalkReport:
            return await walk(
                database, verifiers, checkpoints=checkpoints, start=start, end=end,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )  # fmt: skip

        report = with_open_database(act)
    _show(report, len(checkpoints), part=start > 0 or end is not None)
    if report.findings:
        raise typer.Exit(NOT_VERIFIED)


@app.command()
def proof(
    index: Annotated[int, typer.Argument(min=0, help="Index of the entry.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="Tree size; default: that of the newest checkpoint.")
    ] = None,
    tlog: Annotated[bool, typer.Option("--tlog", help="Print a C2SP tlog-proof instead of JSON.")] = False,
    tiles: Annotated[
        Path | None,
        typer.Option(help="Folder of the published log: its cosigned checkpoint, and no database."),
    ] = None,
    key: Annotated[str, typer.Option(help="With --tiles: the log's verifier key, or a file with it.")] = "",
) -> None:
    """Print the proof that an entry stands in the log; `hub verify` accepts the JSON.

    For an earlier --size the proof holds no checkpoint: verify it with the one you kept.
    """
    if tiles is not None:
        found = _proof_from_tiles(tiles.expanduser(), index, size, key)
    else:
        found = with_open_database(lambda database: _stored_proof(database, index, size))
    if tlog and not found.checkpoint:
        raise InputError(
            "A tlog-proof holds its checkpoint, and the one of this size is not stored.",
            hint="Leave --size out, or leave --tlog out.",
            message_zh="tlog-proof 须含检查点，而该大小的检查点未保存。",
        )
    typer.echo(found.tlog() if tlog else found.json(), nl=False)


async def _stored_proof(database: Database, index: int, size: int | None) -> ProofFile:
    found = await proofs.proof(database, index, size)
    return ProofFile(found.index, found.size, found.leaf, found.hashes, found.checkpoint)


def _proof_from_tiles(folder: Path, index: int, size: int | None, key: str) -> ProofFile:
    publisher = Publisher(folder, log_verifiers(Settings.from_environment(), key))
    published = publisher.published()
    if published is None or size not in (None, published[0].size):
        raise InputError(
            "The folder holds no published checkpoint of this size.",
            hint="Leave --size out, or publish first with `hub audit publish`.",
            message_zh="该目录没有此大小的已发布检查点。",
        )
    checkpoint, note = published
    tree = TileTree(checkpoint.size, publisher.read_tile)
    found = ProofFile(index, checkpoint.size, tree.leaf(index), tree.inclusion(index), note)
    verify_inclusion(found.leaf, index, found.size, found.hashes, checkpoint.root)
    return found


@app.command()
def checkpoint() -> None:
    """Print the newest signed checkpoint: keep it, and the log can no longer be set back unseen."""
    typer.echo(with_open_database(proofs.stored_checkpoint), nl=False)


def _show(report: WalkReport, earlier: int, *, part: bool) -> None:
    if not report.findings:
        kept = f" and continues {earlier} earlier checkpoint(s)" if earlier else ""
        withheld = f", {report.withheld} of them withheld" if report.withheld else ""
        withheld += f", {report.archived} of them archived" if report.archived else ""
        if part:
            where = f"{report.start}-{report.start + report.entries - 1}"
            say(f"✓ 所查区段完整 Entries {where} stand in the signed log{withheld}{kept}.")
            return
        say(f"✓ 审计日志完整 The log is whole: {report.size} entries{withheld}, signed{kept}.")
        return
    say(f"✗ 审计日志有误 The log does not verify from entry {report.first_bad} on.")
    show_table(
        ("from", "to", "what"), [(str(f.index), str(f.until - 1), f.problem.value) for f in report.findings]
    )
    if report.proven > report.start:
        say(f"Entries {report.start} to {report.proven - 1} are proven to be as they were signed.")
    say("Keep the database as it is and compare with a backup and with receipts.")
