"""Documents that are generated from the sources, and whether those in a checkout are up to date.

- `schema/hub.graphql` is the SDL; `docs/catalogue/` the data dictionary.
- In `README.md`, what stands between `<!-- BEGIN settings -->` and `<!-- END settings -->` is the table of
  settings, and between the same lines with `errors` the table of error codes. `README.zh.md` has the same blocks,
  and takes `story` and `commands` from `README.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hub
from hub import errors
from hub.api.schema import build_schema
from hub.catalog.pages import stale_pages, write_pages
from hub.cli.settings_help import settings_table
from hub.disclosure import documents as disclosure_documents
from hub.disclosure.rules import Rules
from hub.errors import ConfigurationError, HubError
from hub.gateway import wire

SDL_FILE = "schema/hub.graphql"
PAGES_FOLDER = "docs/catalogue"
README = "README.md"
README_ZH = "README.zh.md"
_SHARED = ("story", "commands")


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


def sdl(rules: Rules) -> str:
    """The schema definition of a catalogue and its questions, ending in a newline."""
    return build_schema(rules.catalog, rules.policy.questionnaire.predicates).as_str().rstrip("\n") + "\n"


def stale(root: Path, rules: Rules) -> list[str]:
    """Names of the generated documents in a checkout that are missing or differ, relative to its root."""
    found = [] if _text(root / SDL_FILE) == sdl(rules) else [SDL_FILE]
    found += [f"{PAGES_FOLDER}/{name}" for name in stale_pages(rules.catalog, root / PAGES_FOLDER)]
    return found + [name for name, text in _readmes(root).items() if _text(root / name) != text]


def write(root: Path, rules: Rules) -> None:
    """Write all generated documents into a checkout."""
    (root / SDL_FILE).write_text(sdl(rules), encoding="utf-8", newline="\n")
    write_pages(rules.catalog, root / PAGES_FOLDER)
    for name, text in _readmes(root).items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")


def filled(readme: str) -> str:
    """A README with its generated blocks as they should be."""
    for name, make in _BLOCKS.items():
        readme = _put(readme, name, make())
    return readme


def block(readme: str, name: str) -> str:
    """What stands in a block of a README; empty when it has none."""
    found = _pattern(name).search(readme)
    return found[2] if found else ""


def _readmes(root: Path) -> dict[str, str]:
    """Both READMEs as they should be."""
    english = filled(_text(root / README))
    chinese = filled(_text(root / README_ZH))
    for name in _SHARED:
        chinese = _put(chinese, name, block(english, name))
    return {README: english, README_ZH: chinese}


def _put(readme: str, name: str, text: str) -> str:
    return _pattern(name).sub(lambda found: f"{found[1]}\n{text}{found[3]}", readme)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- BEGIN {name} -->)\n?(.*?)(<!-- END {name} -->)", re.DOTALL)


_ERROR_HOMES = frozenset({errors.__name__, wire.__name__, disclosure_documents.__name__})
"""Modules whose error codes reach callers."""


def errors_table() -> str:
    """Every error code with its meaning, as a Markdown table."""
    rows = [f"| `{kind.code}` | {(kind.__doc__ or '').splitlines()[0]} |" for kind in _tree(HubError)]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows]) + "\n"


def _tree(kind: type[HubError]) -> Iterator[type[HubError]]:
    for child in kind.__subclasses__():
        if child.__module__ in _ERROR_HOMES:
            yield child
            yield from _tree(child)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


_BLOCKS: Mapping[str, Callable[[], str]] = {"settings": settings_table, "errors": errors_table}
