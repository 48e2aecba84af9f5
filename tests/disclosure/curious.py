"""Random requests of one caller: documents, variables, media types, and all that can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from graphql import GraphQLSchema

from .documents import Cursor, Writer, Written

GRAPHQL, JSON, NDJSON = "application/graphql-response+json", "application/json", "application/x-ndjson"
_REMEMBERED, _FROM_ONE = 200, 12
_CURSOR = re.compile(r'"(?:cursor|startCursor|endCursor|[a-z]\d+)":"([A-Za-z0-9_-]{27})"')


@dataclass(frozen=True)
class Request:
    """One request to the hub, the same to both worlds but for the ids in it."""

    text: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    accept: str = GRAPHQL
    token: int = 0
    """Which of the caller's tokens it is sent with."""
    operation: str | None = None
    document_id: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """What is posted."""
        named = {"documentId": self.document_id} if self.document_id else {"query": self.text}
        operation = {"operationName": self.operation} if self.operation else {}
        return {**named, **operation, "variables": dict(self.variables)}


@dataclass(frozen=True)
class Reach:
    """What a caller can put into a request."""

    organizations: Sequence[str]
    persons: Sequence[str]
    """Identifiers, the first of each asked for most; among them some that are refused or that nobody has."""
    tokens: int
    registers: Sequence[str]
    """Root fields that read no subject, with their arguments; the first three are answered without the database."""
    trusted: Sequence[tuple[str, Mapping[str, str]]]
    """Ids of trusted documents, with the types of their variables."""
    cursors: Mapping[str, Cursor]
    """Every cursor that an answer may hold."""
    thresholds: Mapping[str, Sequence[str]]
    """Declared thresholds by question; empty where it takes none."""
    companies: float
    """How often a company is asked about, and not a person."""
    rude: float = 0.004


class Curious:
    """Writes requests, one after the other; the same seed gives the same requests."""

    def __init__(self, schema: GraphQLSchema, reach: Reach, seed: int) -> None:
        self._schema, self._reach, self._rng = schema, reach, Random(seed)
        self._cursors: list[Cursor] = []

    def learn(self, answer: str) -> None:
        """Take cursors from an answer."""
        texts = dict.fromkeys(_CURSOR.findall(answer))
        found = [self._reach.cursors[text] for text in texts if text in self._reach.cursors]
        self._cursors = [*self._cursors, *found[:_FROM_ONE]][-_REMEMBERED:]

    def request(self) -> Request:
        """The next request."""
        pick = self._rng.random()
        if pick < 0.03 and self._reach.trusted:
            return self._trusted()
        request = self._document(many=pick > 0.8, mixed=pick < 0.09)
        if self._rng.random() < 0.06:
            request = self._spoilt(request)
        return request

    def _document(self, *, many: bool, mixed: bool) -> Request:
        rng, reach = self._rng, self._reach
        width = rng.choice((0.1, 0.2, 0.4))
        writer = Writer(
            self._schema,
            Random(rng.random()),
            self._cursors,
            reach.rude,
            reach.thresholds,
            width,
            curiosity=0.15,
        )
        roots = [writer.many(self._ids())] if many else []
        for number in range(rng.choice((1, 1, 1, 2, 3)) if not many else rng.choice((0, 0, 0, 1))):
            alias = f"r{number}: " if number else ""
            if rng.random() < reach.companies:
                roots.append(writer.subject("organization", self._one(reach.organizations), alias))
            else:
                roots.append(writer.subject("person", self._one(reach.persons), alias))
        for number in range(rng.choice((1, 2)) if mixed else 0):
            # of two that fail in the engine, the quicker is reported: only the first may be one that waits for something
            name, _, arguments = rng.choice(
                reach.registers if number == 0 else reach.registers[:3]
            ).partition("(")
            alone = f"g{number}: " if number else ""
            roots.append(writer.register(name, f"({arguments}" if arguments else "", alone))
        rng.shuffle(roots)
        lines = rng.random() < (0.4 if many else 0.02)
        accept = NDJSON if lines else rng.choice((GRAPHQL, GRAPHQL, GRAPHQL, JSON))
        return self._sent(writer.written(roots), accept)

    def _sent(self, written: Written, accept: str) -> Request:
        token = self._rng.randrange(self._reach.tokens)
        return Request(written.text, written.variables, accept, token)

    def _one(self, identifiers: Sequence[str]) -> str:
        return identifiers[0] if self._rng.random() < 0.6 else self._rng.choice(identifiers)

    def _ids(self) -> list[str]:
        """Identifiers of both kinds, some of them twice; now and then more than one chunk of them."""
        known = [i for i in (*self._reach.organizations, *self._reach.persons) if not i.startswith("sub_")]
        if self._rng.random() < 0.1:
            known = [*self._reach.organizations, *self._reach.persons]  # pseudonyms are not taken in a list
        count = self._rng.choice((1, 2, 3, 5, 8, 8, 40))
        return [self._one(known) for _ in range(count)]

    def _trusted(self) -> Request:
        document_id, types = self._rng.choice(self._reach.trusted)
        values: dict[str, Any] = {}
        for name, kind in types.items():
            if kind.startswith("[Subject"):
                values[name] = self._ids()
            elif kind.startswith(("USCC", "PersonIdentifier")):
                pool = self._reach.organizations if kind.startswith("USCC") else self._reach.persons
                values[name] = self._one(pool)
            elif self._rng.random() < 0.5:
                values[name] = self._rng.choice((1, 2, 20, "x", None))
        return Request("", values, GRAPHQL, self._rng.randrange(self._reach.tokens), None, document_id)

    def _spoilt(self, request: Request) -> Request:
        """The request with something wrong in it."""
        text, rng = request.text, self._rng
        spoil = rng.randrange(9)
        if spoil == 0:
            return replace(request, text=text[: rng.randrange(5, len(text))])
        if spoil == 1:
            return replace(request, text=text.replace("{ ", "{ noSuchField ", 2))
        if spoil == 2:
            return replace(request, text=text.replace("{ ", "{ organization { id } ", 1))
        if spoil == 3:
            return replace(request, operation="Other")
        if spoil == 4:
            more = " ".join(f"a{n}: __typename" for n in range(40))
            return replace(request, text=text.replace("{ ", "{ " + more + " ", 1))
        if spoil == 5:
            return replace(
                request, text=text + "\nquery Other { __typename }", operation=rng.choice(("Q", "X", None))
            )
        return replace(request, variables=self._spoilt_variables(dict(request.variables)))

    def _spoilt_variables(self, values: dict[str, Any]) -> dict[str, Any]:
        wrong = (None, 7, -1, "x", [], {}, ["91460100DEM000014D"], "91460100DEM000014D", True)
        if values:
            name = self._rng.choice(sorted(values))
            values[name] = self._rng.choice(wrong)
            if self._rng.random() < 0.3:
                del values[name]
        return {**values, "unknown": 1} if self._rng.random() < 0.3 else values
