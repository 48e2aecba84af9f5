"""A hub with one penalty of the story company, and the people who have to do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from world import COMPANY, World

from hub.catalog.types import SubjectKind
from hub.catalog.values import natural_key
from hub.clock import CST
from hub.demo import story_facts as facts
from hub.lifecycle.case import Actor, Capacity, Case, RecordName
from hub.lifecycle.moment import Moment
from hub.lifecycle.repair import Application

PENALTY = "government.penalty"
DECIDED = date(2026, 3, 5)
FIRST_DAY = date(2026, 6, 6)
"""First day on which a GENERAL penalty of `DECIDED` may be repaired."""
CERT_NO = "469999199001011234"
SAID = "罚款已于三月缴清，整改照片见附件之一"
APPLICATION = Application("缴款书〔2026〕演001号", "承诺书〔2026〕演001号", SAID)
EVERYTHING = "SELECT (SELECT count(*) FROM lifecycle_case), (SELECT count(*) FROM lifecycle_event),\
 (SELECT count(*) FROM record_history), (SELECT json_agg(r ORDER BY record_id) FROM record r)::text,\
 (SELECT json_agg(c ORDER BY case_id) FROM lifecycle_case c)::text,\
 (SELECT count(*) FROM log_entry WHERE kind = 'ADMIN')"


def penalty(
    number: int = 1, decided: date = DECIDED, severity: str = "GENERAL", **more: Any
) -> dict[str, Any]:
    """A penalty in stored form."""
    return {
        "counterpartyName": facts.COMPANY_NAME, "counterpartyType": "ORGANIZATION", "uscc": COMPANY,
        "documentNo": f"琼市监罚〔2026〕演{number:03d}号", "decisionDate": decided.isoformat(), "severity": severity,
        "penaltyTypes": ["FINE"], "fineAmount": 1_000_000, "authorityName": "海南省市场监督管理局（演示）",
        "authorityUscc": facts.DEPT_AMR, "violationType": "虚假宣传", "content": "罚款",
        "legalRepresentativeCertNo": CERT_NO, **more,
    }  # fmt: skip


@dataclass
class Scene:
    """A world with its people; every act happens at the world's clock."""

    world: World

    @property
    def subject_id(self) -> bytes:
        """The company."""
        return self.world.hub.indexer.subject_id("ORG", COMPANY)

    def name(self, number: int = 1) -> RecordName:
        """A penalty's name."""
        dataset = self.world.hub.rules.catalog.datasets[PENALTY]
        key = natural_key(dataset, penalty(number)).encode()
        return RecordName(
            self.subject_id, PENALTY, self.world.hub.indexer.record_id(self.subject_id, PENALTY, key)
        )

    @property
    def subject(self) -> Actor:
        """The company's own client."""
        return Actor(Capacity.SUBJECT, "subject-org", COMPANY, "SELF_QUERY", "", self.subject_id)

    @property
    def unit(self) -> Actor:
        """One person of the source unit."""
        return Actor(Capacity.SOURCE_UNIT, "dept-amr", facts.DEPT_AMR, "DATA_SUPPLY", "op_one")

    @property
    def other_person(self) -> Actor:
        """Another person of the source unit."""
        return replace(self.unit, operator="op_two")

    @property
    def operator(self) -> Actor:
        """The platform's operator."""
        return Actor(Capacity.OPERATOR, "operator-main", facts.OPERATOR, "OPERATION", "op_three")

    def turn_to(self, day: date, at: time = time(10, 0)) -> None:
        """Set the clock, in civil time."""
        self.world.clock.instant = datetime.combine(day, at, CST)

    @property
    def moment(self) -> Moment:
        """Now."""
        return Moment(self.world.hub.rules.policy, self.world.clock.now())

    async def put(self, number: int = 1, **more: Any) -> None:
        """Take a penalty in."""
        await self.world.put(PENALTY, penalty(number, **more), kind=SubjectKind.ORG)

    async def apply(self, number: int = 1) -> Case:
        """The company applies for repair."""
        return await self.world.hub.lifecycle.repairs.apply(
            self.name(number), APPLICATION, self.subject, self.moment
        )

    async def repaired(self, number: int = 1) -> Case:
        """A repair from application to approval, all at once."""
        repairs = self.world.hub.lifecycle.repairs
        case = await self.apply(number)
        await repairs.accept(case.case_id, self.unit, self.moment)
        return await repairs.approve(case.case_id, "", self.operator, self.moment)

    async def everything(self) -> tuple[Any, ...]:
        """All that an act could have changed."""
        async with self.world.hub.database.connection() as connection:
            return tuple(await connection.fetchrow(EVERYTHING))

    async def record(self, number: int = 1) -> Any:
        """A penalty's row."""
        name = self.name(number)
        async with self.world.hub.database.connection() as connection:
            return await connection.fetchrow(
                "SELECT * FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3",
                name.subject_id, name.dataset, name.record_id,
            )  # fmt: skip
