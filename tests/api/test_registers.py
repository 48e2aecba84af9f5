"""The open registers show what the policy says, caps included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from world import World, run

_PURPOSES = """{ purposes { code fairUse {
  id title { zh en } maxConsentDays rangeMonths dataLifeDays subjectsPerRequest
  readsOfSubject { unit most } readsInAll { unit most } overConsentDays overRange overSubjects
  datasets { dataset rangeMonths dataLifeDays readsOfSubject { unit most } }
} } }"""


async def _purposes(world: World) -> dict[str, list[dict[str, Any]]]:
    token = await world.token("officer-privacy", "AUDIT_REVIEW", ())
    answer = await world.ask(token, _PURPOSES)
    return {purpose["code"]: purpose["fairUse"] for purpose in answer["data"]["purposes"]}


def test_every_purpose_shows_its_fair_use_templates_the_default_first(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        shown, policy = await _purposes(world), world.hub.rules.policy
        assert {code: [t["id"] for t in found] for code, found in shown.items()} == {
            code: [t.id for t in policy.fair_use_for(code)] for code in policy.purposes
        }
        assert shown["OPERATION"] == []

    run(database_url, tmp_path, scene)


def test_a_fair_use_template_shows_its_caps_and_the_narrower_ones_of_datasets(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        small = (await _purposes(world))["LOAN_APPLICATION"][1]
        assert small["readsOfSubject"] == [{"unit": "DAY", "most": 5}, {"unit": "MONTH", "most": 20}]
        assert (small["overConsentDays"], small["overRange"]) == ("CLAMP", "REFUSE")
        assert small["datasets"] == [
            {
                "dataset": "financial.loan", "rangeMonths": 12, "dataLifeDays": 30,
                "readsOfSubject": [{"unit": "DAY", "most": 2}],
            },
            {"dataset": "government.tax_payment", "rangeMonths": 12, "dataLifeDays": 15, "readsOfSubject": []},
        ]  # fmt: skip

    run(database_url, tmp_path, scene)
