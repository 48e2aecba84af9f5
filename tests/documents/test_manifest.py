"""A document is what stands under its id, byte for byte, and the manifest says who may use it for what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.documents.manifest import document_id, read_manifest, write_manifest
from hub.documents.registry import load_documents
from hub.errors import DocumentsError

from .document_world import Setup, register, schema_copy

_APPENDIX_A = {
    "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}": "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e",
    "query($id:ID!){user(id:$id){name}}": "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b",
}


@pytest.mark.parametrize("text", _APPENDIX_A)
def test_an_id_is_that_of_the_examples_in_the_specification(text: str) -> None:
    assert document_id(text.encode()) == f"sha256:{_APPENDIX_A[text]}"


def test_every_document_of_the_checkout_loads(setup: Setup, tmp_path: Path) -> None:
    trusted = setup.load(schema_copy(tmp_path))
    names = {document.name for document in trusted}
    assert {"loan-file", "post-loan-review", "supervision-file", "self-report", "person-loan-check"} <= names
    assert {"officer-review", "quota-review", "company-ledger", "consent-grant", "consent-withdraw"} <= names
    for document in trusted:
        assert trusted.get(document.id) is document
        assert document.id == document.document.hash


TEXT = "query Q($u: USCC!) { organization(uscc: $u) { name } }\n"
_ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "an id of another text": ({"documentId": "sha256:" + "0" * 64}, "not the one that was registered"),
    "an id in capitals": ({"documentId": "sha256:" + "A" * 64}, "documentId"),
    "an id by another method": ({"documentId": "md5:" + "0" * 32}, "documentId"),
    "no id": ({"documentId": ""}, "not the one that was registered"),
    "a file outside the folder": ({"file": "../made-up.graphql"}, "file is not a name"),
    "a file that is not there": ({"file": "absent.graphql"}, "has no entry"),
    "an unknown key": ({"query": "{ a }"}, "a key that nothing reads"),
    "no title": ({"title": {"zh": "示例"}}, "title"),
    "a version that is no number": ({"version": "1"}, "version"),
    "no role": ({"roles": []}, "roles"),
    "an unknown role": ({"roles": ["bnk"]}, "not in roles.toml"),
    "an unknown purpose": ({"purposes": ["LOAN"]}, "holds none"),
    "a role that holds no purpose of it": ({"roles": ["bank", "officer"]}, "the role officer holds none"),
    "a purpose that no role of it holds": ({"purposes": ["LOAN_APPLICATION", "SELF_QUERY"]}, "none of its roles"),
    "institutions that are no list": ({"institutions": "91"}, "institutions"),
}  # fmt: skip


@pytest.mark.parametrize("name", _ENTRIES)
def test_an_entry_that_breaks_a_rule_is_refused(name: str, setup: Setup, tmp_path: Path) -> None:
    entry, message = _ENTRIES[name]
    schema = schema_copy(tmp_path)
    register(schema, "made-up", TEXT, **entry)
    with pytest.raises(DocumentsError, match=message):
        setup.load(schema)


_TEXTS = {
    "text that does not parse": "query {",
    "text that does not fit the schema": "{ nothing }",
    "text nested too deeply": "{ " * 20 + "a" + " }" * 20,
    "text with a byte order mark": "\ufeff" + TEXT,
}


@pytest.mark.parametrize("name", _TEXTS)
def test_a_text_that_could_not_run_is_refused_at_start(name: str, setup: Setup, tmp_path: Path) -> None:
    schema = schema_copy(tmp_path)
    register(schema, "made-up", _TEXTS[name])
    with pytest.raises(DocumentsError, match="made-up"):
        setup.load(schema)


def test_a_file_altered_by_one_byte_keeps_the_hub_from_starting(setup: Setup, tmp_path: Path) -> None:
    schema = schema_copy(tmp_path)
    path = schema / "documents" / "loan-file.graphql"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DocumentsError, match="loan-file"):
        setup.load(schema)


def test_a_file_without_an_entry_is_refused(setup: Setup, tmp_path: Path) -> None:
    schema = schema_copy(tmp_path)
    (schema / "documents" / "stray.graphql").write_text(TEXT, encoding="utf-8")
    with pytest.raises(DocumentsError, match="stray"):
        setup.load(schema)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"documents": {}}', '{"documents": [1]}'])
def test_a_manifest_of_another_shape_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(DocumentsError):
        read_manifest(tmp_path)


def test_no_folder_means_no_document_unless_documents_are_required(setup: Setup, tmp_path: Path) -> None:
    assert len(setup.load(tmp_path)) == 0
    with pytest.raises(DocumentsError):
        load_documents(tmp_path, setup.rules, setup.schema, setup.documents, required=True)


def test_a_manifest_is_written_as_it_was_read(tmp_path: Path) -> None:
    folder = schema_copy(tmp_path) / "documents"
    before = json.loads((folder / "manifest.json").read_bytes())
    write_manifest(folder, read_manifest(folder))
    assert json.loads((folder / "manifest.json").read_bytes()) == before
