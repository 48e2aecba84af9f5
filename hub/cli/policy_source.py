"""Which policy a command is about: a folder, a published revision, or `active` for the one in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog
from hub.cli.desk import with_open_database
from hub.config import Settings
from hub.errors import InputError
from hub.folders import locate
from hub.policies import store
from hub.policies.files import load_policies
from hub.policies.model import PolicySet
from hub.policies.publish import check_published, find_revision
from hub.store.database import Database

ACTIVE = "active"
_SHORT = len("sha256:") + 12


@dataclass(frozen=True, slots=True)
class Stored:
    """A published revision as it lies in the database."""

    revision: str
    files: dict[str, str]


def catalog_of(settings: Settings) -> Catalog:
    """The catalogue of these settings.

    Raises:
        CatalogError: when it is not as it must be.
    """
    return load_catalog(locate("schema", settings.schema_dir))


def policy_of(text: str, catalog: Catalog) -> PolicySet:
    """The policy that an argument names, linted.

    Args:
        text: a folder, `active`, or the beginning of a published revision.
        catalog: the catalogue it must fit.

    Raises:
        PolicyError: when it does not hold.
        InputError: when there is no such folder or revision.
        UnavailableError: when it is in the database and that is away.
    """
    if Path(text).is_dir():
        return load_policies(Path(text), catalog)
    stored = stored_policy(text)
    return check_published(stored.revision, stored.files, catalog)


def stored_policy(text: str) -> Stored:
    """A published revision with its files.

    Raises:
        InputError: when there is no such folder or revision.
        UnavailableError: when the database is away.
    """

    async def act(database: Database) -> Stored:
        revision = await _active(database) if text == ACTIVE else await find_revision(database, text)
        async with database.connection() as connection:
            files = await store.files(connection, revision)
        return Stored(revision, files or {})

    return with_open_database(act)


async def _active(database: Database) -> str:
    async with database.connection() as connection:
        found = await store.active(connection)
    if found is None:
        raise InputError(
            "No policy was published yet.", hint="Run `hub policy publish`.", message_zh="尚未发布任何策略。"
        )
    return found.revision


def short(revision: str) -> str:
    """A revision as lists show it."""
    return revision[:_SHORT]
