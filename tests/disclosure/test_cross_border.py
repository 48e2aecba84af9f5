"""Nothing leaves the mainland without a permit, every entry says where its caller is, and the officer finds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from world import COMPANY, NOW, World, run

from hub.catalog.loader import load_catalog
from hub.clock import civil_date
from hub.demo import story_facts as facts
from hub.disclosure.basis import check_border
from hub.errors import DisclosureRefusedError
from hub.folders import locate
from hub.identity.clients import Client, PermitKind
from hub.identity.details import Grant
from hub.identity.tokens import Caller
from hub.model.countries import MAINLAND, countries
from hub.policies.files import load_policies
from hub.policies.model import LawfulBasis

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
COUNTS = "query C($f: AuditFilter) { auditCounts(by: [COUNTRY, OUTCOME], filter: $f) { keys entries } }"
LIST = "query L($f: AuditFilter) { auditEntries(filter: $f) { nodes { caller country roles outcome reason operation } } }"
LEDGER = "{ accessLedger { nodes { outcome country sentence { zh en } } } }"
TODAY = civil_date(NOW)
POLICY = load_policies(locate("policies", ""), load_catalog(locate("schema", "")))
PERMIT: dict[str, Any] = {
    "permit_kind": PermitKind.STANDARD_CONTRACT, "permit_number": "琼网信备〔2026〕演1号", "permit_until": TODAY,
}  # fmt: skip


async def moved(world: World, client: str, **changes: Any) -> None:
    """The client is registered anew, elsewhere."""
    found = world.hub.registry.get(client)
    assert found is not None
    await world.register(replace(found, **changes))


async def ask(world: World) -> dict[str, Any]:
    return await world.ask(await world.bank_token(), ASK, {"u": COMPANY})


async def officer(world: World, query: str, **wanted: str) -> Any:
    token = await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="演示专员甲")
    answer = await world.ask(token, query, {"f": wanted})
    assert "errors" not in answer, answer
    return answer["data"]


def test_a_bank_in_hong_kong_is_refused_without_a_permit_and_the_refusal_names_the_reason_in_both_languages(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await moved(world, "bank-hkb", country="HK")
        answer = await ask(world)
        assert answer["data"]["organization"] is None
        (error,) = answer["errors"]
        assert error["extensions"]["reason"] == "CROSS_BORDER"
        assert "mainland" in error["message"]
        assert "境外" in error["extensions"]["messageZh"]
        assert facts.COMPANY_NAME not in str(answer)

    run(database_url, tmp_path, scene)


def test_a_permit_opens_the_border_to_its_last_day_and_not_a_day_longer(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await moved(world, "bank-hkb", country="HK", **PERMIT)
        assert (await ask(world))["data"]["organization"] == {"name": facts.COMPANY_NAME}
        await moved(world, "bank-hkb", **{**PERMIT, "permit_until": TODAY - timedelta(days=1)})
        assert (await ask(world))["data"]["organization"] is None

    run(database_url, tmp_path, scene)


def test_the_officer_finds_and_counts_by_country_and_the_subject_reads_where_the_caller_is(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await ask(world)
        await moved(world, "bank-hkb", country="SG", **PERMIT)
        await ask(world)
        await moved(
            world, "bank-hkb", country=MAINLAND, permit_kind=None, permit_number=None, permit_until=None
        )
        await ask(world)
        found = (await officer(world, LIST, country="sg"))["auditEntries"]["nodes"]
        assert [(one["caller"], one["country"], one["roles"]) for one in found] == [
            ("bank-hkb", "SG", ["bank"])
        ]
        counts = {tuple(one["keys"]): one["entries"] for one in (await officer(world, COUNTS))["auditCounts"]}
        assert counts["SG", "DISCLOSED"] == 1
        assert counts["CN", "DISCLOSED"] == 2
        own = await world.token("subject-org", "SELF_QUERY")
        lines = (await world.ask(own, LEDGER))["data"]["accessLedger"]["nodes"]
        shown = [line for line in lines if line["outcome"] == "DISCLOSED"]
        assert [line["country"] for line in shown] == ["CN", "SG", "CN"]
        assert "海口示范银行（演示）（位于新加坡）为" in shown[1]["sentence"]["zh"]
        assert "(in Singapore) asked" in shown[1]["sentence"]["en"]
        assert "位于" not in shown[0]["sentence"]["zh"] + shown[2]["sentence"]["zh"]

    run(database_url, tmp_path, scene)


def test_an_act_of_a_caller_abroad_says_where_it_was_too(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await world.bank_token()
        await moved(world, "subject-org", country="MO")
        own = await world.token("subject-org", "SELF_QUERY")
        consents = await world.ask(own, "{ consents { id } }")
        answer = await world.ask(
            own, "mutation W($id: ID!) { withdrawConsent(id: $id) { status } }",
            {"id": consents["data"]["consents"][0]["id"]},
        )  # fmt: skip
        assert answer["data"]["withdrawConsent"]["status"] == "REVOKED"
        found = (await officer(world, LIST, country="MO"))["auditEntries"]["nodes"]
        assert "consent.withdraw" in {one["operation"] for one in found}
        assert {one["caller"] for one in found} == {"subject-org"}

    run(database_url, tmp_path, scene)


def test_a_subject_abroad_reads_its_own_data_and_its_ledger(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await moved(world, "subject-org", country="TW")
        own = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(own, ASK, {"u": COMPANY})
        assert answer["data"]["organization"] == {"name": facts.COMPANY_NAME}

    run(database_url, tmp_path, scene)


def test_a_country_that_is_none_is_no_filter(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="演示专员甲")
        answer = await world.ask(token, LIST, {"f": {"country": "ZZ"}})
        assert answer["errors"][0]["extensions"]["messageZh"].startswith("国家或地区代码无效")

    run(database_url, tmp_path, scene)


@given(
    country=st.sampled_from(sorted(countries())),
    roles=st.sets(st.sampled_from(sorted(POLICY.roles)), min_size=1, max_size=3),
    purpose=st.sampled_from(sorted(POLICY.purposes)),
    kind=st.none() | st.sampled_from(list(PermitKind)),
    days=st.integers(-400, 400),
)
def test_who_is_outside_the_mainland_reads_about_others_only_under_a_permit_and_never_as_a_body_of_state(
    country: str, roles: set[str], purpose: str, kind: PermitKind | None, days: int
) -> None:
    until = date(2026, 11, 20) + timedelta(days=days) if kind else None
    client = Client(
        "c", "演示", "C", tuple(sorted(roles)), facts.BANK_HKB, (purpose,), {}, country=country, permit_kind=kind,
        permit_number="演1" if kind else None, permit_until=until,
    )  # fmt: skip
    grant = Grant(purpose, frozenset())
    caller = Caller(client, client.roles, client.institution, (grant,), "t", NOW)
    try:
        check_border(POLICY, caller, grant, date(2026, 11, 20))
        open_ = True
    except DisclosureRefusedError:
        open_ = False
    of_state = roles - {
        "bank", "credit_bureau", "underwriter", "user_unit", "subject", "guardian", "public",
    }  # fmt: skip
    others = POLICY.purposes[purpose].basis not in (LawfulBasis.SELF, LawfulBasis.PUBLIC)
    held = kind is not None and days >= 0 and not of_state
    assert open_ is (country == "CN" or not others or held)
