"""Hostile requests: each answered in the one error shape, with the right status, with no word about the inside."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from world import COMPANY, World, run

from hub.gateway.graphql import GraphQLEndpoint

_INTERNALS = re.compile(
    r"Traceback|File \"|\.py|site-packages|asyncpg|sqlalchemy|strawberry|graphql-core|orjson|SELECT |INSERT |"
    r"<class|0x[0-9a-f]{6}|NoneType|KeyError|TypeError|ValueError|RecursionError|set_int_max_str_digits|/work|/tmp|/usr",
    re.IGNORECASE,
)


def one_shape(response: httpx.Response, status: int) -> None:
    """An error answer: status, media type, errors with code and Chinese text, nothing internal."""
    assert response.status_code == status, (response.status_code, response.text[:300])
    assert response.headers["content-type"].startswith("application/")
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert "data" not in body or body["data"] is None or set(body["data"].values()) == {None}
    for error in body["errors"]:
        assert error["message"]
        assert error["extensions"]["code"]
        assert "messageZh" in error["extensions"]
    assert not _INTERNALS.search(response.text), response.text[:500]
    assert len(response.content) < 20_000


def _fragments(count: int, body: str) -> str:
    return " ".join(f"fragment F{i} on Organization {{ {body.format(i - 1)} }}" for i in range(1, count))


ORG = f'organization(uscc: "{COMPANY}")'
DOCUMENTS = {
    "a thousand levels": "{ " + "a { " * 1000 + "b" + " }" * 1001,
    "a hundred levels": "{ " + "a { " * 100 + "b" + " }" * 101,
    "more levels than allowed": "{ " + ORG + " { government { penalties { edges { node { " + "a { " * 9 + "b" + " }" * 15,
    "ten thousand aliases": "{ " + " ".join(f"a{i}: {ORG} {{ name }}" for i in range(800)) + " }",
    "just too many aliases": "{ " + ORG + " { " + " ".join(f"a{i}: name" for i in range(31)) + " } }",
    "aliases inside fragments": "{ " + ORG + " { ...A ...B } } fragment A on Organization { "
    + " ".join(f"a{i}: name" for i in range(16)) + " } fragment B on Organization { " + " ".join(f"b{i}: name" for i in range(16)) + " }",
    "fragments that double each time": "{ " + ORG + " { ...F99 } } fragment F0 on Organization { name } " + _fragments(100, "...F{0} ...F{0}"),
    "fragments in a ring": "{ " + ORG + " { ...F1 } } fragment F1 on Organization { ...F2 } fragment F2 on Organization { ...F1 }",
    "fragments that all spread each other": "{ " + ORG + " { ...F0 } } "
    + " ".join(f"fragment F{i} on Organization {{ name {' '.join(f'...F{j}' for j in range(20) if j != i)} }}" for i in range(20)),
    "a fragment of itself": "{ ...F } fragment F on Query { ...F }",
    "a flood of directives": "{ " + ORG + " { name " + "@include(if: true) " * 100 + "} }",
    "a flood of unknown directives": "{ __typename " + "@x " * 900 + "}",
    "directives on fragments": "{ " + ORG + " { " + "... @include(if: true) { name } " * 40 + "} }",
    "the same field nine hundred times": "{ " + ORG + " { " + "name " * 900 + "} }",
    "the same list a hundred and fifty times": "{ " + ORG + " { " + "government { taxPayments { nodes { period } } } " * 150 + "} }",
    "introspection under many names": "{ __schema { " + " ".join(f"a{i}: types {{ name fields {{ name }} }}" for i in range(150)) + " } }",
    "introspection of introspection": "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
    "introspection without end": '{ __type(name: "Query") { ' + "ofType { " * 60 + "name" + " }" * 62,
    "introspection by doubling fragments": "{ __schema { types { ...F9 } } } fragment F0 on __Type { name } "
    + " ".join(f"fragment F{i} on __Type {{ a{i}: ofType {{ ...F{i-1} }} b{i}: ofType {{ ...F{i-1} }} }}" for i in range(1, 10)),
    "nested lists as a value": "{ organization(uscc: " + "[" * 500 + "]" * 500 + ") { name } }",
    "nested objects as a value": "{ organization(uscc: " + "{a: " * 100 + "1" + "}" * 100 + ") { name } }",
    "an integer of five thousand digits": "{ " + ORG + " { government { penalties(first: " + "9" * 5000 + ") { nodes { id } } } } }",
    "a float as a page size": "{ " + ORG + " { government { penalties(first: 1.5) { nodes { id } } } } }",
    "a bad check character": '{ organization(uscc: "91460100DEM000014D") { name } }',
    "a subject that is a number": "{ organization(uscc: 91460100) { name } }",
    "a subject with a null character": '{ organization(uscc: "91460100\\u0000EM000014C") { name } }',
    "a lone surrogate": '{ organization(uscc: "\\uD800") { name } }',
    "a person by name": '{ person(id: "符海澜") { name } }',
    "a field that is almost there": "{ " + ORG + " { nane } }",
    "two anonymous operations": "{ __typename } { __typename }",
    "only a fragment": "fragment F on Query { __typename }",
    "a subscription": "subscription { organization { name } }",
    "a type definition": "type Query { a: Int }",
    "an incremental answer": "{ " + ORG + " { ... @defer { name } } }",
    "a byte order mark and nothing": "\ufeff",
    "control characters": "{ \u0001 }",
    "an unterminated text": '{ organization(uscc: "',
    "a hundred kilobytes of spaces": " " * 60_000,
    "comments only": "#" * 60_000,
}  # fmt: skip


def test_hostile_documents_are_refused_in_the_one_shape(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        loop = asyncio.get_running_loop()
        slow: dict[str, float] = {}
        for name, document in DOCUMENTS.items():
            before = loop.time()
            try:
                one_shape(await world.send(token, document), 400)
            except AssertionError as error:
                raise AssertionError(name) from error
            slow[name] = loop.time() - before
        assert max(slow.values()) < 5, slow  # a bomb takes minutes, so this says nothing about speed

    run(database_url, tmp_path, scene)


def test_documents_just_below_the_limits_are_answered(database_url: str, tmp_path: Path) -> None:
    from graphql import get_introspection_query

    async def scene(world: World) -> None:
        token = await world.bank_token()
        for document in (
            get_introspection_query(
                input_value_deprecation=True, directive_is_repeatable=True, schema_description=True
            ),
            "{ " + ORG + " { " + " ".join(f"a{i}: name" for i in range(30)) + " } }",
            "{ " + ORG + " { name " + "@include(if: true) " * 1 + "} }",
            "{ " + ORG + " { " + "name " * 100 + "} }",
        ):
            response = await world.send(token, document)
            assert response.status_code == 200, response.text[:300]
            assert response.json()["data"]
            assert "errors" not in response.json()

    run(database_url, tmp_path, scene)


_BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "half an object": (b'{"query": ', 400),
    "a list": (b"[]", 400),
    "a batch": (b'[{"query":"{__typename}"},{"query":"{__typename}"}]', 400),
    "null": (b"null", 400),
    "bytes that are not UTF-8": (b'{"query":"{\xff\xfe}"}', 400),
    "GBK": ('{"query":"{ 名称 }"}'.encode("gbk"), 400),
    "UTF-16": ('{"query":"{__typename}"}'.encode("utf-16"), 400),
    "a lone surrogate": (b'{"query":"{ __typename }","operationName":"\\ud800"}', 400),
    "a null byte": (b'{"query":"{__typename}"}\x00', 400),
    "a megabyte of brackets": (b"[" * 1_000_000, 413),
    "sixty thousand brackets": (b"[" * 60_000, 400),
    "deep variables": (
        b'{"query":"{__typename}","variables":{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
        400,
    ),
    "a number too large for anybody": (
        b'{"query":"query Q($n:Int){__typename}","variables":{"n":1e999}}',
        400,
    ),
    "not a number": (b'{"query":"{__typename}","variables":{"n":NaN}}', 400),
    "one byte over the limit": (b'{"query":"' + b" " * (65537 - 12) + b'"}', 413),
}


def test_hostile_bodies_are_refused_in_the_one_shape(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        headers = {
            "authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/graphql-response+json",
        }  # fmt: skip
        size = world.hub.log.size
        for name, (body, status) in _BODIES.items():
            try:
                one_shape(await world.http.post("/graphql", content=body, headers=headers), status)
            except AssertionError as error:
                raise AssertionError(name) from error
        assert world.hub.log.size <= size + 1  # only the one that is an operation
        lies = await world.http.post(
            "/graphql", content=b"{}", headers={**headers, "content-length": "999999999"}
        )
        one_shape(lies, 413)

    run(database_url, tmp_path, scene)


def test_a_chunked_body_over_the_limit_is_cut_off(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 1_000_000:
                sent += 1000
                yield b"x" * 1000

        response = await world.http.post(
            "/graphql", content=endless(),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )  # fmt: skip
        one_shape(response, 413)
        assert sent <= 70_000

    run(database_url, tmp_path, scene)


async def _call(endpoint: Any, receive: Any) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-type", b"application/json")],
        "path": "/graphql",
    }
    await endpoint(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_body_that_never_ends_is_given_up(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        endpoint = _endpoint(world)
        endpoint._body_seconds = 0.2

        async def receive() -> Any:
            await asyncio.sleep(0.05)
            return {"type": "http.request", "body": b"", "more_body": True}

        status, body = await asyncio.wait_for(_call(endpoint, receive), 5)
        assert status == 408
        assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"

        async def gone() -> Any:
            return {"type": "http.disconnect"} if begun else begun.append(1) or dict(_HALF)

        begun: list[int] = []
        assert (await _call(endpoint, gone))[0] == 400

    run(database_url, tmp_path, scene)


_HALF = {"type": "http.request", "body": b"{", "more_body": True}


def _endpoint(world: World) -> GraphQLEndpoint:
    return next(r.app for r in world.hub.routes if r.path == "/graphql")  # type: ignore[return-value]


def test_requests_without_a_valid_token_are_refused_before_anything_else(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        size = world.hub.log.size
        head, payload, signature = token.split(".")
        for authorization in (
            None, "", "Bearer", "Bearer ", f"Basic {token}", token, f"Bearer {head}.{payload}.", f"Bearer {head}.{payload}.{signature[::-1]}",
            "Bearer " + "A" * 8000, "Bearer \x80\xff", f"Bearer {token} x",
        ):  # fmt: skip
            headers = {"content-type": "application/json"}
            raw = [(k.encode(), v.encode()) for k, v in headers.items()]
            if authorization is not None:
                raw.append((b"authorization", authorization.encode("latin-1")))
            response = await world.http.post("/graphql", content=b'{"query":"{__typename}"}', headers=raw)
            one_shape(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert world.hub.log.size == size
        world.clock.advance(timedelta(seconds=301))
        one_shape(await world.send(token, "{ __typename }"), 401)

    run(database_url, tmp_path, scene)


def test_a_full_queue_is_refused_with_503_and_nothing_is_disclosed(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        query = "{ " + ORG + " { name } }"
        answers = await asyncio.gather(*(world.send(token, query) for _ in range(12)))
        busy = [a for a in answers if a.status_code == 503]
        fine = [a for a in answers if a.status_code == 200]
        assert busy
        assert fine
        for answer in busy:
            one_shape(answer, 503)
            assert answer.headers["retry-after"]
        assert all(a.json()["data"]["organization"]["name"] for a in fine)

    run(database_url, tmp_path, scene, max_queue=3)


def test_an_unknown_path_shows_nothing_of_the_inside(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        assert isinstance(world.http._transport.app, Starlette)  # type: ignore[attr-defined]
        for path in ("/", "/graphql/x", "/graphiql", "/docs", "/../etc/passwd", "/openapi.json"):
            response = await world.http.get(path)
            assert response.status_code == 404, path
            assert not _INTERNALS.search(response.text)

    run(database_url, tmp_path, scene)
