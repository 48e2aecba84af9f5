"""Checkpoints under the cosignatures of witnesses: reading them, adding them, and the quorum that is asked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.audit.note import Note, Signature
from hub.errors import VerificationError
from hub.keys.cosign import CosignKey, CosignVerifier


@dataclass(frozen=True, slots=True)
class Cosigned:
    """That a witness had seen a checkpoint, and when."""

    witness: CosignVerifier
    at: datetime


def cosigned(note: str, witnesses: Sequence[CosignVerifier]) -> tuple[Cosigned, ...]:
    """Which of these witnesses' keys cosigned a checkpoint, each once. Signatures of others are passed over.

    Raises:
        VerificationError: when it is no signed note, or a cosignature of one of them does not hold.
    """
    parsed = Note.parse(note)
    found: dict[CosignVerifier, Cosigned] = {}
    for signature in parsed.signatures:
        witness = _whose(signature, witnesses)
        if witness is not None:
            found.setdefault(witness, Cosigned(witness, witness.verify(parsed.text, signature.value)))
    return tuple(found.values())


def require_quorum(note: str, witnesses: Sequence[CosignVerifier], quorum: int) -> tuple[Cosigned, ...]:
    """The witnesses that cosigned, if they are enough; one with two keys counts once.

    Raises:
        VerificationError: when they are not, or one of the cosignatures does not hold.
    """
    found = cosigned(note, witnesses)
    names = {one.witness.name for one in found}
    if len(names) < quorum:
        raise VerificationError(
            f"The checkpoint is cosigned by {len(names)} of the known witnesses, and {quorum} are asked for.",
            hint="Wait for a checkpoint that enough witnesses have seen.",
            message_zh="检查点的见证签名数量不足。",
        )
    return found


def signature_line(key: CosignKey, text: str, now: datetime) -> str:
    """A witness's signature line under the text of a checkpoint, with its line feed.

    Raises:
        ValueError: when the key's algorithm has no place for this text.
    """
    value = b64encode(key.verifier.key_hash + key.cosign(text, now)).decode()
    return f"— {key.name} {value}\n"


def add_lines(note: str, lines: str, witness: CosignVerifier) -> str:
    """The note with the cosignature that a witness gave; what else is in its answer is passed over.

    Args:
        note: the checkpoint as signed by the log.
        lines: the witness's answer, one or more signature lines.
        witness: whose it must be.

    Raises:
        VerificationError: when it is not in the answer, or does not hold.
    """
    text = Note.parse(note).text
    for line in lines.splitlines(keepends=True):
        try:
            signature = Note.parse(f"{text}\n{line}").signatures[0]
        except VerificationError:
            continue
        if _whose(signature, [witness]) is not None:
            witness.verify(text, signature.value)
            return note + line
    raise VerificationError(
        f"The answer of the witness {witness.name} holds no cosignature of its key.",
        hint="Check the witness's verifier key.",
    )


def _whose(signature: Signature, witnesses: Sequence[CosignVerifier]) -> CosignVerifier | None:
    return next((w for w in witnesses if (w.name, w.key_hash) == (signature.name, signature.key_hash)), None)
