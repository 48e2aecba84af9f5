"""Signed notes and tree checkpoints in the C2SP formats (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

A checkpoint is a text of three lines and more, an empty line, and one line per signature:

    hub.example/log
    1523
    base64 of the root hash

    — hub.example/log base64 of (key id || Ed25519 signature over the text)

Private keys and the library that uses them belong to `hub.keys`; the signer is handed in.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from hub.audit.merkle import HASH_SIZE
from hub.errors import VerificationError
from hub.keys.note import NoteVerifier
from hub.keys.signing import LogSigningKey

MAX_SIGNATURES = 100
MAX_NOTE = 1_000_000
"""Longest note read, in characters."""

_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class LineVerifier(Protocol):
    """A public key of whoever signs notes: of a log (`NoteVerifier`) or of a cosigner (`CosignVerifier`)."""

    @property
    def name(self) -> str:
        """Key name."""
        ...

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand before the signature in its line."""
        ...

    def verify(self, text: str, value: bytes, /) -> object:
        """Check a signature of the text of a note.

        Raises:
            VerificationError: when it does not hold.
        """
        ...


class NoteSigner(Protocol):
    """Whoever signs notes."""

    @property
    def name(self) -> str:
        """Key name: no spaces, no plus."""
        ...

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        ...

    def sign(self, message: bytes, /) -> bytes:
        """The Ed25519 signature over the text of a note."""
        ...


@dataclass(frozen=True)
class LogKeySigner:
    """Signs notes with the log key of a key ring."""

    name: str
    key: LogSigningKey

    @cached_property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self.key.public)

    def sign(self, message: bytes, /) -> bytes:
        """The Ed25519 signature over the text of a note."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_hash: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text. `text` ends in a newline; nothing in it is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, note: str) -> Note:
        """Split a note into text and signature lines.

        Raises:
            VerificationError: when it is not a well-formed note.
        """
        text, separator, lines = note.rpartition("\n\n")
        body = text + "\n"
        if len(note) > MAX_NOTE or not separator or not lines.endswith("\n") or _has_control(note):
            raise VerificationError("The checkpoint is not a signed note.", hint="Save it byte for byte.")
        signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
        if len(signatures) > MAX_SIGNATURES:
            raise VerificationError("The checkpoint carries too many signatures.")
        return cls(body, signatures)

    def verify(self, verifiers: Sequence[LineVerifier]) -> tuple[LineVerifier, ...]:
        """The verifiers that signed. Signatures of unknown keys are passed over.

        Raises:
            VerificationError: when none of them signed, or a signature under a known key is bad.
        """
        known = {(v.name, v.key_hash): v for v in verifiers}
        signed: dict[tuple[str, bytes], LineVerifier] = {}
        for signature in self.signatures:
            verifier = known.get((signature.name, signature.key_hash))
            if verifier is not None:
                verifier.verify(self.text, signature.value)
                signed[signature.name, signature.key_hash] = verifier
        if not signed:
            raise VerificationError(
                "The checkpoint is not signed by the given key.",
                hint="Check that the verifier key is this hub's.",
            )
        return tuple(signed.values())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: which log, how many entries, which root."""

    origin: str
    size: int
    """How many entries the tree holds."""
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a note as a checkpoint.

        Raises:
            VerificationError: when it is not one.
        """
        origin, size, root, *extensions = [*text.removesuffix("\n").split("\n"), "", ""]
        hash_ = _base64(root, "The root hash of the checkpoint")
        extra = tuple(extensions[:-2])
        if not origin or not _SIZE.fullmatch(size) or len(hash_) != HASH_SIZE or not all(extra):
            raise VerificationError("The signed note is not a checkpoint of a log.")
        return cls(origin, int(size), hash_, extra)


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The checkpoint as a note with one signature."""
    text = checkpoint.text()
    signature = b64encode(signer.verifier.key_hash + signer.sign(text.encode())).decode()
    return f"{text}\n— {signer.name} {signature}\n"


def verify_checkpoint(note: str, *verifiers: NoteVerifier) -> Checkpoint:
    """The checkpoint in a note, after checking the signature.

    Raises:
        VerificationError: when the note is not a checkpoint or not signed by one of these keys.
    """
    parsed = Note.parse(note)
    parsed.verify(verifiers)
    return Checkpoint.parse(parsed.text)


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = _base64(encoded, "A signature of the checkpoint")
    if dash != "—" or not _NAME.fullmatch(name) or len(blob) < 5:
        raise VerificationError("A signature line of the checkpoint is not well formed.")
    return Signature(name, blob[:4], blob[4:])


def _base64(text: str, what: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not text or b64encode(data).decode() != text:
        raise VerificationError(f"{what} is not base64.", hint="Copy it again in full.")
    return data


def _has_control(text: str) -> bool:
    return any((ch < " " and ch != "\n") or ch == "�" for ch in text)
