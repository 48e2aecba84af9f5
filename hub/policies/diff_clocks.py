"""What changes in clocks, notices, grounds of withholding and terms of retention from one policy to another.

- What lets a negative record be shown for longer, or repaired later, opens; the other way round it closes.
- Days off and texts open and close nothing by themselves: NEITHER. A change of the calendar moves due days only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hub.policies.clocks import Clocks, Limit, Limited, Publication
from hub.policies.notices import NoticeTemplate, NoticeTemplates
from hub.policies.retention import Term
from hub.policies.withholding import Ground

_OPENS, _CLOSES, _UNCLEAR, _NEITHER = "OPENS", "CLOSES", "UNCLEAR", "NEITHER"


class Difference(NamedTuple):
    """One difference."""

    place: str
    attribute: str
    before: str
    after: str
    effect: str
    """Name of an effect."""


def clock_differences(old: Clocks, new: Clocks) -> Iterator[Difference]:
    """What differs from one set of clocks to another."""
    before, after = _periods(old, new), _periods(new, old)
    for name in sorted({*before, *after}):
        for attribute in ("shortest_months", "longest_months"):
            one = getattr(before.get(name), attribute, None)
            other = getattr(after.get(name), attribute, None)
            if one != other:
                yield Difference(f"publication {name}", attribute, str(one), str(other), _longer(one, other))
    for dataset in sorted(old.not_repairable ^ new.not_repairable):
        gone = dataset in old.not_repairable
        words = ("not repairable", "repairable")
        before_, after_ = words if gone else words[::-1]
        yield Difference(f"repair of {dataset}", "", before_, after_, _CLOSES if gone else _OPENS)
    yield from _limits("limit", old.limits, new.limits)
    yield from _limits("extension", old.extensions, new.extensions)
    if old.retention_years != new.retention_years:
        was, now = old.retention_years, new.retention_years
        yield Difference("retention", "years", str(was), str(now), _longer(was, now))
    yield from _words("end of conduct", old.ended_by, new.ended_by, _UNCLEAR)
    yield from _days(old, new)


def notice_differences(old: NoticeTemplates, new: NoticeTemplates) -> Iterator[Difference]:
    """What differs from one set of notices to another."""
    for code in sorted({*old.templates, *new.templates}):
        was, now = _parts(old.templates.get(code)), _parts(new.templates.get(code))
        for attribute in {**was, **now}:
            one, other = was.get(attribute, ""), now.get(attribute, "")
            if one != other:
                widened = attribute == "recipients" and set(other.split(", ")) - set(one.split(", "))
                yield Difference(f"notice {code}", attribute, one, other, _OPENS if widened else _NEITHER)
    yield from _words("reason", _reasons(old), _reasons(new), _NEITHER)


def ground_differences(old: Mapping[str, Ground], new: Mapping[str, Ground]) -> Iterator[Difference]:
    """What differs in the grounds for taking bodies out of the audit log; they open no data."""
    yield from _words("withhold", _grounds(old), _grounds(new), _NEITHER)


def retention_differences(old: Mapping[str, Term], new: Mapping[str, Term]) -> Iterator[Difference]:
    """What differs in how long the log keeps its bodies; it opens no data."""
    yield from _words("retain", _terms(old), _terms(new), _NEITHER)


def _terms(terms: Mapping[str, Term]) -> dict[str, str]:
    return {kind: f"{term.months} months" for term in terms.values() for kind in term.kinds}


def _grounds(grounds: Mapping[str, Ground]) -> dict[str, str]:
    return {
        code: f"{ground.label.zh} {ground.label.en}, {'two persons' if ground.four_eyes else 'one person'}"
        for code, ground in grounds.items()
    }


def _reasons(notices: NoticeTemplates) -> dict[str, str]:
    return {code: f"{label.zh} {label.en}" for code, label in notices.reasons.items()}


def _periods(clocks: Clocks, other: Clocks) -> dict[str, Publication]:
    """Periods by severity, and by dataset and severity where either side has an override."""
    found = dict(clocks.publication)
    for dataset in {*clocks.overrides, *other.overrides}:
        for severity in clocks.publication:
            found[f"{dataset} {severity}"] = clocks.publication_of(dataset, severity)
    return found


def _limits(
    what: str, old: Mapping[tuple[Limited, str], Limit], new: Mapping[tuple[Limited, str], Limit]
) -> Iterator[Difference]:
    yield from _words(what, _figures(old), _figures(new), _NEITHER)


def _figures(limits: Mapping[tuple[Limited, str], Limit]) -> dict[str, str]:
    return {" ".join(filter(None, key)): f"{limit.days} {limit.unit}" for key, limit in limits.items()}


def _words(what: str, old: Mapping[str, str], new: Mapping[str, str], effect: str) -> Iterator[Difference]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield Difference(f"{what} {name}", "", old.get(name, ""), new.get(name, ""), effect)


def _days(old: Clocks, new: Clocks) -> Iterator[Difference]:
    was, now = old.calendar, new.calendar
    for day in sorted({*(was.holidays ^ now.holidays), *(was.workdays ^ now.workdays)}):
        if was.works(day) != now.works(day):
            before, after = ("working day" if side.works(day) else "day off" for side in (was, now))
            yield Difference(f"calendar {day.isoformat()}", "", before, after, _NEITHER)


def _parts(template: NoticeTemplate | None) -> dict[str, str]:
    if template is None:
        return {}
    return {
        "recipients": ", ".join(sorted(template.recipients)),
        "title": f"{template.title.zh} {template.title.en}",
        "text": f"{template.text.zh} {template.text.en}",
    }


def _longer(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return _UNCLEAR
    return _OPENS if after > before else _CLOSES
