"""`hub verify`: check a saved response or proof offline, with a public key and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.audit import offline
from hub.cli.audit import checkpoint_in
from hub.cli.console import say
from hub.cli.group import NOT_VERIFIED, REFUSED
from hub.cli.proof_file import FORMAT, ProofFile
from hub.cli.public_keys import log_verifiers
from hub.config import Settings
from hub.errors import VerificationError
from hub.keys.note import NoteVerifier

_MARKS = {"ok  ": "✓ ", "BAD ": "✗ ", "ERR ": "✗ ", "    ": "  "}


def verify(
    file: Annotated[Path, typer.Argument(help="A response of the hub as it was received, or a proof.")],
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
    checkpoint: Annotated[
        Path | None, typer.Option(help="For a proof without one: the checkpoint that you kept.")
    ] = None,
) -> None:
    """Check a saved response or proof offline.

    Checks the checkpoint's signature, the inclusion proof, and that the data are those the log commits to.

    Exit code 0: all holds; 1: something does not; 2: the file or the key cannot be read.
    """
    verifiers = log_verifiers(Settings.from_environment(), key)
    document = _read(file)
    if isinstance(document, dict) and document.get("format") == FORMAT:
        _check_proof(document, verifiers, checkpoint_in(checkpoint) if checkpoint else "")
        return
    code, lines = _best([_check_response(file, verifier) for verifier in verifiers])
    for line in lines:
        say(_MARKS.get(line[:4], line[:4]) + line[4:])
    if code:
        raise typer.Exit(code)
    say("收据有效：以上各步均已通过。 The receipt holds.")


def _check_response(file: Path, verifier: NoteVerifier) -> tuple[int, list[str]]:
    lines: list[str] = []
    return offline.verify_file(file, str(verifier), lines.append), lines


def _best(results: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """The result that got furthest: only one of a log's keys has signed."""
    if not results:
        return REFUSED, ["ERR there is no verifier key"]
    return min(results, key=lambda result: (result[0], -len(result[1])))


def _check_proof(document: dict[str, Any], verifiers: Sequence[NoteVerifier], note: str) -> None:
    try:
        proof = ProofFile.parse(document)
        checkpoint = proof.verify(verifiers, note)
    except VerificationError as error:
        say(f"✗ {error}")
        raise typer.Exit(NOT_VERIFIED) from None
    say(f"✓ checkpoint of {checkpoint.origin}: {checkpoint.size} entries, signed")
    say(f"✓ entry {proof.index} with leaf hash {proof.leaf.hex()} stands in that log")


def _read(file: Path) -> Any:
    try:
        return offline.read_json(file.read_bytes())
    except (OSError, ValueError, RecursionError, offline.NotVerifiedError):
        return None  # said in full by the check itself
