"""`hub verify`: check a saved response, a part of one, a proof or an evidence pack offline, with public keys only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.audit import offline, offline_archive, offline_pack
from hub.cli.console import say
from hub.cli.group import NOT_VERIFIED
from hub.cli.proof_file import FORMAT, ProofFile, checkpoint_in
from hub.cli.public_keys import log_verifiers
from hub.config import Settings
from hub.errors import VerificationError
from hub.keys.cosign import parse_cosign_verifier
from hub.keys.note import NoteVerifier

_MARKS = {"ok  ": "✓ ", "BAD ": "✗ ", "ERR ": "✗ ", "    ": "  "}


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="A response as it was received, a part of one, a proof, an evidence pack, or an archive's folder."
        ),
    ],
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
    checkpoint: Annotated[
        Path | None, typer.Option(help="For a proof without one: the checkpoint that you kept.")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="Verifier key of a witness that must have cosigned; repeat."),
    ] = None,
) -> None:
    """Check a saved response, a proof, an evidence pack or an archive of the log offline.

    Checks the checkpoint's signature, the inclusion proof, and that the data are those the log commits to; of a pack,
    every member.

    Exit code 0: all holds; 1: something does not; 2: the file or the key cannot be read.
    """
    verifiers = log_verifiers(Settings.from_environment(), key)
    witnesses = [str(parse_cosign_verifier(text)) for text in witness or ()]
    if file.is_dir():
        _check_archive(file, verifiers, witnesses)
        return
    document = _read(file)
    if isinstance(document, dict) and document.get("format") == FORMAT:
        _check_proof(document, verifiers, checkpoint_in(checkpoint) if checkpoint else "", witnesses)
        return
    lines: list[str] = []
    code = offline_pack.verify_file(file, " ".join(str(v) for v in verifiers), lines.append, witnesses)
    for line in lines:
        _show(line)
    if code:
        raise typer.Exit(code)
    pack = any("清单 manifest" in line for line in lines)
    say(
        f"{'证据包' if pack else '收据'}有效：以上各步均已通过。 The {'evidence pack' if pack else 'receipt'} holds."
    )


def _show(line: str) -> None:
    say(_MARKS.get(line[:4], line[:4]) + line[4:])


def _check_archive(folder: Path, verifiers: Sequence[NoteVerifier], witnesses: Sequence[str]) -> None:
    keys = " ".join(str(verifier) for verifier in verifiers)
    try:
        offline_archive.verify_archive(folder, keys, _show, witnesses)
    except offline.NotVerifiedError as error:
        say(f"✗ {error}")
        raise typer.Exit(NOT_VERIFIED) from None
    say("归档有效：以上各步均已通过。 The archive holds.")


def _check_proof(
    document: dict[str, Any], verifiers: Sequence[NoteVerifier], note: str, witnesses: Sequence[str]
) -> None:
    try:
        proof = ProofFile.parse(document)
        checkpoint = proof.verify(verifiers, note)
        cosigned = [offline.check_witness(note or proof.checkpoint, witness) for witness in witnesses]
    except (VerificationError, offline.NotVerifiedError) as error:
        say(f"✗ {error}")
        raise typer.Exit(NOT_VERIFIED) from None
    say(f"✓ checkpoint of {checkpoint.origin}: {checkpoint.size} entries, signed")
    for name in cosigned:
        say(f"✓ 见证 cosigned by {name}")
    say(f"✓ entry {proof.index} with leaf hash {proof.leaf.hex()} stands in that log")


def _read(file: Path) -> Any:
    try:
        return offline.read_json(file.read_bytes())
    except (OSError, ValueError, RecursionError, offline.NotVerifiedError):
        return None  # said in full by the check itself
