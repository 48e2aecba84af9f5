"""What an upload must look like, and how it is answered: headers, the one error shape, the report in JSON."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hub.disclosure.explain import error_json
from hub.disclosure.rules import Rules
from hub.errors import AuthenticationError, HubError, IntakeError, UnavailableError
from hub.gateway.graphql import NoTokenError
from hub.gateway.wire import WireError
from hub.intake.faults import Fault
from hub.intake.readers import Format
from hub.intake.report import IntakeReport
from hub.intake.store import FileInProgressError
from hub.intake.target import find_dataset

MAX_FINDINGS = 200
"""Most findings in one answer."""
_MEDIA = {
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.JSONL,
    "application/jsonl": Format.JSONL,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Format.XLSX,
}
_SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class SupplyRefusedError(WireError):
    """The caller is known, but may not supply data."""

    code = "FORBIDDEN"

    def __init__(self, message: str, *, hint: str, message_zh: str) -> None:
        super().__init__(403, message, hint=hint, message_zh=message_zh)


def bearer(request: Request) -> str:
    """The access token.

    Raises:
        NoTokenError: when there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NoTokenError(
            "There is no access token.",
            hint="Get one at /oauth/token and send it as `Authorization: Bearer …`.",
            message_zh="缺少访问令牌。",
        )
    return token.strip()


def dataset_id(rules: Rules, text: str) -> str:
    """The id of a dataset of the catalogue.

    Raises:
        WireError: 404, naming the nearest ids.
    """
    try:
        return find_dataset(rules.catalog, text).id
    except IntakeError as error:
        raise WireError(404, error.message, hint=error.hint, message_zh=error.message_zh) from None


def format_of(request: Request) -> Format:
    """The format that the body is declared to have.

    Raises:
        WireError: 415.
    """
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    found = _MEDIA.get(name)
    if found is None or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WireError(
            415,
            "The body is not declared as a format that is taken.",
            hint=f"Send Content-Type {', '.join(_MEDIA)}, without Content-Encoding.",
            message_zh="不支持该内容类型，请使用 CSV、JSON Lines、XML 或 XLSX，且不要压缩。",
        )
    return found


def too_large(limit: int) -> WireError:
    """The error for a body beyond the limit, in bytes."""
    return WireError(
        413,
        f"The file is larger than {limit} bytes.",
        hint="Send it in parts, each with its header row.",
        message_zh="文件过大，请拆分后上传。",
    )


def refusal(error: HubError) -> Response:
    """The one error shape, with the status that says who must do something."""
    headers: dict[str, str] = {}
    match error:
        case WireError():
            status = error.status
            if status == 405:
                headers["allow"] = "POST"
        case AuthenticationError():
            status = 401
            detail = "" if isinstance(error, NoTokenError) else ', error="invalid_token"'  # RFC 6750, 3.1
            headers["www-authenticate"] = f'Bearer realm="credit-hub"{detail}'
        case FileInProgressError():
            status, headers["retry-after"] = 409, "5"
        case IntakeError():
            status = 422
        case UnavailableError():
            status, headers["retry-after"] = 503, "5"
        case _:
            status = 500
    return answer(status, {"errors": [error_json(error)]}, headers)


def report_json(report: IntakeReport, index: int) -> dict[str, Any]:
    """What became of a file; `index` is that of its entry in the log."""
    return {
        "batch": report.batch_id,
        "dataset": report.dataset,
        "sourceUnit": report.source_unit,
        "rows": report.rows,
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "quarantined": report.quarantined,
        "continued": report.repeated,
        "logIndex": index,
        "findings": [_finding_json(found) for found in report.findings[:MAX_FINDINGS]],
        "moreFindings": len(report.findings) > MAX_FINDINGS,
    }


def _finding_json(found: Fault) -> dict[str, Any]:
    return {
        "row": found.row,
        "column": found.column,
        "code": found.code,
        "message": found.message_en,
        "messageZh": found.message_zh,
        "hint": found.hint,
    }


def answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON that nobody keeps."""
    return Response(orjson.dumps(body), status, _SAFE | (headers or {}), media_type="application/json")
