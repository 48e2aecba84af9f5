"""What the settings name, loaded and checked: rules and key ring."""

from __future__ import annotations

from pathlib import Path

from hub.catalog.loader import load_catalog
from hub.config import Settings
from hub.disclosure.rules import Rules
from hub.errors import ConfigurationError
from hub.folders import locate
from hub.keys.ring import KeyRing, load_ring
from hub.policies.files import load_policies


def load_rules(settings: Settings) -> Rules:
    """Catalogue and policy from their folders, linted.

    Raises:
        CatalogError, PolicyError: naming the file and the row at fault.
    """
    catalog = load_catalog(locate("schema", settings.schema_dir))
    return Rules(catalog, load_policies(locate("policies", settings.policies_dir), catalog))


def open_ring(settings: Settings) -> KeyRing:
    """The private key ring.

    Raises:
        KeyRingError, ConfigurationError: when there is none, or it cannot be used.
    """
    if not settings.keys_dir:
        raise ConfigurationError(
            "There is no key ring.",
            hint="Run `hub keys init FOLDER` and set HUB_KEYS_DIR to that folder; `hub demo` makes one of its own.",
        )
    ring = load_ring(Path(settings.keys_dir).expanduser(), demo=settings.demo)
    if ring.manifest.log_origin != settings.log_origin:
        raise ConfigurationError(
            "The key ring was made for a log of another origin.",
            hint=f"Set HUB_LOG_ORIGIN={ring.manifest.log_origin} or use the ring that belongs to this log.",
        )
    return ring


def issuer_url(settings: Settings) -> str:
    """The URL that tokens are issued under."""
    return settings.issuer or f"http://{settings.host}:{settings.port}"
