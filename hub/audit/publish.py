"""Publishes the log as static files (c2sp.org/tlog-tiles): tiles first, the checkpoint last.

- What is published is what was signed: the leaf hashes of the database must fold to the root of its checkpoint, and
  they must continue what stands in the folder. Otherwise nothing is published, and the error says so.
- New tiles are written beside their places and moved there once the root agrees, so neither a crash nor an altered
  database leaves a wrong tile behind. Cut off anywhere, it is run again.
- A checkpoint is published when enough witnesses have cosigned it. How many are asked for, and whether fewer only
  cost a warning, is the operator's choice; receipts are given out at once and do not wait for that.
- Partial tiles stay until the full one is there.
"""

from __future__ import annotations

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import httpx

from hub.audit import store
from hub.audit.cosignatures import add_lines
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.audit.tiles import WIDTH, Tile, TileTree, TileWriter
from hub.audit.witness import SIZE_TYPE
from hub.errors import IntegrityError, UnavailableError, VerificationError
from hub.keys.cosign import CosignVerifier
from hub.keys.note import NoteVerifier
from hub.store.database import Database

CHECKPOINT = "checkpoint"
WITNESS_SECONDS = 10.0
"""How long a witness has for its whole answer."""
MAX_ANSWER = 64 << 10
"""Longest answer of a witness that is read, in bytes."""
_CHUNK = 20_000
FRESH = ".new"
"""Ends the names of files on their way into the folder."""
_LEAVES = "SELECT leaf_hash FROM log_entry WHERE log_id = 0 AND idx >= $1 AND idx < $2 ORDER BY idx"

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")

Progress = Callable[[int, int], None]
"""Takes entries done and entries in all."""


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """Where a witness is asked, and whose cosignature is expected."""

    url: str
    """Its submission prefix."""
    verifier: CosignVerifier


@dataclass(frozen=True, slots=True)
class Published:
    """What was done."""

    size: int
    """Entries of the published checkpoint."""
    before: int
    """Entries of the one that was published before."""
    tiles: int
    """Tiles written."""
    witnesses: tuple[str, ...] = ()
    """Names of those that cosigned."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why others did not, by name."""


