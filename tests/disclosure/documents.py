"""Random GraphQL documents over the whole schema: what a curious caller might write."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_object_type

_FLAGS = ("b0", "b1")


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
    identifier: str
    root: str = "organization"
    aliases: int = 0
    directives: int = 0
    fragments: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)

    def write(self) -> Written:
        """A document with one to three subject roots."""
        assert self.schema.query_type is not None
        root = self.schema.query_type.fields[self.root]
        roots = []
        for number in range(self.rng.choice((1, 1, 1, 2, 3))):
            alias = "" if number == 0 else f"r{number}: "
            roots.append(self._directive(f"{alias}{self.root}({self._subject()})") + self._object(root, 1))
        wanted = {
            "u": "USCC!" if self.root == "organization" else "PersonIdentifier!",
            "b0": "Boolean!",
            "b1": "Boolean!",
        }
        declared = [f"${n}: {wanted.get(n, 'Int')}" for n in sorted(self.used)]
        header = f"query Q({', '.join(declared)}) " if declared else "query Q "
        text = header + "{ " + " ".join(roots) + " }\n" + "\n".join(self.fragments)
        values: dict[str, Any] = {
            "u": self.identifier,
            "b0": self.rng.random() < 0.5,
            "b1": self.rng.random() < 0.5,
        }
        values |= self.sizes
        return Written(text, {n: values[n] for n in self.used if n in values})

    def _subject(self) -> str:
        argument = "uscc" if self.root == "organization" else "id"
        if self.rng.random() < 0.6:
            self.used.add("u")
            return f"{argument}: $u"
        return f'{argument}: "{self.identifier}"'

    def _directive(self, text: str) -> str:
        if self.directives > 20 or self.rng.random() > 0.04:
            return text + " "
        self.directives += 1
        word = self.rng.choice(("skip", "include"))
        if self.rng.random() < 0.3:
            return f"{text} @{word}(if: {self.rng.choice(('true', 'false'))}) "
        flag = self.rng.choice(_FLAGS)
        self.used.add(flag)
        return f"{text} @{word}(if: ${flag}) "

    def _object(self, parent: GraphQLField, depth: int) -> str:
        kind = get_named_type(parent.type)
        return self._set(kind, depth) if isinstance(kind, GraphQLObjectType) else ""

    def _set(self, kind: GraphQLObjectType, depth: int) -> str:
        names = list(kind.fields)
        wide = depth < 3 or kind.name.endswith("Connection")
        chosen = [n for n in names if self.rng.random() < (0.4 if wide else 0.3)] or [self.rng.choice(names)]
        self.rng.shuffle(chosen)
        if self.rng.random() < 0.2:
            chosen.append("__typename")
        parts = [self._field(kind, name, depth) for name in chosen]
        if len(parts) > 1 and self.rng.random() < 0.15:
            cut = self.rng.randrange(1, len(parts))
            parts = [self._fragment(kind, parts[:cut]), *parts[cut:]]
        return "{ " + " ".join(parts) + " }"

    def _fragment(self, kind: GraphQLObjectType, parts: list[str]) -> str:
        body = "{ " + " ".join(parts) + " }"
        if self.rng.random() < 0.5:
            condition = self.rng.choice(("", f"on {kind.name} "))
            return self._directive(f"... {condition}") + body
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {kind.name} {body}")
        return self._directive(f"...{name}")

    def _field(self, kind: GraphQLObjectType, name: str, depth: int) -> str:
        if name == "__typename":
            return "__typename"
        parent = kind.fields[name]
        alias = ""
        if self.aliases < 25 and self.rng.random() < 0.05:
            self.aliases += 1
            alias = f"x{self.aliases}: "
        arguments = self._page(name) if "first" in parent.args else ""
        if name == "predicates":
            arguments = self._ask(parent)
        body = self._object(parent, depth + 1) if is_object_type(get_named_type(parent.type)) else ""
        return self._directive(f"{alias}{name}{arguments}") + body

    def _ask(self, field: GraphQLField) -> str:
        kind = get_named_type(field.args["ask"].type)
        codes = list(get_named_type(kind.fields["code"].type).values)  # type: ignore[union-attr]
        asked = []
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            threshold = self.rng.choice(("", ', threshold: "1M"', ', threshold: "1"', ", threshold: null"))
            asked.append(f"{{code: {self.rng.choice(codes)}{threshold}}}")
        return f"(ask: [{', '.join(asked)}])"

    def _page(self, name: str) -> str:
        pick = self.rng.random()
        if pick < 0.4:
            return ""
        if pick < 0.7:
            return f"(first: {self.rng.choice((0, 1, 2, 3, 20, 100))})"
        if pick < 0.8:
            return "(after: null)"
        variable = f"n{len(self.sizes)}"
        self.used.add(variable)
        if self.rng.random() < 0.7:
            self.sizes[variable] = self.rng.choice((0, 1, 2, 7, 100))
        return f"(first: ${variable})"


def write(schema: GraphQLSchema, seed: int, identifier: str, root: str = "organization") -> Written:
    """The document of this seed."""
    return Writer(schema, Random(seed), identifier, root).write()
