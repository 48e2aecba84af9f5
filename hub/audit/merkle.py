"""The Merkle tree of the log, as in RFC 6962 section 2.1 and RFC 9162 section 2.1, over SHA-256.

- A leaf is SHA-256(0x00 || entry), an inner node SHA-256(0x01 || left || right), the empty tree SHA-256("").
- The writer keeps only the right edge (`Frontier`, one hash per bit set in the size). From it and the new
  leaves alone it computes the new root and the inclusion proof of every new leaf; no old leaf is read.
- Everything here is a pure function of its arguments. Verifying raises.

    >>> extension = Frontier.empty().extend([leaf_hash(b"one"), leaf_hash(b"two")])
    >>> verify_inclusion(leaf_hash(b"two"), 1, 2, extension.proof(1), extension.root)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from hub.errors import VerificationError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Proof = tuple[bytes, ...]
"""Hashes from the leaf's side to the root's side."""
Span = tuple[int, int]
"""A range of leaves: first index, and the index after the last."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one leaf (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    return Frontier.empty().extend(leaves).root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: the roots of its complete subtrees, largest first."""

    size: int
    nodes: tuple[bytes, ...]

    @classmethod
    def empty(cls) -> Frontier:
        """The right edge of the empty tree."""
        return cls(0, ())

    @classmethod
    def decode(cls, size: int, data: bytes) -> Frontier:
        """Read what `encode` wrote.

        Raises:
            VerificationError: when the number of hashes does not belong to a tree of this size.
        """
        if size < 0 or len(data) != size.bit_count() * HASH_SIZE:
            raise VerificationError(
                "The stored right edge of the log does not belong to its size.",
                hint="The log's state row was altered; run `hub audit verify`.",
            )
        return cls(size, tuple(data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)))

    def encode(self) -> bytes:
        """The hashes one after the other, largest subtree first."""
        return b"".join(self.nodes)

    def root(self) -> bytes:
        """Root of the tree whose right edge this is."""
        if not self.nodes:
            return EMPTY_ROOT
        value = self.nodes[-1]
        for node in self.nodes[-2::-1]:
            value = node_hash(node, value)
        return value

    def prefixes(self) -> Iterator[Frontier]:
        """The right edges of the trees that end where a complete subtree of this one ends, shortest first."""
        end = 0
        for count, height in enumerate(reversed(_bits(self.size)), 1):
            end += 1 << height
            yield Frontier(end, self.nodes[:count])

    def join(self, subtrees: Iterable[tuple[int, bytes]]) -> Frontier:
        """The right edge after complete subtrees, each given by its number of leaves and its root.

        Each must begin where a complete subtree of its size would begin.
        """
        size, nodes = self.size, list(self.nodes)
        for leaves, node in subtrees:
            width = leaves
            while size & width:
                node, width = node_hash(nodes.pop(), node), width << 1
            nodes.append(node)
            size += leaves
        return Frontier(size, tuple(nodes))

    def extend(self, leaves: Sequence[bytes]) -> Extension:
        """The tree after appending these leaf hashes."""
        old, new = self.size, self.size + len(leaves)
        edge = list(self.nodes)
        levels: list[list[bytes]] = []
        row = list(leaves)
        for height in range(new.bit_length()):
            # The row starts at an even position: at old >> height, or one before it, at the old edge's node.
            if (old >> height) & 1:
                row.insert(0, edge.pop())
            levels.append(row)
            row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        # What an uneven size leaves over at each height; going up, it becomes the root.
        nodes: list[bytes] = []
        ragged: list[bytes] = []
        value = b""
        for height, row in enumerate(levels):
            ragged.append(value)
            if (new >> height) & 1:
                node = row[(new >> height) - 1 - ((old >> height) & ~1)]
                nodes.append(node)
                value = node_hash(node, value) if value else node
        return Extension(old, levels, ragged, Frontier(new, tuple(reversed(nodes))), value or EMPTY_ROOT)


