"""Verifies an archive of the audit log, offline: whole civil months of it, every entry against a signed tree.

    python verify.py FOLDER VERIFIER-KEY... [--witness VERIFIER-KEY]...

This file and `offline.py` beside it stand alone: standard library, and `cryptography` for signatures. Checked are
1. the checkpoint: a C2SP signed note, signed by the log's key, and cosigned by the witnesses that are asked for;
2. the tiles (https://c2sp.org/tlog-tiles): those on the right edge fold to its root, each full one to its hash above;
3. the entries: line k of `entries/<month>.jsonl` is the k-th entry of that month, byte for byte, SHA-256(00 || line)
   its hash in the tiles. `null` stands for a body that the log no longer held; its hash is in the tiles as well;
4. the manifest: it names months, ranges and hashes, and an entry of the log names its hash (`seal.json`).
It holds no more than one entry and a few tiles at a time. What it cannot show: that no later entry belongs to a month.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING or __name__ != "__main__":
    from hub.audit import offline
else:  # alone: `offline.py` as it stands beside it; an `import` could find other code in the folder
    offline = ModuleType("offline")
    try:
        exec((Path(__file__).parent / "offline.py").read_bytes(), vars(offline))  # noqa: S102
    except OSError:
        print("ERR offline.py must stand beside this file")
        sys.exit(2)

ARCHIVE, ACT = "credit-hub-archive/1", "audit.archive"
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
MAX_LINE, MAX_FILE = 64 << 20, 16 << 20
CIVIL = timezone(timedelta(hours=8))
GONE = b"null"


class Month(NamedTuple):
    """A civil month in the archive: the range of its entries, and its file's SHA-256."""

    name: str
    first: int
    stop: int
    sha256: str
    missing: int


def read_small(path: Path) -> bytes:
    """A file that is read whole."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    offline.require(len(data) <= MAX_FILE, f"{path.name} is too large")
    return data


def tile_path(level: int, index: int, width: int) -> str:
    """Where a tile stands."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else "")


def fold(hashes: list[bytes], right: bytes = b"") -> bytes:
    """Root over the hashes of a tile and of what stands right of them (RFC 9162, 2.1.1)."""
    row = [*hashes, right] if right else hashes
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0]


