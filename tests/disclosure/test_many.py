"""Many subjects at once are decided one by one, recorded together, and sent as one answer or line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from world import ISSUER, STRANGER, World, run

from hub.audit import offline, offline_pack
from hub.audit.log import AuditLog
from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.demo.clients import unsafe_demo_key
from hub.demo.codes import uscc
from hub.demo.generator import Generator
from hub.disclosure.operations import MOST_SUBJECTS
from hub.identity.assertion import request_token
from hub.policies.files import build_policy

from .gate_world import TODAY, counted
from .portfolio_world import CLIENT, MANY, ONE, PURPOSE, Portfolio, entries, export, token_for
from .test_live import publish, until

UNKNOWN = uscc("91", "460105", "79999")


def log_key(world: World) -> str:
    return str(world.hub.ring.public().note_verifiers()[0])


def test_each_subject_gets_what_it_gets_alone(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 40)
        token = await portfolio.token()
        many = await world.ask(token, MANY, {"ids": portfolio.companies})
        assert "errors" not in many
        groups = many["extensions"]["disclosure"]["groups"]
        assert sorted(n for g in groups for n in g["subjects"]) == list(range(40))
        ranges = {r["path"]: (r["from"], r["to"]) for r in many["extensions"]["disclosure"]["ranges"]}
        for number, (company, consent) in enumerate(
            zip(portfolio.companies, portfolio.consents, strict=True)
        ):
            alone = await world.ask(
                await world.token(CLIENT, PURPOSE, [company], consent=consent), ONE, {"u": company}
            )
            assert json.dumps(many["data"]["subjects"][number]) == json.dumps(alone["data"]["organization"])
            told = alone["extensions"]["disclosure"]
            group = next(g for g in groups if number in g["subjects"])
            assert json.dumps(told["fields"]).replace('"organization', '"subjects') == json.dumps(
                group["fields"]
            )
            for one in told["ranges"]:
                path = one["path"].replace("organization", f"subjects.{number}")
                assert ranges[path] == (one["from"], one["to"])
        assert len(groups) == 2

    run(database_url, tmp_path, scene)


def test_one_entry_holds_every_subject_and_each_consent_is_used_once(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 35)
        before = len(await entries(world))
        answer = await world.ask(await portfolio.token(), MANY, {"ids": portfolio.companies})
        added = (await entries(world))[before:]
        assert len(added) == 1
        parts = added[0]["subjects"]
        wanted = [
            "sub_" + world.hub.indexer.subject_id(SubjectKind.ORG.value, c).hex() for c in portfolio.companies
        ]
        assert [part["subject"] for part in parts] == wanted
        assert [part["basis"]["consent"] for part in parts] == portfolio.consents
        assert all(part["outcome"] == "DISCLOSED" and part["records"] for part in parts)
        assert len(added[0]["fieldSets"]) == len({part["fields"] for part in parts}) == 2
        assert added[0] == json.loads(answer["extensions"]["receipt"]["entry"])
        async with world.hub.database.connection() as connection:
            used = await connection.fetch("SELECT used_count FROM consent WHERE purpose = $1", PURPOSE)
            counts = await connection.fetch(
                "SELECT subject_id, unit, used FROM quota_count WHERE purpose = $1", PURPOSE
            )
        assert [row["used_count"] for row in used] == [1] * 35
        assert {row["used"] for row in counts if row["subject_id"]} == {1}
        assert {row["used"] for row in counts if not row["subject_id"]} == {35}

    run(database_url, tmp_path, scene)


def test_a_refusal_of_some_subjects_leaves_the_others_alone(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 9)
        companies, consents = [*portfolio.companies], [*portfolio.consents]
        await world.hub.consents.withdraw(
            world.hub.indexer.subject_id("ORG", companies[4]), consents[4], "no", world.hub.rules.policy, "t",
            world.clock.now(),
        )  # fmt: skip
        token = await token_for(
            world, [*companies[:8], UNKNOWN], [*consents[:6], consents[5], None, consents[0]]
        )
        ids = [*companies, UNKNOWN]
        answer = await world.ask(token, MANY, {"ids": ids})
        reasons = {e["path"][1]: e["extensions"]["reason"] for e in answer["errors"]}
        assert reasons == {
            4: "CONSENT_WITHDRAWN",  # withdrawn
            6: "CONSENT_REQUIRED",  # another's consent
            7: "CONSENT_REQUIRED",  # none
            8: "SUBJECT_NOT_IN_TOKEN",
            9: "CONSENT_REQUIRED",  # no such subject
        }
        data = answer["data"]["subjects"]
        assert [number for number, found in enumerate(data) if found is None] == sorted(reasons)
        entry = json.loads(answer["extensions"]["receipt"]["entry"])
        assert [part["reason"] for part in entry["subjects"]] == [reasons.get(n, "") for n in range(10)]
        async with world.hub.database.connection() as connection:
            used = await connection.fetch("SELECT consent_id, used_count FROM consent WHERE used_count > 0")
        assert {row["consent_id"] for row in used} == {consents[n] for n in (0, 1, 2, 3, 5)}

    run(database_url, tmp_path, scene)


def test_unknown_and_unconsented_subjects_cannot_be_told_apart_in_a_list(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 6)
        found = []
        with counted(monkeypatch) as counts:
            for other in (STRANGER, UNKNOWN):
                token = await token_for(
                    world, [*portfolio.companies[:3], other], [*portfolio.consents[:3], "c_none"]
                )
                await world.ask(token, MANY, {"ids": [*portfolio.companies[:3], other]})
                counts.take()
                answer = await world.ask(token, MANY, {"ids": [*portfolio.companies[:3], other]})
                answer["extensions"].pop("receipt")
                found.append((json.dumps(answer), counts.take()))
        assert found[0] == found[1]

    run(database_url, tmp_path, scene)


def test_organisations_and_persons_stand_in_one_list(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        ids = [portfolio.companies[0], facts.PERSON_ID, portfolio.companies[0]]
        answer = await world.ask(
            token,
            "query M($ids: [SubjectIdentifier!]!) { subjects(ids: $ids) { kind ... on Organization { name } "
            "... on NaturalPerson { gender } } }",
            {"ids": ids},
        )
        assert answer["data"]["subjects"][0] == answer["data"]["subjects"][2]
        assert answer["data"]["subjects"][0]["kind"] == "ORG"
        assert [e["path"] for e in answer["errors"]] == [["subjects", 1]]

    run(database_url, tmp_path, scene)


def test_the_lines_of_an_export_are_the_answer_and_its_receipt_holds(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 40)
        ids = [*portfolio.companies, STRANGER]
        token = await portfolio.token()
        whole = await world.ask(token, MANY, {"ids": ids})
        before = len(await entries(world))
        response = await export(world, token, ids)
        assert response.headers["content-type"] == "application/x-ndjson"
        *lines, last = [json.loads(line) for line in response.text.splitlines()]
        assert [line["index"] for line in lines] == list(range(41))
        assert [line["data"] for line in lines] == whole["data"]["subjects"]
        assert lines[40]["errors"] == whole["errors"] == last["errors"]
        assert last["extensions"]["disclosure"] == whole["extensions"]["disclosure"]
        assert len(await entries(world)) == before + 1
        file, said = tmp_path / "portfolio.ndjson", []
        file.write_bytes(response.content)
        assert offline_pack.verify_file(file, log_key(world), said.append) == 0, said
        for altered in (
            response.text.replace('"index":3', '"index":4'),
            "\n".join(response.text.splitlines()[1:]),
            response.text.replace('"operatingStatus":"ACTIVE"', '"operatingStatus":"REVOKED"', 1),
        ):
            file.write_text(altered)
            assert offline_pack.verify_file(file, log_key(world), said.append) == 1

    run(database_url, tmp_path, scene)


def test_only_a_list_of_subjects_alone_is_sent_line_by_line(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        for query in (
            "{ purposes { code } }",
            f'query($ids: [SubjectIdentifier!]!) {{ subjects(ids: $ids) {{ id }} organization(uscc: "{STRANGER}") {{ id }} }}',
            "query($ids: [SubjectIdentifier!]!) { subjects(ids: $ids) { id } purposes { code } }",
        ):
            response = await export(world, token, portfolio.companies, query)
            assert response.status_code == 400
            assert response.json()["errors"][0]["extensions"]["code"] == "NOT_EXPORTABLE"
            assert "data" not in response.json()

    run(database_url, tmp_path, scene)


def test_a_list_may_stand_beside_other_fields_of_the_schema(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        query = "query($ids: [SubjectIdentifier!]!) { a: __typename subjects(ids: $ids) { id } purposes { code } }"
        answer = await world.ask(token, query, {"ids": portfolio.companies})
        assert list(answer["data"]) == ["a", "subjects", "purposes"]
        assert all(found["id"].startswith("sub_") for found in answer["data"]["subjects"])

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("lines", [False, True], ids=["one answer", "line by line"])
def test_a_consent_withdrawn_while_the_answer_is_made_takes_its_subject_out(
    lines: bool, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 8)
        token = await portfolio.token()
        append = AuditLog.append
        gone = {2, 5}

        async def late(self: AuditLog, entry: Any, *args: Any) -> Any:
            monkeypatch.setattr(AuditLog, "append", append)
            for number in gone:
                await world.hub.consents.withdraw(
                    world.hub.indexer.subject_id("ORG", portfolio.companies[number]),
                    portfolio.consents[number], "no", world.hub.rules.policy, "t", world.clock.now(),
                )  # fmt: skip
            return await append(self, entry, *args)

        monkeypatch.setattr(AuditLog, "append", late)
        if lines:
            raw = (await export(world, token, portfolio.companies)).content
        else:
            raw = (await world.send(token, MANY, {"ids": portfolio.companies})).content
        answer = offline.read_response(raw)
        shown = [found is not None for found in answer["data"]["subjects"]]
        assert shown == [number not in gone for number in range(8)]
        assert {tuple(e["path"]) for e in answer["errors"]} == {("subjects", number) for number in gone}
        offline.verify(answer, log_key(world), lambda _: None)
        kept = {n for g in answer["extensions"]["disclosure"]["groups"] for n in g["subjects"]}
        assert kept == set(range(8)) - gone

    run(database_url, tmp_path, scene)


def test_more_subjects_than_an_operation_may_name_are_refused_before_anything_is_read(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        with counted(monkeypatch) as counts:
            response = await world.send(token, MANY, {"ids": [portfolio.companies[0]] * (MOST_SUBJECTS + 1)})
            assert response.status_code == 400
            assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT"
            assert not any("FROM record" in statement for statement in counts.statements)
        assert (await world.ask(token, MANY, {"ids": []}))["data"] == {"subjects": []}
        assert (await entries(world))[-1]["outcome"] == "REFUSED"

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize(("over", "shown"), [("REFUSE", 0), ("CLAMP", 4)])
def test_subjects_beyond_the_template_are_refused_or_cut_as_it_says(
    over: str, shown: int, database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 6)
        files = dict(world.hub.rules.policy.files)
        head, _, tail = files["fair_use.toml"].partition(f'purpose = "{PURPOSE}"')
        tail = tail.replace("subjects_per_request = 1000", "subjects_per_request = 4", 1)
        tail = re.sub(r'over_subjects = "\w+"', f'over_subjects = "{over}"', tail, count=1)
        files["fair_use.toml"] = f'{head}purpose = "{PURPOSE}"{tail}'
        policy = build_policy(files, world.hub.rules.catalog)
        await publish(world, policy)
        await until(lambda: world.hub.rules.policy.revision == policy.revision)
        token = await portfolio.token()
        answer = await world.ask(token, MANY, {"ids": portfolio.companies})
        assert [d is not None for d in answer["data"]["subjects"]] == [n < shown for n in range(6)]
        assert {e["extensions"]["reason"] for e in answer["errors"]} == {"FAIR_USE_SUBJECTS"}
        few = [*portfolio.companies[:4], portfolio.companies[0]]
        assert "errors" not in await world.ask(token, MANY, {"ids": few})
        aliased = "query { " + " ".join(
            f'c{n}: organization(uscc: "{company}") {{ id }}' for n, company in enumerate(portfolio.companies)
        ) + " }"  # fmt: skip
        answer = await world.ask(token, aliased)
        assert [d is not None for d in answer["data"].values()] == [n < shown for n in range(6)]

    run(database_url, tmp_path, scene)


def test_subjects_spread_over_the_templates_of_a_purpose_are_no_more_than_its_default_allows(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        companies = [Generator(11, 1, seed=3, today=TODAY).organisation(n).identifier for n in range(11)]
        details = [
            {"type": "credit_disclosure", "purpose": "LOAN_APPLICATION", "subjects": subjects, "template": template}
            for template, subjects in (("FU-LOAN-SMALL", companies[:1]), ("FU-LOAN-1", companies[1:]))
        ]  # fmt: skip
        answer = await request_token(
            world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=unsafe_demo_key(world.keys, CLIENT),
            client_id=CLIENT, issuer=ISSUER, details=details, now=world.clock.now(),
        )  # fmt: skip
        for ids, reason in ((companies, "FAIR_USE_SUBJECTS"), (companies[:10], "CONSENT_REQUIRED")):
            shown = await world.ask(answer["access_token"], MANY, {"ids": ids})
            assert {e["extensions"]["reason"] for e in shown["errors"]} == {reason}
            if reason == "FAIR_USE_SUBJECTS":
                assert "at most" in shown["errors"][0]["extensions"]["hint"]

    run(database_url, tmp_path, scene)


def test_of_a_quota_that_is_nearly_used_up_the_first_subjects_get_what_is_left(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 9)
        files = dict(world.hub.rules.policy.files)
        head, _, tail = files["fair_use.toml"].partition(f'purpose = "{PURPOSE}"')
        before, _, rest = tail.partition("reads_in_all = ")
        tail = f'{before}reads_in_all = [{{ unit = "DAY", most = 21 }}]{rest[rest.index("]") + 1 :]}'
        tail = tail.replace("subjects_per_request = 1000", "subjects_per_request = 10", 1)
        files["fair_use.toml"] = f'{head}purpose = "{PURPOSE}"{tail}'
        policy = build_policy(files, world.hub.rules.catalog)
        await publish(world, policy)
        await until(lambda: world.hub.rules.policy.revision == policy.revision)
        token = await portfolio.token()
        for _ in range(2):
            assert "errors" not in await world.ask(token, MANY, {"ids": portfolio.companies})
        answer = await world.ask(token, MANY, {"ids": portfolio.companies})
        assert [d is not None for d in answer["data"]["subjects"]] == [n < 3 for n in range(9)]
        assert {e["extensions"]["reason"] for e in answer["errors"]} == {"FAIR_USE_FREQUENCY"}
        offline.verify(answer, log_key(world), lambda _: None)
        answer = await world.ask(token, MANY, {"ids": portfolio.companies})
        assert not any(answer["data"]["subjects"])

    run(database_url, tmp_path, scene)


def test_an_answer_too_large_to_send_at_once_can_be_had_line_by_line(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 60)
        token = await portfolio.token()
        response = await world.send(token, MANY, {"ids": portfolio.companies})
        assert "larger than 20000" in response.json()["errors"][0]["message"]
        assert response.json()["data"] is None
        last = (await entries(world))[-1]
        assert (last["outcome"], {p["outcome"] for p in last["subjects"]}) == ("REFUSED", {"REFUSED"})
        lines = (await export(world, token, portfolio.companies)).text.splitlines()
        assert len(lines) == 61
        async with world.hub.database.connection() as connection:
            used = await connection.fetchval("SELECT max(used_count) FROM consent")
        assert used == 1

    run(database_url, tmp_path, scene, max_answer_bytes=20000)


def test_the_work_for_many_subjects_is_a_few_statements(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 64)
        token = await portfolio.token()
        await world.ask(token, MANY, {"ids": portfolio.companies})
        with counted(monkeypatch) as counts:
            await world.ask(token, MANY, {"ids": portfolio.companies})
            reads = [statement for statement in counts.statements if "FROM record" in statement]
        assert len(reads) == 4  # two chunks, two plans in each

    run(database_url, tmp_path, scene)
