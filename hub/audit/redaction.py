"""A partial disclosure: some fields of an answer that was committed to by field, and only digests of all others.

It holds the receipt without its salt, each kept leaf as `[salt, pointer, value]`, and the digests of all leaves in
order. Salts of leaves that are not kept cannot be computed from it, so their values cannot be tried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any

from hub.audit.fields import FIELDS_ALGORITHM, commit_digests, leaves
from hub.audit.receipt import Receipt, covered
from hub.errors import InputError, VerificationError

PARTIAL = "credit-hub-partial/1"


def redact(response: Mapping[str, Any], committed: str, keep: Sequence[str]) -> dict[str, Any]:
    """Leave only some leaves of an answer in clear.

    Args:
        response: the whole answer, as it was received.
        committed: the commitment in its log entry.
        keep: JSON pointers into `{"data", "disclosure", "errors"}`; a pointer keeps everything below it as well.
            The empty one is refused: whoever left a variable empty would show everything.

    Raises:
        InputError: when a pointer leads to nothing, or the answer was not committed to by field.
        VerificationError: when the answer is not the one that the entry commits to.
    """
    document = response["extensions"]["receipt"]
    receipt = Receipt.parse(document)
    if receipt.salt is None or receipt.algorithm != FIELDS_ALGORITHM:
        raise InputError(
            "The receipt does not commit to each field.",
            hint='Ask with "extensions": {"commitment": "fields"} beside the query.',
            message_zh="该收据未按字段承诺，无法部分出示；请求时请加 extensions.commitment = fields。",
        )
    found = list(leaves(covered(response), receipt.salt))
    digests = sorted(leaf.digest() for leaf in found)
    if not compare_digest(commit_digests(digests), committed):
        raise VerificationError(
            "The answer is not the one that the log entry commits to.",
            hint="Save the response exactly as it was received.",
            message_zh="应答与日志条目所承诺的内容不一致。",
        )
    for pointer in keep:
        if not pointer or not any(_below(leaf.pointer, pointer) for leaf in found):
            raise InputError(
                f"Nothing stands at {pointer} in the answer.",
                hint="Write a JSON pointer such as /data/organization/name.",
                message_zh="应答中没有该路径。",
            )
    kept = [list(leaf) for leaf in found if any(_below(leaf.pointer, pointer) for pointer in keep)]
    return {
        "format": PARTIAL,
        "extensions": {"receipt": {**document, "commitment": {"algorithm": FIELDS_ALGORITHM}}},
        "fields": kept,
        "digests": [digest.hex() for digest in digests],
    }


def _below(pointer: str, above: str) -> bool:
    return pointer == above or pointer.startswith(f"{above}/")
