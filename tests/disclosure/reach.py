"""What a caller can put into its requests about paired worlds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from graphql import OperationDefinitionNode, parse, print_ast
from world import COMPANY

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.demo.codes import uscc
from hub.disclosure.cursors import Position, encode_cursor
from hub.model.resident_ids import resident_check_character

from .askers import PERSON
from .common_records import SECOND
from .curious import Reach
from .documents import Cursor
from .sight import Piece, Sight

SHADOW, UNKNOWN, UNTOLD = (uscc("91", "460105", f"7999{n}") for n in range(3))
"""A company with nothing but hidden records, one that nobody has heard of, one that the token does not name."""


def _person(body: str) -> str:
    return body + resident_check_character(body)


SHADOW_PERSON, UNKNOWN_PERSON, CHILD = map(
    _person, ("46999919800101777", "46999919800101778", "46999920180615901")
)
DOCUMENTS_FOLDER = Path(__file__).parents[2] / "schema" / "documents"


def cursors_of(sight: Sight, found: Iterable[Piece]) -> dict[str, Cursor]:
    """The cursors that lists of the first world may give the caller."""
    cursors: dict[str, Cursor] = {}
    for piece in found:
        kind, identifier, name = piece.group
        dataset = sight.catalog.datasets[name]
        if not dataset.profile and sight.shows(piece):
            dated = sight.dated(kind, dataset)
            text = encode_cursor(Position(*sight.key(piece)), dated=dated)
            cursors[text] = Cursor(text, identifier, dataset.field_name, dated)
    return cursors


def reach_of(sight: Sight, cursors: Mapping[str, Cursor]) -> Reach:
    """What a caller knows, and what it can guess.

    Args:
        sight: what it may see.
        cursors: from `cursors_of`.
    """
    asker = sight.asker
    pseudonyms = [
        "sub_" + sight.indexer.subject_id(kind, identifier).hex()
        for kind, identifier in ((SubjectKind.ORG, COMPANY), (PERSON, facts.PERSON_ID))
    ]
    trusted = _trusted()
    asked = f'(documentId: "{trusted[0][0]}", grantee: "{asker.institution}", purpose: "{asker.purpose}")'
    registers = ["datasets", "purposes", "matters", f"consentRequest{asked}", "auditEntries"]
    if not asker.acts_for:
        registers += ["consents", "accessLedger"]
    return Reach(
        [COMPANY, SECOND, SHADOW, UNKNOWN, UNTOLD, *pseudonyms],
        [facts.PERSON_ID, SHADOW_PERSON, UNKNOWN_PERSON, CHILD],
        max(1, len(asker.acts_for)),
        registers,
        trusted,
        cursors,
        {c: list(p.thresholds) or [""] for c, p in sight.rules.policy.questionnaire.predicates.items()},
        0.6 if PERSON in asker.kinds else 0.85,
    )


def _trusted() -> list[tuple[str, dict[str, str]]]:
    """Registered documents that only read, with the types of their variables."""
    found = []
    for listed in json.loads((DOCUMENTS_FOLDER / "manifest.json").read_text(encoding="utf-8"))["documents"]:
        document = parse((DOCUMENTS_FOLDER / listed["file"]).read_text(encoding="utf-8"))
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        if operation.operation.value == "query" and "ledger" not in listed["file"]:
            types = {v.variable.name.value: print_ast(v.type) for v in operation.variable_definitions or ()}
            found.append((listed["documentId"], types))
    return found