class Tiles:
    """The tiles of an archive; each is held to the one above it, and those on the right edge to the root."""

    def __init__(self, folder: Path, checkpoint: offline.Checkpoint) -> None:
        """Read the right edge."""
        self._folder, (_, self._size, root) = folder, checkpoint
        self._known: dict[int, tuple[int, list[bytes]]] = {}
        self._edge: dict[int, list[bytes]] = {}
        level, value = 0, b""
        while count := self._size >> (8 * level):
            if count % 256:
                self._edge[level] = self._read(level, count // 256, count % 256)
                value = fold(self._edge[level], value)
            level += 1
        offline.require(
            self._size == 0 or value == root, "the tiles are not the tree that the checkpoint signs"
        )

    def _read(self, level: int, index: int, width: int) -> list[bytes]:
        name = tile_path(level, index, width)
        data = read_small(self._folder / name)
        offline.require(len(data) == 32 * width, f"{name} is not as long as it should be")
        return [data[i : i + 32] for i in range(0, len(data), 32)]

    def hashes(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, proven."""
        if index == (self._size >> (8 * level)) // 256:
            return self._edge[level]
        if self._known.get(level, (-1, []))[0] != index:
            found = self._read(level, index, 256)
            above = self.hashes(level + 1, index // 256)[index % 256]
            offline.require(
                fold(found) == above, f"{tile_path(level, index, 256)} is not what the tile above it says"
            )
            self._known[level] = index, found
        return self._known[level][1]

    def leaf(self, index: int) -> bytes:
        """Hash of an entry."""
        return self.hashes(0, index // 256)[index % 256]


def read_lines(folder: Path, month: Month) -> Iterator[tuple[int, bytes]]:
    """Index and bytes of the entries of a month, as they stand in its file; checks only how many there are."""
    with (folder / "entries" / f"{month.name}.jsonl").open("rb") as file:
        for index in range(month.first, month.stop):
            line = file.readline(MAX_LINE)
            offline.require(line.endswith(b"\n"), f"{month.name}: entry {index} is missing or cut off")
            yield index, line[:-1]
        offline.require(not file.read(1), f"{month.name}: there is more behind its last entry")


def check_month(folder: Path, month: Month, tiles: Tiles) -> None:
    """Check the entries of a month against tiles and manifest."""
    whole, missing = hashlib.sha256(), 0
    begin = datetime(int(month.name[:4]), int(month.name[5:]), 1, tzinfo=CIVIL).timestamp() * 1000
    for index, line in read_lines(folder, month):
        whole.update(line + b"\n")
        leaf = tiles.leaf(index)
        if line == GONE:
            missing += 1
            continue
        offline.require(
            hashlib.sha256(b"\x00" + line).digest() == leaf, f"entry {index} is not as the log has it"
        )
        offline.require(
            json.loads(line)["at"] >= begin, f"entry {index} is of an earlier month than {month.name}"
        )
    offline.require(
        whole.hexdigest() == month.sha256, f"the file of {month.name} is not the one in the manifest"
    )
    offline.require(missing == month.missing, f"{month.name} lacks other bodies than the manifest says")


def read_months(manifest: offline.Json) -> list[Month]:
    """The months of a manifest: they follow one another, without a gap in their entries."""
    months = [Month(**month) for month in manifest["months"]]
    at, before = manifest["first"], ""
    for month in months:
        known = MONTH.fullmatch(month.name) is not None and before < month.name
        offline.require(known and at == month.first <= month.stop, "the months do not follow one another")
        at, before = month.stop, month.name
    offline.require(
        bool(months) and manifest["first"] >= 0 and at == manifest["stop"],
        "the range is not that of the months",
    )
    return months


def check_seal(folder: Path, checkpoint: offline.Checkpoint, vkeys: str) -> offline.Json:
    """The entry of the log that names this manifest; the log that holds it continues the archived tree."""
    own = hashlib.sha256(read_small(folder / "manifest.json")).hexdigest()
    seal = offline.read_json(read_small(folder / "seal.json"))
    entry = offline.check_receipt(seal["receipt"], vkeys, lambda _: None)
    offline.require(
        (entry["operation"], entry["detail"]["manifest"]) == (ACT, own), "the log does not know this manifest"
    )
    proof = [offline.base64_bytes(text) for text in seal["consistency"]]
    offline.check_consistency(
        checkpoint, offline.check_checkpoint(seal["receipt"]["checkpoint"], vkeys), proof
    )
    return entry


def verify_archive(
    folder: Path, vkeys: str, say: offline.Say = print, witnesses: Sequence[str] = ()
) -> offline.Json:
    """Check an archive; says each step, and gives the manifest. Raises NotVerifiedError."""
    try:
        note = read_small(folder / "checkpoint").decode()
        checkpoint = offline.check_checkpoint(note, vkeys)
        say(f"ok  检查点 checkpoint of {checkpoint[0]}: {checkpoint[1]} entries, signed")
        offline.check_witnesses(note, witnesses, say)
        manifest: offline.Json = offline.read_json(read_small(folder / "manifest.json"))
        offline.require(manifest["format"] == ARCHIVE, "the archive is of an unknown format")
        told = manifest["origin"], manifest["size"], manifest["stop"] <= checkpoint[1]
        offline.require(told == (*checkpoint[:2], True), "the manifest is not about this checkpoint")
        for name, digest in manifest["members"].items():
            offline.require(
                name in ("keys/public.json", "README.md", "verify.py", "offline.py"),
                "the manifest names a strange file",
            )
            same = hashlib.sha256(read_small(folder / name)).hexdigest() == digest
            offline.require(same, f"{name} is not the one in the manifest")
        entry = check_seal(folder, checkpoint, vkeys)
        say(f"ok  封印 seal: the log names this manifest; made by {entry['caller']}")
        tiles, months = Tiles(folder, checkpoint), read_months(manifest)
        files = {path.name for path in (folder / "entries").iterdir()}
        offline.require(
            files == {f"{month.name}.jsonl" for month in months}, "a file of entries is not in the manifest"
        )
        for month in months:
            check_month(folder, month, tiles)
            gone = f", {month.missing} of them without a body" if month.missing else ""
            say(f"ok  {month.name}: entries {month.first} to {month.stop - 1}, all in the signed log{gone}")
        return manifest
    except offline.MALFORMED as error:
        raise offline.NotVerifiedError("the archive is not well formed, or a file is missing") from error


if __name__ == "__main__":
    sys.exit(offline.main(verify_archive, (__doc__ or "").split("\n")[0]))
