"""What an entry uses up, counted in the same commit as the entry: consents, and quotas by calendar window.

- A use is reserved when its entry is appended: both are committed, or neither.
- A consent that was withdrawn, changed, expired or used up in the meantime refuses the operation, and so does a
  quota that has too few uses left; the entry is not written, and the caller of the log writes a refusal instead.
- A refusal names everything that cannot be had at once, so that what is left can be asked for in one more try.
- Rows of consents are locked before the log's state and in key order, everywhere, so no two writers wait for
  each other in a ring. Rows of quotas are touched under the lock of the state only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hub.clock import CST
from hub.errors import DisclosureRefusedError
from hub.model.calendar import window_end
from hub.model.outcome import Reason

ConsentKey = tuple[bytes, str]
"""Subject id and consent id."""
QuotaKey = tuple[bytes, str, str, str, str, datetime]
"""The first six members of a `QuotaUse`: what is counted, and in which window."""


class ConsentUse(NamedTuple):
    """One use of one version of a consent."""

    subject_id: bytes
    consent_id: str
    version: int


class QuotaUse(NamedTuple):
    """Uses of one quota: answers to one institution, for one purpose, within one calendar window."""

    subject_id: bytes
    """The subject the answers are about; empty: all subjects together."""
    institution: str
    """USCC of the institution that asks."""
    purpose: str
    dataset: str
    """Id of the dataset the answers show; empty: whatever they show."""
    unit: str
    """HOUR, DAY, MONTH or YEAR."""
    window_start: datetime
    """First instant of the window, from `hub.model.calendar.window_start`."""
    uses: int
    most: int
    """How many uses the window allows."""

    @property
    def key(self) -> QuotaKey:
        """What is counted, without how much."""
        return self[:6]


class Refusal(NamedTuple):
    """One consent or quota that cannot be had."""

    use: ConsentUse | QuotaUse
    reason: Reason
    left: int
    """How many uses of the quota could still be had, fewer than were asked for; 0 for a consent."""


class ReservationRefusedError(DisclosureRefusedError):
    """Not everything an entry uses can be had; nothing was counted and nothing logged.

    `refusals` says all that is refused and why; text and `reason` are those of the first. To tell of another one,
    make an error of that one alone.
    """

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        first = refusals[0]
        text, hint, text_zh = (
            _quota_text(first.use, first.left) if isinstance(first.use, QuotaUse) else _CONSENT_TEXT
        )
        super().__init__(text, reason=first.reason.value, hint=hint, message_zh=text_zh)
        self.refusals = tuple(refusals)

    @property
    def use(self) -> ConsentUse | QuotaUse:
        """What the first refusal is about."""
        return self.refusals[0].use


class UseGroup(NamedTuple):
    """All uses of one version of one consent in a batch."""

    use: ConsentUse
    uses: int
    earliest: datetime
    latest: datetime


def group_uses(uses: Iterable[tuple[ConsentUse, datetime]]) -> list[UseGroup]:
    """Uses and their instants, summed by consent and version, in key order."""
    groups: dict[ConsentUse, UseGroup] = {}
    for use, at in uses:
        seen = groups.get(use)
        groups[use] = (
            UseGroup(use, seen.uses + 1, min(seen.earliest, at), max(seen.latest, at))
            if seen
            else UseGroup(use, 1, at, at)
        )
    return [groups[use] for use in sorted(groups)]


def sum_quotas(uses: Iterable[QuotaUse], rules: Callable[[int, int], int] = min) -> list[QuotaUse]:
    """Uses of quotas summed by key; of limits that disagree, the one that `rules` picks holds for the sum."""
    sums: dict[QuotaKey, QuotaUse] = {}
    for use in uses:
        key = use[:6]
        seen = sums.get(key)
        sums[key] = use if seen is None else QuotaUse(*key, seen.uses + use.uses, rules(seen.most, use.most))
    return list(sums.values())


class UseCounter:
    """Judges what entries use, one after the other, against locked rows.

    Each entry is judged by its own limits, also when those of others in the batch are smaller.
    """

    def __init__(self, consents: Iterable[Mapping[str, Any]], counted: Mapping[QuotaKey, int]) -> None:
        """Begin.

        Args:
            consents: rows of the consents that are used.
            counted: uses of the quotas so far; those never used may be missing.
        """
        self._rows = {(row["subject_id"], row["consent_id"]): row for row in consents}
        self._spent: dict[ConsentKey, int] = {}
        self._used: dict[QuotaKey, int] = dict(counted)

    def take(
        self, uses: Iterable[ConsentUse], quotas: Iterable[QuotaUse], at: datetime
    ) -> ReservationRefusedError | None:
        """Count all that an entry of this instant uses, or nothing and say what cannot be had and why."""
        spent: dict[ConsentKey, int] = {}
        used: dict[QuotaKey, int] = {}
        refusals: list[Refusal] = []
        for use in uses:
            consent = (use.subject_id, use.consent_id)
            count = spent.get(consent, self._spent.get(consent, 0)) + 1
            reason = self._judge(use, at, count)
            if reason is Reason.ALLOWED:
                spent[consent] = count
            else:
                refusals.append(Refusal(use, reason, 0))
        for quota in quotas:
            key = quota.key
            count = used.get(key, self._used.get(key, 0))
            left = quota.most - count
            if quota.uses <= left:
                used[key] = count + quota.uses
            else:
                refusals.append(Refusal(quota, Reason.FAIR_USE_FREQUENCY, max(left, 0)))
        if refusals:
            return ReservationRefusedError(refusals)
        self._spent.update(spent)
        self._used.update(used)
        return None

    def _judge(self, use: ConsentUse, at: datetime, count: int) -> Reason:
        """Whether the consent can have its use of this number within the batch."""
        row = self._rows.get((use.subject_id, use.consent_id))
        if row is None:
            return Reason.CONSENT_REQUIRED
        if row["status"] != "ACTIVE":
            return Reason.CONSENT_WITHDRAWN
        if row["version"] != use.version:
            return Reason.CONSENT_REQUIRED
        if at < row["valid_from"]:
            return Reason.CONSENT_NOT_YET_VALID
        if at >= row["valid_to"]:
            return Reason.CONSENT_EXPIRED
        limit = row["max_uses"]
        if limit is not None and row["used_count"] + count > limit:
            return Reason.CONSENT_EXHAUSTED
        return Reason.ALLOWED


_CONSENT_TEXT = (
    "The consent can no longer be used for this request.",
    "Ask the subject for a consent that is in force.",
    "该授权已不能用于本次查询，请向信息主体重新取得授权。",
)
_UNITS = {
    "HOUR": ("an hour", "小时"),
    "DAY": ("a day", "日"),
    "MONTH": ("a month", "月"),
    "YEAR": ("a year", "年"),
}


def _quota_text(use: QuotaUse, left: int) -> tuple[str, str, str]:
    """What the limit is, what is left of it, and from when it may be asked again, in civil time (UTC+8)."""
    if use.subject_id:
        about, about_zh = "one subject", "同一信息主体"
    else:
        about, about_zh = "all subjects together", "全部信息主体合计"
    if use.dataset:
        about, about_zh = f"{use.dataset} of {about}", f"{about_zh}的 {use.dataset} 数据"
    again = window_end(use.unit, use.window_start).astimezone(CST)
    time, time_zh = (f" {again:%H:%M}", f"{again.hour}时") if use.unit == "HOUR" else ("", "")
    rest = f"has {left} left, fewer than this request needs" if left else "is used up"
    rest_zh = f"仅余{left}次，不足本次查询" if left else "已用完"
    return (
        f"The limit of {use.most} answers about {about} in {_UNITS[use.unit][0]} for this purpose {rest}.",
        f"Ask again from {again:%Y-%m-%d}{time} (UTC+8).",
        f"本目的下贵机构每{_UNITS[use.unit][1]}查询{about_zh}以{use.most}次为限，{rest_zh}，"
        f"请于{again.year}年{again.month}月{again.day}日{time_zh}（北京时间）起再行查询。",
    )
