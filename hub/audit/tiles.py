"""The log's tree as tiles, in the format of c2sp.org/tlog-tiles: static files that anybody can serve and check.

- A tile holds up to 256 hashes of one level; level 0 are the leaf hashes, and a hash of the next level is the root of
  a full tile below. What is not full yet is a partial tile, `.p/` and its width behind its path.
- Entries are not published: they name subjects and callers, if by pseudonym only. A receipt's leaf hash can be found
  in the tiles all the same, and every proof can be computed from them.
- Nothing is read or written here; hashes come through a function, so the same code proves from files, from memory
  and from a mirror.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hub.audit.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    Frontier,
    Proof,
    Span,
    consistency_spans,
    inclusion_spans,
    node_hash,
)
from hub.errors import VerificationError

WIDTH = 256
"""Hashes of a full tile."""
_HEIGHT = 8
_GROUP = 1000


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a tile."""

    level: int
    index: int
    width: int = WIDTH
    """Hashes in it; fewer than `WIDTH` in a partial tile."""

    @property
    def path(self) -> str:
        """Its path below the log's prefix: `tile/<level>/<index in groups of three>[.p/<width>]`."""
        groups = [f"{self.index % _GROUP:03d}"]
        rest = self.index // _GROUP
        while rest:
            groups.insert(0, f"x{rest % _GROUP:03d}")
            rest //= _GROUP
        name = f"tile/{self.level}/{'/'.join(groups)}"
        return name if self.width == WIDTH else f"{name}.p/{self.width}"


def partial_tiles(size: int) -> Iterator[Tile]:
    """The partial tiles of the tree of `size` entries, lowest level first."""
    level = 0
    while size >> (_HEIGHT * level):
        count = size >> (_HEIGHT * level)
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level += 1


def tile_at(level: int, index: int, size: int, step: int = _HEIGHT) -> Tile:
    """The tile of this place in the tree of `size` entries, full or partial.

    `step` is how many heights of the tree a level of tiles has: 8 in the format, fewer in what is stored.

    Raises:
        VerificationError: when the tree has no such tile.
    """
    width = min(1 << step, (size >> (step * level)) - (index << step))
    if width < 1:
        raise VerificationError("There is no such tile in a tree of this size.")
    return Tile(level, index, width)


ReadTile = Callable[[Tile], bytes]
"""Gives the bytes of a tile; raises `VerificationError` when it is not to be had."""


