"""Text put aside while an answer is made, in memory first and then on disk, never on disk in clear.

The key is made for one spool and dies with it; a file without a name holds the sealed blocks, each bound to its
number, so that a block cannot be altered or moved unseen.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.errors import SealError, UnavailableError

BLOCK_BYTES = 1 << 20
"""Text that is sealed and written at once, at least."""
_LENGTH_BYTES = 8
_NONCE_BYTES = 12


class SealedSpool:
    """Texts in the order in which they were appended."""

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        """An empty spool.

        Args:
            block_bytes: text kept in memory before it goes to disk.
        """
        self._block_bytes = block_bytes
        self._cipher = AESGCM(os.urandom(32))
        self._waiting: list[bytes] = []
        self._size = 0
        self._lengths: list[list[int]] = []
        self._file: IO[bytes] | None = None

    def append(self, text: bytes) -> None:
        """Keep a text.

        Raises:
            UnavailableError: when the disk is full.
        """
        self._waiting.append(text)
        self._size += len(text)
        if self._size >= self._block_bytes:
            self._write()

    def __iter__(self) -> Iterator[bytes]:
        """The texts, in order; as often as asked.

        Raises:
            SealError: when the file was altered.
        """
        if self._file is not None:
            at = 0
            for number, lengths in enumerate(self._lengths):
                self._file.seek(at)
                size = int.from_bytes(self._file.read(_LENGTH_BYTES), "big")
                block = self._open(number, self._file.read(size))
                at += _LENGTH_BYTES + size
                start = 0
                for length in lengths:
                    yield block[start : start + length]
                    start += length
        yield from self._waiting

    def close(self) -> None:
        """Forget everything."""
        self._waiting, self._size, self._lengths = [], 0, []
        if self._file is not None:
            with suppress(OSError):  # on a full disk; the file is gone all the same
                self._file.close()
            self._file = None

    def _write(self) -> None:
        number = len(self._lengths)
        block = self._cipher.encrypt(number.to_bytes(_NONCE_BYTES, "big"), b"".join(self._waiting), None)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="hub-spool-")  # noqa: SIM115
            self._file.seek(0, os.SEEK_END)
            self._file.write(len(block).to_bytes(_LENGTH_BYTES, "big") + block)
            self._file.flush()  # a full disk shows here, not when the text is read back
        except OSError as error:
            raise UnavailableError(
                "The answer could not be put aside.",
                hint="Nothing was disclosed; ask for fewer subjects, or try again later.",
                message_zh="暂存空间不足，未披露任何信息，请减少主体后重试。",
            ) from error
        self._lengths.append([len(text) for text in self._waiting])
        self._waiting, self._size = [], 0

    def _open(self, number: int, block: bytes) -> bytes:
        try:
            return self._cipher.decrypt(number.to_bytes(_NONCE_BYTES, "big"), block, None)
        except InvalidTag:
            raise SealError(
                "Text put aside was altered.", hint="Look into the folder of temporary files."
            ) from None
