"""`hub witness`: an independent witness of logs, to be run on another machine by somebody else than their operator."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hub.audit.witness import Witness
from hub.cli.console import say
from hub.clock import SystemClock
from hub.errors import InputError
from hub.keys.cosign import CosignKey, parse_cosign_key
from hub.keys.note import NoteVerifier, parse_note_verifier

app = typer.Typer(
    help="Run a witness of transparency logs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

KeyFile = Annotated[Path, typer.Option("--key", help="File with the witness's private key.")]


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Name of the witness, such as witness.example/w1.")],
    key: KeyFile = Path("witness.key"),
) -> None:
    """Make a key for a witness, and print its verifier key. Nothing is ever overwritten."""
    fresh = CosignKey.new(name)
    try:
        handle = os.open(key.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(
            "The file is there already; nothing was overwritten.",
            hint="Choose another name with --key.",
            message_zh="文件已存在，未覆盖。",
        ) from None
    except OSError as error:
        raise InputError(
            "The key file cannot be written.",
            hint="Choose another place with --key.",
            message_zh="无法写入文件。",
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(fresh.unsafe_private_text() + "\n")
    say(str(fresh.verifier))


@app.command()
def show(key: KeyFile = Path("witness.key")) -> None:
    """Print the verifier key of a witness."""
    say(str(_read_key(key).verifier))


@app.command()
def serve(
    log: Annotated[
        list[str], typer.Option("--log", help="Verifier key of a log, or a file with one a line; repeat.")
    ],
    key: KeyFile = Path("witness.key"),
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the witness keeps what it has cosigned.")
    ] = Path("witness"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8791,
) -> None:
    """Cosign checkpoints of the named logs, each as long as it continues the one before."""
    import uvicorn

    from hub.gateway.server import http_options
    from hub.gateway.witness import witness_app

    found = _read_key(key)
    witness = Witness(folder.expanduser(), found, _logs(log))
    say(f"见证 Witness {found.name}: http://{host}:{port}/add-checkpoint", stderr=True)
    options = http_options() | {"lifespan": "off"}
    uvicorn.run(witness_app(witness, SystemClock()), host=host, port=port, **options)


def _logs(given: list[str]) -> dict[str, list[NoteVerifier]]:
    """Verifier keys by origin; the name of a log's key is its origin."""
    logs: dict[str, list[NoteVerifier]] = {}
    for text in given:
        path = Path(text).expanduser()
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else [text]
        for line in filter(None, map(str.strip, lines)):
            verifier = parse_note_verifier(line)
            logs.setdefault(verifier.name, []).append(verifier)
    return logs


def _read_key(path: Path) -> CosignKey:
    try:
        return parse_cosign_key(path.expanduser().read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "The witness's key cannot be read.",
            hint="Make one with `hub witness init NAME --key FILE`.",
            message_zh="无法读取见证密钥。",
        ) from error
