"""The ring's files: private, whole or absent, and never overwritten by accident.

- The folder is 0700 and its private files 0600; anything that group or others may read is refused on POSIX.
- A file is written in full, flushed to disk, and only then gets its name.
- Messages name the file, never the folder it lies in, and never what is in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from hub.errors import KeyRingError

_MOST_BYTES = 1 << 20
_RESTORE = "Restore it from a backup of the ring."


def read_private(path: Path) -> dict[str, Any]:
    """The JSON object in a private file.

    Raises:
        KeyRingError: when it is missing, unreadable, open to others, or not one whole JSON object.
    """
    return _read(path, 0o077)


def read_public(path: Path) -> dict[str, Any]:
    """The JSON object in a public file, which others may read but not write.

    Raises:
        KeyRingError: when it is missing, unreadable, writable by others, or not one whole JSON object.
    """
    return _read(path, 0o022)


def check_folder(folder: Path) -> None:
    """Check that the ring's folder is there and shut to others.

    Raises:
        KeyRingError: when it is not.
    """
    try:
        facts = folder.stat()
    except OSError:
        facts = None
    if facts is None or not stat.S_ISDIR(facts.st_mode):
        raise KeyRingError(
            "There is no key ring folder where HUB_KEYS_DIR points.", hint="Make a ring with `hub keys init`."
        )
    _check_mode(facts, "The key ring folder", 0o077, "chmod 700")


def write_new(path: Path, document: dict[str, Any], mode: int = 0o600) -> None:
    """Write a file that must not be there yet.

    Raises:
        KeyRingError: when it is there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise KeyRingError(
            f"The key ring already has a file {path.name}; nothing is overwritten.",
            hint="If no other rotation is running, move that file away and try again.",
        ) from None
    except OSError:
        raise _cannot_write(path.name) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if os.name == "posix":
                os.fchmod(stream.fileno(), mode)  # whatever the umask
                _give_to_owner(stream.fileno(), path.parent)
            stream.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise _cannot_write(path.name) from None


def replace(path: Path, document: dict[str, Any], mode: int = 0o600) -> None:
    """Put a new file in the place of an old one, at once: a reader sees the one or the other.

    Raises:
        KeyRingError: when it cannot be written; the old one then stands.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        write_new(new, document, mode)
        new.replace(path)
        sync_folder(path.parent)
    except OSError:
        raise _cannot_write(path.name) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the ring for a change; of two changes at a time one is refused.

    Raises:
        KeyRingError: when another change holds it.
    """
    lock = folder / "ring.lock"
    write_new(lock, {})
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to disk, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path, forbidden: int) -> dict[str, Any]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_BYTES:
            raise KeyRingError(f"The key ring's {path.name} is not a file of a ring.", hint=_RESTORE)
        _check_mode(facts, f"The key ring's {path.name}", forbidden, "chmod 600")
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise KeyRingError(f"The key ring lacks its file {path.name}.", hint=_RESTORE) from None
    except OSError:
        raise KeyRingError(
            f"The key ring's {path.name} cannot be read.", hint="Let the hub's user own the ring's files."
        ) from None
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise KeyRingError(f"The key ring's {path.name} is not one whole JSON object.", hint=_RESTORE)
    return document


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """What root writes belongs to the hub's user as well: a hub that could not read it would wrap under old keys."""
    if os.geteuid() == 0:
        facts = folder.stat()
        os.fchown(descriptor, facts.st_uid, facts.st_gid)


def _check_mode(facts: os.stat_result, what: str, forbidden: int, mend: str) -> None:
    if os.name == "posix" and facts.st_mode & forbidden:
        raise KeyRingError(
            f"{what} is open to other users (mode {stat.S_IMODE(facts.st_mode):04o}).",
            hint=f"Run `{mend}` on it, and replace its keys if others may have read them.",
        )


def _cannot_write(name: str) -> KeyRingError:
    return KeyRingError(
        f"The key ring's {name} cannot be written.",
        hint="Check the folder's owner and the space on its disk.",
    )
