"""What is committed beside the documents, held against what the sources say now, and written anew once approved.

- `hub documents check` and `hub check` compare; more that can leave fails, less is only named.
- `hub documents approve` takes the present texts, schema and policy as approved: it writes ids into the manifest and
  a certificate for each document. Whoever reviews the change reads the difference of these files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hub.disclosure.rules import Rules
from hub.documents.certificate import (
    Difference,
    certificate_file,
    certify,
    compare,
    read_certificate,
)
from hub.documents.manifest import document_id, read_manifest, read_text, write_manifest
from hub.documents.registry import TrustedDocuments

_SUFFIX = ".certificate.json"


def differences(folder: Path, rules: Rules, trusted: TrustedDocuments) -> Mapping[str, Difference]:
    """How each document's certificate differs from the committed one, by name; those that agree are left out.

    Raises:
        DocumentsError: when a committed certificate cannot be read.
    """
    found = {t.name: compare(read_certificate(folder, t.name), certify(rules, t)) for t in trusted}
    for name in _certified(folder) - found.keys():
        found[name] = Difference(narrower=("the document is gone, its certificate is still there",))
    return {name: found[name] for name in sorted(found) if found[name]}


def register_texts(folder: Path) -> tuple[str, ...]:
    """Write the ids of the present texts into the manifest; gives the names of those that were new or altered.

    A document that had another id before gets the next version number.

    Raises:
        DocumentsError: when the manifest or a file cannot be read.
    """
    entries = read_manifest(folder)
    now = [replace(entry, id=document_id(read_text(folder, entry))) for entry in entries]
    altered = [new.name for old, new in zip(entries, now, strict=True) if old.id != new.id]
    write_manifest(
        folder,
        [
            replace(new, version=old.version + 1) if old.id not in ("", new.id) else new
            for old, new in zip(entries, now, strict=True)
        ],
    )
    return tuple(altered)


def write_certificates(folder: Path, rules: Rules, trusted: TrustedDocuments) -> None:
    """Write the certificate of every document, and delete those of documents that are gone."""
    for document in trusted:
        certificate_file(folder, document.name).write_bytes(certify(rules, document).to_json())
    for name in _certified(folder) - {document.name for document in trusted}:
        certificate_file(folder, name).unlink()


def _certified(folder: Path) -> set[str]:
    return {path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}")}
