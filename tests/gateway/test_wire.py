"""GraphQL over HTTP: the checks of the official conformance suite, and content negotiation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import World, run

from hub.gateway.wire import GRAPHQL_RESPONSE, JSON, WireError, check_content_type, negotiate

BOTH = (GRAPHQL_RESPONSE, JSON)

_ACCEPT = {
    "nothing": ("", JSON),
    "anything": ("*/*", JSON),
    "any application type": ("application/*", JSON),
    "the newer type": (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
    "the older type": (JSON, JSON),
    "both, the newer one first": (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
    "both, the older one preferred": (f"{GRAPHQL_RESPONSE};q=0.5, {JSON};q=0.9", JSON),
    "the newer one with a charset": (f"{GRAPHQL_RESPONSE}; charset=utf-8", GRAPHQL_RESPONSE),
    "capital letters": ("Application/GraphQL-Response+JSON", GRAPHQL_RESPONSE),
    "an event stream besides": (f"text/event-stream, {JSON}", JSON),
    "what browsers send": ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
    "a quality that is no number": (f"{GRAPHQL_RESPONSE};q=abc, {JSON};q=0.1", JSON),
}
_NOT_ACCEPTABLE = (
    "text/html",
    f"{JSON};q=0",
    "image/*",
    f"{GRAPHQL_RESPONSE};q=nan",
    ",",
    ";;;",
    "application",
)


@pytest.mark.parametrize("name", _ACCEPT)
def test_the_answer_has_the_media_type_that_the_client_prefers(name: str) -> None:
    accept, expected = _ACCEPT[name]
    assert negotiate(accept) == expected


@pytest.mark.parametrize("accept", _NOT_ACCEPTABLE)
def test_a_client_that_accepts_no_json_gets_406(accept: str) -> None:
    with pytest.raises(WireError) as caught:
        negotiate(accept)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    "value",
    [
        JSON,
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_taken(value: str) -> None:
    check_content_type(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text/plain",
        "application/json; charset=gbk",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/graphql",
    ],
)
def test_any_other_body_is_refused_with_415(value: str) -> None:
    with pytest.raises(WireError) as caught:
        check_content_type(value)
    assert caught.value.status == 415


_PARAMETERS: dict[str, tuple[Any, bool]] = {
    "a query": ({"query": "{ __typename }"}, True),
    "null operationName": ({"query": "{ __typename }", "operationName": None}, True),
    "null variables": ({"query": "{ __typename }", "variables": None}, True),
    "null extensions": ({"query": "{ __typename }", "extensions": None}, True),
    "an operation by name": ({"query": "query Q { __typename }", "operationName": "Q"}, True),
    "variables as a map": ({"query": "query T($n: String!) { __type(name: $n) { name } }", "variables": {"n": "Query"}}, True),
    "extensions as a map": ({"query": "{ __typename }", "extensions": {"some": "value"}}, True),
    "no body": (None, False),
    "no query": ({"notquery": 1}, False),
    "an empty query": ({"query": "  "}, False),
    **{f"query of another type: {v!r}": ({"query": v}, False) for v in ({}, 0, False, [])},
    **{f"operationName of another type: {v!r}": ({"query": "{ __typename }", "operationName": v}, False) for v in ({}, 0, False, [])},
    **{f"variables of another type: {v!r}": ({"query": "{ __typename }", "variables": v}, False) for v in ("s", 0, False, [])},
    **{f"extensions of another type: {v!r}": ({"query": "{ __typename }", "extensions": v}, False) for v in ("s", 0, False, [])},
    "a batch": ([{"query": "{ __typename }"}], False),
    "a text": ("{ __typename }", False),
}  # fmt: skip
_INVALID = {
    "a document that does not parse": ({"query": "{"}, None),
    "a document that does not fit the schema": ({"query": "{ 8f31403dfe404bccbb0e835f2629c6a7 }"}, None),
    "an unknown field": ({"query": "{ nothing }"}, None),
    "a variable that does not fit": ({"query": "query T($n: String!) { __type(name: $n) { name } }", "variables": {"n": 1}}, None),
    "a variable that is missing": ({"query": "query T($n: String!) { __type(name: $n) { name } }"}, None),
    "an operation that is not there": ({"query": "query Q { __typename }", "operationName": "R"}, None),
}  # fmt: skip


def test_the_checks_of_the_conformance_suite_hold(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        authority = {"authorization": f"Bearer {token}"}

        async def post(body: Any, accept: str | None, **headers: str) -> Any:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {**authority, "content-type": JSON, **headers}
            request = world.http.build_request("POST", "/graphql", content=content, headers=sent)
            request.headers.pop("accept")
            if accept is not None:
                request.headers["accept"] = accept
            return await world.http.send(request)

        for accept in (None, "*/*", *BOTH):
            response = await post({"query": "{ __typename }"}, accept)
            expected = accept if accept in BOTH else JSON
            assert response.headers["content-type"] == f"{expected}; charset=utf-8"
            assert response.json()["data"] == {"__typename": "Query"}
        for name, (body, fine) in _PARAMETERS.items():
            for accept in BOTH:
                response = await post(body, accept)
                assert response.status_code == (200 if fine else 400), (name, accept, response.text)
                assert ("data" in response.json()) is fine, name
                assert ("errors" in response.json()) is not fine, (name, response.text)
        for name, (body, _) in _INVALID.items():
            assert (await post(body, JSON)).status_code == 200, name
            newer = await post(body, GRAPHQL_RESPONSE)
            assert newer.status_code == 400, name
            assert "data" not in newer.json(), name
        for accept in BOTH:
            assert (await post(b'{ "not a JSON', accept)).status_code == 400
        assert (
            await post({"query": "{ __typename }"}, JSON, **{"content-type": "text/plain"})
        ).status_code == 415
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
            response = await world.http.request(method, "/graphql?query={__typename}", headers=authority)
            assert response.status_code == 405, method
            assert response.headers["allow"] == "POST"
        size = world.hub.log.size
        mutation = "/graphql?query=mutation{withdrawConsent(id:1){id}}"
        assert (await world.http.get(mutation, headers=authority)).status_code == 405
        assert world.hub.log.size == size

    run(database_url, tmp_path, scene)
