"""Verifies an archive of the audit log, offline: whole civil months of it, every entry against a signed tree.

    python verify.py FOLDER VERIFIER-KEY... [--witness VERIFIER-KEY]...

This file stands alone, as `hub.audit.offline` does for single entries, whose functions it repeats word for word:
standard library, and `cryptography` for Ed25519. Checked are
1. the checkpoint: a C2SP signed note, signed by the log's key, and cosigned by the witnesses that are asked for;
2. the tiles (https://c2sp.org/tlog-tiles): those on the right edge fold to its root, each full one to its hash above;
3. the entries: line k of `entries/<month>.jsonl` is the k-th entry of that month, byte for byte, SHA-256(00 || line)
   its hash in the tiles. `null` stands for a body that the log no longer held; its hash is in the tiles as well;
4. the manifest: it names months, ranges and hashes, and an entry of the log names its hash (`seal.json`).
It holds no more than one entry and a few tiles at a time. What it cannot show: that no later entry belongs to a month.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT, ARCHIVE = "credit-hub-receipt/1", "credit-hub-archive/1"
ACT = "audit.archive"
VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[0-9A-Za-z+/]{44}")
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
MAX_LINE, MAX_FILE = 64 << 20, 16 << 20
CIVIL = timezone(timedelta(hours=8))
GONE = b"null"
MALFORMED = (
    ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
Say = Callable[[str], None]
Json = dict[str, Any]
Checkpoint = tuple[str, int, bytes]  # origin, size and root


class Month(NamedTuple):
    """A civil month in the archive: the range of its entries, and its file's SHA-256."""

    name: str
    first: int
    stop: int
    sha256: str
    missing: int


class NotVerifiedError(Exception):
    """A check failed; the message says which."""


def require(condition: bool, message: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise NotVerifiedError(message)


def base64_bytes(text: str) -> bytes:
    """Standard base64 in its one form."""
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "a text is not proper base64")
    return data


