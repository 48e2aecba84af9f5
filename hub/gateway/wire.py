"""GraphQL over HTTP: what a request must look like, and which media type and status its answer has.

Follows the GraphQL over HTTP specification (draft, 2025): POST with JSON; `application/graphql-response+json`
with 4xx for requests that could not be executed, or `application/json` with 200 for them. GET is not offered:
identifiers of persons do not belong into URLs and their logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hub.documents.manifest import ID
from hub.errors import InputError

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
COMMITMENTS = ("answer", "fields")
"""What the receipt may commit to: the answer as a whole, or each field of it."""
NDJSON = "application/x-ndjson"
"""One line for each subject of a list; only where the client asks for it by name."""
_NESTING = 64
"""Levels of lists and objects in a body at most; serialisers give up at 254."""
_MEMBERS = (
    ("operationName", str, "a string", "字符串"),
    ("variables", dict, "an object", " JSON 对象"),
    ("extensions", dict, "an object", " JSON 对象"),
)


class WireError(InputError):
    """A request that is no GraphQL request; `status` is the HTTP status of the answer."""

    code = "BAD_REQUEST"

    def __init__(self, status: int, message: str, *, hint: str = "", message_zh: str = "") -> None:
        super().__init__(message, hint=hint, message_zh=message_zh)
        self.status = status


@dataclass(frozen=True, slots=True)
class WireRequest:
    """The parameters of a GraphQL request."""

    query: str
    """Empty when the request names a document instead."""
    operation_name: str | None
    variables: Mapping[str, Any]
    extensions: Mapping[str, Any]
    document_id: str | None = None
    """Id of a trusted document (GraphQL over HTTP, appendix A)."""

    @property
    def by_field(self) -> bool:
        """Whether the receipt is to commit to each field of the answer."""
        return self.extensions.get("commitment") == COMMITMENTS[1]


def negotiate(accept: str) -> str:
    """The media type of the answer.

    Raises:
        WireError: 406, when the client accepts neither.
    """
    if not accept or accept == "*/*":
        return JSON
    best, quality = "", 0.0
    for part in accept.split(","):
        name, *parameters = (p.strip().lower() for p in part.split(";"))
        weight = _quality(parameters)
        for offered in _offers(name):
            if weight > quality:
                best, quality = offered, weight
    if not best:
        raise WireError(406, "The client accepts no JSON.", hint=f"Accept {GRAPHQL_RESPONSE} or {JSON}.")
    return best


def _offers(name: str) -> tuple[str, ...]:
    if name in (GRAPHQL_RESPONSE, JSON, NDJSON):
        return (name,)
    return (JSON,) if name in ("*/*", "application/*") else ()


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def check_content_type(content_type: str) -> None:
    """Refuse bodies that are not declared as UTF-8 JSON.

    Raises:
        WireError: 415.
    """
    name, *parameters = (p.strip().lower() for p in content_type.split(";"))
    charset = next((p[8:].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if name != JSON or charset not in ("utf-8", "utf8"):
        raise WireError(
            415,
            "The body is not declared as JSON.",
            hint=f"Send Content-Type: {JSON}.",
            message_zh="请求未声明为 JSON。",
        )


def _deeper(value: object, levels: int) -> bool:
    """Whether lists and objects stand in each other more than so many levels deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (not levels or any(_deeper(one, levels - 1) for one in inner))


def read_request(body: bytes) -> WireRequest:
    """The parameters in a body.

    Raises:
        WireError: 400, when it is not JSON or a parameter has the wrong type.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WireError(
            400,
            "The body is not JSON.",
            hint="Send one JSON object in UTF-8.",
            message_zh="请求体不是有效的 JSON。",
        ) from None
    if body.count(b"[") + body.count(b"{") > _NESTING and _deeper(data, _NESTING):
        raise WireError(
            400,
            f"The body nests deeper than {_NESTING} levels.",
            hint="Send flat variables; no operation takes such.",
            message_zh=f"请求体嵌套超过 {_NESTING} 层。",
        )
    if not isinstance(data, dict):
        raise WireError(
            400,
            "The body is not a JSON object.",
            hint='Send {"query": …, "variables": …}.',
            message_zh="请求体应为 JSON 对象。",
        )
    query, document_id = data.get("query"), data.get("documentId")
    if document_id is not None and not (isinstance(document_id, str) and ID.fullmatch(document_id)):
        raise WireError(
            400,
            "`documentId` is no document id.",
            hint="Send sha256: and 64 hexadecimal digits in lower case.",
            message_zh="documentId 格式不正确。",
        )
    if query is None and document_id is not None:
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise WireError(
            400,
            "There is no query.",
            hint="Put the GraphQL text into `query`, or an id into `documentId`.",
            message_zh="缺少 query。",
        )
    for member, kind, word, word_zh in _MEMBERS:
        if not isinstance(data.get(member), kind | None):
            raise WireError(400, f"`{member}` is not {word}.", message_zh=f"{member} 应为{word_zh}。")
    name, variables, extensions = data.get("operationName"), data.get("variables"), data.get("extensions")
    if extensions and extensions.get("commitment", COMMITMENTS[0]) not in COMMITMENTS:
        raise WireError(
            400,
            "`extensions.commitment` is not a kind of commitment.",
            hint=f"Write one of {', '.join(COMMITMENTS)}, or leave it out.",
            message_zh="extensions.commitment 取值不正确。",
        )
    return WireRequest(query, name or None, variables or {}, extensions or {}, document_id)
