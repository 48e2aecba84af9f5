"""Random GraphQL documents over the whole schema: what a curious caller might write."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)


class Cursor(NamedTuple):
    """A cursor that an answer gave, and the list it belongs to."""

    text: str
    identifier: str
    field: str
    dated: bool
    """Whether the list is ordered by date."""


_FLAGS = ("b0", "b1")
_SIZES = (0, 1, 1, 2, 2, 3, 20, 100)
_WRONG_SIZES = (-1, 101, 2**31 - 1)
_WRONG_CURSORS = ("", "x", "AAAA", "A" * 27, "_" * 27, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "é")
_ROOTS = {"organization": ("uscc", "USCC!"), "person": ("id", "PersonIdentifier!")}
MANY = "subjects"
_KIND_OF_TYPE = ("Organization", "NaturalPerson")
_MOST_ALIASES, _MOST_DIRECTIVES = 25, 20  # below the hub's limits


@dataclass
class Written:
    """A document with its variables."""

    text: str
    variables: dict[str, Any]


@dataclass
class Writer:
    """Writes one document; keeps below the hub's limits on aliases, depth and directives."""

    schema: GraphQLSchema
    rng: Random
    cursors: Sequence[Cursor] = ()
    """Cursors that earlier answers gave."""
    rude: float = 0.0
    """How likely an argument is one that the hub must refuse."""
    thresholds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Declared thresholds of the questions."""
    width: float = 0.4
    """How likely a field is chosen; deep below, a little less."""
    curiosity: float = 0.0
    """How much likelier it is that questions are asked."""
    aliases: int = 0
    directives: int = 0
    fragments: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    """Variables that are used, with their types."""
    values: dict[str, Any] = field(default_factory=dict)
    about: frozenset[str] = frozenset()
    """Whom the root that is being written is about."""

    def written(self, roots: Sequence[str], name: str = "Q") -> Written:
        """The document of these root fields."""
        declared = ", ".join(f"${n}: {kind}" for n, kind in sorted(self.types.items()))
        header = f"query {name}({declared}) " if declared else f"query {name} "
        text = header + "{ " + " ".join(roots) + " }\n" + "\n".join(self.fragments)
        return Written(text, {n: self.values[n] for n in self.types if n in self.values})

    def subject(self, root: str, identifier: str, alias: str = "") -> str:
        """A root field that reads one subject."""
        argument, kind = _ROOTS[root]
        self.about = frozenset({identifier})
        shown = f'"{identifier}"'
        if self.rng.random() < 0.6:
            known = next((n for n, v in self.values.items() if v == identifier and self.types[n] == kind), "")
            shown = "$" + (known or self._variable("u", kind, identifier))
        return self._root(root, f"({argument}: {shown})", alias)

    def many(self, identifiers: Sequence[str], alias: str = "") -> str:
        """The root field that reads many subjects."""
        self.about = frozenset(identifiers)
        if self.rng.random() < 0.7:
            shown = "$" + self._variable("ids", "[SubjectIdentifier!]!", list(identifiers))
        else:
            shown = "[" + ", ".join(f'"{identifier}"' for identifier in identifiers) + "]"
        return self._root(MANY, f"(ids: {shown})", alias)

    def register(self, root: str, arguments: str = "", alias: str = "") -> str:
        """A root field that reads no subject."""
        return self._root(root, arguments, alias)

    def _root(self, name: str, arguments: str, alias: str) -> str:
        assert self.schema.query_type is not None
        found = self._directive(f"{alias}{name}{arguments}")
        return found + self._object(self.schema.query_type.fields[name], 1)

    def _variable(self, stem: str, kind: str, value: Any) -> str:
        name = f"{stem}{sum(n.startswith(stem) for n in self.types)}"
        self.types[name], self.values[name] = kind, value
        return name

    def _directive(self, text: str) -> str:
        if self.directives > _MOST_DIRECTIVES or self.rng.random() > 0.04:
            return text + " "
        self.directives += 1
        word = self.rng.choice(("skip", "include"))
        if self.rng.random() < 0.3:
            return f"{text} @{word}(if: {self.rng.choice(('true', 'false'))}) "
        flag = self.rng.choice(_FLAGS)
        if flag not in self.types:
            self.types[flag], self.values[flag] = "Boolean!", self.rng.random() < 0.5
        return f"{text} @{word}(if: ${flag}) "

    def _object(self, parent: GraphQLField, depth: int) -> str:
        kind = get_named_type(parent.type)
        if isinstance(kind, GraphQLInterfaceType):
            return self._interface(kind, depth)
        return self._set(kind, depth) if isinstance(kind, GraphQLObjectType) else ""

    def _interface(self, kind: GraphQLInterfaceType, depth: int) -> str:
        """Fields of every kind, and fragments on the kinds."""
        shared = [self._field(kind, n, depth) for n in self._chosen(list(kind.fields), self.width)]
        for name in _KIND_OF_TYPE:
            own = self.schema.get_type(name)
            assert isinstance(own, GraphQLObjectType)
            if self.rng.random() < 0.7:
                names = self._chosen([n for n in own.fields if n not in kind.fields], 0.3)
                body = " ".join(self._field(own, n, depth) for n in names)
                shared.append(self._directive(f"... on {name}") + "{ " + body + " }")
        return "{ " + " ".join(shared) + " }"

    def _set(self, kind: GraphQLObjectType, depth: int) -> str:
        page = kind.name.endswith(("Connection", "Edge", "PageInfo"))
        chance = 0.4 if page else self.width if depth < 3 else min(0.3, self.width)
        chosen = self._chosen(list(kind.fields), chance)
        if self.rng.random() < 0.2:
            chosen.append("__typename")
        parts = [self._field(kind, name, depth) for name in chosen]
        if len(parts) > 1 and self.rng.random() < 0.15:
            cut = self.rng.randrange(1, len(parts))
            parts = [self._fragment(kind, parts[:cut]), *parts[cut:]]
        return "{ " + " ".join(parts) + " }"

    def _chosen(self, names: list[str], chance: float) -> list[str]:
        chosen = [n for n in names if self.rng.random() < chance] or [self.rng.choice(names)]
        if "predicates" in names and "predicates" not in chosen and self.rng.random() < self.curiosity:
            chosen.append("predicates")
        self.rng.shuffle(chosen)
        return chosen

    def _fragment(self, kind: GraphQLObjectType, parts: list[str]) -> str:
        body = "{ " + " ".join(parts) + " }"
        if self.rng.random() < 0.5:
            condition = self.rng.choice(("", f"on {kind.name} "))
            return self._directive(f"... {condition}") + body
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {kind.name} {body}")
        return self._directive(f"...{name}")

    def _field(self, kind: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int) -> str:
        if name == "__typename":
            return "__typename"
        parent = kind.fields[name]
        alias = ""
        if self.aliases < _MOST_ALIASES and self.rng.random() < 0.05:
            self.aliases += 1
            alias = f"x{self.aliases}: "
        arguments = self._page(name) if "first" in parent.args else ""
        if name == "predicates":
            arguments = self._ask(parent)
        body = "" if is_leaf_type(get_named_type(parent.type)) else self._object(parent, depth + 1)
        return self._directive(f"{alias}{name}{arguments}") + body

    def _ask(self, field: GraphQLField) -> str:
        kind = get_named_type(field.args["ask"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        codes = get_named_type(kind.fields["code"].type)
        assert isinstance(codes, GraphQLEnumType)
        asked = []
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            code = self.rng.choice(list(codes.values))
            threshold = self.rng.choice(("", '"100K"', '"1M"', '"1"', "null", '"12345"'))
            if code in self.thresholds and self.rng.random() < 0.7:
                threshold = "".join(f'"{t}"' for t in [self.rng.choice(self.thresholds[code])] if t)
            shown = f", threshold: {threshold}" if threshold else ""
            asked.append(f"{{code: {code}{shown}}}")
        return f"(ask: [{', '.join(asked)}])"

    def _page(self, name: str) -> str:
        parts = [part for part in (self._first(), self._after(name)) if part]
        return f"({', '.join(parts)})" if parts else ""

    def _first(self) -> str:
        if self.rng.random() < self.rude:
            return f"first: {self.rng.choice(_WRONG_SIZES)}"
        pick = self.rng.random()
        if pick < 0.5:
            return ""
        if pick < 0.8:
            return f"first: {self.rng.choice(_SIZES)}"
        name = self._variable("n", "Int", self.rng.choice(_SIZES))
        if self.rng.random() < 0.3:
            del self.values[name]
        return f"first: ${name}"

    def _after(self, field: str) -> str:
        if self.rng.random() < self.rude:
            return f'after: "{self.rng.choice(_WRONG_CURSORS)}"'
        pick = self.rng.random()
        if pick < 0.1:
            return "after: null"
        cursor = self._cursor(field) if pick < 0.5 else ""
        if not cursor or self.rng.random() < 0.5:
            return f'after: "{cursor}"' if cursor else ""
        return "after: $" + self._variable("c", "String", cursor)

    def _cursor(self, field: str) -> str:
        """A cursor of this list; else the beginning or the end of a day that another list shows.

        A cursor of another list names a record whose id is compared with the ids of this one. All are keyed
        hashes, so the outcome is a draw that tells nothing, but a draw that paired worlds do not share.
        """
        own = [c for c in self.cursors if c.field == field and self.about == {c.identifier}]
        if own:
            return self.rng.choice(own).text
        others = [c for c in self.cursors if c.dated]
        if not others:
            return ""
        raw = base64.urlsafe_b64decode(self.rng.choice(others).text + "=")
        edge = self.rng.choice((b"\x00", b"\xff")) * 16
        return base64.urlsafe_b64encode(raw[:4] + edge).decode().rstrip("=")


def write(schema: GraphQLSchema, seed: int, identifier: str, root: str = "organization") -> Written:
    """The document of this seed, with one to three roots about one subject; nothing in it is refused."""
    writer = Writer(schema, Random(seed))
    count = writer.rng.choice((1, 1, 1, 2, 3))
    return writer.written([writer.subject(root, identifier, f"r{n}: " if n else "") for n in range(count)])
