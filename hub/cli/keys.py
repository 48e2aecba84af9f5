"""`hub keys`: make, list, rotate and publish the key ring. Private material is never printed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.console import civil_time, say, show_table
from hub.cli.keys_rewrap import destroy, rewrap
from hub.cli.places import with_demo_keys
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import ConfigurationError
from hub.keys.facts import KeyFacts, KeyPurpose
from hub.keys.public import PUBLIC_FILE, load_public
from hub.keys.ring import create_ring, list_keys, load_ring
from hub.keys.rotation import add_kek, add_signing_key
from hub.keys.suites import Suite

app = typer.Typer(
    help="Make and rotate the key ring.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)

Folder = Annotated[Path | None, typer.Argument(help="The ring's folder; default: HUB_KEYS_DIR.")]


class SuiteName(StrEnum):
    """Cipher suites by the names they have on the command line."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"


class Rotating(StrEnum):
    """What can be rotated."""

    KEK = "kek"
    TOKEN = "token"  # noqa: S105 - a purpose, not a password
    LOG = "log"
    CONSENT = "consent"
    NOTICE = "notice"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
    demo: Annotated[bool, typer.Option("--demo", help="For the demo and tests; refused elsewhere.")] = False,
    suite: Annotated[
        SuiteName, typer.Option(help="What seals: AES-256 or SM4, both GCM.")
    ] = SuiteName.AES_256_GCM,
) -> None:
    """Make a key ring: every key of one hub. Nothing is ever overwritten."""
    origin = Settings.from_environment().log_origin
    chosen = Suite[suite.name]
    ring = create_ring(folder, demo=demo, now=SystemClock().now(), suite=chosen, log_origin=origin)
    _list(list_keys(ring))
    say("")
    say(f"Now set HUB_KEYS_DIR={folder.expanduser().absolute()}")
    say("Back the folder up where only the key custodian can reach it: without it, sealed data are lost.")
    say(f"Publish its {PUBLIC_FILE}: others verify receipts and consents with it.")


@app.command("list")
def list_ring(folder: Folder = None) -> None:
    """List the keys: id, purpose, status, date. Never their material."""
    path, demo = _folder(folder)
    ring = load_ring(path, demo=demo or folder is not None)
    say(f"suite {ring.suite.name}, log {ring.manifest.log_origin}{', demo' if ring.demo else ''}")
    _list(list_keys(ring))


@app.command()
def rotate(
    purpose: Annotated[Rotating, typer.Argument(help="Which key gets a successor.")], folder: Folder = None
) -> None:
    """Make a new active key; the old one from then on only verifies or unwraps."""
    path, _ = _folder(folder)
    now = SystemClock().now()
    chosen = KeyPurpose(purpose.value)
    facts = add_kek(path, now) if chosen is KeyPurpose.KEK else add_signing_key(path, chosen, now)
    if chosen is KeyPurpose.KEK:
        say(f"{facts.id} is active; running processes on this ring take it up by themselves.")
        say("Now run `hub keys rewrap`, and `hub keys destroy` for the old key after a day.")
    else:
        say(f"{facts.id} is active. Restart the hub's processes and publish {PUBLIC_FILE} anew.")


app.command()(rewrap)
app.command()(destroy)


@app.command()
def public(folder: Folder = None) -> None:
    """Print the public half of the ring, for publication."""
    path, _ = _folder(folder)
    load_public(path / PUBLIC_FILE)
    typer.echo((path / PUBLIC_FILE).read_text(encoding="utf-8"), nl=False)


def _folder(given: Path | None) -> tuple[Path, bool]:
    settings = with_demo_keys(Settings.from_environment())
    if given is None and not settings.keys_dir:
        raise ConfigurationError(
            "There is no key ring folder.",
            hint="Name the folder, or set HUB_KEYS_DIR; `hub keys init FOLDER` makes a ring.",
            message_zh="未指定密钥环文件夹。",
        )
    return (given or Path(settings.keys_dir)).expanduser(), settings.demo


def _list(keys: tuple[KeyFacts, ...]) -> None:
    rows = ((k.id, k.purpose, k.status, civil_time(k.created_at)) for k in keys)
    show_table(("id", "purpose", "status", "made (UTC+8)"), rows)
