"""The token endpoint on the wire (RFC 6749 sections 3.2 and 5, RFC 8414, RFC 9396)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import httpx

from hub.identity.details import pseudonym
from hub.identity.endpoint import MAX_BODY_BYTES

from .identity_world import ISSUER, LOAN, OTHER_USCC, RESIDENT_ID, USCC, World, resolve, run

FORM = "application/x-www-form-urlencoded"


def test_a_token_response_is_complete_and_not_cached(database_url: str) -> None:
    async def scenario(world: World) -> None:
        answer = await world.post(world.form(details=[{**LOAN, "subjects": [USCC, RESIDENT_ID]}]))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "authorization_details"}
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
        subjects = sorted(pseudonym(resolve(code)) for code in (USCC, RESIDENT_ID))
        assert body["authorization_details"] == [{**LOAN, "subjects": subjects}]
        assert RESIDENT_ID not in answer.text

    run(database_url, scenario)


async def _refusals(world: World) -> dict[str, tuple[httpx.Response, int, str]]:
    """English sentence -> answer, expected status, expected error code."""

    def form(details: Any = (LOAN,), client: str = "bank-hkb", **changes: str) -> dict[str, str]:
        return {**world.form(client, details), **changes}

    async def raw(body: str | bytes, content_type: str | None = FORM, **more: Any) -> httpx.Response:
        headers = {"Content-Type": content_type} if content_type else {}
        headers.update(more.pop("headers", {}))
        content = body.encode() if isinstance(body, str) else body
        return await world.http.post("/oauth/token", content=content, headers=headers, **more)

    good = urlencode(form())
    subjects = [f"sub_{n:032x}" for n in range(1001)]
    without = {name: value for name, value in form().items() if name != "authorization_details"}
    return {
        "a repeated parameter": (await raw(good + "&grant_type=client_credentials"), 400, "invalid_request"),
        "a repeated unknown parameter": (await raw(good + "&x=1&x=1"), 400, "invalid_request"),
        "a repeated parameter, once empty": (await raw(good + "&client_assertion="), 400, "invalid_request"),
        "JSON": (await world.http.post("/oauth/token", json=form()), 400, "invalid_request"),
        "no content type": (await raw(good, None), 400, "invalid_request"),
        "multipart": (await raw(good, "multipart/form-data; boundary=x"), 400, "invalid_request"),
        "a form in GBK": (await raw(good, FORM + "; charset=gbk"), 400, "invalid_request"),
        "bytes that are not UTF-8": (await raw(good + "&x=%ff"), 400, "invalid_request"),
        "a body that is not ASCII": (await raw(good.encode() + b"&x=\xc3\xa9"), 400, "invalid_request"),
        "too many parameters": (await raw(good + "&a=1" * 40), 400, "invalid_request"),
        "a body over the limit": (await raw(good + "&x=" + "a" * 131_072), 413, "invalid_request"),
        "a parameter in the URL": (await raw(good, params={"client_id": "bank-hkb"}), 400, "invalid_request"),
        "a second way to authenticate": (
            await raw(good, headers={"Authorization": "Basic YTpi"}),
            400,
            "invalid_request",
        ),
        "an empty body": (await raw(""), 400, "invalid_request"),
        "no grant type": (await raw(good.replace("grant_type", "grant_kind")), 400, "invalid_request"),
        "an empty grant type": (await world.post(form(grant_type="")), 400, "invalid_request"),
        "a password grant": (await world.post(form(grant_type="password")), 400, "unsupported_grant_type"),
        "a grant type beyond ASCII": (await world.post(form(grant_type='é"')), 400, "unsupported_grant_type"),
        "a client secret": (
            await world.post(
                {"grant_type": "client_credentials", "client_id": "bank-hkb", "client_secret": "x"}
            ),
            401,
            "invalid_client",
        ),
        "another assertion type": (
            await world.post(form(client_assertion_type="saml")),
            401,
            "invalid_client",
        ),
        "a scope": (await world.post(form(scope="everything")), 400, "invalid_scope"),
        "another resource": (await world.post(form(resource="https://x.example")), 400, "invalid_target"),
        "no details": (await world.post(without), 400, "invalid_request"),
        **{
            f"details with {case}": (await world.post(form(asked)), 400, "invalid_authorization_details")
            for case, asked in {
                "a known purpose that is not held": [{**LOAN, "purpose": "GOV_SUPERVISION"}],
                "one purpose held and one not": [LOAN, {**LOAN, "purpose": "GOV_SUPERVISION"}],
                "an unknown purpose": [{**LOAN, "purpose": "CURIOSITY"}],
                "an unknown type": [{**LOAN, "type": "payment_initiation"}],
                "an unknown member": [{**LOAN, "locations": []}],
                "too many subjects": [{**LOAN, "subjects": subjects}],
                "too many details": [LOAN] * 21,
                "a portfolio": [{"type": LOAN["type"], "portfolio": "sha256:" + "0" * 64}],
                "a malformed identifier": [{**LOAN, "subjects": ["1234"]}],
            }.items()
        },
        "a subject's client that names another subject": (
            await world.post(
                form([{**LOAN, "purpose": "SELF_QUERY", "subjects": [OTHER_USCC]}], "subject-org")
            ),
            400,
            "invalid_authorization_details",
        ),
    }


def test_every_bad_request_gets_its_standard_error_and_no_token(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for case, (answer, status, error) in (await _refusals(world)).items():
            assert answer.status_code == status, f"{case}: {answer.text}"
            assert answer.json()["error"] == error, f"{case}: {answer.text}"
            assert answer.json().keys() <= {"error", "error_description"}, case
            assert answer.headers["cache-control"] == "no-store", case
            description = answer.json().get("error_description", "")
            assert description.isascii(), case
            assert not set(description) & {'"', "\\"}, case

    run(database_url, scenario)


def test_good_requests_that_look_unusual_are_answered(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for case, form in {
            "an unknown parameter": {**world.form(), "trace": "1"},
            "this hub as resource": {**world.form(), "resource": ISSUER},
            "an empty scope": {**world.form(), "scope": ""},
        }.items():
            assert (await world.post(form)).status_code == 200, case
        headers = {"Content-Type": 'Application/X-WWW-Form-Urlencoded; charset="UTF-8"'}
        answer = await world.http.post("/oauth/token", content=urlencode(world.form()), headers=headers)
        assert answer.status_code == 200
        own = [{"type": "credit_disclosure", "purpose": "SELF_QUERY", "subjects": [USCC]}]
        assert (await world.post(world.form("subject-org", own))).status_code == 200

    run(database_url, scenario)


def test_a_body_over_the_limit_is_refused_before_it_is_read(database_url: str) -> None:
    async def scenario(world: World) -> None:
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield b"x" * 4096

        for headers in ({"Content-Length": str(MAX_BODY_BYTES + 1)}, {"Transfer-Encoding": "chunked"}):
            answer = await world.http.post(
                "/oauth/token", content=endless(), headers={"Content-Type": FORM, **headers}
            )
            assert answer.status_code == 413
            assert answer.json() == {
                "error": "invalid_request",
                "error_description": "The body is larger than 131072 bytes.",
            }
        assert read < 40
        assert await world.used() == 0

    run(database_url, scenario)


def test_a_thousand_subjects_with_consents_fit_in_a_request_however_it_is_spelled(database_url: str) -> None:
    async def scenario(world: World) -> None:
        consents = [f"c_{n:022d}" for n in range(1000)]
        subjects = [f"sub_{n:032x}" for n in range(1000)]
        detail = {**LOAN, "subjects": subjects, "consents": consents}
        del detail["consent"]
        for spelled in (json.dumps([detail]), json.dumps([detail], separators=(",", ":"))):
            for quoting in (quote, quote_plus):
                form = {**world.form(), "authorization_details": spelled}
                content = urlencode(form, quote_via=quoting)
                assert 78_000 < len(content) < MAX_BODY_BYTES - 30_000
                answer = await world.http.post(
                    "/oauth/token", content=content, headers={"Content-Type": FORM}
                )
                assert answer.status_code == 200, answer.text
                assert answer.json()["authorization_details"] == [detail]

    run(database_url, scenario)


def test_the_metadata_and_keys_are_published(database_url: str) -> None:
    async def scenario(world: World) -> None:
        answer = await world.http.get("/.well-known/oauth-authorization-server")
        assert answer.json() == {
            "issuer": ISSUER,
            "token_endpoint": f"{ISSUER}/oauth/token",
            "jwks_uri": f"{ISSUER}/oauth/jwks",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "Ed25519", "ES256", "PS256"],
            "authorization_details_types_supported": ["credit_disclosure"],
        }
        (key,) = (await world.http.get("/oauth/jwks")).json()["keys"]
        assert set(key) == {"kty", "crv", "x", "kid", "use"}
        assert key["kid"] == world.signer.kid

    run(database_url, scenario)


def test_the_token_endpoint_takes_nothing_but_post(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for method in ("GET", "PUT", "DELETE"):
            assert (await world.http.request(method, "/oauth/token")).status_code == 405

    run(database_url, scenario)
