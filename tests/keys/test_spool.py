"""Text put aside comes back as it was, never lies on disk in clear, and is given up where that cannot be kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import SealError
from hub.keys.spool import SealedSpool

SECRET = "符海澜 469999198001019993".encode()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """The files that spools made, in order."""
    made: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def keep(*args: Any, **kwargs: Any) -> Any:
        made.append(make(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", keep)
    return made


def on_disk(file: IO[bytes]) -> bytes:
    """What another process would see of the file."""
    return os.pread(file.fileno(), 1 << 24, 0)


@given(texts=st.lists(st.binary(max_size=40), max_size=60), block_bytes=st.integers(1, 100))
def test_texts_come_back_in_order_as_often_as_asked(texts: list[bytes], block_bytes: int) -> None:
    spool = SealedSpool(block_bytes)
    for text in texts:
        spool.append(text)
    assert list(spool) == texts
    for one, other in zip(spool, spool, strict=True):  # two readers at once
        assert one == other
    spool.append(b"one more")
    assert list(spool) == [*texts, b"one more"]
    spool.close()


def test_a_small_spool_needs_no_file(files: list[IO[bytes]]) -> None:
    spool = SealedSpool()
    spool.append(SECRET)
    assert list(spool) == [SECRET]
    assert files == []


def test_nothing_is_on_disk_in_clear_and_no_file_has_a_name(
    files: list[IO[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = SealedSpool(64)
    for _ in range(100):
        spool.append(SECRET)
    stored = on_disk(files[0])
    assert len(stored) > 50 * len(SECRET)
    assert SECRET[:9] not in stored
    assert SECRET[-18:] not in stored
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_two_spools_of_the_same_text_have_nothing_in_common(files: list[IO[bytes]]) -> None:
    spools = [SealedSpool(8), SealedSpool(8)]
    for spool in spools:
        spool.append(SECRET)
    one, other = (on_disk(file)[8:] for file in files)
    assert one[:16] != other[:16]
    for spool in spools:
        spool.close()


@pytest.mark.parametrize("change", ["one bit", "two blocks exchanged", "cut off", "nothing left"])
def test_an_altered_file_is_not_read(change: str, files: list[IO[bytes]]) -> None:
    spool = SealedSpool(len(SECRET))
    for number in range(3):
        spool.append(SECRET[:-1] + str(number).encode())
    stored = on_disk(files[0])
    size = len(stored) // 3
    blocks = [stored[n * size : (n + 1) * size] for n in range(3)]
    altered = {
        "one bit": stored[:20] + bytes([stored[20] ^ 1]) + stored[21:],
        "two blocks exchanged": blocks[1] + blocks[0] + blocks[2],
        "cut off": stored[:-5],
        "nothing left": b"",
    }[change]
    os.ftruncate(files[0].fileno(), 0)
    os.pwrite(files[0].fileno(), altered, 0)
    with pytest.raises(SealError):
        list(spool)
    spool.close()


def test_a_closed_spool_holds_nothing_and_its_file_is_gone(files: list[IO[bytes]]) -> None:
    spool = SealedSpool(8)
    spool.append(SECRET)
    spool.append(b"waiting")
    spool.close()
    assert files[0].closed
    assert list(spool) == []
    spool.close()


FULL = """
from hub.errors import UnavailableError
from hub.keys.spool import SealedSpool
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
spool = SealedSpool(1000)
try:
    for _ in range(100):
        spool.append(bytes(100))
    list(spool)
except UnavailableError:
    spool.close()
    print("refused")
"""


@pytest.mark.parametrize("room", [0, 500, 4_000, 8_200])
def test_a_full_disk_refuses_the_text_and_the_spool_still_closes(room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL, str(room)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")
