"""Public keys for commands that only verify: none of them needs a private key."""

from __future__ import annotations

from pathlib import Path

from hub.cli.console import say
from hub.cli.places import Places
from hub.config import Settings
from hub.errors import ConfigurationError, InputError
from hub.keys.note import NoteVerifier, parse_note_verifier
from hub.keys.public import PUBLIC_FILE, PublicRing, load_public


def public_ring(settings: Settings, given: Path | None = None) -> PublicRing:
    """The public half of the ring: the file given, else that of HUB_KEYS_DIR, else that of the demo.

    Raises:
        ConfigurationError, VerificationError: when there is none, or it cannot be read.
    """
    path = given or _default(settings)
    if path is None:
        raise ConfigurationError(
            "There is no public key to verify with.",
            hint="Give one with --key: the publisher's public.json, or the log's verifier key as one line.",
            message_zh="没有可用于验证的公钥。",
        )
    ring = load_public(path)
    if ring.demo:
        say("note  these are demo keys: anyone may hold their private halves.", stderr=True)
    return ring


def log_verifiers(settings: Settings, key: str = "") -> tuple[NoteVerifier, ...]:
    """The log's public keys.

    Args:
        settings: where to look when no key is given.
        key: a verifier key, a file with verifier keys one to a line, or a `public.json`; empty: look for it.

    Raises:
        InputError: when the key is neither a verifier key nor a file.
        ConfigurationError, VerificationError: when there is none, or it is malformed.
    """
    if not key:
        return public_ring(settings).note_verifiers()
    path = Path(key).expanduser()
    if path.is_file():
        if path.suffix == ".json":
            return public_ring(settings, path).note_verifiers()
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        return tuple(parse_note_verifier(line.strip()) for line in lines if line.strip())
    if key.count("+") < 2:
        raise InputError(
            "The key is neither a file nor a verifier key.",
            hint="Write NAME+HASH+KEY as the publisher gives it, or the name of a file that is there.",
            message_zh="既不是文件，也不是验证公钥。",
        )
    return (parse_note_verifier(key),)


def _default(settings: Settings) -> Path | None:
    folders = [Path(settings.keys_dir).expanduser()] if settings.keys_dir else [Places.of_demo(settings).ring]
    return next((f / PUBLIC_FILE for f in folders if (f / PUBLIC_FILE).is_file()), None)
