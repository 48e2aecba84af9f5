"""An inclusion proof as a file: JSON with the entry's leaf hash, or a C2SP tlog-proof (c2sp.org/tlog-proof).

The leaf hash says nothing about what the entry holds, so a proof can be handed to anyone.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hub.audit.merkle import verify_inclusion
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.errors import InputError, VerificationError
from hub.keys.note import NoteVerifier

FORMAT = "credit-hub-proof/1"


@dataclass(frozen=True)
class ProofFile:
    """That the entry with this leaf hash stands at `index` in the tree of `size` entries."""

    index: int
    size: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str
    """The signed note over that tree; empty when the holder has it."""

    def json(self) -> str:
        """The proof as JSON."""
        document = {
            "format": FORMAT,
            "index": self.index,
            "treeSize": self.size,
            "leafHash": _text(self.leaf),
            "inclusionProof": [_text(h) for h in self.hashes],
            "checkpoint": self.checkpoint,
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()

    def tlog(self) -> str:
        """The proof as a C2SP tlog-proof."""
        lines = ["c2sp.org/tlog-proof@v1", f"index {self.index}", *(_text(h) for h in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> ProofFile:
        """Read the JSON form; nothing in it is verified yet.

        Raises:
            VerificationError: when it is not such a proof.
        """
        try:
            proof = cls(
                document["index"],
                document["treeSize"],
                b64decode(document["leafHash"], validate=True),
                tuple(b64decode(h, validate=True) for h in document["inclusionProof"]),
                document["checkpoint"],
            )
        except (KeyError, TypeError, ValueError):
            raise _malformed() from None
        numbers = (proof.index, proof.size)
        if not isinstance(proof.checkpoint, str) or any(type(n) is not int or n < 0 for n in numbers):
            raise _malformed()
        return proof

    def verify(self, verifiers: Sequence[NoteVerifier], note: str = "") -> Checkpoint:
        """The checkpoint that vouches for the entry.

        Args:
            verifiers: the log's keys.
            note: a checkpoint that the holder kept; needed when the proof holds none.

        Raises:
            VerificationError: when the checkpoint is missing, or anything does not hold.
        """
        if not (note or self.checkpoint):
            raise VerificationError(
                "The proof holds no checkpoint.", hint=f"Give the one of size {self.size} with --checkpoint."
            )
        checkpoint = verify_checkpoint(note or self.checkpoint, *verifiers)
        if checkpoint.size != self.size:
            raise VerificationError("The proof and the checkpoint are of different tree sizes.")
        verify_inclusion(self.leaf, self.index, self.size, self.hashes, checkpoint.root)
        return checkpoint


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _malformed() -> VerificationError:
    return VerificationError("The proof is not well formed.", hint="Save it exactly as it was printed.")


def checkpoint_in(path: Path) -> str:
    """The checkpoint in a file: a saved response, a receipt, a proof, or the signed note itself.

    Raises:
        InputError: when the file cannot be read or holds none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "The file with the earlier checkpoint cannot be read.", hint="Check the name after --from."
        ) from error
    try:
        document = orjson.loads(text)
    except json.JSONDecodeError:
        return text
    for step in ("extensions", "receipt"):
        document = document.get(step, document) if isinstance(document, dict) else document
    note = document.get("checkpoint") if isinstance(document, dict) else None
    if not isinstance(note, str) or not note:
        raise InputError(
            "The file after --from holds no checkpoint.",
            hint="Give a saved response, a receipt, a proof, or a checkpoint.",
        )
    return note
