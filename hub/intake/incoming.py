"""Where uploads lie while they are taken in: private files that do not outlive their upload.

- A file has mode 0600 in a folder of mode 0700, is locked by the process that writes it, and is gone when the
  upload is done, whatever happened.
- A process that was killed leaves its file behind, but not its lock: the next upload removes what nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hub.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """An upload on its way in."""

    path: Path
    file: BinaryIO

    def write(self, piece: bytes) -> None:
        """Add a piece.

        Raises:
            UnavailableError: when the disk does not take it.
        """
        try:
            self.file.write(piece)
        except OSError:
            raise _no_room() from None

    def complete(self) -> None:
        """Everything is there and may be read by its path.

        Raises:
            UnavailableError: when the disk does not take it.
        """
        try:
            self.file.flush()
        except OSError:
            raise _no_room() from None


@contextmanager
def incoming_file(folder: Path) -> Iterator[IncomingFile]:
    """A new private file in `folder`, removed on leaving.

    Raises:
        UnavailableError: when it cannot be made.
    """
    path = folder / f"{secrets.token_hex(16)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder)
        # Readable by its owner alone; never an existing file, never through a link.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError:
        raise _no_room() from None
    with os.fdopen(handle, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # a sweep may hold it for a moment
            yield IncomingFile(path, file)
        finally:
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove the files of processes that are gone. One just made may not be locked yet; it is empty."""
    for path in folder.glob("*.part"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_size:
                    path.unlink(missing_ok=True)
        except OSError:  # held, or gone meanwhile
            continue


def _no_room() -> UnavailableError:
    return UnavailableError(
        "The upload cannot be stored.",
        hint="Try again later; the operators must look at the hub's disk.",
        message_zh="上传文件无法暂存，请稍后重试。",
    )
