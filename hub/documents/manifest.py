"""`schema/documents/manifest.json`: which documents are trusted, under which id, and who may use them for what.

- One entry for each `.graphql` file of the folder; a file without an entry, or an entry without a file, is an error.
- `documentId` is `sha256:` and the SHA-256 of the exact bytes of the file in lower-case hexadecimal (GraphQL over
  HTTP, appendix A, SHA256 hex document identifier). A file that was altered no longer has the id it stands under.
- `roles` and `purposes` say who may send it and for what; `institutions`, when given, whose clients alone may.
- A file is named by its stem, without folders, so that an entry cannot reach outside.

    {"documents": [{"documentId": "sha256:6f…", "file": "loan-file.graphql", "version": 1,
                    "title": {"zh": "贷款申请信用资料", "en": "Loan file"},
                    "roles": ["bank"], "purposes": ["LOAN_APPLICATION"]}]}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hub.catalog.types import Label
from hub.errors import DocumentsError

FOLDER = "documents"
"""Name of the folder below `schema/`."""
MANIFEST = "manifest.json"
ID = re.compile(r"sha256:[0-9a-f]{64}")
_FILE = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.graphql")
_KEYS = frozenset({"documentId", "file", "version", "title", "roles", "purposes", "institutions"})


@dataclass(frozen=True)
class Listed:
    """One entry of the manifest, as written."""

    id: str
    """Empty until it has been approved for the first time."""
    name: str
    """The file's name without `.graphql`."""
    version: int
    title: Label
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    institutions: tuple[str, ...] = ()
    """USCCs of the institutions whose clients alone may use it; empty: any."""

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.graphql"


def document_id(text: bytes) -> str:
    """The id of a document: `sha256:` and 64 lower-case hexadecimal digits over its bytes."""
    return "sha256:" + hashlib.sha256(text).hexdigest()


def read_manifest(folder: Path) -> tuple[Listed, ...]:
    """The entries of a folder's manifest, in file order.

    Raises:
        DocumentsError: when it cannot be read or breaks a rule, naming the entry.
    """
    try:
        data = orjson.loads((folder / MANIFEST).read_bytes())
        entries = data["documents"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        raise DocumentsError(
            "The manifest of the trusted documents cannot be read.",
            hint='Write {"documents": […]} into documents/manifest.json.',
        ) from None
    if not isinstance(entries, list):
        raise _wrong("(file)", "documents is not a list")
    listed = tuple(_entry(number, entry) for number, entry in enumerate(entries, start=1))
    names = [entry.name for entry in listed]
    if len(set(names)) < len(names):
        raise _wrong("(file)", "a file stands twice")
    unlisted = sorted({path.stem for path in folder.glob("*.graphql")} - set(names))
    if unlisted:
        raise _wrong(f"{unlisted[0]}.graphql", "the file has no entry")
    return listed


def read_text(folder: Path, entry: Listed) -> bytes:
    """The bytes of an entry's file.

    Raises:
        DocumentsError: when it is not there or not UTF-8 without a byte order mark.
    """
    try:
        text = (folder / entry.file).read_bytes()
        if text.decode("utf-8").startswith("\ufeff"):
            raise _wrong(entry.file, "the file begins with a byte order mark")
    except (OSError, UnicodeDecodeError):
        raise _wrong(entry.file, "the file is missing or not UTF-8") from None
    return text


def write_manifest(folder: Path, entries: Sequence[Listed]) -> None:
    """Write the manifest, entries by file name."""
    listed = [_written(entry) for entry in sorted(entries, key=lambda e: e.name)]
    text = orjson.dumps({"documents": listed}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (folder / MANIFEST).write_bytes(text)


def _written(entry: Listed) -> dict[str, Any]:
    written: dict[str, Any] = {
        "documentId": entry.id,
        "file": entry.file,
        "version": entry.version,
        "title": {"zh": entry.title.zh, "en": entry.title.en},
        "roles": list(entry.roles),
        "purposes": list(entry.purposes),
    }
    return {**written, "institutions": list(entry.institutions)} if entry.institutions else written


def _entry(number: int, entry: object) -> Listed:
    if not isinstance(entry, Mapping) or not entry.keys() <= _KEYS:
        raise _wrong(str(number), "it is no object, or has a key that nothing reads")
    file, title, version = entry.get("file"), entry.get("title"), entry.get("version")
    named = _FILE.fullmatch(file) if isinstance(file, str) else None
    if named is None:
        raise _wrong(str(number), "file is not a name such as loan-file.graphql")
    found = entry.get("documentId", "")
    if not isinstance(found, str) or (found and not ID.fullmatch(found)):
        raise _wrong(str(file), "documentId is not sha256: and 64 hexadecimal digits in lower case")
    if not isinstance(title, Mapping) or not all(
        isinstance(title.get(k), str) and title[k] for k in ("zh", "en")
    ):
        raise _wrong(str(file), "title does not hold a text under zh and en")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _wrong(str(file), "version is not a whole number from 1")
    return Listed(
        found,
        named[1],
        version,
        Label(title["zh"], title["en"]),
        _words(entry, "roles", str(file)),
        _words(entry, "purposes", str(file)),
        _words(entry, "institutions", str(file)) if "institutions" in entry else (),
    )


def _words(entry: Mapping[str, Any], key: str, file: str) -> tuple[str, ...]:
    words = entry.get(key)
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise _wrong(file, f"{key} is not a list of at least one text")
    return tuple(words)


def _wrong(where: str, what: str) -> DocumentsError:
    return DocumentsError(
        f"Trusted documents, entry {where}: {what}.",
        hint="Correct documents/manifest.json; `hub documents approve` writes ids and certificates.",
    )
