"""`hub audit publish`: the log as static files that anybody can check, under the cosignatures of witnesses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import httpx
import typer

from hub.audit.publish import Published, Publisher, WitnessPlace
from hub.cli.console import progress_bar, say, show_error
from hub.cli.desk import with_open_database
from hub.cli.group import NOT_VERIFIED
from hub.cli.public_keys import log_verifiers
from hub.config import Settings
from hub.errors import InputError, UnavailableError
from hub.keys.cosign import parse_cosign_verifier
from hub.store.database import Database


def publish(
    folder: Annotated[Path, typer.Argument(help="Folder that a web server serves as the log's prefix.")],
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="URL=VERIFIER-KEY of a witness that is asked to cosign; repeat."),
    ] = None,
    quorum: Annotated[
        int | None, typer.Option(min=0, help="How many witnesses must cosign; default: all that are named.")
    ] = None,
    warn: Annotated[
        bool, typer.Option("--warn", help="Publish with fewer cosignatures, too, and say so.")
    ] = False,
    every: Annotated[float, typer.Option(min=0, help="Publish again after so many seconds; 0: once.")] = 0,
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
) -> None:
    """Publish the log as static tiles, with its newest checkpoint under the cosignatures of witnesses.

    Exit code 0: published; 1: fewer witnesses than asked for cosigned, and it was published with --warn.
    """
    places = [_witness(text) for text in witness or ()]
    named = len({place.verifier.name for place in places})
    wanted = named if quorum is None else quorum
    if wanted > named:
        raise InputError(
            "More witnesses must cosign than are named.",
            hint="Name them with --witness URL=VERIFIER-KEY.",
            message_zh="要求的见证数多于已指定的见证。",
        )
    verifiers = log_verifiers(Settings.from_environment(), key)
    publisher = Publisher(folder.expanduser(), verifiers, places, quorum=wanted, strict=not warn)

    async def act(database: Database) -> Published:
        async with httpx.AsyncClient(trust_env=False) as client:
            while every:
                try:
                    await _publish(publisher, database, client)
                except UnavailableError as error:  # it may be there the next time
                    show_error(error)
                await asyncio.sleep(every)
            return await _publish(publisher, database, client)

    if len(with_open_database(act).witnesses) < wanted:
        raise typer.Exit(NOT_VERIFIED)


async def _publish(publisher: Publisher, database: Database, client: httpx.AsyncClient) -> Published:
    with progress_bar("entries") as progress:
        task = progress.add_task("audit log", total=None)
        done = await publisher.publish(
            database, client, lambda now, total: progress.update(task, completed=now, total=total)
        )
    say(f"已发布 Published: {done.size} entries, {done.size - done.before} of them new, {done.tiles} tiles.")
    if done.witnesses:
        say(f"见证 Cosigned by {', '.join(done.witnesses)}.")
    for name, why in done.missing.items():
        say(f"warn  {name}: {why}", stderr=True)
    return done


def _witness(text: str) -> WitnessPlace:
    url, separator, verifier = text.partition("=")
    if not separator or not url.startswith(("http://", "https://")):
        raise InputError(
            "A witness is given as URL=VERIFIER-KEY.",
            hint="Take the verifier key from whoever runs the witness.",
            message_zh="见证应写作 URL=验证公钥。",
        )
    return WitnessPlace(url, parse_cosign_verifier(verifier))
