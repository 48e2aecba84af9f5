"""Two hubs in one event loop, of which each is asked the same, and what is compared of their answers.

Both have keys, policies and clock in common. They are compared by status, headers, the bytes of the answer, the
entry in the receipt with its size class and count of openings, the SQL statements and the ciphertexts opened.
Of a receipt only its random parts are left out: id of the entry, commitment, salt, proof and signature. Ids of
records, cursors and consents are compared by what they stand for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from world import World, open_world

import hub.app
from hub.bench.fairuse import ample
from hub.disclosure.cursors import Position, encode_cursor
from hub.disclosure.documents import Document, DocumentCache, DocumentError
from hub.disclosure.rules import Rules

from .curious import Request
from .gate_world import Counts, counted
from .sight import Key

POLICIES = Path(__file__).parents[2] / "policies"
_IDS = re.compile(
    r"sha256:[0-9a-f]{64}|(?<![a-z])[ce]_[A-Za-z0-9_-]{22}|[0-9a-f]{32}|(?<=\")[A-Za-z0-9_-]{27}(?=\\?\")"
)
_RECEIPT = '"receipt":'
_BUDGET = re.compile(r"^(questions|thresholds) = [0-9]+$", re.MULTILINE)
_DOCUMENTS = 100
_GRANT_USES = re.compile(r"^uses = [0-9]+$", re.MULTILINE)
_USES = re.compile(r"^max_uses = [0-9]+$", re.MULTILINE)


class Observed(NamedTuple):
    """Everything that a caller, or somebody with a stopwatch, could tell of one answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str
    statements: tuple[str, ...]
    unsealed: int

    def against(self, other: Observed) -> str:
        """Where two observations part; empty when they are the same."""
        parts = []
        for name in self._fields:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                parts.append(f"{name}\n  A {_around(mine, theirs)}\n  B {_around(theirs, mine)}")
        return "\n ".join(parts)


@dataclass
class Pair:
    """Two worlds with their tokens, and the names by which the second calls what the first has, too."""

    worlds: tuple[World, World]
    counts: Counts
    tokens: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    names: dict[str, str] = field(default_factory=dict)
    """Ids and cursors of the second world to those of the first."""

    def name_records(self, renamed: Mapping[bytes, bytes], redated: Sequence[tuple[Key, Key]]) -> None:
        """Records have other ids and places in the second world."""
        self.names |= {theirs.hex(): mine.hex() for theirs, mine in renamed.items()}
        for theirs, mine in redated:
            for dated in (True, False):
                self.names[encode_cursor(Position(*theirs), dated=dated)] = encode_cursor(
                    Position(*mine), dated=dated
                )

    async def ask(self, request: Request) -> tuple[Observed, Observed]:
        """What each world answers to the same."""
        back = {mine: theirs for theirs, mine in self.names.items()}
        renamed = _renamed(request, back)
        first = await self._ask(0, request, {})
        second = await self._ask(1, renamed, {**self.names, _digest(renamed.text): _digest(request.text)})
        return first, second

    async def difference(self, request: Request) -> str:
        """How the answers to a request differ; empty when they do not."""
        first, second = await self.ask(request)
        return first.against(second)

    async def _ask(self, number: int, request: Request, names: Mapping[str, str]) -> Observed:
        world = self.worlds[number]
        self.counts.take()
        response = await world.http.post(
            "/graphql",
            json=request.body,
            headers={
                "authorization": f"Bearer {self.tokens[number][request.token]}",
                "accept": request.accept,
            },
        )
        statements = tuple(sorted(self.counts.statements))
        _, unsealed = self.counts.take()
        text = _IDS.sub(lambda m: names.get(m[0], m[0]), normal(response.text))
        return Observed(response.status_code, tuple(response.headers.items()), text, statements, unsealed)


def normal(text: str) -> str:
    """An answer's text without what is random in its receipt."""
    front, found, receipt = text.rpartition(_RECEIPT)
    if not found:
        return text
    parts, end = json.JSONDecoder().raw_decode(receipt)
    entry = json.loads(parts["entry"])
    for name in ("id", "commitment"):
        entry[name] = len(entry[name])
    parts["entry"] = entry
    parts["inclusionProof"] = [len(h) for h in parts["inclusionProof"]]
    origin, size, *rest = parts["checkpoint"].split("\n")
    parts["checkpoint"] = [origin, size, *map(len, rest)]
    if parts["commitment"]:
        parts["commitment"]["salt"] = len(parts["commitment"]["salt"])
    return front + found + json.dumps(parts, ensure_ascii=False) + receipt[end:]


def _renamed(request: Request, names: Mapping[str, str]) -> Request:
    """The request as the second world has to be asked it."""

    def put(text: str) -> str:
        return _IDS.sub(lambda m: names.get(m[0], m[0]), text)

    return replace(
        request, text=put(request.text), variables=json.loads(put(json.dumps(dict(request.variables))))
    )


def _digest(text: str) -> str:
    """How entries name a document."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _around(mine: Any, theirs: Any) -> str:
    if isinstance(mine, int):
        return str(mine)
    if not isinstance(mine, str):
        missing = [part for part in mine if part not in theirs]
        return f"{len(mine)} parts, only here: {str(missing)[:400]}"
    at = next((i for i, (x, y) in enumerate(zip(mine, theirs, strict=False)) if x != y), len(mine))
    return f"…{mine[max(0, at - 160) : at + 160]}…"


def boundless(target: Path) -> Path:
    """The policies without caps on how often one may read or ask; all else is as it is."""
    folder = ample(POLICIES, target)
    for name, pattern, text in (
        ("predicates.toml", _BUDGET, r"\1 = 1000000"),
        ("consents.toml", _USES, "max_uses = 1000000"),
        ("purposes.toml", _GRANT_USES, "uses = 1000"),
    ):
        file = folder / name
        file.write_text(pattern.sub(text, file.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


@contextmanager
def in_common(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let hubs of one process share what does not depend on what they store: rules, schema and parsed documents."""
    rules_of, schema_of, read = hub.app.load_rules, hub.app.build_schema, DocumentCache._read
    documents: dict[str, Document | DocumentError] = {}
    schemas: dict[int, Any] = {}

    @cache
    def rules(folder: str) -> Rules:
        return rules_of(replace(hub.app.Settings(demo=True), policies_dir=folder))

    def schema(catalog: Any, predicates: Any) -> Any:
        if id(predicates) not in schemas:
            schemas[id(predicates)] = schema_of(catalog, predicates)
        return schemas[id(predicates)]

    def once(self: DocumentCache, text: str) -> Document:
        found = documents.get(text)
        if found is None:
            try:
                found = read(self, text)
            except DocumentError as error:
                found = error
            if len(documents) > _DOCUMENTS:
                documents.clear()
            documents[text] = found
        if isinstance(found, DocumentError):
            raise found
        return found

    with patch.context() as patched:
        patched.setattr(hub.app, "load_rules", lambda settings: rules(settings.policies_dir))
        patched.setattr(hub.app, "build_schema", schema)
        patched.setattr(DocumentCache, "_read", once)
        yield


@asynccontextmanager
async def open_pair(
    urls: Sequence[str], folder: Path, policies: Path, patch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    """Two running hubs with the same keys."""
    async with AsyncExitStack() as stack:
        counts = stack.enter_context(counted(patch))
        first, second = [
            await stack.enter_async_context(open_world(url, folder, pool_size=3, policies_dir=str(policies)))
            for url in urls
        ]
        yield Pair((first, second), counts)
