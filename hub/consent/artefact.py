"""The consent artefact: who lets whom see which items, for what, over which range, until when, how often.

* An artefact never changes; a change is a new version, a withdrawal is a status beside it.
* It names one recipient (personal information protection law art. 23: passing on needs a consent of its own),
  each item, the purpose, the range of data, the validity, the number of uses and how long the recipient may
  keep what it got.
* It names the fair-use template it was given under, with the number of reads in each calendar unit, the narrower
  caps of single items, and what was asked for beyond the template and cut down.
* It is signed by the hub over its canonical JSON, so that it can be shown to others.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from hub.catalog.types import Label
from hub.clock import from_millis

FORMAT = "credit-hub-consent/1"
EMERGENCY_FORMAT = "credit-hub-emergency/1"


class Origin(StrEnum):
    """Where a signed artefact comes from."""

    CONSENT = "CONSENT"
    """The subject gave it."""
    EMERGENCY = "EMERGENCY"
    """A second person approved it in an emergency (`hub.consent.emergency`); the subject was not asked."""

    @property
    def artefact_format(self) -> str:
        """The format of its artefacts."""
        return FORMAT if self is Origin.CONSENT else EMERGENCY_FORMAT


class ConsentStatus(StrEnum):
    """What can be said of a consent at an instant."""

    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    NOT_YET_VALID = "NOT_YET_VALID"


class Term(StrEnum):
    """A term of a consent that a fair-use template may cut down."""

    VALID_DAYS = "VALID_DAYS"
    RANGE_FROM = "RANGE_FROM"


@dataclass(frozen=True, slots=True)
class Clamp:
    """One term that was asked for beyond the fair-use template, and what was given instead."""

    term: Term
    asked: str
    """A number of days, or a date (ISO 8601)."""
    given: str

    @property
    def text(self) -> Label:
        """What the subject and the recipient are told."""
        if self.term is Term.VALID_DAYS:
            return Label(
                f"授权有效期由申请的 {self.asked} 天缩短为 {self.given} 天。",
                f"The consent lasts {self.given} days instead of the {self.asked} asked for.",
            )
        return Label(
            f"数据范围的起始日由申请的 {self.asked} 改为 {self.given}。",
            f"The range of data begins on {self.given} instead of on {self.asked} as asked for.",
        )


@dataclass(frozen=True)
class Consent:
    """One stored consent or emergency grant: the immutable artefact and what has happened to it."""

    subject_id: bytes
    consent_id: str
    version: int
    grantee: str
    purpose: str
    valid_from: datetime
    valid_to: datetime
    max_uses: int | None
    used_count: int
    revoked: bool
    revoked_at: datetime | None
    artefact: Mapping[str, Any]
    origin: Origin = Origin.CONSENT

    def status(self, now: datetime) -> ConsentStatus:
        """The status at an instant."""
        if self.revoked:
            return ConsentStatus.REVOKED
        if now < self.valid_from:
            return ConsentStatus.NOT_YET_VALID
        if now >= self.valid_to:
            return ConsentStatus.EXPIRED
        if self.max_uses is not None and self.used_count >= self.max_uses:
            return ConsentStatus.EXHAUSTED
        return ConsentStatus.ACTIVE

    @cached_property
    def items(self) -> Mapping[str, frozenset[str]]:
        """Datasets named, each with the fields named (empty: all fields of the dataset)."""
        return {item["dataset"]: frozenset(item["fields"]) for item in self.artefact["items"]}

    @cached_property
    def scope_key(self) -> frozenset[tuple[str, frozenset[str]]]:
        """The items as a hashable key: consents that open the same items share plans."""
        return frozenset(self.items.items())

    @cached_property
    def fair_use(self) -> str | None:
        """Id of the fair-use template it was given under; None: it names none."""
        named: Mapping[str, str] = self.artefact.get("fairUse", {})
        return named.get("template")

    @cached_property
    def frequency(self) -> Mapping[str, Mapping[str, int]]:
        """How often it lets the recipient read a dataset, by calendar unit; under "" those of the whole consent.

        A dataset that it says nothing of is not in it.
        """
        said = {"": self.artefact, **{item["dataset"]: item for item in self.artefact["items"]}}
        return {
            dataset: {rate["unit"]: rate["value"] for rate in part["frequency"]}
            for dataset, part in said.items()
            if "frequency" in part
        }

    @cached_property
    def range_months(self) -> Mapping[str, int]:
        """Months looked back at most from the day of a request, by dataset that it says something of."""
        return {i["dataset"]: i["rangeMonths"] for i in self.artefact["items"] if "rangeMonths" in i}

    @cached_property
    def data_life(self) -> Mapping[str, int]:
        """Days for which the recipient may keep what it got, by dataset; under "" those of the whole consent."""
        whole = self.artefact["dataLife"]["value"]
        own = {i["dataset"]: i["dataLife"]["value"] for i in self.artefact["items"] if "dataLife" in i}
        return {"": whole, **own}

    @cached_property
    def caps_key(self) -> Hashable:
        """`data_life`, `range_months` and `frequency` as a hashable key: consents that agree in them share plans."""
        rates = frozenset((d, frozenset(by_unit.items())) for d, by_unit in self.frequency.items())
        return frozenset(self.data_life.items()), frozenset(self.range_months.items()), rates

    @cached_property
    def clamped(self) -> tuple[Clamp, ...]:
        """What was asked for beyond the template and cut down."""
        told = self.artefact.get("clamped", ())
        return tuple(Clamp(Term(c["term"]), c["asked"], c["given"]) for c in told)

    @cached_property
    def date_from(self) -> date:
        """First date of the data covered."""
        return date.fromisoformat(self.artefact["dataRange"]["from"])

    @cached_property
    def date_to(self) -> date:
        """Last date of the data covered."""
        return date.fromisoformat(self.artefact["dataRange"]["to"])

    @property
    def granted_at(self) -> datetime:
        """When it was granted."""
        return from_millis(self.artefact["grantedAt"])
