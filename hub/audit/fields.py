"""Commitment by field: one digest for each leaf of an answer, so that one can be shown later without the others.

- A leaf is a JSON pointer (RFC 6901) into `{"data", "disclosure", "errors"}` and its value: a scalar, an empty
  object, or a list, whose value is `[length]`. So the shape of the answer is committed to with its values.
- The digest is SHA-256 of canonical `[salt, pointer, value]`, as disclosures of SD-JWT are (RFC 9901, 4.2). The salt
  is the first half of HMAC-SHA-256 of the pointer under the receipt's salt: 128 bits, which tell nothing about the
  salts of other leaves.
- The entry commits to the digests in the order of their values, so that a digest does not say where its leaf stands.

`hub.audit.offline` computes the same without this package.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

FIELDS_ALGORITHM = "sha256-salted-fields/1"
_LIST = b"credit-hub-fields/1\n"
_SALT_DIGITS = 32


class Leaf(NamedTuple):
    """One leaf of an answer, with what its digest is made from."""

    salt: str
    """Of this leaf alone; 32 hexadecimal digits."""
    pointer: str
    value: Any

    def digest(self) -> bytes:
        """Digest of the leaf; 32 bytes."""
        return sha256(orjson.dumps([*self])).digest()


def leaf(value: Any, salt: bytes, pointer: str) -> Leaf:
    """The leaf that stands at a pointer; `salt` is the receipt's."""
    return Leaf(hmac.digest(salt, pointer.encode(), "sha256").hex()[:_SALT_DIGITS], pointer, value)


def leaves(value: Any, salt: bytes, pointer: str = "") -> Iterator[Leaf]:
    """The leaves of an answer, or of the part of it that stands at a pointer.

    Args:
        value: plain data.
        salt: the receipt's.
        pointer: where the value stands in the answer.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, salt, f"{pointer}/{_escaped(key)}")
    elif isinstance(value, list):
        yield leaf([len(value)], salt, pointer)
        for number, inner in enumerate(value):
            yield from leaves(inner, salt, f"{pointer}/{number}")
    else:
        yield leaf(value, salt, pointer)


def digests(text: bytes, salt: bytes, pointer: str = "") -> list[bytes]:
    """Digests of the leaves of a JSON text that stands at a pointer in the answer."""
    return [leaf.digest() for leaf in leaves(orjson.loads(text), salt, pointer)]


def commit_digests(found: Iterable[bytes]) -> str:
    """The commitment to an answer, given the digests of all its leaves in any order; hex."""
    return sha256(_LIST + b"".join(sorted(found))).hexdigest()


def commit_fields(answer: bytes, salt: bytes) -> str:
    """The commitment by field to an answer, given what `hub.audit.receipt.covered_bytes` made of it; hex."""
    return commit_digests(digests(answer, salt))


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
