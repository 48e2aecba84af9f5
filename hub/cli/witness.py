"""`hub witness`: an independent witness of logs, to be run on another machine by somebody else than their operator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hub.audit.note import LineVerifier
from hub.audit.witness import Witness
from hub.cli.console import say
from hub.clock import SystemClock
from hub.errors import InputError, VerificationError
from hub.keys.cosign import ALGORITHMS, CosignKey, parse_cosign_key, parse_cosign_verifier
from hub.keys.note import parse_note_verifier

app = typer.Typer(
    help="Run a witness of transparency logs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

KeyFile = Annotated[Path, typer.Option("--key", help="File with the witness's private keys.")]


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Name of the witness, such as witness.example/w1.")],
    key: KeyFile = Path("witness.key"),
    algorithm: Annotated[
        str | None, typer.Option(help="ml-dsa-44 or ed25519: a key of this one only.", show_default=False)
    ] = None,
) -> None:
    """Make keys for a witness, and print its verifier keys. Nothing is ever overwritten.

    It gets one key for each algorithm, and answers with a signature line of each: verifiers use those that they know.
    """
    fresh = [CosignKey.new(name, one) for one in ALGORITHMS if algorithm in (None, one.name)]
    if not fresh:
        raise InputError(
            "There is no such algorithm.",
            hint=f"Write one of {', '.join(one.name for one in ALGORITHMS)}.",
            message_zh="没有该签名算法。",
        )
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
        file.writelines(one.unsafe_private_text() + "\n" for one in fresh)
    _show(fresh)


@app.command()
def show(key: KeyFile = Path("witness.key")) -> None:
    """Print the verifier keys of a witness."""
    _show(_read_keys(key))


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

    found = _read_keys(key)
    witness = Witness(folder.expanduser(), found, _logs(log))
    say(f"见证 Witness {found[0].name}: http://{host}:{port}/add-checkpoint", stderr=True)
    options = http_options() | {"lifespan": "off"}
    uvicorn.run(witness_app(witness, SystemClock()), host=host, port=port, **options)


def _logs(given: list[str]) -> dict[str, list[LineVerifier]]:
    """Verifier keys by origin; the name of a log's key is its origin."""
    logs: dict[str, list[LineVerifier]] = {}
    for text in given:
        path = Path(text).expanduser()
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else [text]
        for line in filter(None, map(str.strip, lines)):
            verifier = _log_verifier(line)
            logs.setdefault(verifier.name, []).append(verifier)
    return logs


def _log_verifier(line: str) -> LineVerifier:
    """A log signs as logs do (Ed25519), or as a cosigner of its own (ML-DSA-44)."""
    try:
        return parse_note_verifier(line)
    except VerificationError:
        return parse_cosign_verifier(line)


def _show(keys: Sequence[CosignKey]) -> None:
    for key in keys:
        say(str(key.verifier))


def _read_keys(path: Path) -> list[CosignKey]:
    try:
        lines = path.expanduser().read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "The witness's key cannot be read.",
            hint="Make one with `hub witness init NAME --key FILE`.",
            message_zh="无法读取见证密钥。",
        ) from error
    keys = [parse_cosign_key(line) for line in lines]
    if len({key.name for key in keys}) != 1:
        raise InputError(
            "The file holds no key of a witness, or keys of several.",
            hint="Give each witness a file and a folder of its own.",
            message_zh="文件中没有见证密钥，或含有多个见证的密钥。",
        )
    return keys
