"""Exports whole civil months of the log into a folder that verifies alone (`hub.audit.offline_archive`).

- `tile/` holds those tiles of c2sp.org/tlog-tiles that lead from these entries to the root of `checkpoint`, no others.
- Entries are lines of `entries/<month>.jsonl`, not entry bundles: a bundle caps an entry at 64 KiB, which that of a
  thousand subjects exceeds, and has no form for a body that was withheld. Here such a line is `null`.
- What is written is read from the database entry by entry, and held against its hash; at the end the whole folder is
  verified as an outsider would. It gets its name only then.
- It is flushed to disk, names and all, for `hub audit prune` takes out what stands in it.
- An entry of the log names the hash of the manifest; its receipt is the archive's seal.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from hub.audit import nodes, offline, offline_archive
from hub.audit.archive_text import README
from hub.audit.batch import Appended
from hub.audit.merkle import Proof, Span, leaf_hash
from hub.audit.months import MonthRange, Progress
from hub.audit.note import Checkpoint
from hub.audit.receipt import receipt_json
from hub.audit.tiles import WIDTH, Tile, partial_tiles, tile_at
from hub.errors import IntegrityError
from hub.keys.files import sync_folder

MANIFEST, SEAL = "manifest.json", "seal.json"
_HEIGHT = 8
_TILES_AT_ONCE = 16
_ROWS_AT_ONCE = 16
"""An entry of a thousand subjects is megabytes long."""
_ENTRIES = (
    "SELECT idx, leaf_hash, body FROM log_entry WHERE log_id = 0 AND idx >= $1 AND idx < $2 ORDER BY idx"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is archived."""

    months: Sequence[MonthRange]
    checkpoint: Checkpoint
    note: str
    """The signed note over it, with cosignatures where there are."""
    keys: Mapping[str, Any]
    """The public ring."""

    @property
    def first(self) -> int:
        """First index."""
        return self.months[0].first

    @property
    def stop(self) -> int:
        """First index behind the last."""
        return self.months[-1].stop


async def write_archive(
    connection: asyncpg.Connection, folder: Path, wanted: Wanted, progress: Progress
) -> bytes:
    """Write everything but the seal into a new folder; gives the manifest.

    Args:
        connection: in a transaction that sees one state of the log.
        folder: made here; must not be there.
        wanted: what is archived.
        progress: told after each few entries.

    Raises:
        IntegrityError: when an entry is missing or not as the log took it.
        VerificationError: when hashes are missing.
    """
    head = await nodes.read_head(connection)
    fresh = await nodes.integrate(connection, head) if head else {}
    size = wanted.checkpoint.size
    waiting = list(tiles_for(wanted.first, wanted.stop, size))
    for at in range(0, len(waiting), _TILES_AT_ONCE):
        tiles = waiting[at : at + _TILES_AT_ONCE]
        spans = [span for tile in tiles for span in _spans(tile)]
        tree = await nodes.read_tree(connection, size, spans, fresh)
        for tile in tiles:
            _write(folder / tile.path, b"".join(tree.roots(_spans(tile))))
    months = [await _write_month(connection, folder, month, wanted, progress) for month in wanted.months]
    members = _members(wanted)
    for name, data in members.items():
        _write(folder / name, data)
    _write(folder / "checkpoint", wanted.note.encode())
    listed = {name: sha256(data).hexdigest() for name, data in members.items()}
    manifest = _json(
        {
            "format": offline_archive.ARCHIVE,
            "origin": wanted.checkpoint.origin,
            "size": size,
            "first": wanted.first,
            "stop": wanted.stop,
            "months": months,
            "members": listed,
        }
    )
    _write(folder / MANIFEST, manifest)
    return manifest


def _members(wanted: Wanted) -> dict[str, bytes]:
    return {
        "README.md": README.encode(),
        "verify.py": Path(offline_archive.__file__).read_bytes(),
        "offline.py": Path(offline.__file__).read_bytes(),
        "keys/public.json": _json(wanted.keys),
    }


def seal_archive(folder: Path, sealed: Appended, consistency: Proof) -> None:
    """Add the receipt of the entry that names the manifest; all of the folder is on disk then.

    Args:
        folder: of the archive.
        sealed: that entry, as the log took it.
        consistency: from the archive's checkpoint to the receipt's.
    """
    seal = {
        "receipt": orjson.loads(receipt_json(sealed, None)),
        "consistency": [b64encode(node).decode() for node in consistency],
    }
    _write(folder / SEAL, _json(seal))
    for inner in (folder, *filter(Path.is_dir, folder.rglob("*"))):
        sync_folder(inner)


def tiles_for(first: int, stop: int, size: int) -> Iterator[Tile]:
    """The tiles that lead from a range of entries to the root of the tree of `size` entries."""
    edge = set(partial_tiles(size))
    yield from sorted(edge, key=lambda tile: tile.level)
    level, low, high = 0, first, stop - 1
    while high >= low and size >> (_HEIGHT * level):
        low, high = low // WIDTH, high // WIDTH
        last = (size >> (_HEIGHT * level)) // WIDTH
        for index in range(low, min(high, last - 1) + 1):
            yield tile_at(level, index, size)
        level += 1


def _spans(tile: Tile) -> list[Span]:
    """The range of entries below each hash of a tile."""
    width = 1 << (_HEIGHT * tile.level)
    start = tile.index * WIDTH
    return [(n * width, (n + 1) * width) for n in range(start, start + tile.width)]


async def _write_month(
    connection: asyncpg.Connection, folder: Path, month: MonthRange, wanted: Wanted, progress: Progress
) -> dict[str, Any]:
    path = folder / "entries" / f"{month.name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    whole, missing, expected = sha256(), 0, month.first
    with path.open("xb") as file:
        async for row in connection.cursor(_ENTRIES, month.first, month.stop, prefetch=_ROWS_AT_ONCE):
            line: bytes = offline_archive.GONE if row["body"] is None else row["body"]
            if row["idx"] != expected or (row["body"] is not None and leaf_hash(line) != row["leaf_hash"]):
                raise _altered(expected)
            missing += row["body"] is None
            whole.update(line + b"\n")
            file.write(line + b"\n")
            expected += 1
            if expected % WIDTH == 0:
                progress(expected - wanted.first, wanted.stop - wanted.first)
        file.flush()
        os.fsync(file.fileno())
    if expected != month.stop:
        raise _altered(expected)
    return {
        "name": month.name, "first": month.first, "stop": month.stop, "sha256": whole.hexdigest(), "missing": missing,
    }  # fmt: skip


def _altered(index: int) -> IntegrityError:
    return IntegrityError(
        f"Entry {index} is missing, or not as the log took it; nothing was archived.",
        hint="Run `hub audit verify`.",
        message_zh=f"第 {index} 条日志缺失或已被改动，未归档。",
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
