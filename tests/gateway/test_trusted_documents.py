"""A client may send the registered documents that are for it, and nothing tells it which others there are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from disclosure.gate_world import load, story
from documents.document_world import id_of, register, schema_copy
from world import COMPANY, World, run

from hub.catalog.types import Catalog
from hub.demo import story_facts as facts
from hub.disclosure.plan import field_tree
from hub.documents.certificate import Certificate, read_certificate
from hub.documents.manifest import document_id
from hub.errors import ConfigurationError
from hub.folders import locate

LOAN_FILE = id_of("loan-file")
NAME = "query Q($u: USCC!) { organization(uscc: $u) { name } }"


async def post(world: World, token: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    return await world.http.post("/graphql", json=body, headers=headers)


async def entries(world: World) -> list[dict[str, Any]]:
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM log_entry ORDER BY idx")
    return [json.loads(bytes(row["body"])) for row in rows]


async def without_ad_hoc(world: World, *client_ids: str) -> None:
    for client_id in client_ids:
        client = world.hub.registry.get(client_id)
        assert client is not None
        await world.register(dataclasses.replace(client, ad_hoc=False))


def test_a_document_runs_by_its_id_and_the_entry_names_that_id(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        response = await post(world, token, documentId=LOAN_FILE, variables={"uscc": COMPANY})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["data"]["organization"]["name"] == facts.COMPANY_NAME
        assert "receipt" in answer["extensions"]
        last = (await entries(world))[-1]
        assert (last["outcome"], last["document"], last["operation"]) == ("DISCLOSED", LOAN_FILE, "LoanFile")
        text = (locate("schema") / "documents" / "loan-file.graphql").read_text(encoding="utf-8")
        for body in ({"query": text}, {"query": text, "documentId": LOAN_FILE}):
            same = await post(world, token, variables={"uscc": COMPANY}, **body)
            assert same.json()["data"] == answer["data"]
            assert (await entries(world))[-1]["document"] == LOAN_FILE

    run(database_url, tmp_path, scene)


_REFUSED: dict[str, dict[str, Any]] = {
    "an id that nobody registered": {"documentId": "sha256:" + "0" * 64},
    "an id altered by one digit": {"documentId": LOAN_FILE[:-1] + ("0" if LOAN_FILE[-1] != "0" else "1")},
    "the id of a text that is not registered": {"documentId": document_id(NAME.encode())},
    "an id with a text of another": {"documentId": LOAN_FILE, "query": NAME},
    "another tenant's document": {"documentId": "OTHER"},
    "a document of another role": {"documentId": id_of("supervision-file")},
    "a document of another purpose": {"documentId": id_of("post-loan-review")},
    "text of one's own": {"query": NAME},
    "introspection": {"query": "{ __schema { types { name } } }"},
    "text that does not parse": {"query": "{"},
}


def test_whatever_may_not_be_sent_gets_one_and_the_same_refusal(database_url: str, tmp_path: Path) -> None:
    schema = schema_copy(tmp_path)
    other = register(schema, "other-bank", NAME + "\n", institutions=[facts.BANK_QZB])

    async def scene(world: World) -> None:
        await without_ad_hoc(world, "bank-hkb", "bank-qzb")
        token = await world.bank_token()
        answers = set()
        for name, sent in _REFUSED.items():
            body = {k: other if v == "OTHER" else v for k, v in sent.items()}
            before = await entries(world)
            response = await post(world, token, variables={"u": COMPANY, "uscc": COMPANY}, **body)
            after = await entries(world)
            answers.add((response.status_code, response.text))
            assert len(after) == len(before) + 1, name
            last = after[-1]
            assert (last["outcome"], last["reason"]) == ("INVALID", "DOCUMENT_NOT_TRUSTED"), name
            assert last["document"] == body.get("documentId", document_id(body.get("query", "").encode()))
            assert not last.get("subjects")
        ((status, text),) = answers
        assert status == 400
        (error,) = json.loads(text)["errors"]
        assert error["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        assert error["extensions"]["messageZh"]
        assert "data" not in json.loads(text)
        mine = await world.consent(grantee=facts.BANK_QZB)
        owner = await world.token("bank-qzb", "LOAN_APPLICATION", consent=mine)
        allowed = await post(world, owner, documentId=other, variables={"u": COMPANY})
        assert allowed.json()["data"]["organization"]["name"] == facts.COMPANY_NAME

    run(database_url, tmp_path, scene, trusted_documents="required", schema_dir=str(schema))


def test_where_documents_are_optional_ids_are_held_to_the_same_rules(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await without_ad_hoc(world, "bank-hkb")
        token = await world.bank_token()
        assert (await post(world, token, query=NAME, variables={"u": COMPANY})).status_code == 200
        for name in ("supervision-file", "post-loan-review", "company-ledger"):
            response = await post(world, token, documentId=id_of(name), variables={"uscc": COMPANY})
            assert response.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"

    run(database_url, tmp_path, scene)


def test_a_client_registered_for_ad_hoc_queries_may_send_its_own_text(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        response = await post(world, token, query=NAME, variables={"u": COMPANY})
        assert response.json()["data"]["organization"]["name"] == facts.COMPANY_NAME

    run(database_url, tmp_path, scene, trusted_documents="required")


def test_the_older_media_type_carries_the_refusal_with_status_200(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        body = {"documentId": "sha256:" + "0" * 64}
        response = await world.http.post("/graphql", json=body, headers=headers)
        assert response.status_code == 200
        assert len(response.json()["errors"]) == 1

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize(
    "value", [1, "", "loan-file", "sha256:" + "0" * 63, "SHA256:" + "0" * 64, {}, "md5:" + "0" * 32]
)
def test_an_id_of_another_form_is_no_request_and_stays_out_of_the_log(
    value: Any, database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        before = world.hub.log.size
        response = await post(world, token, documentId=value)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert world.hub.log.size == before

    run(database_url, tmp_path, scene)


def test_a_hub_whose_setting_is_neither_word_does_not_start(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        raise AssertionError("it started")

    with pytest.raises(ConfigurationError, match="HUB_TRUSTED_DOCUMENTS"):
        run(database_url, tmp_path, scene, trusted_documents="requird")


_RUNS = {
    "the loan file": ("loan-file", "bank-hkb", "bank", "LOAN_APPLICATION", "uscc", COMPANY, "subject-org"),
    "the review after the loan": ("post-loan-review", "bank-hkb", "bank", "LOAN_REVIEW_POST", "uscc", COMPANY, "subject-org"),
    "the check of a person": ("person-loan-check", "bank-hkb", "bank", "LOAN_APPLICATION", "id", facts.PERSON_ID, "subject-person"),
    "the check of a guarantor": ("person-loan-check", "bank-hkb", "bank", "GUARANTEE", "id", facts.PERSON_ID, "subject-person"),
    "the supervision file": ("supervision-file", "dept-amr", "department", "GOV_SUPERVISION", "uscc", COMPANY, ""),
    "the report about oneself": ("self-report", "subject-org", "subject", "SELF_QUERY", "uscc", COMPANY, ""),
}  # fmt: skip


def _leaves(catalog: Catalog, value: Any, tree: Any, path: str) -> set[str]:
    """Field ids, or paths of what is no catalogue field, of every leaf that is not null."""
    if value is None:
        return set()
    if hasattr(tree, "id"):
        return {tree.id}
    if isinstance(value, list):
        return set().union(*(_leaves(catalog, one, tree, path) for one in value))
    if not isinstance(value, dict):
        return {path}
    found: set[str] = set()
    for name, inner in value.items():
        below = tree.get(name, {}) if isinstance(tree, dict) else {}
        if name in ("nodes", "edges", "node", "pageInfo"):
            below = tree
        found |= _leaves(catalog, inner, below, f"{path}.{name}")
    return found


def leaves(catalog: Catalog, root: str, data: Any) -> set[str]:
    """What of an answer is not null, by catalogue field or path; documents without aliases only."""
    kind = "ORG" if root == "organization" else "PERSON"
    tree: dict[str, Any] = dict(field_tree(next(d for d in catalog if d.profile and kind in d.subjects)))
    for dataset in catalog:
        if not dataset.profile:
            tree.setdefault(dataset.domain.value, {})[dataset.field_name] = field_tree(dataset)
    return _leaves(catalog, data, tree, root)


def allowed(certificate: Certificate, role: str, purpose: str, kind: str) -> set[str]:
    section = certificate.section(role, purpose, kind)
    assert section is not None
    return set(section.fields) | set(certificate.other)


@pytest.mark.parametrize("name", _RUNS)
def test_an_answer_holds_only_what_the_certificate_names(
    name: str, database_url: str, tmp_path: Path
) -> None:
    document, client, role, purpose, variable, subject, grantor = _RUNS[name]
    root = "person" if variable == "id" else "organization"

    async def scene(world: World) -> None:
        await load(world, story())
        await without_ad_hoc(world, client, "subject-org", "subject-person")
        more = {"matter": "SV-GRADED"} if purpose.startswith("GOV") else {}
        if grantor:
            more = {"consent": await _granted(world, document, grantor, subject, purpose)}
        token = await world.token(client, purpose, [subject], **more)
        response = await post(world, token, documentId=id_of(document), variables={variable: subject})
        answer = response.json()
        assert response.status_code == 200, answer
        certificate = read_certificate(locate("schema") / "documents", document)
        assert certificate is not None
        found = leaves(world.hub.rules.catalog, root, answer["data"][root])
        assert found
        assert found <= allowed(certificate, role, purpose, "PERSON" if root == "person" else "ORG")
        notes = answer["extensions"]["disclosure"]["fields"]
        assert not [note for note in notes if note["reason"] == "CONSENT_SCOPE"]

    run(database_url, tmp_path, scene, trusted_documents="required")


async def _granted(world: World, document: str, grantor: str, subject: str, purpose: str) -> str:
    """A consent made from the document's own request, all by registered documents."""
    token = await world.token(grantor, "SELF_QUERY", [subject])
    asked = {"documentId": id_of(document), "grantee": facts.BANK_HKB, "purpose": purpose}
    response = await post(world, token, documentId=id_of("consent-request"), variables=asked)
    request = response.json()["data"]["consentRequest"]
    assert request["readers"][0]["institution"] == facts.BANK_HKB
    assert request["readers"][0]["name"] in request["text"]["zh"]
    (detail,) = request["authorizationDetails"]
    assert detail["purpose"] == purpose
    assert detail["subjects"][0].startswith("sub_")
    grant = {
        "grantee": facts.BANK_HKB, "purpose": purpose, "document": id_of(document),
        "separateConsent": True, "adverseNoticeAcknowledged": True,
    }  # fmt: skip
    response = await post(world, token, documentId=id_of("consent-grant"), variables={"input": grant})
    granted = response.json()["data"]["grantConsent"]
    items = {item["dataset"]: item["fields"] for item in granted["items"]}
    assert items == {item["dataset"]: [f["name"] for f in item["fields"]] for item in request["items"]}
    return str(granted["id"])


