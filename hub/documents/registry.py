"""The trusted documents of a running hub, and the one decision on whether a client may send a text.

- A client names a document by `documentId`, or, where that is allowed, sends a text of its own (ad hoc).
- Ad hoc text needs the setting `optional`, or a client that is registered for ad hoc queries.
- A document is only for its roles, its purposes and its institutions, under either setting: every purpose of the
  token is one of the document's, and every role by which the caller could see anything for it is, too. So what a
  caller gets lies within the document's certificate (`hub.documents.certificate`).
- Unknown id, altered text, a document of another tenant, of another role or purpose, and ad hoc text that is not
  allowed get one and the same refusal: nobody learns which documents others have.

The form follows GraphQL over HTTP, appendix A (persisted documents): `documentId` in place of `query`; a document
that is not found is a request error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema

from hub.disclosure.documents import Document, DocumentCache, DocumentError
from hub.disclosure.rules import Rules
from hub.documents.manifest import FOLDER, Listed, document_id, read_manifest, read_text
from hub.documents.reach import Reach, reach
from hub.errors import DocumentsError
from hub.identity.tokens import Caller
from hub.policies.model import PolicySet

_MESSAGE = "This client may not send this document for the purpose of its token."
_MESSAGE_ZH = "该文档未登记为可信文档，或不适用于本客户端的角色、机构或令牌用途。"
_HINT = (
    "Send the documentId of a registered document that is for your role and purpose; "
    "`hub documents list` names them, and text of one's own needs a client registered for ad hoc queries."
)


class DocumentNotTrustedError(DocumentError):
    """A document was named that this client may not send, or text of its own; which of them is not said."""

    code = "DOCUMENT_NOT_TRUSTED"

    def __init__(self) -> None:
        extensions = {"code": self.code, "messageZh": _MESSAGE_ZH, "hint": _HINT}
        super().__init__([GraphQLError(_MESSAGE, extensions=extensions)])


@dataclass(frozen=True, eq=False)
class TrustedDocument:
    """One registered document."""

    listed: Listed
    document: Document
    asked: Reach
    """What it can ask for."""

    @property
    def id(self) -> str:
        """The `documentId`."""
        return self.listed.id

    @property
    def name(self) -> str:
        """The file's name without `.graphql`."""
        return self.listed.name

    def serves(self, policy: PolicySet, caller: Caller) -> bool:
        """Whether it is for this caller's institution, roles and purposes."""
        listed = self.listed
        if listed.institutions and caller.institution not in listed.institutions:
            return False
        purposes = caller.purposes
        if not purposes or not purposes <= set(listed.purposes):
            return False
        roles = policy.effective_roles(caller.roles)
        return all(
            policy.holds(caller.roles, purpose)
            and {role for role in roles if policy.holds((role,), purpose)} <= set(listed.roles)
            for purpose in purposes
        )


class TrustedDocuments:
    """All registered documents, by id."""

    def __init__(self, documents: Iterable[TrustedDocument] = (), *, required: bool = False) -> None:
        """Set up the registry.

        Args:
            documents: verified ones.
            required: whether text of a client's own is refused unless the client is registered for it.
        """
        self._by_id: Mapping[str, TrustedDocument] = {document.id: document for document in documents}
        self._required = required

    def __iter__(self) -> Iterator[TrustedDocument]:
        """Documents by name."""
        return iter(sorted(self._by_id.values(), key=lambda document: document.name))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_id)

    def get(self, document_id: str) -> TrustedDocument | None:
        """The document of this id, whoever it is for."""
        return self._by_id.get(document_id)

    def text(self, policy: PolicySet, caller: Caller, named: str | None, sent: str) -> str:
        """The text to run.

        Args:
            policy: in force.
            caller: who sends it.
            named: the `documentId` of the request; None when there is none.
            sent: the `query` of the request; empty when there is none.

        Raises:
            DocumentNotTrustedError: when this caller may not send it.
        """
        if named is None:
            if self._required and not caller.client.ad_hoc:
                raise DocumentNotTrustedError
            return sent
        found = self._by_id.get(named)
        if found is None or not found.serves(policy, caller) or sent not in ("", found.document.text):
            raise DocumentNotTrustedError
        return found.document.text


def load_documents(
    schema_folder: Path,
    rules: Rules,
    schema: GraphQLSchema,
    documents: DocumentCache,
    *,
    required: bool = False,
) -> TrustedDocuments:
    """Read and verify the documents below a schema folder.

    Args:
        schema_folder: the folder that may hold `documents/`.
        rules: know roles, purposes and fields.
        schema: which the documents are valid against.
        documents: parses, bounds and validates texts as it does for requests.
        required: see `TrustedDocuments`.

    Raises:
        DocumentsError: on the first file that is not what the manifest says, or cannot be used.
    """
    folder = schema_folder / FOLDER
    if not folder.is_dir() and not required:
        return TrustedDocuments(required=required)
    listed = read_manifest(folder)
    verified = [_verified(folder, entry, rules, schema, documents) for entry in listed]
    return TrustedDocuments(verified, required=required)


def _verified(
    folder: Path, entry: Listed, rules: Rules, schema: GraphQLSchema, documents: DocumentCache
) -> TrustedDocument:
    """The document of an entry.

    Raises:
        DocumentsError: when the file is not the one that was registered, is not valid or breaks a limit, or the
            entry names roles and purposes that do not go together.
    """
    text = read_text(folder, entry)
    if document_id(text) != entry.id:
        raise _refused(entry, "the file is not the one that was registered under its id")
    policy = rules.policy
    for role in entry.roles:
        if role not in policy.roles:
            raise _refused(entry, "it names a role that is not in roles.toml")
        if not any(policy.holds((role,), purpose) for purpose in entry.purposes):
            raise _refused(entry, f"the role {role} holds none of its purposes")
    for purpose in entry.purposes:
        if not policy.holds(entry.roles, purpose):
            raise _refused(entry, "it names a purpose that none of its roles holds")
    try:
        document = documents.get(text.decode("utf-8"))
    except DocumentError as error:
        raise _refused(entry, f"the document is not valid ({error.errors[0].message[:200]})") from None
    return TrustedDocument(entry, document, reach(schema, rules.catalog, document))


def _refused(entry: Listed, what: str) -> DocumentsError:
    return DocumentsError(
        f"Trusted document {entry.file}: {what}.",
        hint="Restore it, or review the change and run `hub documents approve`.",
    )