class Extension:
    """A tree just extended: its right edge and root, and the inclusion proofs of the new leaves."""

    __slots__ = ("_levels", "_old", "_ragged", "_shared", "_shared_from", "frontier", "root")

    def __init__(
        self, old: int, levels: list[list[bytes]], ragged: list[bytes], frontier: Frontier, root: bytes
    ) -> None:
        self.frontier = frontier
        self.root = root
        self._old = old
        self._levels = levels
        self._ragged = ragged
        # From this height on the new leaves have one ancestor, so the rest of the proof is the same for all.
        self._shared_from = ((frontier.size - 1) ^ old).bit_length() if frontier.size > old else 0
        self._shared = self._path(old, self._shared_from, len(levels))

    def proof(self, index: int) -> Proof:
        """Inclusion proof of the new leaf at `index` in the extended tree (RFC 6962 section 2.1.1).

        Raises:
            VerificationError: when the leaf is not one of those just appended.
        """
        if not self._old <= index < self.frontier.size:
            raise VerificationError("The leaf is not among those just appended.")
        return (*self._path(index, 0, self._shared_from), *self._shared)

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        levels, old, size, path = self._levels, self._old, self.frontier.size, []
        for height in range(low, high):
            sibling = (index >> height) ^ 1
            end = size >> height
            if sibling < end:
                path.append(levels[height][sibling - ((old >> height) & ~1)])
            elif sibling == end and self._ragged[height]:
                path.append(self._ragged[height])
        return path


def _bits(number: int) -> list[int]:
    return [height for height in range(number.bit_length()) if (number >> height) & 1]


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The leaf ranges whose roots are the inclusion proof of leaf `index` in the tree of `size` leaves.

    Raises:
        VerificationError: when there is no such leaf.
    """
    if not 0 <= index < size:
        raise VerificationError("There is no such entry in a tree of this size.", hint="Indices start at 0.")
    spans: list[Span] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The leaf ranges whose roots are the consistency proof between two sizes (RFC 6962 section 2.1.2).

    Raises:
        VerificationError: when `old` is not between 0 and `new`.
    """
    if not 0 <= old <= new:
        raise VerificationError("The older tree is not the smaller one.", hint="Give the smaller size first.")
    if old in {0, new}:
        return []
    spans: list[Span] = []
    start, stop, whole = 0, new, True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start, whole = middle, False
    if not whole:
        spans.append((start, stop))
    return spans[::-1]


LeafFetcher = Callable[[int, int], Sequence[bytes]]
"""Gives the leaf hashes from the first index up to, not including, the second."""


def inclusion_proof(index: int, size: int, fetch: LeafFetcher) -> Proof:
    """Inclusion proof computed from stored leaf hashes."""
    return tuple(root(fetch(start, stop)) for start, stop in inclusion_spans(index, size))


def consistency_proof(old: int, new: int, fetch: LeafFetcher) -> Proof:
    """Consistency proof computed from stored leaf hashes."""
    return tuple(root(fetch(start, stop)) for start, stop in consistency_spans(old, new))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` in the tree (RFC 9162 section 2.1.3.2).

    Raises:
        VerificationError: when it does not.
    """
    if not 0 <= index < size:
        raise VerificationError("The index of the entry lies outside the tree.")
    position, last, value = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            raise VerificationError("The inclusion proof is longer than the tree is high.")
        if position & 1 or position == last:
            value = node_hash(hash_, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, hash_)
        position, last = position >> 1, last >> 1
    if last != 0 or value != root:
        raise VerificationError("The entry is not in the tree that the checkpoint signs.")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the older tree is the beginning of the newer one (RFC 9162 section 2.1.4.2).

    Raises:
        VerificationError: when it is not, which means that history was rewritten.
    """
    if not 0 <= old <= new:
        raise VerificationError("The older tree is not the smaller one.", hint="Give the smaller size first.")
    if old in {0, new}:
        known = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != known:
            raise VerificationError("The two trees are not the same history.")
        return
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise VerificationError("The consistency proof is empty.")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_value = new_value = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            raise VerificationError("The consistency proof is longer than the tree is high.")
        if position & 1 or position == last:
            old_value, new_value = node_hash(hash_, old_value), node_hash(hash_, new_value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_value = node_hash(new_value, hash_)
        position, last = position >> 1, last >> 1
    if last != 0 or old_value != old_root or new_value != new_root:
        raise VerificationError("The newer tree does not continue the older one.")
