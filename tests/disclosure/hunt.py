"""The hunt for a difference between paired worlds, and the smallest request that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import pytest
from graphql import (
    REMOVE,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    parse,
    print_ast,
    visit,
)
from graphql.language.visitor import Visitor

from .curious import Curious, Request
from .paired import open_pair
from .populate import Prepared

Differs = Callable[[Request], Awaitable[str]]
_REMOVABLE = ("field", "inline_fragment", "fragment_spread", "directive", "argument", "object_value")
_ATTEMPTS = 400


@dataclass(frozen=True)
class Found:
    """A request that the worlds answer differently."""

    number: int
    """Of the request, from 0, under its seed."""
    smallest: Request
    what: str

    def __str__(self) -> str:
        request = self.smallest
        shown = " ".join(request.text.split()) or request.document_id
        return f"request {self.number}: {shown}\n {dict(request.variables)} {request.accept}\n {self.what}"


@dataclass(frozen=True)
class Hunt:
    """What came of it."""

    asked: int
    shown: int
    """Answers in which something was disclosed."""
    unsealed: int
    seconds: float
    found: list[Found]


async def hunt(
    prepared: Prepared,
    patch: pytest.MonkeyPatch,
    count: int,
    seed: int,
    most: int = 1,
    attempts: int = _ATTEMPTS,
) -> Hunt:
    """Ask both worlds the same until they differ.

    Args:
        prepared: the worlds.
        patch: for the counters.
        count: requests at most.
        seed: of the requests; the same seed gives the same requests.
        most: differences after which the hunt ends.
        attempts: how often a smaller request is tried at most.
    """
    async with open_pair(prepared.urls, prepared.folder, prepared.policies, patch) as pair:
        pair.tokens, pair.names = prepared.tokens, prepared.names
        curious = Curious(prepared.schema, prepared.reach, seed)
        found: list[Found] = []
        shown = unsealed = asked = 0
        started = perf_counter()
        while asked < count and len(found) < most:
            request = curious.request()
            first, second = await pair.ask(request)
            if first.against(second):
                smallest = await shrink(request, pair.difference, attempts)
                found.append(Found(asked, smallest, await pair.difference(smallest) or first.against(second)))
            curious.learn(first.text)
            asked += 1
            shown += '"outcome": "DISCLOSED"' in first.text
            unsealed += first.unsealed
        return Hunt(asked, shown, unsealed, perf_counter() - started, found)


async def shrink(request: Request, differs: Differs, attempts: int = _ATTEMPTS) -> Request:
    """The smallest request found, by leaving out one thing after the other, that still makes a difference."""
    if not request.text:
        return request
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller(request):
            attempts -= 1
            if attempts < 0:
                return request
            if await differs(smaller):
                request, shrunk = smaller, True
                break
    return request


def _smaller(request: Request) -> Iterator[Request]:
    """The request without one of its parts, the large ones first."""
    try:
        document = parse(request.text)
    except GraphQLError:
        return
    for number in range(_parts(document)):
        yield _cleaned(replace(request, text=print_ast(_without(document, number))))
    for name, value in request.variables.items():
        if isinstance(value, list) and len(value) > 1:
            for at in range(len(value)):
                yield replace(request, variables={**request.variables, name: value[:at] + value[at + 1 :]})
    if request.operation:
        yield replace(request, operation=None)


class _Numbered(Visitor):
    """Counts the parts that can be left out, and leaves one of them out."""

    def __init__(self, unwanted: int = -1) -> None:
        super().__init__()
        self.unwanted, self.count = unwanted, 0

    def enter(self, node: Node, *_: Any) -> Any:
        if node.kind not in _REMOVABLE:
            return None
        self.count += 1
        return REMOVE if self.count - 1 == self.unwanted else None


def _parts(document: DocumentNode) -> int:
    numbered = _Numbered()
    visit(document, numbered)
    return numbered.count


def _without(document: DocumentNode, number: int) -> Any:
    return visit(document, _Numbered(number))


def _cleaned(request: Request) -> Request:
    """The request without variables and fragments that nothing uses any more."""
    try:
        document = parse(request.text)
    except GraphQLError:
        return request
    while True:
        used = _used(document)
        kept = [
            d
            for d in document.definitions
            if not isinstance(d, FragmentDefinitionNode) or "..." + d.name.value in used
        ]
        if len(kept) == len(document.definitions):
            break
        document = parse("\n".join(map(print_ast, kept)))
    text = "\n".join(print_ast(_with_used_variables(d, used)) for d in document.definitions)
    variables = {n: v for n, v in request.variables.items() if "$" + n in used}
    return replace(request, text=text, variables=variables)


def _used(document: DocumentNode) -> set[str]:
    """Names of fragments that are spread (`...name`) and of variables that stand anywhere but where they are declared."""
    found: set[str] = set()

    class Look(Visitor):
        def enter_fragment_spread(self, node: Any, *_: Any) -> None:
            found.add("..." + node.name.value)

        def enter_variable(self, node: Any, _key: Any, parent: Any, *_: Any) -> None:
            if getattr(parent, "kind", "") != "variable_definition":
                found.add("$" + node.name.value)

    visit(document, Look())
    return found


def _with_used_variables(definition: Any, used: set[str]) -> Any:
    if not isinstance(definition, OperationDefinitionNode):
        return definition

    class Drop(Visitor):
        def enter_variable_definition(self, node: Any, *_: Any) -> Any:
            return None if "$" + node.variable.name.value in used else REMOVE

    return visit(definition, Drop())