def test_a_consent_for_one_document_does_not_open_what_another_reads(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await load(world, story())
        consent = await _granted(world, "loan-file", "subject-org", COMPANY, "LOAN_APPLICATION")
        token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
        text = "query Q($u: USCC!) { organization(uscc: $u) { name address government { honours { nodes { honourName } } } } }"
        answer = (await post(world, token, query=text, variables={"u": COMPANY})).json()
        assert answer["data"]["organization"] == {
            "name": facts.COMPANY_NAME, "address": None, "government": {"honours": None},
        }  # fmt: skip
        assert {n["reason"] for n in answer["extensions"]["disclosure"]["fields"]} == {"CONSENT_SCOPE"}

    run(database_url, tmp_path, scene)


def test_a_grant_by_document_cannot_reach_beyond_the_document(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        for name, more in {
            "items it does not read": {"document": LOAN_FILE, "datasets": ["government.honour"]},
            "another purpose": {"document": id_of("post-loan-review")},
            "no document": {"document": "sha256:" + "0" * 64},
        }.items():
            grant = {
                "grantee": facts.BANK_HKB, "purpose": "LOAN_APPLICATION", "separateConsent": True,
                "adverseNoticeAcknowledged": True, **more,
            }  # fmt: skip
            answer = (
                await post(world, token, documentId=id_of("consent-grant"), variables={"input": grant})
            ).json()
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", name
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM consent") == 0

    run(database_url, tmp_path, scene)