class TileTree:
    """The tree of a checkpoint, read from tiles. What it gives is as good as the root it is compared with."""

    def __init__(self, size: int, read: ReadTile, step: int = _HEIGHT) -> None:
        """A tree.

        Args:
            size: entries of the checkpoint.
            read: gives tiles; each is asked for once.
            step: how many heights of the tree a level of tiles has.
        """
        self.size = size
        self._step = step
        self._read = read
        self._known: dict[Tile, list[bytes]] = {}

    def root(self) -> bytes:
        """Root of the whole tree."""
        return self._span(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """Hash of a leaf.

        Raises:
            VerificationError: when there is no such leaf, or its tile is missing.
        """
        if not 0 <= index < self.size:
            raise VerificationError(
                "There is no such entry in a tree of this size.", hint="Indices start at 0."
            )
        return self._node(0, index)

    def inclusion(self, index: int) -> Proof:
        """Inclusion proof of a leaf (RFC 6962 section 2.1.1), from a handful of tiles."""
        return self.roots(inclusion_spans(index, self.size))

    def consistency(self, old: int) -> Proof:
        """Proof that the tree of `old` entries is the beginning of this one (RFC 6962 section 2.1.2)."""
        return self.roots(consistency_spans(old, self.size))

    def check(self, spans: Sequence[Span]) -> None:
        """Read what the subtrees of these ranges need.

        Raises:
            VerificationError: when a tile is missing or not as long as it should be.
        """
        for span in spans:
            self._span(*span)

    def roots(self, spans: Sequence[Span]) -> Proof:
        """Roots over ranges that begin where a complete subtree of their size would begin."""
        return tuple(self._span(*span) for span in spans)

    def edge(self, size: int) -> Frontier:
        """The right edge of the tree of the first `size` entries."""
        subtrees = subtrees_between(0, size)
        return Frontier(size, tuple(self._node(height, index) for height, index in subtrees))

    def root_with(self, edge: Frontier) -> bytes:
        """Root of the tree whose beginning is another one, and whose rest is as it is here."""
        rest = subtrees_between(edge.size, self.size)
        return edge.join((1 << height, self._node(height, index)) for height, index in rest).root()

    def _span(self, start: int, stop: int) -> bytes:
        value = b""
        for height, index in reversed(subtrees_between(start, stop)):
            node = self._node(height, index)
            value = node_hash(node, value) if value else node
        return value

    def _node(self, height: int, index: int) -> bytes:
        """Root of the complete subtree of this height."""
        level, first = _place(height, index, self._step)
        hashes = self._hashes(level, first >> self._step)
        start = first & ((1 << self._step) - 1)
        return fold(hashes[start : start + (1 << height % self._step)])

    def _hashes(self, level: int, index: int) -> list[bytes]:
        tile = tile_at(level, index, self.size, self._step)
        found = self._known.get(tile)
        if found is None:
            found = self._known[tile] = split_tile(tile, self._read(tile))
        return found


def subtrees_between(start: int, stop: int) -> list[tuple[int, int]]:
    """Height and index of the complete subtrees that make up a range of leaves, as large as can be, from the left."""
    found: list[tuple[int, int]] = []
    while start < stop:
        room = (stop - start).bit_length() - 1
        height = min(room, (start & -start).bit_length() - 1) if start else room
        found.append((height, start >> height))
        start += 1 << height
    return found


def tiles_of(spans: Sequence[Span], size: int, step: int = _HEIGHT) -> set[Tile]:
    """The tiles of the tree of `size` entries that are read for the roots of these ranges.

    Raises:
        VerificationError: when a range ends behind the tree.
    """
    places = (_place(*subtree, step) for span in spans for subtree in subtrees_between(*span))
    return {tile_at(level, first >> step, size, step) for level, first in places}


def _place(height: int, index: int, step: int) -> tuple[int, int]:
    """Level of the tiles in which a subtree's hashes stand, and the number of its first hash there."""
    level, within = divmod(height, step)
    return level, index << within


def first_bad_tile(size: int, read: ReadTile) -> Tile | None:
    """The first full tile that is not what the tile above it says; the root vouches for the topmost.

    Raises:
        VerificationError: when a tile is missing or not as long as it should be.
    """
    level = 0
    while size >> (_HEIGHT * (level + 1)):
        above: list[bytes] = []
        for index in range(size >> (_HEIGHT * (level + 1))):
            if index % WIDTH == 0:
                parent = tile_at(level + 1, index // WIDTH, size)
                above = split_tile(parent, read(parent))
            tile = Tile(level, index)
            if fold(split_tile(tile, read(tile))) != above[index % WIDTH]:
                return tile
        level += 1
    return None


def split_tile(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes of a tile.

    Raises:
        VerificationError: when the bytes are not as many as the tile has.
    """
    if len(data) != tile.width * HASH_SIZE:
        raise VerificationError(
            "A tile of the log is not as long as it should be.", hint=f"Look at {tile.path}."
        )
    return [data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


class TileWriter:
    """Extends a tree tile by tile; the memory needed does not grow with the log."""

    def __init__(self, size: int, read: ReadTile, write: Callable[[Tile, bytes], None]) -> None:
        """Go on from the tree of `size` entries.

        Args:
            size: entries so far.
            read: gives the partial tiles of that tree.
            write: told each tile that became full, and at the end the partial ones.

        Raises:
            VerificationError: when a partial tile is missing or has another length.
        """
        self.size = size
        self._write = write
        self._rows: list[list[bytes]] = []
        level = 0
        while size >> (_HEIGHT * level):
            self._rows.append([])
            level += 1
        for tile in partial_tiles(size):
            self._rows[tile.level] = split_tile(tile, read(tile))

    def add(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        for leaf in leaves:
            self._push(0, self.size, leaf)
            self.size += 1

    def _push(self, level: int, index: int, value: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
        row = self._rows[level]
        row.append(value)
        if len(row) == WIDTH:
            self._write(Tile(level, index // WIDTH), b"".join(row))
            self._rows[level] = []
            self._push(level + 1, index // WIDTH, fold(row))

    def finish(self) -> bytes:
        """Write the partial tiles, and give the root."""
        value = b""
        for level, row in enumerate(self._rows):
            if row:
                self._write(Tile(level, (self.size >> (_HEIGHT * level)) // WIDTH, len(row)), b"".join(row))
            value = _above(row, value)
        return value or EMPTY_ROOT


def _above(row: Sequence[bytes], right: bytes) -> bytes:
    """Root over the hashes of a partial tile and of what stands right of them; empty for nothing at all."""
    end, value = len(row), right
    for height in range(len(row).bit_length()):
        if (len(row) >> height) & 1:
            start = end - (1 << height)
            node = fold(row[start:end])
            value = node_hash(node, value) if value else node
            end = start
    return value
