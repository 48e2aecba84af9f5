"""`hub evidence`: packs that prove one entry of the log to outsiders, and answers shown in part."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.audit import offline, offline_pack, proofs
from hub.audit.entry import Kind
from hub.audit.evidence import OPERATION, Material
from hub.audit.redaction import redact as redact_response
from hub.cli.console import say
from hub.cli.desk import Desk, at_desk
from hub.cli.evidence_material import gather, read_saved, sizes
from hub.cli.new_file import must_be_new, write_new
from hub.errors import InputError, IntegrityError

app = typer.Typer(
    help="Prove entries of the log to outsiders.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Out = Annotated[Path, typer.Option("--out", help="New file to write; nothing is ever overwritten.")]


@app.command()
def pack(
    out: Out,
    entry: Annotated[str, typer.Option(help="Index or id of the entry.")] = "",
    response: Annotated[
        Path | None, typer.Option(help="The saved response, or a part of it that `redact` left.")
    ] = None,
    tiles: Annotated[
        Path | None,
        typer.Option(help="Folder of the published log: prove by its cosigned checkpoint."),
    ] = None,
) -> None:
    """Make an evidence pack about one entry of the log; `hub verify` and the verifier inside check it.

    Making it is entered into the log, and that entry seals the pack.
    """
    if bool(entry) == (response is not None):
        raise InputError(
            "Give either --entry or --response.",
            hint="The index of an entry stands in `hub audit list`, and in the receipt of a response.",
            message_zh="请给出 --entry 或 --response 之一。",
        )
    must_be_new(out)
    folder = tiles.expanduser() if tiles else None

    async def act(desk: Desk) -> tuple[Material, bytes]:
        material = await gather(desk, entry, response, folder)
        sealed = await desk.record(
            OPERATION,
            now=desk.clock.now(),
            kind=Kind.AUDIT_READ,
            purpose="AUDIT_REVIEW",
            detail={"entry": material.entry.index, "manifest": sha256(material.manifest()).hexdigest()},
            subject_ids=tuple(bytes.fromhex(p["subject"][4:]) for p in material.entry.data["subjects"]),
        )
        consistency = [
            await proofs.consistency(desk.database, size, sealed.tree_size) for size in sizes(material)
        ]
        raw = material.pack(sealed, consistency)
        _hold(raw, " ".join(str(verifier) for verifier in desk.ring.public().note_verifiers()))
        return material, raw

    material, raw = at_desk(act)
    write_new(out, raw)
    for name, why in material.absent.items():
        say(f"warn  {name}: {why}", stderr=True)
    say(f"证据包 Evidence pack: entry {material.entry.index}, {len(raw):,} bytes, {out.name}")


@app.command()
def redact(
    response: Annotated[Path, typer.Argument(help="A saved response whose receipt commits to each field.")],
    keep: Annotated[list[str], typer.Option(help="JSON pointer of what stays in clear; repeat.")],
    out: Out,
) -> None:
    """Leave only some fields of a saved response in clear; the receipt still proves them.

    Pointers begin with /data, /disclosure or /errors; what stands below a pointer is kept, too.
    """
    must_be_new(out)
    _, document = read_saved(response)
    if document.get("format") == offline.PARTIAL:
        raise InputError(
            "The file is a partial disclosure already.",
            hint="Start from the whole response.",
            message_zh="该文件已是部分出示。",
        )
    committed = str(offline.read_json(document["extensions"]["receipt"]["entry"])["commitment"])
    partial = redact_response(document, committed, keep)
    write_new(out, orjson.dumps(partial, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    say(
        f"部分出示 Partial: {len(partial['fields'])} of {len(partial['digests'])} leaves in clear, {out.name}"
    )


def _hold(raw: bytes, vkeys: str) -> None:
    """Nothing is written that would not verify."""
    try:
        offline_pack.verify_pack(raw, vkeys, lambda _: None)
    except offline.NotVerifiedError as error:
        raise IntegrityError(
            f"The pack would not verify: {error}.",
            hint="Nothing was written. Run `hub audit verify`.",
            message_zh="证据包未通过核验，未写出。",
        ) from error
