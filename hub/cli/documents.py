"""Documents that are generated from the sources, and whether those in a checkout are up to date.

- `schema/hub.graphql` is the SDL; `docs/catalogue/` the data dictionary.
- In `README.md`, what stands between `<!-- BEGIN settings -->` and `<!-- END settings -->` is the table of
  settings, and between the same lines with `errors` the table of error codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hub
from hub import errors
from hub.api.schema import build_schema
from hub.catalog.pages import stale_pages, write_pages
from hub.catalog.types import Catalog
from hub.cli.settings_help import settings_table
from hub.errors import ConfigurationError, HubError

SDL_FILE = "schema/hub.graphql"
PAGES_FOLDER = "docs/catalogue"
README = "README.md"


def checkout() -> Path | None:
    """The checkout this package runs from; None when it runs from a wheel."""
    root = Path(hub.__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "schema").is_dir() else None


def require_checkout() -> Path:
    """The checkout this package runs from.

    Raises:
        ConfigurationError: when there is none to write to.
    """
    root = checkout()
    if root is None:
        raise ConfigurationError(
            "This hub does not run from a checkout.", hint="Run the command in a clone of the repository."
        )
    return root


def sdl(catalog: Catalog) -> str:
    """The schema definition of a catalogue, ending in a newline."""
    return build_schema(catalog).as_str().rstrip("\n") + "\n"


def stale(root: Path, catalog: Catalog) -> list[str]:
    """Names of the generated documents in a checkout that are missing or differ, relative to its root."""
    found = [] if _text(root / SDL_FILE) == sdl(catalog) else [SDL_FILE]
    found += [f"{PAGES_FOLDER}/{name}" for name in stale_pages(catalog, root / PAGES_FOLDER)]
    readme = _text(root / README)
    return found if readme == filled(readme) else [*found, README]


def write(root: Path, catalog: Catalog) -> None:
    """Write all generated documents into a checkout."""
    (root / SDL_FILE).write_text(sdl(catalog), encoding="utf-8", newline="\n")
    write_pages(catalog, root / PAGES_FOLDER)
    readme = _text(root / README)
    if readme != filled(readme):
        (root / README).write_text(filled(readme), encoding="utf-8", newline="\n")


def filled(readme: str) -> str:
    """A README with its generated blocks as they should be."""
    for name, make in _BLOCKS.items():
        pattern = re.compile(rf"(<!-- BEGIN {name} -->).*?(<!-- END {name} -->)", re.DOTALL)
        readme = pattern.sub(rf"\g<1>\n{_escaped(make())}\g<2>", readme)
    return readme


def _escaped(text: str) -> str:
    """A text as a replacement of a regular expression."""
    return text.replace("\\", "\\\\")


def errors_table() -> str:
    """Every error code with its meaning, as a Markdown table."""
    rows = [f"| `{kind.code}` | {(kind.__doc__ or '').splitlines()[0]} |" for kind in _tree(HubError)]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows]) + "\n"


def _tree(kind: type[HubError]) -> Iterator[type[HubError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _tree(child)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


_BLOCKS: Mapping[str, Callable[[], str]] = {"settings": settings_table, "errors": errors_table}