def check_signature(public_key: bytes, signature: bytes, message: bytes, what: str) -> None:
    """Check an Ed25519 signature (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise NotVerifiedError(f"the signature on {what} is not good") from None


def read_note(note: str, vkey: str, algorithm: int) -> tuple[bytes, list[bytes], str]:
    """Public key and signatures of a verifier key (algorithm 1: of a log, 4: of a witness), and the text signed."""
    require(VKEY.fullmatch(vkey) is not None, "a verifier key is cut off, or none")
    name, key_id, encoded = vkey.split("+", 2)
    key = base64_bytes(encoded)
    require(key[0] == algorithm, "the verifier key is not an Ed25519 key")
    own = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    require(key_id == own, "the verifier key does not match its own hash")
    text, _, lines = note.rpartition("\n\n")
    require(lines.endswith("\n"), "the checkpoint is not a signed note")
    start = f"— {name} "
    blobs = [base64_bytes(line[len(start) :]) for line in lines.split("\n") if line.startswith(start)]
    return key[1:], [blob[4:] for blob in blobs if blob[:4].hex() == key_id], text + "\n"


def check_checkpoint(note: str, vkeys: str) -> Checkpoint:
    """A checkpoint that one of these keys signed (verifier keys, blanks between them)."""
    read = [read_note(note, vkey, algorithm=1) for vkey in vkeys.split()]
    require(any(values for _, values, _ in read), "the checkpoint is not signed by this key")
    for key, value, text in ((key, value, text) for key, values, text in read for value in values):
        check_signature(key, value, text.encode(), "the checkpoint")
    origin, size, root = note.split("\n")[:3]
    require(bool(origin) and size.isascii() and size.isdecimal(), "the signed note is not a checkpoint")
    return origin, int(size), base64_bytes(root)


def check_witness(note: str, vkey: str) -> str:
    """Name of a witness that cosigned a checkpoint, and when (https://c2sp.org/tlog-cosignature, Ed25519)."""
    witness = vkey.partition("+")[0]
    key, values, text = read_note(note, vkey, algorithm=4)
    require(len(values) == 1 and len(values[0]) == 72, f"the checkpoint is not cosigned by {witness}")
    seconds = int.from_bytes(values[0][:8], "big")
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    check_signature(key, values[0][8:], message, f"the cosignature of {witness}")
    return f"{witness} at {datetime.fromtimestamp(seconds, UTC).isoformat()}"


def climb(position: int, last: int, first: bytes, second: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """Fold a proof from a node upwards: with the siblings on its left, and with all of them."""

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    for sibling in proof:
        require(last > 0, "a proof is too long")
        if position % 2 == 1 or position == last:
            first, second = node(sibling, first), node(sibling, second)
            while position % 2 == 0 and position > 0:
                position, last = position // 2, last // 2
        else:
            second = node(second, sibling)
        position, last = position // 2, last // 2
    require(last == 0, "a proof is too short")
    return first, second


def check_consistency(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    """Check that the tree of one checkpoint is the beginning of another's (RFC 9162, 2.1.4.2)."""
    (origin, size, root), (new_origin, new_size, new_root) = old, new
    require(origin == new_origin and 0 < size <= new_size, "the checkpoints are not of one log")
    if size == new_size:
        require(root == new_root and not proof, "two checkpoints of one size differ")
        return
    path = [root, *proof] if size & (size - 1) == 0 else proof
    position, last = size - 1, new_size - 1
    while position % 2 == 1:
        position, last = position // 2, last // 2
    found = climb(position, last, path[0], path[0], path[1:])
    require(found == (root, new_root), "the newer log does not continue the older one")


def check_receipt(receipt: Json, vkey: str, say: Say) -> Json:
    """The entry that a receipt proves to be in the log (RFC 9162, 2.1.3.2)."""
    require(receipt["format"] == FORMAT and len(receipt) == 7, "the receipt is of an unknown format")
    origin, size, root = check_checkpoint(receipt["checkpoint"], vkey)
    say(f"ok  checkpoint of {origin}: {size} entries, signed by {vkey.split('+')[0]}")
    index, told, body = receipt["index"], receipt["treeSize"], receipt["entry"].encode()
    require(type(index) is type(told) is int and told == size, "the tree size is not the checkpoint's")
    require(0 <= index < size, "the entry's index lies outside the tree")
    leaf = hashlib.sha256(b"\x00" + body).digest()
    proof = [base64_bytes(text) for text in receipt["inclusionProof"]]
    inside = climb(index, size - 1, leaf, leaf, proof)[1] == root
    require(inside, "the entry is not in the tree that the checkpoint signs")
    say(f"ok  entry {index} stands in that log")
    entry: Json = read_json(body)
    return entry


def read_json(text: str | bytes) -> Any:
    """JSON without doubled keys or fractions, which two readers could take differently."""

    def pairs(items: list[tuple[str, Any]]) -> Json:
        require(len(dict(items)) == len(items), "a key stands twice in one object")
        return dict(items)

    def fraction(number: str) -> Any:
        raise NotVerifiedError(f"the number {number} has no canonical form")

    return json.loads(text, object_pairs_hook=pairs, parse_float=fraction, parse_constant=fraction)


def read_small(path: Path) -> bytes:
    """A file that is read whole."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    require(len(data) <= MAX_FILE, f"{path.name} is too large")
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

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
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
        require(self._size == 0 or value == root, "the tiles are not the tree that the checkpoint signs")

    def _read(self, level: int, index: int, width: int) -> list[bytes]:
        name = tile_path(level, index, width)
        data = read_small(self._folder / name)
        require(len(data) == 32 * width, f"{name} is not as long as it should be")
        return [data[i : i + 32] for i in range(0, len(data), 32)]

    def hashes(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, proven."""
        if index == (self._size >> (8 * level)) // 256:
            return self._edge[level]
        if self._known.get(level, (-1, []))[0] != index:
            found = self._read(level, index, 256)
            above = self.hashes(level + 1, index // 256)[index % 256]
            require(
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
            require(line.endswith(b"\n"), f"{month.name}: entry {index} is missing or cut off")
            yield index, line[:-1]
        require(not file.read(1), f"{month.name}: there is more behind its last entry")


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
        require(hashlib.sha256(b"\x00" + line).digest() == leaf, f"entry {index} is not as the log has it")
        require(json.loads(line)["at"] >= begin, f"entry {index} is of an earlier month than {month.name}")
    require(whole.hexdigest() == month.sha256, f"the file of {month.name} is not the one in the manifest")
    require(missing == month.missing, f"{month.name} lacks other bodies than the manifest says")


def read_months(manifest: Json) -> list[Month]:
    """The months of a manifest: they follow one another, without a gap in their entries."""
    months = [Month(**month) for month in manifest["months"]]
    at, before = manifest["first"], ""
    for month in months:
        known = MONTH.fullmatch(month.name) is not None and before < month.name
        require(known and at == month.first <= month.stop, "the months do not follow one another")
        at, before = month.stop, month.name
    require(
        bool(months) and manifest["first"] >= 0 and at == manifest["stop"],
        "the range is not that of the months",
    )
    return months


def check_seal(folder: Path, checkpoint: Checkpoint, vkeys: str) -> Json:
    """The entry of the log that names this manifest; the log that holds it continues the archived tree."""
    own = hashlib.sha256(read_small(folder / "manifest.json")).hexdigest()
    seal = read_json(read_small(folder / "seal.json"))
    entry = check_receipt(seal["receipt"], vkeys, lambda _: None)
    require(
        (entry["operation"], entry["detail"]["manifest"]) == (ACT, own), "the log does not know this manifest"
    )
    proof = [base64_bytes(text) for text in seal["consistency"]]
    check_consistency(checkpoint, check_checkpoint(seal["receipt"]["checkpoint"], vkeys), proof)
    return entry


def verify_archive(folder: Path, vkeys: str, say: Say = print, witnesses: tuple[str, ...] = ()) -> Json:
    """Check an archive; says each step, and gives the manifest. Raises NotVerifiedError."""
    try:
        note = read_small(folder / "checkpoint").decode()
        checkpoint = check_checkpoint(note, vkeys)
        say(f"ok  检查点 checkpoint of {checkpoint[0]}: {checkpoint[1]} entries, signed")
        for witness in witnesses:
            say(f"ok  见证 cosigned by {check_witness(note, witness)}")
        manifest: Json = read_json(read_small(folder / "manifest.json"))
        require(manifest["format"] == ARCHIVE, "the archive is of an unknown format")
        told = manifest["origin"], manifest["size"], manifest["stop"] <= checkpoint[1]
        require(told == (*checkpoint[:2], True), "the manifest is not about this checkpoint")
        for name, digest in manifest["members"].items():
            require(
                name in ("keys/public.json", "README.md", "verify.py"), "the manifest names a strange file"
            )
            same = hashlib.sha256(read_small(folder / name)).hexdigest() == digest
            require(same, f"{name} is not the one in the manifest")
        entry = check_seal(folder, checkpoint, vkeys)
        say(f"ok  封印 seal: the log names this manifest; made by {entry['caller']}")
        tiles, months = Tiles(folder, checkpoint), read_months(manifest)
        files = {path.name for path in (folder / "entries").iterdir()}
        require(
            files == {f"{month.name}.jsonl" for month in months}, "a file of entries is not in the manifest"
        )
        for month in months:
            check_month(folder, month, tiles)
            gone = f", {month.missing} of them without a body" if month.missing else ""
            say(f"ok  {month.name}: entries {month.first} to {month.stop - 1}, all in the signed log{gone}")
        return manifest
    except MALFORMED as error:
        raise NotVerifiedError("the archive is not well formed, or a file is missing") from error


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console that has no Chinese
    usage = ArgumentParser(description=(__doc__ or "").split("\n")[0])
    usage.add_argument("folder", type=Path)
    usage.add_argument("key", nargs="+", help="verifier key of the log")
    usage.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    asked = usage.parse_intermixed_args()
    try:
        verify_archive(asked.folder, " ".join(asked.key), witnesses=tuple(asked.witness))
    except NotVerifiedError as failed:
        sys.exit(f"BAD {failed}")
