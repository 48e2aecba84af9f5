"""The machine: which cores there are, who runs on which, and how much CPU time a process has used."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CORES_NEEDED = 4
_OTHERS = 2
"""Load generator and database."""
_PROC = Path("/proc")
_MEMORY = ("VmRSS", "VmHWM")


@dataclass(frozen=True)
class Placement:
    """Cores of each party; empty: not pinned."""

    server: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()
    database: tuple[int, ...] = ()

    @property
    def pinned(self) -> bool:
        """Whether anything is pinned."""
        return bool(self.server)

    def text(self) -> str:
        """One line for the reader."""
        if not self.pinned:
            return "not pinned: too few cores, or the system cannot pin processes"
        server, database = ", ".join(map(str, self.server)), ", ".join(map(str, self.database))
        word = "cores" if len(self.server) > 1 else "core"
        return (
            f"server on {word} {server}, load generator on core {self.generator[0]}, "
            f"PostgreSQL on {database or 'wherever it runs'}"
        )


def place(*, own_database: bool, servers: int = 1) -> Placement:
    """Who runs where: servers and load generator on a core each, our own PostgreSQL on the rest.

    Args:
        own_database: whether the PostgreSQL is ours to pin.
        servers: server processes that work at the same time.
    """
    if not hasattr(os, "sched_getaffinity"):
        return Placement()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < max(_CORES_NEEDED, servers + _OTHERS):
        return Placement()
    rest = tuple(cores[servers + 1 :]) if own_database else ()
    return Placement(tuple(cores[:servers]), (cores[servers],), rest)


def pin(pids: Iterable[int], cores: Sequence[int]) -> None:
    """Keep processes on these cores; one that has ended meanwhile is left out."""
    for pid in pids if cores else ():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cores)


def family(pid: int) -> list[int]:
    """A process, its parent, and all children of that parent: a PostgreSQL backend's whole server."""
    parent = _parent(pid)
    return [parent, *(p for p in _processes() if _parent(p) == parent)]


def cpu_seconds(pid: int) -> float | None:
    """CPU time that a process has used so far in seconds, user and system; None where it cannot be read."""
    try:
        fields = _stat(pid)
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> tuple[int, int] | None:
    """Memory of a process that is in RAM: now, and at its highest so far (proc(5)); None where it cannot be read."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
        sizes = {
            name: int(rest.split()[0])
            for name, _, rest in (x.partition(":") for x in lines)
            if name in _MEMORY
        }
    except OSError:
        return None
    return sizes["VmRSS"] * 1024, sizes["VmHWM"] * 1024


def facts() -> dict[str, Any]:
    """What a reader must know to compare runs; nothing that names the machine."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
    }


def _stat(pid: int) -> list[str]:
    """Fields of the process's status line from the third on (proc(5))."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except OSError:
        return 0


def _processes() -> list[int]:
    return [int(p.name) for p in _PROC.iterdir() if p.name.isdigit()]