class Publisher:
    """Publishes one log into one folder."""

    def __init__(
        self,
        folder: Path,
        verifiers: Sequence[NoteVerifier],
        witnesses: Sequence[WitnessPlace] = (),
        *,
        quorum: int = 0,
        strict: bool = True,
    ) -> None:
        """Set up.

        Args:
            folder: what a web server serves as the log's prefix; made when it is not there.
            verifiers: the log's key, and earlier ones.
            witnesses: who is asked to cosign.
            quorum: how many of them must.
            strict: whether a checkpoint with fewer is held back; else it is published, and the report says so.
        """
        self._folder, self._verifiers, self._witnesses = folder, verifiers, witnesses
        self._quorum, self._strict = quorum, strict

    def published(self) -> tuple[Checkpoint, str] | None:
        """The published checkpoint and its note; None: there is none.

        Raises:
            VerificationError: when it is not signed by the log's key.
        """
        path = self._folder / CHECKPOINT
        if not path.exists():
            return None
        note = path.read_text(encoding="utf-8")
        return verify_checkpoint(note, *self._verifiers), note

    async def publish(self, database: Database, client: httpx.AsyncClient, progress: Progress) -> Published:
        """Publish everything up to the newest checkpoint.

        Args:
            database: where the log lies; only read.
            client: asks the witnesses.
            progress: told after each chunk of entries.

        Raises:
            IntegrityError: when the database does not hold what was signed, or does not continue what is published.
            VerificationError: when a checkpoint or a tile in the folder was altered.
            UnavailableError: when there is no log, the database is away, or too few witnesses cosigned; what was
                published before stays as it is.
        """
        before = self.published()
        old = before[0].size if before else 0
        async with (
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            state = await store.read_state(connection)
            if state is None:
                raise UnavailableError("There is no audit log yet.", hint="Start the hub once.")
            newest = verify_checkpoint(state.checkpoint, *self._verifiers)
            if newest.size < old or (before and newest.size == old and newest.root != before[0].root):
                raise _rewritten()
            self.check_published(before[0] if before else None)
            staged = _Staged(self._folder)
            writer = TileWriter(old, self.read_tile, staged.write)
            while writer.size < newest.size:
                rows = await connection.fetch(_LEAVES, writer.size, min(writer.size + _CHUNK, newest.size))
                if not rows:
                    raise _rewritten()
                writer.add([row["leaf_hash"] for row in rows])
                progress(writer.size, newest.size)
            if writer.finish() != newest.root:
                raise _rewritten()
        staged.land()
        note, signed, missing = await self._cosign(client, state.checkpoint, newest)
        _replace(self._folder / CHECKPOINT, note.encode())
        staged.drop_partial()
        return Published(newest.size, old, staged.count, tuple(signed), missing)

    def read_tile(self, tile: Tile) -> bytes:
        """The bytes of a published tile.

        Raises:
            VerificationError: when it is not there.
        """
        try:
            return (self._folder / tile.path).read_bytes()
        except OSError:
            raise VerificationError(
                "A tile that was published is missing.",
                hint=f"Restore {tile.path}, or publish into an empty folder.",
            ) from None

    def check_published(self, checkpoint: Checkpoint | None) -> None:
        """What stands in the folder must be the tree of its checkpoint: new tiles are built on its edge."""
        if checkpoint and TileTree(checkpoint.size, self.read_tile).root() != checkpoint.root:
            raise VerificationError(
                "The published tiles are not the tree of the published checkpoint.",
                hint="Keep the folder as it is for a comparison, and publish into an empty one.",
            )

    async def _cosign(
        self, client: httpx.AsyncClient, note: str, checkpoint: Checkpoint
    ) -> tuple[str, list[str], dict[str, str]]:
        tree = TileTree(checkpoint.size, self.read_tile)
        signed: dict[str, None] = {}  # names in their order, each once however many keys it has
        missing: dict[str, str] = {}
        answers: dict[str, str] = {}
        whole = note
        for place in self._witnesses:
            try:
                if place.url not in answers:
                    answers[place.url] = await _ask(client, place, note, tree)
                whole = add_lines(whole, answers[place.url], place.verifier)
                signed[place.verifier.name] = None
            except (UnavailableError, VerificationError) as error:
                missing[place.verifier.name] = error.message
        if len(signed) < self._quorum and self._strict:
            raise UnavailableError(
                f"{len(signed)} witnesses cosigned the checkpoint, and {self._quorum} are asked for; "
                "it was not published.",
                hint="; ".join(f"{name}: {why}" for name, why in missing.items()) or "Name more witnesses.",
                message_zh="见证签名数量不足，检查点未发布。",
            )
        return whole, list(signed), missing


class _Staged:
    """Tiles on their way into the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tiles: list[Tile] = []

    @property
    def count(self) -> int:
        return len(self._tiles)

    def write(self, tile: Tile, data: bytes) -> None:
        path = self._folder / (tile.path + FRESH)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._tiles.append(tile)

    def land(self) -> None:
        for tile in self._tiles:
            (self._folder / (tile.path + FRESH)).replace(self._folder / tile.path)
        for folder in {(self._folder / tile.path).parent for tile in self._tiles}:
            _sync(folder)

    def drop_partial(self) -> None:
        """Partial tiles whose full one is there; the published checkpoint needs them no more."""
        for tile in self._tiles:
            if tile.width == WIDTH:
                rmtree(self._folder / f"{tile.path}.p", ignore_errors=True)


async def _ask(client: httpx.AsyncClient, place: WitnessPlace, note: str, tree: TileTree) -> str:
    """The witness's signature lines; it says itself from where it wants the proof."""
    old = tree.size
    for _ in range(2):
        proof = "".join(b64encode(node).decode() + "\n" for node in tree.consistency(old))
        url = place.url.rstrip("/") + "/add-checkpoint"
        status, kind, text = await _post(client, url, f"old {old}\n{proof}\n{note}".encode())
        if status == 200:
            return text
        known = text.strip()
        if status != 409 or kind != SIZE_TYPE or not _SIZE.fullmatch(known):
            raise UnavailableError(f"it answers {status}")
        if int(known) > tree.size or int(known) == old:
            raise UnavailableError(f"it has cosigned another history (size {int(known)})")
        old = int(known)
    raise UnavailableError("it changes its mind about what it has cosigned")


async def _post(client: httpx.AsyncClient, url: str, body: bytes) -> tuple[int, str, str]:
    """Status, media type and text of an answer, which neither keeps us waiting nor fills the memory."""
    answer = b""
    try:
        async with (
            asyncio.timeout(WITNESS_SECONDS),
            client.stream("POST", url, content=body, timeout=WITNESS_SECONDS) as response,
        ):
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER:
                    raise UnavailableError("its answer is too long")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise UnavailableError(f"it does not answer ({type(error).__name__})") from error
    kind = response.headers.get("content-type", "").split(";")[0]
    return response.status_code, kind, answer.decode(errors="replace")


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + FRESH)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rewritten() -> IntegrityError:
    return IntegrityError(
        "The database does not hold the log that was signed and published.",
        hint="Nothing was published. Run `hub audit verify`, and keep the database as it is.",
        message_zh="数据库中的日志与已签名、已发布的日志不一致，未发布。",
    )
