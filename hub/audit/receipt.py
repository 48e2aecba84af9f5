"""The receipt that goes out with an answer: what was logged, where it stands, and what was disclosed.

- It holds the entry's own bytes as text, the inclusion proof, and the signed checkpoint, so it verifies
  offline with the log's verifier key alone (`hub.audit.offline` does so without this package).
- The entry commits to the whole answer by `SHA-256(salt || canonical JSON of {data, disclosure, errors})`: the
  data, the notes on masked and withheld fields, and the errors. Only the receipt holds the salt, so the log
  tells nothing about the values. The algorithm has a name; a client that asks for it gets the other one, a
  commitment by field (`hub.audit.fields`).
- Canonical JSON here: keys sorted by code point, UTF-8, no spaces, no floats. `canonical(data)` gives what
  `json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` gives.
"""

from __future__ import annotations

import os
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import orjson

from hub.audit.batch import Appended
from hub.audit.entry import canonical, read_body
from hub.audit.fields import FIELDS_ALGORITHM, commit_fields
from hub.audit.merkle import Proof, leaf_hash, verify_inclusion
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.errors import VerificationError
from hub.keys.note import NoteVerifier

FORMAT = "credit-hub-receipt/1"
ALGORITHM = "sha256-salted-answer/1"
SALT_SIZE = 32
_MEMBERS = 7
"""What a receipt holds; nothing beside it is proven."""


def new_salt() -> bytes:
    """A salt for one commitment."""
    return os.urandom(SALT_SIZE)


def commit(answer: bytes, salt: bytes) -> str:
    """Commitment to an answer, given what `covered_bytes` made of it; hex."""
    return sha256(salt + answer).hexdigest()


def covered_bytes(data: bytes, disclosure: bytes, errors: bytes) -> bytes:
    """What a commitment covers, from the canonical bytes of its three parts."""
    return b'{"data":' + data + b',"disclosure":' + disclosure + b',"errors":' + errors + b"}"


def covered(response: Mapping[str, Any]) -> dict[str, Any]:
    """What the commitment of a response covers, as plain data."""
    return {
        "data": response.get("data"),
        "disclosure": (response.get("extensions") or {}).get("disclosure"),
        "errors": response.get("errors") or [],
    }


def receipt_json(appended: Appended, salt: bytes | None, algorithm: str = ALGORITHM) -> bytes:
    """The receipt as JSON, ready to be spliced into an answer.

    Args:
        appended: what the log answered.
        salt: salt of the commitment in the entry; None when the entry commits to nothing.
        algorithm: of that commitment.
    """
    return orjson.dumps(
        {
            "format": FORMAT,
            "entry": appended.body.decode(),
            "index": appended.index,
            "treeSize": appended.tree_size,
            "inclusionProof": [b2a_base64(h, newline=False).decode() for h in appended.proof],
            "checkpoint": appended.checkpoint,
            "commitment": {"algorithm": algorithm, "salt": salt.hex()} if salt else None,
        }
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it was handed out; nothing in it is verified yet."""

    entry: str
    index: int
    tree_size: int
    proof: Proof
    checkpoint: str
    salt: bytes | None
    algorithm: str = ALGORITHM

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Receipt:
        """Read a receipt document.

        Raises:
            VerificationError: when it is not a receipt of a known format.
        """
        try:
            commitment = document["commitment"]
            if document["format"] != FORMAT or len(document) != _MEMBERS:
                raise KeyError
            algorithm = commitment["algorithm"] if commitment is not None else ALGORITHM
            if algorithm not in (ALGORITHM, FIELDS_ALGORITHM):
                raise KeyError
            salt = bytes.fromhex(commitment["salt"]) if commitment is not None else None
            proof = tuple(a2b_base64(h, strict_mode=True) for h in document["inclusionProof"])
            receipt = cls(
                document["entry"],
                document["index"],
                document["treeSize"],
                proof,
                document["checkpoint"],
                salt,
                algorithm,
            )
        except (KeyError, TypeError, ValueError, Base64Error) as error:
            raise _refused("The receipt is not of a known format.") from error
        if not (_is_text(receipt.entry, receipt.checkpoint) and _is_int(receipt.index, receipt.tree_size)):
            raise _refused("The receipt is not of a known format.")
        return receipt


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt proves."""

    entry: Mapping[str, Any]
    index: int
    checkpoint: Checkpoint
    covers_data: bool
    """Whether the entry commits to the answer's data."""


def verify_receipt(
    document: Mapping[str, Any], response: Mapping[str, Any], verifier: NoteVerifier
) -> VerifiedReceipt:
    """Check a receipt against the answer it came with.

    Args:
        document: the receipt.
        response: the whole answer.
        verifier: the log's key.

    Raises:
        VerificationError: when the signature, the proof or the commitment does not hold.
    """
    receipt = Receipt.parse(document)
    checkpoint = verify_checkpoint(receipt.checkpoint, verifier)
    if checkpoint.size != receipt.tree_size:
        raise _refused("The receipt's tree size is not that of its checkpoint.")
    leaf = leaf_hash(receipt.entry.encode())
    verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    entry = read_body(receipt.entry.encode())
    commitment = entry.get("commitment")
    if not commitment:
        if receipt.salt is not None or response.get("data") is not None:
            raise _refused("The entry says that nothing was disclosed, but there is an answer.")
        return VerifiedReceipt(entry, receipt.index, checkpoint, covers_data=False)
    answer = canonical(covered(response))
    committed = commit_fields if receipt.algorithm == FIELDS_ALGORITHM else commit
    if receipt.salt is None or not compare_digest(committed(answer, receipt.salt), str(commitment)):
        raise _refused("The answer is not the one that the log entry commits to.")
    return VerifiedReceipt(entry, receipt.index, checkpoint, covers_data=True)


def _is_text(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_int(*values: Any) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _refused(message: str) -> VerificationError:
    return VerificationError(message, hint="Save the response exactly as it was received.")
