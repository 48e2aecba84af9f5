"""Tiles: names and widths as c2sp.org/tlog-tiles has them, and proofs equal to those from all leaves."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.audit.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from hub.audit.tiles import Tile, TileTree, TileWriter, partial_tiles
from hub.errors import VerificationError

LEAVES = [leaf_hash(str(n).encode()) for n in range(70_000)]


class Folder(dict[str, bytes]):
    """Tiles in memory, by path."""

    def read(self, tile: Tile) -> bytes:
        return self[tile.path]

    def write(self, tile: Tile, data: bytes) -> None:
        self[tile.path] = data

    def grow(self, *sizes: int) -> bytes:
        """Publish sizes one after the other; the root of the last."""
        size, value = 0, EMPTY_ROOT
        for new in sizes:
            writer = TileWriter(size, self.read, self.write)
            writer.add(LEAVES[size:new])
            value, size = writer.finish(), new
        return value


@pytest.mark.parametrize(
    ("tile", "path"),
    {
        "the specification's own example": (Tile(0, 1234067), "tile/0/x001/x234/067"),
        "the first tile": (Tile(0, 0), "tile/0/000"),
        "the last of one group": (Tile(2, 999), "tile/2/999"),
        "the first of two groups": (Tile(1, 1000), "tile/1/x001/000"),
        "a partial tile": (Tile(0, 273, 112), "tile/0/273.p/112"),
    }.values(),
)
def test_tiles_have_the_paths_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts() -> None:
    folder = Folder()
    assert folder.grow(70_000) == root(LEAVES)
    names = [name for name in folder if ".p/" not in name]
    assert len([n for n in names if n.startswith("tile/0/")]) == 273
    assert [n for n in names if n.startswith("tile/1/")] == ["tile/1/000"]
    assert {t.path for t in partial_tiles(70_000)} == {
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert set(folder) - set(names) == {t.path for t in partial_tiles(70_000)}
    assert all(len(folder[name]) == 8_192 for name in names)


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it() -> None:
    folder = Folder()
    folder.grow(256)
    assert set(folder) == {"tile/0/000", "tile/1/000.p/1"}
    assert folder["tile/1/000.p/1"] == root(LEAVES[:256])


def test_the_empty_tree_has_no_tile() -> None:
    folder = Folder()
    assert folder.grow(0) == EMPTY_ROOT == sha256(b"").digest()
    assert folder == {}
    assert TileTree(0, folder.read).root() == EMPTY_ROOT


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1_500), min_size=1, max_size=5), st.data())
def test_however_a_log_grew_its_tiles_give_the_root_and_every_proof(
    steps: list[int], data: st.DataObject
) -> None:
    folder, sizes = Folder(), sorted(steps)
    grown = folder.grow(*sizes)
    size = sizes[-1]
    tree = TileTree(size, folder.read)
    assert grown == tree.root() == root(LEAVES[:size])

    def fetch(start: int, stop: int) -> list[bytes]:
        return LEAVES[start:stop]

    old = data.draw(st.integers(0, size), "old size")
    assert tree.consistency(old) == consistency_proof(old, size, fetch)
    verify_consistency(old, size, root(LEAVES[:old]), grown, tree.consistency(old))
    if size:
        index = data.draw(st.integers(0, size - 1), "index")
        assert tree.leaf(index) == LEAVES[index]
        assert tree.inclusion(index) == inclusion_proof(index, size, fetch)
        verify_inclusion(LEAVES[index], index, size, tree.inclusion(index), grown)


def test_a_proof_in_a_large_tree_takes_a_handful_of_tiles() -> None:
    folder = Folder()
    folder.grow(70_000)
    read: list[Tile] = []
    tree = TileTree(70_000, lambda tile: read.append(tile) or folder.read(tile))  # type: ignore[func-returns-value]
    tree.inclusion(12_345)
    assert len(read) <= 6
    assert len(set(read)) == len(read)


def test_a_tile_that_is_too_short_is_refused() -> None:
    folder = Folder()
    folder.grow(300)
    folder["tile/0/000"] = folder["tile/0/000"][:-1]
    with pytest.raises(VerificationError):
        TileTree(300, folder.read).leaf(5)
    with pytest.raises(VerificationError):
        TileTree(300, folder.read).leaf(300)
