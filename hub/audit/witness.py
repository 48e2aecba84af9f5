"""A witness: cosigns a log's checkpoints as long as each continues the one before (c2sp.org/tlog-witness).

- It keeps one checkpoint of each log that it knows, and nothing else: no entry, no key of the log's ring. It belongs
  on another machine, run by somebody else than the operator of the log.
- Checked, stored, answered, in this order and under one lock: what it has cosigned survives a crash, and no two
  requests can take the same step. Two processes on one folder lock each other out.
- Where a log shows another root for the size that was cosigned, that is proof of two histories. The note is kept
  in the folder `conflicts`, with the one that was cosigned.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub.audit.cosignatures import signature_line
from hub.audit.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from hub.audit.note import Checkpoint, LineVerifier, Note
from hub.errors import VerificationError
from hub.keys.cosign import CosignKey

MAX_BODY = 64 << 10
"""Longest request that is read, in bytes."""
MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the witness answers: an HTTP status, a body and its media type."""

    status: int
    body: str
    media_type: str = "text/plain; charset=utf-8"


class _Refusal(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Witness:
    """Cosigns for a number of logs."""

    def __init__(
        self, folder: Path, keys: Sequence[CosignKey], logs: Mapping[str, Sequence[LineVerifier]]
    ) -> None:
        """Set up.

        Args:
            folder: where the newest cosigned checkpoint of each log is kept; made when it is not there.
            keys: each gives a signature line, where its algorithm has a place for the checkpoint.
            logs: verifier keys by origin.
        """
        self._folder, self._keys, self._logs = folder, keys, logs
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add_checkpoint(self, body: bytes, now: datetime) -> Reply:
        """Answer a request of the protocol.

        Args:
            body: as it came; never trusted.
            now: the time that goes into the cosignature.
        """
        try:
            old, proof, note = _read(body)
            return self._add(old, proof, note, now)
        except _Refusal as refusal:
            return refusal.reply

    def latest(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint that was cosigned for a log; None: there is none.

        Raises:
            VerificationError: when the stored one is not signed by the log any more.
        """
        path = self._path(origin)
        if not path.exists():
            return None
        note = Note.parse(path.read_text(encoding="utf-8"))
        note.verify(self._logs[origin])
        return Checkpoint.parse(note.text)

    def _add(self, old: int, proof: Sequence[bytes], note: str, now: datetime) -> Reply:
        parsed, checkpoint = self._verified(note)
        if old > checkpoint.size:
            raise _refuse(400, "The old size is larger than that of the checkpoint.")
        with self._locked(checkpoint.origin):
            known = self.latest(checkpoint.origin) or Checkpoint(checkpoint.origin, 0, EMPTY_ROOT)
            if old != known.size:
                raise _Refusal(Reply(409, f"{known.size}\n", SIZE_TYPE))
            if checkpoint.size == known.size and checkpoint.root != known.root:
                self._keep_conflict(checkpoint.origin, note)
                raise _Refusal(Reply(409, f"{known.size}\n", SIZE_TYPE))
            try:
                verify_consistency(old, checkpoint.size, known.root, checkpoint.root, proof)
            except VerificationError as error:
                raise _refuse(422, error.message) from None
            lines = self._sign(parsed.text, now)
            _store(self._path(checkpoint.origin), note)
        return Reply(200, lines)

    def _sign(self, text: str, now: datetime) -> str:
        lines = ""
        for key in self._keys:
            with suppress(ValueError):
                lines += signature_line(key, text, now)
        if not lines:
            raise _refuse(422, "The checkpoint has lines or a length that no key of this witness signs.")
        return lines

    def _verified(self, note: str) -> tuple[Note, Checkpoint]:
        try:
            parsed = Note.parse(note)
            checkpoint = Checkpoint.parse(parsed.text)
        except VerificationError as error:
            raise _refuse(400, error.message) from None
        verifiers = self._logs.get(checkpoint.origin)
        if verifiers is None:
            raise _refuse(404, "The log is not known to this witness.")
        try:
            parsed.verify(verifiers)
        except VerificationError as error:
            raise _refuse(403, error.message) from None
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise _refuse(422, "The root of an empty tree is another one.")
        return parsed, checkpoint

    def _keep_conflict(self, origin: str, note: str) -> None:
        """Keep both notes: signed by one log, of one size, with two roots."""
        folder = self._folder / "conflicts"
        folder.mkdir(exist_ok=True, mode=0o700)
        for text in (note, self._path(origin).read_text(encoding="utf-8")):
            _store(folder / f"{hashlib.sha256(text.encode()).hexdigest()}.note", text)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    @contextmanager
    def _locked(self, origin: str) -> Iterator[None]:
        with self._path(origin).with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(body: bytes) -> tuple[int, list[bytes], str]:
    try:
        text = body.decode("utf-8") if len(body) <= MAX_BODY else ""
    except UnicodeDecodeError:
        text = ""
    head, separator, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if not separator or old is None or len(lines) > MAX_PROOF:
        raise _refuse(400, "The request is not an old size, a proof, an empty line and a checkpoint.")
    return int(old[1]), [_hash(line) for line in lines], note


def _hash(line: str) -> bytes:
    try:
        value = b64decode(line, validate=True)
    except (Base64Error, ValueError):
        value = b""
    if len(value) != HASH_SIZE:
        raise _refuse(400, "A line of the consistency proof is not a hash in base64.")
    return value


def _store(path: Path, text: str) -> None:
    """Put a file in place as a whole, durably."""
    fresh = path.with_suffix(path.suffix + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse(status: int, reason: str) -> _Refusal:
    return _Refusal(Reply(status, f"{reason}\n"))
