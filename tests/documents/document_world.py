"""What the tests of trusted documents share: a schema folder of their own, and registered texts in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema

from hub.api.schema import build_schema, core
from hub.api.trusted import document_cache
from hub.catalog.types import Label
from hub.config import Settings
from hub.disclosure.documents import DocumentCache
from hub.disclosure.rules import Rules
from hub.documents.manifest import Listed, document_id
from hub.documents.reach import reach
from hub.documents.registry import TrustedDocument, TrustedDocuments, load_documents
from hub.folders import locate
from hub.loading import load_rules


@dataclass(frozen=True)
class Setup:
    """Rules and schema of the checkout."""

    rules: Rules
    schema: GraphQLSchema
    documents: DocumentCache

    def trusted(
        self,
        text: str,
        roles: Sequence[str] = ("bank",),
        purposes: Sequence[str] = ("LOAN_APPLICATION",),
        name: str = "made-up",
        institutions: Sequence[str] = (),
    ) -> TrustedDocument:
        """A registered document with this text."""
        document = self.documents.get(text)
        listed = Listed(
            document.hash, name, 1, Label("示例", "Example"), tuple(roles), tuple(purposes), tuple(institutions)
        )  # fmt: skip
        return TrustedDocument(listed, document, reach(self.schema, self.rules.catalog, document))

    def load(self, folder: Path) -> TrustedDocuments:
        """The documents below a schema folder."""
        return load_documents(folder, self.rules, self.schema, self.documents)


def open_setup() -> Setup:
    """The checkout's own rules and schema."""
    settings = Settings()
    rules = load_rules(settings)
    schema = build_schema(rules.catalog, rules.policy.questionnaire.predicates)
    return Setup(rules, core(schema), document_cache(settings, schema))


def schema_copy(folder: Path) -> Path:
    """A copy of the schema folder that a test may alter."""
    return Path(shutil.copytree(locate("schema"), folder / "schema"))


def register(schema: Path, name: str, text: str, **entry: Any) -> str:
    """Put a document and its entry into a schema folder; gives its id."""
    path = schema / "documents" / "manifest.json"
    (schema / "documents" / f"{name}.graphql").write_bytes(text.encode())
    manifest = json.loads(path.read_bytes())
    found = document_id(text.encode())
    manifest["documents"].append(
        {
            "documentId": found,
            "file": f"{name}.graphql",
            "version": 1,
            "title": {"zh": "示例", "en": "Example"},
            "roles": ["bank"],
            "purposes": ["LOAN_APPLICATION"],
            **entry,
        }
    )
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return found


def id_of(name: str) -> str:
    """The id of a document of the checkout."""
    return document_id((locate("schema") / "documents" / f"{name}.graphql").read_bytes())
