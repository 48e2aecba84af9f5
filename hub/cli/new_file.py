"""New files that commands write: nothing is ever overwritten."""

from __future__ import annotations

from pathlib import Path

from hub.errors import InputError


def must_be_new(out: Path) -> None:
    """Refuse a place where no new file can be, before any work is done for it.

    Raises:
        InputError: when something is there already, or there is no such folder.
    """
    if out.expanduser().exists():
        raise InputError(
            "The file is there already; nothing was overwritten.",
            hint="Choose another name with --out.",
            message_zh="文件已存在，未覆盖。",
        )
    if not out.expanduser().parent.is_dir():
        raise InputError(
            "The file cannot be written: there is no such folder.",
            hint="Choose another place with --out.",
            message_zh="无法写入文件：没有该目录。",
        )


def write_new(out: Path, data: bytes) -> None:
    """Write a new file.

    Raises:
        InputError: when it cannot be written, or something is there by now.
    """
    try:
        with out.expanduser().open("xb") as file:
            file.write(data)
    except OSError as error:
        raise InputError(
            "The file cannot be written.",
            hint="Choose another place with --out.",
            message_zh="无法写入文件。",
        ) from error
