"""Documents against the schema that they are written for, as the settings say."""

from __future__ import annotations

from hub.api.schema import HubSchema, core
from hub.config import Settings
from hub.disclosure.documents import DocumentCache
from hub.disclosure.limits import Limits
from hub.disclosure.rules import Rules
from hub.documents.registry import TrustedDocuments, load_documents
from hub.folders import locate


def document_cache(settings: Settings, schema: HubSchema) -> DocumentCache:
    """Parses, bounds and validates documents as these settings say."""
    limits = Limits(settings.max_tokens, settings.max_depth, settings.max_aliases)
    return DocumentCache(core(schema), limits, introspection=settings.introspection)


def load_trusted(
    settings: Settings, rules: Rules, schema: HubSchema, documents: DocumentCache
) -> TrustedDocuments:
    """The trusted documents, each verified against the manifest and the schema.

    Raises:
        DocumentsError: naming the document at fault.
        ConfigurationError: when HUB_TRUSTED_DOCUMENTS is not one of its words.
    """
    folder = locate("schema", settings.schema_dir)
    return load_documents(folder, rules, core(schema), documents, required=settings.documents_required)
