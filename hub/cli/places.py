"""Where things lie below HUB_STATE_DIR, and which database a command works on.

```
STATE/            outside the demo          STATE/demo/       the demo
├── postgres/     embedded server           ├── postgres/     embedded server of its own
└── quarantine/   refused rows              ├── quarantine/
                                            ├── ring/         demo key ring
                                            └── clients/      private keys of the demo's clients
```

- The demo has a database and keys of its own, so that demo data never mixes with others.
- Outside the demo a key ring has no default: HUB_KEYS_DIR, or nothing.
- HUB_DATABASE_URL set: that database, as it is. Unset: the embedded server, started when it does not run,
  brought to the newest schema, and stopped again by the command that started it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hub.config import Settings
from hub.store.embedded import EmbeddedServer


@dataclass(frozen=True)
class Places:
    """The folders of one state."""

    home: Path

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """The folders these settings work in."""
        return cls(settings.home_path)

    @classmethod
    def of_demo(cls, settings: Settings) -> Places:
        """The demo's folders, whether or not these settings are the demo's."""
        return cls(settings.state_path / "demo")

    @property
    def database(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def quarantine(self) -> Path:
        """Folder of refused rows."""
        return self.home / "quarantine"

    @property
    def ring(self) -> Path:
        """Key ring of the demo."""
        return self.home / "ring"

    @property
    def clients(self) -> Path:
        """Private keys of the demo's clients."""
        return self.home / "clients"


def with_demo_keys(settings: Settings) -> Settings:
    """The settings, with the demo's key ring filled in when they are the demo's and name none."""
    ring = Places.of_demo(settings).ring
    if settings.demo and not settings.keys_dir and ring.is_dir():
        return replace(settings, keys_dir=str(ring))
    return settings


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database URL; the embedded server runs meanwhile, if it is the one.

    Raises:
        UnavailableError: when the embedded server does not start.
    """
    if settings.database_url:
        yield settings
        return
    folder = Places.of(settings).database
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    server = EmbeddedServer(folder)
    was_running = server.running
    server.start()
    try:
        from hub.store.migrate import migrate

        migrate(server.url())
        yield replace(settings, database_url=server.url())
    finally:
        if not was_running:
            server.stop()
